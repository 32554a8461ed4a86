/* SPDX-License-Identifier: BSD-3-Clause */
/* An idle job costs nearly nothing: the CPU time of every rank while the main process and a child
 * on each rank sleep. It is asked by a process inside each rank, which finds what the one before it
 * has left in the rank's memory. */
#include <crew/crew.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#define IDLE_S 3
#define LIMIT_MS (IDLE_S * 10) /* 1% of a core */
#define RANKS 64

static long used_ms(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

/* The milliseconds since the last call in this rank, as an exit code. */
static int measure(void *arg)
{
    static long before_ms;
    (void)arg;
    long now_ms = used_ms(), spent_ms = now_ms - before_ms;
    before_ms = now_ms;
    return spent_ms < 255 ? (int)spent_ms : 255;
}

static int doze(void *arg)
{
    (void)arg;
    while (pause() < 0)
        ;
    return 0;
}

static crew_status run_on(int rank, crew_process_function *function, crew_start_method method,
                          crew_process *process)
{
    crew_process_attr attr = {
        .placement = CREW_ON_RANK(rank), .start_method = method, .daemon = CREW_DAEMON_YES};
    crew_status status = crew_process_create(process, function, NULL, 0, &attr);
    return status ? status : crew_process_start(*process);
}

static crew_status measure_all(int *spent_ms)
{
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        crew_process process;
        crew_status status = run_on(rank, measure, CREW_START_RANK, &process);
        if (!status)
            status = crew_process_join(process, CREW_FOREVER);
        if (!status)
            status = crew_process_exitcode(process, &spent_ms[rank]);
        if (status)
            return status;
    }
    return CREW_OK;
}

static int app(int argc, char **argv)
{
    int spent_ms[RANKS] = {0}, failed = 0;
    crew_process dozing;
    (void)argc;
    (void)argv;
    for (int rank = 0; rank < crew_rank_count(); rank++)
        if (run_on(rank, doze, CREW_START_FORKSERVER, &dozing))
            goto fail;
    if (measure_all(spent_ms))
        goto fail;
    sleep(IDLE_S);
    if (measure_all(spent_ms))
        goto fail;
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        printf("rank %d: %d ms in %d s\n", rank, spent_ms[rank], IDLE_S);
        failed |= spent_ms[rank] > LIMIT_MS;
    }
    return failed;
fail:
    fprintf(stderr, "%s\n", crew_error_message());
    return 1;
}

CREW_MAIN(app)
