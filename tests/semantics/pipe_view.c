// SPDX-License-Identifier: BSD-3-Clause
// Messages that are lent where they lie.
#include "pipe_cases.h"

#include "check.h"

#include <stdint.h>
#include <string.h>

static const size_t sizes[] = {0, 1, 17, 5000, EAGER - 1, EAGER, EAGER + 1, 300000};

static int send_sizes(void *arg)
{
    const struct ends *ends = arg;
    for (unsigned i = 0; i < COUNT(sizes); i++)
        send_filled(ends->out, sizes[i], i);
    return check_result();
}

static crew_process launch_sender(const struct variant *variant, crew_process_function *function,
                                  crew_connection *in)
{
    struct ends ends = make_pipe();
    crew_process process = launch(variant, function, &ends, sizeof ends);
    drop(ends.out);
    *in = ends.in;
    return process;
}

static void check_view(const crew_view *view, unsigned i)
{
    CHECK_INT(view->size, sizes[i]);
    if (view->size > 0)
        CHECK_INT((uintptr_t)view->data % 16, 0);
    CHECK(is_filled(view->data, view->size, i));
}

void view_aligned(const struct variant *variant)
{
    crew_connection in;
    crew_process process = launch_sender(variant, send_sizes, &in);
    for (unsigned i = 0; i < COUNT(sizes); i++) {
        crew_view view = {0};
        // As many bytes as may be.
        if (!CHECK_OK(crew_recv_view(in, &view, sizes[i], LIMIT_S)))
            continue;
        check_view(&view, i);
        crew_view_release(&view);
        crew_view_release(&view);
    }
    crew_view none = {0};
    crew_view_release(&none);
    CHECK_INT(finish(process), 0);
    expect_eof(in);
    drop(in);
}

// All at a time, longer than the end and its sender are there, given back in another order.
void view_kept(const struct variant *variant)
{
    crew_view views[COUNT(sizes)] = {{0}};
    crew_connection in;
    crew_process process = launch_sender(variant, send_sizes, &in);
    for (unsigned i = 0; i < COUNT(sizes); i++)
        CHECK_OK(crew_recv_view(in, &views[i], SIZE_MAX, LIMIT_S));
    CHECK_INT(finish(process), 0);
    crew_view late = {"untouched", 9, NULL};
    CHECK_STATUS(crew_recv_view(in, &late, SIZE_MAX, LIMIT_S), CREW_EOF);
    CHECK_TEXT(late.data, "untouched");
    drop(in);
    struct ends other = make_pipe(); // whose messages could take the place of those
    for (int i = 0; i < 20; i++) {
        send_filled(other.out, 5000, 1000);
        expect_filled(other.in, 5000, 1000);
    }
    CHECK_STATUS(crew_recv_view(other.in, &late, SIZE_MAX, 0), CREW_ETIMEDOUT);
    CHECK_TEXT(late.data, "untouched");
    drop_both(other);
    for (unsigned i = 0; i < COUNT(sizes); i++)
        check_view(&views[i], i);
    for (size_t i = 0; i < COUNT(sizes); i += 2)
        crew_view_release(&views[i]);
    for (unsigned i = 1; i < COUNT(sizes); i += 2)
        check_view(&views[i], i);
    for (size_t i = 1; i < COUNT(sizes); i += 2)
        crew_view_release(&views[i]);
}

static int send_then_hear_epipe(void *arg)
{
    const struct ends *ends = arg;
    send_text(ends->out, "0123456789");
    send_text(ends->out, "0123456789");
    drop(ends->in);
    expect_epipe(ends->out);
    return check_result();
}

// Only this end, only to receive: it is closed, and with it the last copy.
void con_09(const struct variant *variant)
{
    crew_connection in;
    crew_process process = launch_sender(variant, send_then_hear_epipe, &in);
    crew_view view = {0};
    char text[16];
    CHECK_OK(crew_recv_view(in, &view, 10, LIMIT_S));
    CHECK(view.size == 10 && memcmp(view.data, "0123456789", 10) == 0);
    crew_view_release(&view);
    CHECK_STATUS(crew_recv_view(in, &view, 9, LIMIT_S), CREW_ETOOSMALL);
    CHECK_STATUS(crew_recv_view(in, &view, SIZE_MAX, LIMIT_S), CREW_ECLOSED);
    CHECK_STATUS(crew_recv(in, text, sizeof text, NULL, CREW_FOREVER), CREW_ECLOSED);
    CHECK_STATUS(crew_poll(in, 0), CREW_ECLOSED);
    CHECK_INT(finish(process), 0);
    drop(in);
}

static int send_much_then_receive(void *arg)
{
    crew_connection end = *(crew_connection *)arg;
    send_filled(end, 100000, 7); // was received, so this comes back
    send_text(end, "next");
    expect_text(end, "still");
    expect_eof(end);
    return check_result();
}

static int receive_next(void *arg)
{
    expect_text(*(crew_connection *)arg, "next");
    return check_result();
}

// Of an end that also sends, and of which others have a copy, no more than the receiving is over.
void con_09_duplex(const struct variant *variant)
{
    struct variant third = beside(variant);
    struct ends ends = make_duplex();
    crew_view view = {"untouched", 9, NULL};
    char text[16];
    crew_process process = launch(variant, send_much_then_receive, &ends.out, sizeof ends.out);
    drop(ends.out);
    CHECK_STATUS(crew_recv_view(ends.in, &view, 99999, LIMIT_S), CREW_ETOOSMALL);
    CHECK_TEXT(view.data, "untouched");
    CHECK_STATUS(crew_recv_view(ends.in, &view, SIZE_MAX, LIMIT_S), CREW_ENOTSUP);
    CHECK_STATUS(crew_recv(ends.in, text, sizeof text, NULL, CREW_FOREVER), CREW_ENOTSUP);
    CHECK_STATUS(crew_poll(ends.in, 0), CREW_ENOTSUP);
    CHECK_INT(finish(launch(&third, receive_next, &ends.in, sizeof ends.in)), 0);
    send_text(ends.in, "still");
    drop(ends.in);
    CHECK_INT(finish(process), 0);
}
