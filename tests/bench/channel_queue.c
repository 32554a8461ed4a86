/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Items over queues, which the main process has made.
 *
 *   queue:SIZE              one way, half of there and back over two queues
 *   produce:SIZE:PRODUCERS  so many processes put, side 0 gets
 *   many:SIZE:PRODUCERS     the same with crew_queue_get_many
 *   gather:SIZE:ITEMS       each rank puts so many into a scattered queue, and only the gather
 * counts
 */
#include "channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Items in one call of crew_queue_get_many. */
#define BATCH 1024

struct end {
    const struct bench_side *side;
    char *buffer; /* room for BATCH items */
    size_t sizes[BATCH];
};

static bool put_item(const struct end *end, crew_queue queue)
{
    return bench_good(crew_queue_put(queue, end->buffer, end->side->which.size, CREW_FOREVER));
}

static bool get_item(const struct end *end, crew_queue queue)
{
    return bench_good(
        crew_queue_get(queue, end->buffer, end->side->which.size, NULL, CREW_FOREVER));
}

static struct end *open_end(const struct bench_side *side)
{
    struct end *end = calloc(1, sizeof *end);
    if (end)
        *end = (struct end){.side = side, .buffer = bench_buffer(BATCH * side->which.size)};
    if (end && end->buffer)
        return end;
    free(end);
    bench_wrong("out of memory");
    return NULL;
}

static void close_end(struct end *end)
{
    free(end->buffer);
    free(end);
}

static int measure(const struct bench_side *side, bench_block *block)
{
    struct end *end = open_end(side);
    if (!end)
        return 1;
    int exit_code = bench_report(side, block, end);
    if (!exit_code && !bench_order(side, 0))
        exit_code = 1;
    close_end(end);
    return exit_code;
}

/* Runs the blocks of a side that serves, until none is ordered any more; an exit code. */
static int serve(const struct bench_side *side, bool (*block)(const struct end *, long))
{
    struct end *end = open_end(side);
    if (!end)
        return 1;
    long count = 0;
    bool done = bench_next_order(side, &count);
    while (done && count > 0)
        done = block(end, count) && bench_next_order(side, &count);
    close_end(end);
    return !done;
}

/* There and back */

static bool pingpong(void *context, long count, double *seconds)
{
    const struct end *end = context;
    const struct bench_side *side = end->side;
    bool done = bench_order(side, count);
    const double begin = bench_clock();
    for (long i = 0; i < count && done; i++) {
        bench_stamp(end->buffer, side->which.size, i);
        done = put_item(end, side->handles.items) && get_item(end, side->handles.back);
        if (done && !bench_stamp_is(end->buffer, side->which.size, i))
            done = bench_wrong("an item is not what was put");
    }
    *seconds = (bench_clock() - begin) / 2;
    return done;
}

static bool pong(const struct end *end, long count)
{
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = get_item(end, end->side->handles.items) && put_item(end, end->side->handles.back);
    return done;
}

/* Producers */

static bool put_items(const struct end *end, long count)
{
    bool done = true;
    for (long i = 0; i < count && done; i++) {
        bench_stamp(end->buffer, end->side->which.size, i);
        done = put_item(end, end->side->handles.items);
    }
    return done;
}

static bool get_one_by_one(struct end *end, long count, long *sum)
{
    bool done = true;
    for (long i = 0; i < count && done; i++) {
        long number = 0;
        done = get_item(end, end->side->handles.items);
        memcpy(&number, end->buffer, sizeof number);
        *sum += number;
    }
    return done;
}

static bool get_many(struct end *end, long count, long *sum)
{
    const size_t size = end->side->which.size;
    for (long got = 0; got < count;) {
        size_t now = BATCH;
        if (!bench_good(crew_queue_get_many(end->side->handles.items, end->buffer, BATCH * size,
                                            end->sizes, &now, CREW_FOREVER)))
            return false;
        for (size_t i = 0; i < now; i++) {
            long number = 0;
            memcpy(&number, end->buffer + i * size, sizeof number);
            *sum += number;
        }
        got += (long)now;
    }
    return true;
}

static bool consume(struct end *end, long count, double *seconds,
                    bool (*get)(struct end *, long, long *))
{
    const long producers = end->side->others;
    long sum = 0;
    const double begin = bench_clock();
    if (!bench_order(end->side, count) || !get(end, count * producers, &sum))
        return false;
    *seconds = (bench_clock() - begin) / (double)producers;
    return sum == producers * (count * (count - 1) / 2) ||
           bench_wrong("the items are not those that were put");
}

static bool produced(void *context, long count, double *seconds)
{
    return consume(context, count, seconds, get_one_by_one);
}

static bool produced_many(void *context, long count, double *seconds)
{
    return consume(context, count, seconds, get_many);
}

/* Gather */

/* Says when the items are there. */
static bool put_lots(const struct end *end, long count)
{
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done =
            put_items(end, end->side->which.extra) && bench_put_number(end->side->handles.back, 1);
    return done;
}

static bool check_gathered(const struct end *end, const crew_gathered *gathered)
{
    const size_t items = (size_t)end->side->which.extra;
    if (gathered->count != items * (size_t)end->side->others)
        return bench_wrong("items are missing, or too many");
    for (size_t i = 0; i < gathered->count; i++)
        if (!bench_stamp_is((const char *)gathered->data + gathered->offsets[i], gathered->sizes[i],
                            (long)(i % items)))
            return bench_wrong("an item is not what was put");
    return true;
}

/* All items have been put before, and no rank is ahead with the next ones. */
static bool gather_once(const struct end *end, double *seconds)
{
    crew_gathered gathered = {0};
    long ready = 0;
    for (int i = 0; i < end->side->others; i++)
        if (!bench_get_number(end->side->handles.back, &ready))
            return false;
    const double begin = bench_clock();
    if (!bench_good(crew_queue_gather(end->side->handles.items, &gathered)))
        return false;
    *seconds += bench_clock() - begin;
    const bool right = check_gathered(end, &gathered);
    crew_gathered_release(&gathered);
    return right;
}

static bool gather(void *context, long count, double *seconds)
{
    const struct end *end = context;
    bool done = true;
    *seconds = 0;
    for (long i = 0; i < count && done; i++)
        done = bench_order(end->side, 1) && gather_once(end, seconds);
    return done;
}

/* The modes */

static int measure_queue(void *arg)
{
    return measure(arg, pingpong);
}

static int serve_queue(void *arg)
{
    return serve(arg, pong);
}

static int measure_produce(void *arg)
{
    return measure(arg, produced);
}

static int measure_many(void *arg)
{
    return measure(arg, produced_many);
}

static int serve_produce(void *arg)
{
    return serve(arg, put_items);
}

static int measure_gather(void *arg)
{
    return measure(arg, gather);
}

static int serve_gather(void *arg)
{
    return serve(arg, put_lots);
}

static int producers(const struct bench_case *which)
{
    return (int)which->extra;
}

static int all_ranks(const struct bench_case *which)
{
    (void)which;
    return crew_rank_count();
}

static crew_status make_with(struct bench_side *sides, int count, bool scattered)
{
    const crew_queue_attr attr = {.name = "items", .max_items = 0, .scattered = scattered};
    crew_status status = crew_queue_create(&sides[0].handles.items, &attr);
    if (!status)
        status = crew_queue_create(&sides[0].handles.back, NULL);
    for (int i = 1; i < count && !status; i++)
        sides[i].handles = sides[0].handles;
    return status ? status : bench_make_orders(sides, count);
}

static crew_status make(struct bench_side *sides, int count)
{
    return make_with(sides, count, false);
}

static crew_status make_scattered(struct bench_side *sides, int count)
{
    return make_with(sides, count, true);
}

static void close_queues(struct bench_side *side)
{
    crew_queue_close(side->handles.items);
    crew_queue_close(side->handles.back);
}

const struct bench_mode channel_queue_modes[] = {
    {"queue", bench_one_other, make, close_queues, NULL, measure_queue, serve_queue, false},
    {"produce", producers, make, close_queues, NULL, measure_produce, serve_produce, false},
    {"many", producers, make, close_queues, NULL, measure_many, serve_produce, false},
    {"gather", all_ranks, make_scattered, close_queues, NULL, measure_gather, serve_gather, true},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
