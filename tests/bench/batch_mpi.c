/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The batch over hand-written MPI: what crew's pool is measured beside.
 *
 * Rank 0 is the master and computes nothing, as in most programs of this kind. It posts the receive
 * for a chunk's results, straight into their place, before it sends the chunk out: no probe, no
 * copy, no unexpected message. Each worker has `window` chunks in flight, so that the next one is
 * there before it is done with the one before.
 *
 * With --static every rank computes an equal block, which costs no messages but the last one.
 */
#include "batch_job.h"

#include "kernel.h"

#include <mpi.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TAG_TASKS = 1, TAG_RESULTS = 2 };

struct master {
    const struct batch_options *options;
    int workers;
    int next;              /* the first task that is not handed out */
    double *results;       /* of all tasks, in their order */
    int *per_worker;       /* tasks handed to each */
    MPI_Request *receives; /* workers * window; slot i belongs to worker i % workers */
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fprintf(stderr, "bench_batch_mpi: no memory for %zu x %zu bytes\n", count, size);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
    return memory;
}

/*
 * Results of a worker match the receives in the order in which these were posted, which is the
 * order in which the worker got the chunks. The send is too short to wait for anybody.
 */
static void hand_out(struct master *master, int slot)
{
    const int worker = slot % master->workers;
    const int left = master->options->tasks - master->next;
    const int span[2] = {master->next, batch_next_chunk(master->options, left, master->workers)};
    if (left == 0)
        return;
    MPI_Irecv(master->results + span[0], span[1], MPI_DOUBLE, worker + 1, TAG_RESULTS,
              MPI_COMM_WORLD, &master->receives[slot]);
    MPI_Send(span, 2, MPI_INT, worker + 1, TAG_TASKS, MPI_COMM_WORLD);
    master->next += span[1];
    master->per_worker[worker] += span[1];
}

static void run_master(struct master *master)
{
    const int slots = master->workers * master->options->window;
    const int end[2] = {0, 0};
    int *done = allocate((size_t)slots, sizeof *done);
    int count = 0;
    for (int slot = 0; slot < slots; slot++)
        hand_out(master, slot);
    for (;;) {
        /* Some, not any: the lowest slots would be served first. */
        MPI_Waitsome(slots, master->receives, &count, done, MPI_STATUSES_IGNORE);
        if (count == MPI_UNDEFINED)
            break;
        for (int i = 0; i < count; i++)
            hand_out(master, done[i]);
    }
    for (int worker = 1; worker <= master->workers; worker++)
        MPI_Send(end, 2, MPI_INT, worker, TAG_TASKS, MPI_COMM_WORLD);
    free(done);
}

/* Returns the processor time it took. */
static double compute(const struct batch_options *options, int first, int count, double *results)
{
    const double begin = batch_cpu_clock();
    for (int i = 0; i < count; i++)
        results[i] = matmul_batch_task(options->seed + (uint64_t)first + (uint64_t)i, options->size,
                                       options->repeat);
    return batch_cpu_clock() - begin;
}

/*
 * Long results are on their way out of one buffer while the other fills. Returns the processor time
 * of the tasks.
 */
static double run_worker(const struct batch_options *options, int workers)
{
    const size_t largest = (size_t)batch_next_chunk(options, options->tasks, workers);
    double *buffers = allocate(2 * largest, sizeof *buffers);
    MPI_Request sends[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    double busy = 0.0;
    for (int turn = 0;; turn ^= 1) {
        double *results = buffers + (size_t)turn * largest;
        int span[2];
        MPI_Recv(span, 2, MPI_INT, 0, TAG_TASKS, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (span[1] == 0)
            break;
        MPI_Wait(&sends[turn], MPI_STATUS_IGNORE);
        busy += compute(options, span[0], span[1], results);
        MPI_Isend(results, span[1], MPI_DOUBLE, 0, TAG_RESULTS, MPI_COMM_WORLD, &sends[turn]);
    }
    MPI_Waitall(2, sends, MPI_STATUSES_IGNORE);
    free(buffers);
    return busy;
}

/* Sets the seconds and the tasks of each worker, and gets the results, on rank 0. */
static void run_dynamic(const struct batch_options *options, struct batch_report *report, int rank,
                        double *results)
{
    if (rank > 0) {
        report->busy = run_worker(options, report->workers);
        return;
    }
    struct master master = {.options = options, .workers = report->workers, .results = results};
    const int slots = report->workers * options->window;
    master.per_worker = report->per_worker;
    master.receives = allocate((size_t)slots, sizeof(MPI_Request));
    for (int i = 0; i < slots; i++)
        master.receives[i] = MPI_REQUEST_NULL;
    const double begin = batch_clock();
    run_master(&master);
    report->seconds = batch_clock() - begin;
    free(master.receives);
}

static void run_static(const struct batch_options *options, struct batch_report *report, int rank,
                       double *results)
{
    int *counts = report->per_worker;
    int *begins = allocate((size_t)report->ranks + 1, sizeof *begins);
    for (int i = 0; i <= report->ranks; i++)
        begins[i] = (int)((int64_t)options->tasks * i / report->ranks);
    for (int i = 0; i < report->ranks; i++)
        counts[i] = begins[i + 1] - begins[i];
    double *block = allocate((size_t)counts[rank] + 1, sizeof *block);
    const double begin = batch_clock();
    report->busy = compute(options, begins[rank], counts[rank], block);
    MPI_Gatherv(block, counts[rank], MPI_DOUBLE, results, counts, begins, MPI_DOUBLE, 0,
                MPI_COMM_WORLD);
    report->seconds = batch_clock() - begin;
    free(block);
    free(begins);
}

/*
 * One rank measures the kernel and tells the others. These look for its word from time to time: a
 * blocking call would spin, and take from the core that is being measured.
 */
static double calibrate(const struct batch_options *options, int rank, int ranks)
{
    const struct timespec nap = {.tv_nsec = 5000000};
    const int root = ranks > 1 ? 1 : 0;
    double gflops = rank == root ? batch_kernel_gflops(options) : 0.0;
    MPI_Request request = MPI_REQUEST_NULL;
    int done = 0;
    MPI_Ibcast(&gflops, 1, MPI_DOUBLE, root, MPI_COMM_WORLD, &request);
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    while (!done) {
        nanosleep(&nap, NULL);
        MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    }
    return gflops;
}

/* The first rank of each host speaks for it. */
static void count_hosts(struct batch_report *report)
{
    MPI_Comm host = MPI_COMM_NULL;
    cpu_set_t set;
    int rank_on_host = 0;
    int counts[2] = {0, 0};
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    MPI_Comm_rank(host, &rank_on_host);
    MPI_Comm_free(&host);
    if (rank_on_host == 0) {
        counts[0] = 1;
        counts[1] = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    }
    MPI_Allreduce(MPI_IN_PLACE, counts, 2, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    report->hosts = counts[0];
    report->cores = counts[1];
}

static int run(const struct batch_options *options, int rank, int ranks)
{
    struct batch_report report = {.peer = "mpi", .ranks = ranks, .workers = ranks - 1};
    if (options->fixed) {
        report.peer = "mpi-static";
        report.workers = ranks;
    }
    count_hosts(&report);
    report.per_worker = allocate((size_t)ranks, sizeof *report.per_worker);
    double *results = allocate((size_t)options->tasks, sizeof *results);
    if (matmul_kernel_prepare(options->size) != 0)
        MPI_Abort(MPI_COMM_WORLD, 1);
    report.kernel_gflops = calibrate(options, rank, ranks);
    MPI_Barrier(MPI_COMM_WORLD);
    (options->fixed ? run_static : run_dynamic)(options, &report, rank, results);
    MPI_Allreduce(MPI_IN_PLACE, &report.busy, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    report.sum = batch_sum(results, options->tasks);
    const int status = rank == 0 ? batch_report_write(options, &report) : 0;
    free(results);
    free(report.per_worker);
    matmul_kernel_free();
    return status;
}

int main(int argc, char **argv)
{
    struct batch_options options;
    int rank = 0;
    int ranks = 0;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    int status = batch_options_read(&options, argc, argv, rank == 0);
    if (status < 0 && ranks < 2 && !options.fixed) {
        fprintf(stderr, "bench_batch_mpi: needs a master and a worker: mpirun -n 2 or more\n");
        status = 2;
    }
    if (status < 0)
        status = run(&options, rank, ranks);
    MPI_Finalize();
    return status;
}
