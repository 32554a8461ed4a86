// SPDX-License-Identifier: BSD-3-Clause
// Messages of more than 64 KiB: a send returns when they were received.
#include "pipe_cases.h"

#include "check.h"
#include "mark.h"

#include <pthread.h>

#define LARGE ((size_t)16 << 20)

void con_12(const struct variant *variant)
{
    struct ends ends = make_duplex(), theirs = {ends.out, ends.out};
    crew_process process = launch(variant, echo, &theirs, sizeof theirs);
    drop(ends.out);
    for (unsigned i = 0; i < 2; i++) {
        send_filled(ends.in, LARGE + i, i);
        expect_filled(ends.in, LARGE + i, i);
    }
    // A duplex end is gone for both directions at a time: the echo hears of it in recv.
    drop(ends.in);
    CHECK_INT(finish(process), 0);
}

struct late {
    crew_connection out;
    struct mark begun;
};

static int send_timed(void *arg)
{
    const struct late *late = arg;
    static const char data[EAGER + 1];
    double begin = check_now();
    CHECK_STATUS(crew_send(late->out, data, sizeof data, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_send(late->out, data, sizeof data, -1), CREW_ETIMEDOUT);
    CHECK_SECONDS(begin, 0, 5);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK_STATUS(crew_send(late->out, data, sizeof data, 0.05), CREW_ETIMEDOUT);
    mark_set(&late->begun, "timed out");
    CHECK_OK(crew_send(late->out, data, sizeof data, 2 * LIMIT_S));
    send_text(late->out, "behind it");
    return check_result();
}

// Nobody receives: nothing was sent, neither then nor later.
void large_timed(const struct variant *variant)
{
    struct ends ends = make_pipe();
    struct late late = {ends.out, mark_new()};
    crew_process process = launch(variant, send_timed, &late, sizeof late);
    drop(ends.out);
    mark_wait(&late.begun, 1);
    crew_view view = {0};
    double begin = check_now();
    CHECK_OK(crew_recv_view(ends.in, &view, SIZE_MAX, LIMIT_S));
    CHECK_INT(view.size, EAGER + 1);
    CHECK_SECONDS(begin, 0, LIMIT_S);
    crew_view_release(&view);
    expect_text(ends.in, "behind it");
    expect_eof(ends.in);
    CHECK_INT(finish(process), 0);
    drop(ends.in);
    mark_remove(&late.begun);
}

static int send_mixed(void *arg)
{
    crew_connection out = *(crew_connection *)arg;
    for (unsigned i = 0; i < 60; i++)
        send_filled(out, i % 3 ? i * 10 : EAGER + i * 1001, i);
    return check_result();
}

// Small and large ones in one order.
void large_order(const struct variant *variant)
{
    struct ends ends = make_pipe();
    crew_process process = launch(variant, send_mixed, &ends.out, sizeof ends.out);
    drop(ends.out);
    for (unsigned i = 0; i < 60; i++)
        expect_filled(ends.in, i % 3 ? i * 10 : EAGER + i * 1001, i);
    expect_eof(ends.in);
    CHECK_INT(finish(process), 0);
    drop(ends.in);
}

static void *send_large(void *arg)
{
    for (unsigned i = 0; i < 5; i++)
        send_filled(*(crew_connection *)arg, (size_t)1 << 20, i);
    return NULL;
}

static int exchange(void *arg)
{
    crew_connection end = *(crew_connection *)arg;
    pthread_t thread;
    if (!CHECK(pthread_create(&thread, NULL, send_large, &end) == 0))
        return 1;
    for (unsigned i = 0; i < 5; i++)
        expect_filled(end, (size_t)1 << 20, i);
    pthread_join(thread, NULL);
    return check_result();
}

// Each side sends in one thread and receives in another.
void large_both_ways(const struct variant *variant)
{
    struct ends ends = make_duplex();
    if (inside_is_taken()) // a thread that is started inside a rank is not the process's
        return;
    crew_process process = launch(variant, exchange, &ends.out, sizeof ends.out);
    drop(ends.out);
    exchange(&ends.in);
    CHECK_INT(finish(process), 0);
    drop(ends.in);
}
