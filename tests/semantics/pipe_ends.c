// SPDX-License-Identifier: BSD-3-Clause
// Copies of ends: what each may do, and when an end is gone.
#include "pipe_cases.h"

#include "check.h"
#include "mark.h"

#include <pthread.h>

static int use_wrong_ends(void *arg)
{
    const struct ends *ends = arg;
    char byte;
    crew_view view;
    CHECK_STATUS(crew_send(ends->in, "x", 1, CREW_FOREVER), CREW_ENOTSUP);
    CHECK_STATUS(crew_send(ends->in, NULL, 0, CREW_FOREVER), CREW_ENOTSUP);
    CHECK_STATUS(crew_send(ends->in, "x", 1, 0), CREW_ENOTSUP);
    CHECK_STATUS(crew_send_range(ends->in, "x", 1, 0, 1, CREW_FOREVER), CREW_ENOTSUP);
    send_filled(ends->out, 100, 0);
    CHECK_STATUS(crew_recv(ends->out, &byte, 1, NULL, CREW_FOREVER), CREW_ENOTSUP);
    CHECK_STATUS(crew_recv(ends->out, &byte, 1, NULL, 0), CREW_ENOTSUP);
    CHECK_STATUS(crew_recv_view(ends->out, &view, SIZE_MAX, 0), CREW_ENOTSUP);
    CHECK_STATUS(crew_poll(ends->out, 0), CREW_ENOTSUP);
    CHECK_STATUS(crew_poll(ends->out, CREW_FOREVER), CREW_ENOTSUP);
    expect_filled(ends->in, 100, 0);
    return check_result();
}

void con_03(const struct variant *variant)
{
    static char large[EAGER + 1];
    struct ends ends = make_pipe();
    CHECK_STATUS(crew_send(ends.in, large, sizeof large, CREW_FOREVER), CREW_ENOTSUP);
    use_wrong_ends(&ends);
    CHECK_INT(finish(launch(variant, use_wrong_ends, &ends, sizeof ends)), 0);
    drop_both(ends);
}

static int send_three(void *arg)
{
    const struct ends *ends = arg;
    for (int i = 0; i < 3; i++)
        send_number(ends->out, i);
    return check_result();
}

// What is under way first; closed by the end of its process, and by itself.
void con_04(const struct variant *variant)
{
    for (int closed = 0; closed < 2; closed++) {
        struct ends ends = make_pipe();
        crew_waitable waitable = {0};
        bool ready = false;
        crew_process process = launch(variant, send_three, &ends, sizeof ends);
        CHECK_INT(finish(process), 0);
        if (closed)
            send_number(ends.out, 3);
        drop(ends.out);
        CHECK_OK(crew_connection_waitable(ends.in, &waitable));
        for (int i = 0; i < 3 + closed; i++) {
            await(ends.in);
            CHECK_INT(take_number(ends.in), i);
        }
        await(ends.in);
        CHECK_OK(crew_wait(&waitable, 1, &ready, NULL, LIMIT_S));
        CHECK(ready);
        expect_eof(ends.in);
        drop(ends.in);
    }
}

// Holds its copies until it is told to go on.
struct holder {
    struct ends held, told;
};

static int hold(void *arg)
{
    const struct holder *holder = arg;
    expect_text(holder->told.in, "close");
    drop(holder->held.out);
    send_text(holder->told.out, "closed");
    expect_text(holder->told.in, "end"); // and has the other end still
    return check_result();
}

// Copies: the maker's, that of a process beside it, that of a process where the variant is.
void con_05(const struct variant *variant)
{
    struct variant others[] = {beside(variant), *variant};
    struct ends ends = make_pipe(), told[2], answers = make_pipe();
    crew_process processes[2];
    for (int i = 0; i < 2; i++) {
        told[i] = make_pipe();
        struct holder holder = {ends, {told[i].in, answers.out}};
        processes[i] = launch(&others[i], hold, &holder, sizeof holder);
    }
    expect_nothing(ends.in);
    drop(ends.out);
    expect_nothing(ends.in);
    for (int i = 0; i < 2; i++) {
        expect_nothing(ends.in);
        send_text(told[i].out, "close");
        expect_text(answers.in, "closed");
    }
    expect_eof(ends.in);
    for (int i = 0; i < 2; i++) {
        send_text(told[i].out, "end");
        CHECK_INT(finish(processes[i]), 0);
        drop_both(told[i]);
    }
    drop_both(answers);
    drop(ends.in);
}

static int leave_unstarted(void *arg)
{
    crew_process process;
    CHECK_OK(crew_process_create(&process, return_nothing, arg, sizeof(struct ends), NULL));
    return check_result();
}

// The argument of a process that never starts holds an end as well.
void con_05_unstarted(const struct variant *variant)
{
    struct ends ends = make_pipe();
    crew_process process = make(variant, return_nothing, &ends.out, sizeof ends.out);
    drop(ends.out);
    expect_nothing(ends.in);
    CHECK_OK(crew_process_close(process));
    expect_eof(ends.in);
    drop(ends.in);

    ends = make_pipe();
    CHECK_INT(finish(launch(variant, leave_unstarted, &ends, sizeof ends)), 0);
    drop(ends.out);
    expect_eof(ends.in);
    drop(ends.in);
}

static int send_end(void *arg)
{
    const struct holder *holder = arg;
    CHECK_OK(crew_send(holder->told.out, &holder->held.out, sizeof holder->held.out, CREW_FOREVER));
    return check_result();
}

// A message that nobody has received holds one, too: until it is received, or nobody can.
void con_05_in_message(const struct variant *variant)
{
    for (int received = 0; received < 2; received++) {
        struct ends ends = make_pipe(), carrier = make_pipe();
        crew_connection copy;
        struct holder holder = {ends, carrier};
        CHECK_INT(finish(launch(variant, send_end, &holder, sizeof holder)), 0);
        drop(ends.out);
        expect_nothing(ends.in);
        if (received) {
            CHECK_OK(crew_recv(carrier.in, &copy, sizeof copy, NULL, LIMIT_S));
            CHECK(copy.id == ends.out.id);
            expect_nothing(ends.in);
            send_text(copy, "used");
            expect_text(ends.in, "used");
            drop(copy);
        }
        drop_both(carrier);
        expect_eof(ends.in);
        drop(ends.in);
    }
}

static int send_until_epipe(void *arg)
{
    const struct holder *holder = arg;
    expect_text(holder->told.in, "send");
    expect_epipe(holder->held.out);
    return check_result();
}

// No signal, and for each way in which the other end may be closed.
void con_06(const struct variant *variant)
{
    struct ends ends = make_pipe(), told = make_pipe();
    struct holder holder = {{{0}, ends.out}, told};
    crew_process process = launch(variant, send_until_epipe, &holder, sizeof holder);
    CHECK_OK(crew_send(ends.out, "not received", 12, CREW_FOREVER));
    drop(ends.in);
    send_text(told.out, "send");
    CHECK_INT(finish(process), 0);
    expect_epipe(ends.out);
    drop(ends.out);
    drop_both(told);

    ends = make_pipe();
    process = launch(variant, receive_nothing, &ends, sizeof ends);
    drop(ends.in);
    drop(ends.out);
    CHECK_OK(crew_process_terminate(process)); // with the last copies
    CHECK_INT(finish(process), -15);
}

void con_06_unstarted(const struct variant *variant)
{
    struct ends ends = make_pipe();
    crew_process process = make(variant, return_nothing, &ends.in, sizeof ends.in);
    drop(ends.in);
    CHECK_OK(crew_send(ends.out, "x", 1, CREW_FOREVER));
    CHECK_OK(crew_process_close(process));
    expect_epipe(ends.out);
    drop(ends.out);

    ends = make_pipe();
    process = launch(variant, return_nothing, &ends.in, sizeof ends.in);
    drop(ends.in);
    expect_epipe(ends.out);
    CHECK_INT(finish(process), 0);
    drop(ends.out);
}

struct blocked {
    crew_connection out;
    size_t size;
    struct mark begun;
};

static int send_blocked(void *arg)
{
    const struct blocked *blocked = arg;
    static const char data[EAGER + 1];
    crew_status status;
    mark_set(&blocked->begun, "begun");
    do
        status = crew_send(blocked->out, data, blocked->size, CREW_FOREVER);
    while (status == CREW_OK);
    CHECK_INT(status, CREW_EPIPE);
    CHECK_STATUS(crew_send(blocked->out, data, blocked->size, CREW_FOREVER), CREW_EPIPE);
    return check_result();
}

// A sender that waits, for room or for a receiver, is told.
void con_06_blocked(const struct variant *variant)
{
    static const size_t sizes[] = {1000, EAGER, EAGER + 1};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct ends ends = make_pipe();
        struct blocked blocked = {ends.out, sizes[i], mark_new()};
        crew_process process = launch(variant, send_blocked, &blocked, sizeof blocked);
        drop(ends.out);
        mark_wait(&blocked.begun, 1);
        check_sleep(SHORT_S);
        CHECK(is_alive(process));
        drop(ends.in);
        CHECK_INT(finish(process), 0);
        mark_remove(&blocked.begun);
    }
}

static void check_closed(crew_connection end)
{
    char byte;
    crew_view view;
    static const char large[EAGER + 1];
    CHECK_STATUS(crew_send(end, "x", 1, CREW_FOREVER), CREW_ECLOSED);
    CHECK_STATUS(crew_send(end, large, sizeof large, CREW_FOREVER), CREW_ECLOSED);
    CHECK_STATUS(crew_send(end, "x", 1, 0), CREW_ECLOSED);
    CHECK_STATUS(crew_send_range(end, "x", 1, 0, 1, CREW_FOREVER), CREW_ECLOSED);
    CHECK_STATUS(crew_recv(end, &byte, 1, NULL, CREW_FOREVER), CREW_ECLOSED);
    CHECK_STATUS(crew_recv(end, &byte, 1, NULL, 0), CREW_ECLOSED);
    CHECK_STATUS(crew_recv_view(end, &view, SIZE_MAX, 0), CREW_ECLOSED);
    CHECK_STATUS(crew_poll(end, 0), CREW_ECLOSED);
    CHECK_OK(crew_connection_close(end));
}

static int close_and_use(void *arg)
{
    struct ends ends = *(struct ends *)arg;
    drop_both(ends);
    check_closed(ends.in);
    check_closed(ends.out);
    return check_result();
}

// What one process closes, others have still.
void con_11(const struct variant *variant)
{
    struct ends pairs[] = {make_pipe(), make_duplex()};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        CHECK_INT(finish(launch(variant, close_and_use, &pairs[i], sizeof pairs[i])), 0);
        send_text(pairs[i].out, "x");
        expect_text(pairs[i].in, "x");
        drop(pairs[i].out);
        check_closed(pairs[i].out);
        expect_eof(pairs[i].in);
        drop(pairs[i].in);
    }
}

// Nobody has it: it is not known for long that it was there.
void con_11_gone(const struct variant *variant)
{
    struct ends ends = make_pipe();
    crew_process process = launch(variant, return_nothing, &ends, sizeof ends);
    CHECK_INT(finish(process), 0);
    drop_both(ends);
    crew_status status = crew_send(ends.out, "x", 1, CREW_FOREVER);
    CHECK(status == CREW_ECLOSED || status == CREW_ENOENT);
    status = crew_poll(ends.in, 0);
    CHECK(status == CREW_ECLOSED || status == CREW_ENOENT);
    drop_both(ends);
}

// A call of a thread that waits while another thread closes the end.
struct waiting {
    struct ends ends;
    crew_status (*call)(const struct ends *ends);
    crew_status status;
};

static char much[EAGER + 1];

static crew_status call_recv(const struct ends *ends)
{
    char byte;
    return crew_recv(ends->in, &byte, 1, NULL, CREW_FOREVER);
}

static crew_status call_view(const struct ends *ends)
{
    crew_view view;
    return crew_recv_view(ends->in, &view, SIZE_MAX, LIMIT_S);
}

static crew_status call_poll(const struct ends *ends)
{
    return crew_poll(ends->in, LIMIT_S);
}

static crew_status call_wait(const struct ends *ends)
{
    crew_waitable waitable = {0};
    bool ready;
    CHECK_OK(crew_connection_waitable(ends->in, &waitable));
    return crew_wait(&waitable, 1, &ready, NULL, LIMIT_S);
}

static crew_status call_send(const struct ends *ends)
{
    crew_status status;
    do
        status = crew_send(ends->out, much, 1000, CREW_FOREVER);
    while (status == CREW_OK);
    return status;
}

static crew_status call_send_large(const struct ends *ends)
{
    return crew_send(ends->out, much, sizeof much, CREW_FOREVER);
}

static void *wait_in_thread(void *arg)
{
    struct waiting *waiting = arg;
    waiting->status = waiting->call(&waiting->ends);
    return NULL;
}

static int close_under(void *arg)
{
    static crew_status (*const calls[])(const struct ends *ends) = {
        call_recv, call_view, call_poll, call_wait, call_send, call_send_large};
    const struct ends *told = arg;
    for (size_t i = 0; i < COUNT(calls); i++) {
        struct waiting waiting = {make_pipe(), calls[i], CREW_OK};
        pthread_t thread;
        bool sends = calls[i] == call_send || calls[i] == call_send_large;
        // Somebody else has both ends, too, so that none of them is gone.
        CHECK_OK(crew_send(told->out, &waiting.ends, sizeof waiting.ends, CREW_FOREVER));
        if (!CHECK(pthread_create(&thread, NULL, wait_in_thread, &waiting) == 0))
            return 1;
        check_sleep(SHORT_S);
        double begin = check_now();
        drop(sends ? waiting.ends.out : waiting.ends.in);
        pthread_join(thread, NULL);
        CHECK_SECONDS(begin, 0, LIMIT_S / 2);
        CHECK_INT(waiting.status, CREW_ECLOSED);
        drop(sends ? waiting.ends.in : waiting.ends.out);
    }
    return check_result();
}

void con_11_waiting(const struct variant *variant)
{
    struct ends told = make_pipe();
    CHECK_INT(finish(launch(variant, close_under, &told, sizeof told)), 0);
    drop_both(told);
}
