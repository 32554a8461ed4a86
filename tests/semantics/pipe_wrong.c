// SPDX-License-Identifier: BSD-3-Clause
// What every call of <crew/pipe.h> is documented to refuse, and what it leaves alone then.
#include "pipe_cases.h"

#include "check.h"

#include <stdint.h>

static int use_wrongly(void *arg)
{
    crew_connection end = *(crew_connection *)arg;
    struct ends ends = {{77}, {78}};
    crew_pipe_attr most = {.capacity = (size_t)1 << 30}, more = {.capacity = most.capacity + 1};
    CHECK_STATUS(crew_pipe_create(NULL, &ends.out, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pipe_create(&ends.in, NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pipe_create(&ends.in, &ends.out, &more), CREW_EINVAL);
    more.capacity = SIZE_MAX;
    CHECK_STATUS(crew_pipe_create(&ends.in, &ends.out, &more), CREW_EINVAL);
    CHECK_INT(ends.in.id, 77);
    CHECK_INT(ends.out.id, 78);
    CHECK_OK(crew_pipe_create(&ends.in, &ends.out, &most));
    drop_both(ends);

    CHECK_STATUS(crew_send(end, NULL, 1, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_send(end, NULL, SIZE_MAX, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_send(end, NULL, 1, 0), CREW_EINVAL);
    CHECK_STATUS(crew_send_range(end, NULL, 1, 0, 1, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_recv(end, NULL, 1, NULL, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_recv(end, NULL, 1, NULL, 0), CREW_EINVAL);
    CHECK_STATUS(crew_recv_view(end, NULL, SIZE_MAX, 0), CREW_EINVAL);
    CHECK_STATUS(crew_connection_waitable(end, NULL), CREW_EINVAL);
    return check_result();
}

void wrong_arguments(const struct variant *variant)
{
    struct ends ends = make_duplex();
    CHECK_INT(finish(launch(variant, use_wrongly, &ends.out, sizeof ends.out)), 0);
    drop(ends.out);
    expect_eof(ends.in); // nothing was sent
    drop(ends.in);
}

static void check_refused(crew_connection end, crew_status expected)
{
    char byte;
    crew_view view;
    CHECK_STATUS(crew_send(end, "x", 1, CREW_FOREVER), expected);
    CHECK_STATUS(crew_send(end, NULL, 0, CREW_FOREVER), expected);
    CHECK_STATUS(crew_send(end, "x", 1, 0), expected);
    CHECK_STATUS(crew_send_range(end, "x", 1, 0, 1, CREW_FOREVER), expected);
    CHECK_STATUS(crew_recv(end, &byte, 1, NULL, CREW_FOREVER), expected);
    CHECK_STATUS(crew_recv(end, &byte, 1, NULL, 0), expected);
    CHECK_STATUS(crew_recv_view(end, &view, SIZE_MAX, 0), expected);
    CHECK_STATUS(crew_poll(end, 0), expected);
}

static int use_what_is_none(void *arg)
{
    struct ends ends = make_pipe();
    crew_waitable waitable = {77};
    crew_connection never = {ends.in.id ^ 1 << 20},
                    elsewhere = {ends.in.id | (uint64_t)0xffff << 44};
    (void)arg;
    check_refused((crew_connection){0}, CREW_EINVAL);
    check_refused((crew_connection){1}, CREW_EINVAL);
    check_refused((crew_connection){UINT64_MAX}, CREW_EINVAL);
    check_refused((crew_connection){crew_current_process().id}, CREW_EINVAL);
    check_refused(elsewhere, CREW_EINVAL); // a rank that there is not
    check_refused(never, CREW_ENOENT);
    CHECK_STATUS(crew_connection_close((crew_connection){0}), CREW_EINVAL);
    CHECK_STATUS(crew_connection_close((crew_connection){crew_current_process().id}), CREW_EINVAL);
    CHECK_STATUS(crew_connection_waitable((crew_connection){0}, &waitable), CREW_EINVAL);
    CHECK_STATUS(crew_connection_waitable((crew_connection){crew_current_process().id}, &waitable),
                 CREW_EINVAL);
    CHECK_INT(waitable.id, 77);
    CHECK_STATUS(crew_process_join((crew_process){ends.in.id}, 0), CREW_EINVAL);
    send_text(ends.out, "x");
    expect_text(ends.in, "x");
    drop_both(ends);
    return check_result();
}

void wrong_handles(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, use_what_is_none, NULL, 0)), 0);
}

static int fail_often(void *arg)
{
    struct ends ends = make_pipe();
    (void)arg;
    char room[4] = "abc";
    size_t size = 77;
    crew_view view = {room, 3, NULL};
    CHECK_STATUS(crew_recv(ends.in, room, sizeof room, &size, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_recv_view(ends.in, &view, SIZE_MAX, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_recv(ends.out, room, sizeof room, &size, CREW_FOREVER), CREW_ENOTSUP);
    CHECK_STATUS(crew_poll(ends.out, 0), CREW_ENOTSUP);
    send_text(ends.out, "0123456789");
    CHECK_STATUS(crew_recv(ends.in, room, sizeof room, NULL, CREW_FOREVER), CREW_ETOOSMALL);
    CHECK_INT(size, 77);
    drop(ends.out);
    CHECK_STATUS(crew_recv_view(ends.in, &view, SIZE_MAX, 0), CREW_EOF);
    CHECK(view.data == room && view.size == 3 && view.owner == NULL);
    CHECK_TEXT(room, "abc");
    drop(ends.in);
    return check_result();
}

// Outputs are set by success alone.
void wrong_outputs(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, fail_often, NULL, 0)), 0);
}

void check_outside(void)
{
    struct ends ends = {{77}, {78}};
    crew_waitable waitable = {79};
    bool ready;
    check_begin("outside crew_run()", "main");
    CHECK_STATUS(crew_pipe_create(&ends.in, &ends.out, NULL), CREW_ESTATE);
    CHECK_INT(ends.in.id, 77);
    CHECK_INT(ends.out.id, 78);
    ends.in.id = (uint64_t)3 << 60 | 1;
    for (int i = 0; i < 2; i++, ends.in.id = 0) {
        check_refused(ends.in, CREW_ESTATE);
        CHECK_STATUS(crew_connection_waitable(ends.in, &waitable), CREW_ESTATE);
        CHECK_STATUS(crew_connection_close(ends.in), CREW_ESTATE);
    }
    CHECK_STATUS(crew_wait(&waitable, 1, &ready, NULL, 0), CREW_ESTATE);
    crew_view none = {0};
    crew_view_release(&none);
    check_begin(NULL, NULL);
}
