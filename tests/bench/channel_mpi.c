/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages over raw MPI: what crew's pipes and queues are measured beside. Rank 0 measures.
 *
 *   pingpong:SIZE           one way, half of there and back; 2 ranks
 *   stream:SIZE:WINDOW      one way, with so many messages in flight, each in a buffer of its own,
 *                           and an acknowledgement at the end; 2 ranks. WINDOW 1: blocking calls
 *   produce:SIZE:PRODUCERS  so many ranks send to rank 0, one message for each item
 *   gather:SIZE:ITEMS       every rank has so many: how many bytes, then the bytes
 */
#include "measure.h"

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TAG_ORDER = 1, TAG_MESSAGE, TAG_ACK };

struct side {
    struct bench_case which;
    int rank, ranks;
    size_t window; /* buffers, and requests */
    char *buffers;
    MPI_Request *requests;
    char *gathered; /* by rank 0, from all */
    int *counts;    /* bytes of each rank, and behind them where they begin */
};

struct mode {
    const char *name;
    bench_block *block;                           /* on rank 0 */
    void (*serve)(struct side *side, long count); /* on the others: the same block */
    bool has_window;
    int (*ranks)(const struct bench_case *which); /* how many it wants; 0: any number */
};

static _Noreturn void give_up(const char *reason)
{
    fprintf(stderr, "bench_channel_mpi: %s\n", reason);
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

static char *buffer(const struct side *side, long number)
{
    return side->buffers + (size_t)number % side->window * side->which.size;
}

static void check(const struct side *side, long number)
{
    if (!bench_stamp_is(buffer(side, number), side->which.size, number))
        give_up("a message is not what was sent");
}

static void order(const struct side *side, long count)
{
    for (int rank = 1; rank < side->ranks; rank++)
        MPI_Send(&count, 1, MPI_LONG, rank, TAG_ORDER, MPI_COMM_WORLD);
}

/* Ping-pong */

static void send_one(struct side *side, int to)
{
    MPI_Send(side->buffers, (int)side->which.size, MPI_BYTE, to, TAG_MESSAGE, MPI_COMM_WORLD);
}

static void receive_one(struct side *side, int from)
{
    MPI_Recv(side->buffers, (int)side->which.size, MPI_BYTE, from, TAG_MESSAGE, MPI_COMM_WORLD,
             MPI_STATUS_IGNORE);
}

static bool pingpong(void *context, long count, double *seconds)
{
    struct side *side = context;
    order(side, count);
    const double begin = bench_clock();
    for (long i = 0; i < count; i++) {
        bench_stamp(side->buffers, side->which.size, i);
        send_one(side, 1);
        receive_one(side, 1);
        check(side, i);
    }
    *seconds = (bench_clock() - begin) / 2;
    return true;
}

static void serve_pingpong(struct side *side, long count)
{
    for (long i = 0; i < count; i++) {
        receive_one(side, 0);
        send_one(side, 0);
    }
}

/* Stream */

static bool stream(void *context, long count, double *seconds)
{
    struct side *side = context;
    order(side, count);
    const double begin = bench_clock();
    for (long i = 0; i < count; i++) {
        MPI_Request *request = &side->requests[(size_t)i % side->window];
        MPI_Wait(request, MPI_STATUS_IGNORE);
        bench_stamp(buffer(side, i), side->which.size, i);
        if (side->window == 1)
            send_one(side, 1);
        else
            MPI_Isend(buffer(side, i), (int)side->which.size, MPI_BYTE, 1, TAG_MESSAGE,
                      MPI_COMM_WORLD, request);
    }
    MPI_Waitall((int)side->window, side->requests, MPI_STATUSES_IGNORE);
    MPI_Recv(NULL, 0, MPI_BYTE, 1, TAG_ACK, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    *seconds = bench_clock() - begin;
    return true;
}

static void post_receive(struct side *side, long number)
{
    MPI_Irecv(buffer(side, number), (int)side->which.size, MPI_BYTE, 0, TAG_MESSAGE, MPI_COMM_WORLD,
              &side->requests[(size_t)number % side->window]);
}

static void serve_window(struct side *side, long count)
{
    const long window = (long)side->window;
    for (long i = 0; i < window && i < count; i++)
        post_receive(side, i);
    for (long i = 0; i < count; i++) {
        MPI_Wait(&side->requests[i % window], MPI_STATUS_IGNORE);
        check(side, i);
        if (i + window < count)
            post_receive(side, i + window);
    }
}

static void serve_stream(struct side *side, long count)
{
    if (side->window > 1)
        serve_window(side, count);
    else
        for (long i = 0; i < count; i++) {
            receive_one(side, 0);
            check(side, i);
        }
    MPI_Send(NULL, 0, MPI_BYTE, 0, TAG_ACK, MPI_COMM_WORLD);
}

/* Producers */

static bool produce(void *context, long count, double *seconds)
{
    struct side *side = context;
    const long producers = side->which.extra;
    long sum = 0;
    const double begin = bench_clock();
    order(side, count);
    for (long i = 0; i < count * producers; i++) {
        long number = 0;
        receive_one(side, MPI_ANY_SOURCE);
        memcpy(&number, side->buffers, sizeof number);
        sum += number;
    }
    *seconds = (bench_clock() - begin) / (double)producers;
    if (sum != producers * (count * (count - 1) / 2))
        give_up("the items are not those that were sent");
    return true;
}

static void serve_produce(struct side *side, long count)
{
    for (long i = 0; i < count; i++) {
        bench_stamp(side->buffers, side->which.size, i);
        send_one(side, 0);
    }
}

/* Gather */

/* The senders have to say how many bytes they have, as in crew. */
static double gather_once(struct side *side)
{
    const int mine = (int)(side->which.size * side->window);
    int *counts = side->counts, *begins = side->counts + side->ranks;
    MPI_Barrier(MPI_COMM_WORLD);
    const double begin = bench_clock();
    MPI_Gather(&mine, 1, MPI_INT, counts, 1, MPI_INT, 0, MPI_COMM_WORLD);
    for (int rank = 1; rank < side->ranks; rank++)
        begins[rank] = begins[rank - 1] + counts[rank - 1];
    MPI_Gatherv(side->buffers, mine, MPI_BYTE, side->gathered, counts, begins, MPI_BYTE, 0,
                MPI_COMM_WORLD);
    return bench_clock() - begin;
}

static void check_gathered(const struct side *side)
{
    const long items = (long)side->window, all = side->ranks * items;
    for (long i = 0; i < all; i++)
        if (!bench_stamp_is(side->gathered + (size_t)i * side->which.size, side->which.size,
                            i % items))
            give_up("an item is not what was gathered");
}

static bool gather(void *context, long count, double *seconds)
{
    struct side *side = context;
    double sum = 0;
    order(side, count);
    for (long i = 0; i < count; i++) {
        sum += gather_once(side);
        check_gathered(side);
    }
    *seconds = sum;
    return true;
}

static void serve_gather(struct side *side, long count)
{
    for (long i = 0; i < count; i++)
        gather_once(side);
}

static int two(const struct bench_case *which)
{
    (void)which;
    return 2;
}

static int one_more(const struct bench_case *which)
{
    return (int)which->extra + 1;
}

static int any(const struct bench_case *which)
{
    (void)which;
    return 0;
}

static const struct mode modes[] = {
    {"pingpong", pingpong, serve_pingpong, false, two},
    {"stream", stream, serve_stream, true, two},
    {"produce", produce, serve_produce, false, one_more},
    {"gather", gather, serve_gather, true, any},
};

static const struct mode *find_mode(const struct side *side)
{
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        const int wanted = modes[i].ranks(&side->which);
        if (strcmp(modes[i].name, side->which.mode) == 0)
            return wanted == 0 || wanted == side->ranks ? &modes[i] : NULL;
    }
    return NULL;
}

static void *allocate(size_t count, size_t size)
{
    void *memory = bench_buffer(count * size);
    if (!memory)
        give_up("out of memory");
    return memory;
}

static void prepare(struct side *side, const struct mode *mode)
{
    side->window = mode->has_window ? (size_t)side->which.extra : 1;
    side->buffers = allocate(side->window, side->which.size);
    side->requests = allocate(side->window, sizeof(MPI_Request));
    side->counts = allocate(2 * (size_t)side->ranks, sizeof *side->counts);
    side->counts[side->ranks] = 0;
    if (mode->block == gather)
        side->gathered = allocate((size_t)side->ranks * side->window, side->which.size);
    for (size_t i = 0; i < side->window; i++) {
        side->requests[i] = MPI_REQUEST_NULL;
        bench_stamp(buffer(side, (long)i), side->which.size, (long)i);
    }
}

static void serve(struct side *side, const struct mode *mode)
{
    for (;;) {
        long count = 0;
        MPI_Recv(&count, 1, MPI_LONG, 0, TAG_ORDER, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (count == 0)
            return;
        mode->serve(side, count);
    }
}

static void run(const struct bench_settings *settings, const char *word)
{
    struct side side = {0};
    struct bench_result result;
    MPI_Comm_rank(MPI_COMM_WORLD, &side.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &side.ranks);
    const struct mode *mode = bench_case_read(&side.which, word) ? find_mode(&side) : NULL;
    if (!mode || side.which.size < sizeof(long))
        give_up("a case is wrong, or not for so many ranks");
    prepare(&side, mode);
    if (side.rank > 0) {
        serve(&side, mode);
    } else if (bench_measure(settings, mode->block, &side, &result)) {
        order(&side, 0);
        bench_print("mpi", "ranks", &side.which, &result);
    }
    free(side.gathered);
    free(side.counts);
    free(side.requests);
    free(side.buffers);
}

int main(int argc, char **argv)
{
    struct bench_settings settings;
    int first = 0;
    MPI_Init(&argc, &argv);
    if (!bench_settings_read(&settings, argc, argv, &first))
        give_up("usage: bench_channel_mpi [--seconds S (0.05)] [--count N] MODE:SIZE[:EXTRA]...");
    for (int i = first; i < argc; i++)
        run(&settings, argv[i]);
    MPI_Finalize();
    return 0;
}
