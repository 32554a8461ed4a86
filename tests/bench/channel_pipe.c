/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages over a duplex pipe; pingpong:SIZE, stream:SIZE, view:SIZE. */
#include "channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pipe_end {
    crew_connection connection;
    size_t size;
    char *buffer;
};

static bool send_number(crew_connection connection, long number)
{
    return bench_good(crew_send(connection, &number, sizeof number, CREW_FOREVER));
}

static bool receive_number(crew_connection connection, long *number)
{
    return bench_good(crew_recv(connection, number, sizeof *number, NULL, CREW_FOREVER));
}

static bool send_message(const struct pipe_end *end)
{
    return bench_good(crew_send(end->connection, end->buffer, end->size, CREW_FOREVER));
}

static bool receive_message(const struct pipe_end *end)
{
    return bench_good(crew_recv(end->connection, end->buffer, end->size, NULL, CREW_FOREVER));
}

static bool check(const void *data, size_t size, long number)
{
    return bench_stamp_is(data, size, number) || bench_wrong("a message is not what was sent");
}

static bool open_end(struct pipe_end *end, const struct bench_side *side)
{
    *end = (struct pipe_end){side->handles.connection, side->which.size,
                             bench_buffer(side->which.size)};
    return end->buffer || bench_wrong("out of memory");
}

/* Runs the blocks of a side that serves, until none is ordered any more; an exit code. */
static int serve(const struct bench_side *side, bool (*block)(const struct pipe_end *, long))
{
    struct pipe_end end;
    if (!open_end(&end, side))
        return 1;
    long count = 0;
    bool done = receive_number(end.connection, &count);
    while (done && count > 0)
        done = block(&end, count) && receive_number(end.connection, &count);
    free(end.buffer);
    return !done;
}

static int measure(const struct bench_side *side, bench_block *block)
{
    struct pipe_end end;
    if (!open_end(&end, side))
        return 1;
    int exit_code = bench_report(side, block, &end);
    if (!exit_code && !send_number(end.connection, 0))
        exit_code = 1;
    free(end.buffer);
    return exit_code;
}

static bool pingpong(void *context, long count, double *seconds)
{
    const struct pipe_end *end = context;
    bool done = send_number(end->connection, count);
    const double begin = bench_clock();
    for (long i = 0; i < count && done; i++) {
        bench_stamp(end->buffer, end->size, i);
        done = send_message(end) && receive_message(end) && check(end->buffer, end->size, i);
    }
    *seconds = (bench_clock() - begin) / 2;
    return done;
}

static bool pong(const struct pipe_end *end, long count)
{
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = receive_message(end) && send_message(end);
    return done;
}

static bool stream(void *context, long count, double *seconds)
{
    const struct pipe_end *end = context;
    long received = 0;
    bool done = send_number(end->connection, count);
    const double begin = bench_clock();
    for (long i = 0; i < count && done; i++) {
        bench_stamp(end->buffer, end->size, i);
        done = send_message(end);
    }
    done = done && receive_number(end->connection, &received);
    *seconds = bench_clock() - begin;
    return done;
}

static bool receive_stream(const struct pipe_end *end, long count)
{
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = receive_message(end) && check(end->buffer, end->size, i);
    return done && send_number(end->connection, count);
}

static bool view_stream(const struct pipe_end *end, long count)
{
    bool done = true;
    for (long i = 0; i < count && done; i++) {
        crew_view view = {0};
        done = bench_good(crew_recv_view(end->connection, &view, end->size, CREW_FOREVER)) &&
               check(view.data, view.size, i);
        crew_view_release(&view);
    }
    return done && send_number(end->connection, count);
}

static int measure_pingpong(void *arg)
{
    return measure(arg, pingpong);
}

static int serve_pingpong(void *arg)
{
    return serve(arg, pong);
}

static int measure_stream(void *arg)
{
    return measure(arg, stream);
}

static int serve_stream(void *arg)
{
    return serve(arg, receive_stream);
}

static int serve_view(void *arg)
{
    return serve(arg, view_stream);
}

static crew_status make(struct bench_side *sides, int count)
{
    (void)count;
    return crew_pipe_create(&sides[0].handles.connection, &sides[1].handles.connection,
                            &(crew_pipe_attr){.duplex = true, .capacity = 0});
}

/* The sides have the only copies from then on: one that fails is seen by the other. */
static void close_connection(struct bench_side *side)
{
    crew_connection_close(side->handles.connection);
}

const struct bench_mode channel_pipe_modes[] = {
    {"pingpong", bench_one_other, make, close_connection, close_connection, measure_pingpong,
     serve_pingpong, false},
    {"stream", bench_one_other, make, close_connection, close_connection, measure_stream,
     serve_stream, false},
    {"view", bench_one_other, make, close_connection, close_connection, measure_stream, serve_view,
     false},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
