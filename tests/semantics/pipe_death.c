// SPDX-License-Identifier: BSD-3-Clause
// Processes that end with ends in their hands: others are told, and go on.
#include "pipe_cases.h"

#include "check.h"
#include "mark.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LARGE ((size_t)8 << 20)

static int send_and_stay(void *arg)
{
    const struct ends *ends = arg;
    send_text(ends->out, "x");
    return run_until_ended(NULL);
}

// Killed with a copy: only then is the end gone.
void con_05_killed(const struct variant *variant)
{
    struct ends ends = make_pipe();
    crew_process process = launch(variant, send_and_stay, &ends, sizeof ends);
    drop(ends.out);
    await(ends.in);
    check_sleep(SHORT_S);
    destroy(variant, process);
    expect_text(ends.in, "x"); // it was on its way
    expect_eof(ends.in);
    drop(ends.in);

    ends = make_pipe();
    process = launch(variant, send_and_stay, &ends, sizeof ends);
    drop(ends.out);
    expect_text(ends.in, "x");
    expect_nothing(ends.in);
    destroy(variant, process);
    expect_eof(ends.in);
    drop(ends.in);
}

static int receive_blocked(void *arg)
{
    const struct ends *ends = arg;
    char byte;
    send_text(ends->out, "about to receive");
    CHECK_OK(crew_recv(ends->in, &byte, 1, NULL, CREW_FOREVER));
    return 99;
}

// Killed while it waits for a message, with the last copy of the receiving end.
void con_06_killed(const struct variant *variant)
{
    struct ends ends = make_pipe(), told = make_pipe(), theirs = {ends.in, told.out};
    crew_process process = launch(variant, receive_blocked, &theirs, sizeof theirs);
    drop_both(theirs);
    expect_text(told.in, "about to receive");
    check_sleep(SHORT_S);
    destroy(variant, process);
    expect_epipe(ends.out);
    expect_eof(told.in);
    drop(ends.out);
    drop(told.in);
}

static int send_large(void *arg)
{
    static char data[LARGE]; // no memory that is lost when a thread is ended
    send_text(*(crew_connection *)arg, "before it");
    CHECK_OK(crew_send(*(crew_connection *)arg, data, sizeof data, CREW_FOREVER));
    return 99;
}

// The sender of a large message is killed before anybody has received it.
void con_13(const struct variant *variant)
{
    struct ends ends = make_pipe();
    char *data = malloc(LARGE);
    size_t size = 77, changed = 0;
    crew_process process = launch(variant, send_large, &ends.out, sizeof ends.out);
    drop(ends.out);
    expect_text(ends.in, "before it");
    await(ends.in);
    destroy(variant, process);
    CHECK_OK(crew_poll(ends.in, 0));
    memset(data, 0x55, LARGE);
    CHECK_STATUS(crew_recv(ends.in, data, LARGE, &size, CREW_FOREVER), CREW_ETRUNC);
    CHECK_INT(size, 77);
    for (size_t i = 0; i < LARGE; i++)
        changed += data[i] != 0x55;
    CHECK_INT(changed, 0);
    expect_eof(ends.in);
    drop(ends.in);
    free(data);
}

struct doomed {
    crew_connection end;
    int delay_us;
};

static void *kill_self(void *arg)
{
    check_sleep(1e-6 * *(int *)arg);
    kill(getpid(), SIGKILL);
    return NULL;
}

static int send_large_doomed(void *arg)
{
    struct doomed *doomed = arg;
    pthread_t thread;
    char *data = malloc(LARGE);
    fill(data, LARGE, 0);
    CHECK(pthread_create(&thread, NULL, kill_self, &doomed->delay_us) == 0);
    crew_send(doomed->end, data, LARGE, CREW_FOREVER);
    return run_until_ended(NULL);
}

// ... and while somebody does: all of it, or none.
void con_13_during(const struct variant *variant)
{
    static const int delays_us[] = {0, 100, 300, 600, 1000, 1500, 2000, 3000, 5000};
    char *data = malloc(LARGE);
    for (size_t i = 0; i < COUNT(delays_us); i++) {
        struct ends ends = make_pipe();
        struct doomed doomed = {ends.out, delays_us[i]};
        size_t size = 77;
        crew_process process = launch(variant, send_large_doomed, &doomed, sizeof doomed);
        drop(ends.out);
        crew_status status = crew_recv(ends.in, data, LARGE, &size, LIMIT_S);
        CHECK(status == CREW_OK || status == CREW_ETRUNC || status == CREW_EOF);
        CHECK_INT(size, status == CREW_OK ? LARGE : 77);
        if (status == CREW_OK)
            CHECK(is_filled(data, LARGE, 0));
        expect_eof(ends.in);
        CHECK_INT(finish(process), -SIGKILL);
        drop(ends.in);
    }
    free(data);
}

// One that waits is killed: what is sent from then on goes to others that have the end.
void death_of_waiting_receiver(const struct variant *variant)
{
    struct ends ends = make_pipe(), told = make_pipe(), theirs = {ends.in, told.out};
    crew_process process = launch(variant, receive_blocked, &theirs, sizeof theirs);
    drop(told.out);
    expect_text(told.in, "about to receive");
    check_sleep(SHORT_S);
    destroy(variant, process);
    for (int i = 0; i < 100; i++)
        send_number(ends.out, i);
    for (int i = 0; i < 100; i++)
        CHECK_INT(take_number(ends.in), i);
    expect_nothing(ends.in);
    drop_both(ends);
    drop(told.in);
}

struct taker {
    crew_connection in, report;
    int delay_us;
};

static int take_large_doomed(void *arg)
{
    struct taker *taker = arg;
    pthread_t thread;
    crew_view view;
    CHECK(pthread_create(&thread, NULL, kill_self, &taker->delay_us) == 0);
    while (crew_recv_view(taker->in, &view, SIZE_MAX, CREW_FOREVER) == CREW_OK) {
        crew_send(taker->report, view.data, sizeof(int), CREW_FOREVER);
        crew_view_release(&view);
    }
    return run_until_ended(NULL);
}

static int send_large_numbers(void *arg)
{
    char *data = calloc(1, LARGE / 4);
    for (int i = 0; i < 12; i++) {
        fill(data, LARGE / 4, 5);
        memcpy(data, &i, sizeof i);
        CHECK_OK(crew_send(*(crew_connection *)arg, data, LARGE / 4, CREW_FOREVER));
    }
    free(data);
    return check_result();
}

// Takes the rest: intact, in order, and all but one that the dead one may have taken along.
static void take_rest(crew_connection in, crew_connection report)
{
    char *data = malloc(LARGE / 4), *expected = malloc(LARGE / 4);
    bool seen[12] = {false};
    int number, last = -1, missing = 0;
    crew_status status;
    fill(expected, LARGE / 4, 5);
    while (!(status = crew_recv(in, data, LARGE / 4, NULL, LIMIT_S))) {
        memcpy(&number, data, sizeof number);
        if (!CHECK(number > last && number < 12))
            break;
        memcpy(expected, &number, sizeof number);
        CHECK(memcmp(data, expected, LARGE / 4) == 0);
        seen[number] = true;
        last = number;
    }
    CHECK_INT(status, CREW_EOF);
    while (crew_recv(report, &number, sizeof number, NULL, LIMIT_S) == CREW_OK) {
        CHECK(!seen[number]);
        seen[number] = true;
    }
    for (int i = 0; i < 12; i++)
        missing += !seen[i];
    CHECK(missing <= 1);
    free(data);
    free(expected);
}

// One of two receivers is killed while it receives a large message, or waits for one.
void death_of_large_receiver(const struct variant *variant)
{
    static const int delays_us[] = {0, 200, 500, 1000, 2000, 3000, 5000};
    struct variant other = beside(variant);
    for (size_t i = 0; i < COUNT(delays_us); i++) {
        struct ends ends = make_pipe(), report = make_pipe();
        struct taker taker = {ends.in, report.out, delays_us[i]};
        crew_process receiver = launch(variant, take_large_doomed, &taker, sizeof taker),
                     sender = launch(&other, send_large_numbers, &ends.out, sizeof ends.out);
        drop(ends.out);
        drop(report.out);
        take_rest(ends.in, report.in);
        CHECK_INT(finish(receiver), -SIGKILL);
        CHECK_INT(finish(sender), 0);
        drop(ends.in);
        drop(report.in);
    }
}

struct blocked {
    crew_connection out;
    size_t size;
    unsigned many; // so many messages are sent before the mark's second line; 0: at once
    struct mark begun;
};

static int send_for_ever(void *arg)
{
    const struct blocked *blocked = arg;
    char data[EAGER + 1];
    crew_status status = CREW_OK;
    mark_set(&blocked->begun, "begun");
    for (unsigned i = 0; status == CREW_OK; i++) {
        if (i == blocked->many)
            mark_set(&blocked->begun, "many are sent");
        fill(data, blocked->size, i);
        status = crew_send(blocked->out, data, blocked->size, CREW_FOREVER);
    }
    CHECK_INT(status, CREW_EPIPE);
    return check_result();
}

// Killed while it waits for room: what it had sent arrives, and nothing behind that.
void death_of_blocked_sender(const struct variant *variant)
{
    struct ends ends = make_pipe();
    struct blocked blocked = {ends.out, 5000, 101, mark_new()};
    char data[5000];
    size_t size;
    unsigned count = 0, others = 0;
    crew_status status;
    crew_process process = launch(variant, send_for_ever, &blocked, sizeof blocked);
    mark_wait(&blocked.begun, 2);
    check_sleep(2 * SHORT_S);
    destroy(variant, process);
    CHECK_OK(crew_recv(ends.in, data, sizeof data, &size, CREW_FOREVER)); // makes room on that rank
    CHECK(size == sizeof data && is_filled(data, size, count++));
    send_text(ends.out, "others go on");
    drop(ends.out);
    while (!(status = crew_recv(ends.in, data, sizeof data, &size, LIMIT_S))) {
        if (size == 12)
            others++;
        else
            CHECK(size == sizeof data && is_filled(data, size, count++));
    }
    CHECK_INT(status, CREW_EOF);
    CHECK_INT(others, 1);
    CHECK(count > 100 && count < 500);
    drop(ends.in);
    mark_remove(&blocked.begun);
}

static int keep_view(void *arg)
{
    const struct ends *ends = arg;
    crew_view view;
    CHECK_OK(crew_recv_view(ends->in, &view, SIZE_MAX, CREW_FOREVER));
    send_text(ends->out, "has a view");
    return run_until_ended(NULL);
}

// The only receiver dies, with a view and a full pipe: whoever waits to send is told.
void death_wakes_senders(const struct variant *variant)
{
    static const size_t sizes[] = {1000, EAGER + 1};
    struct variant other = beside(variant);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct ends ends = make_pipe(), told = make_pipe(), theirs = {ends.in, told.out};
        struct blocked blocked = {ends.out, sizes[i], 0, mark_new()};
        crew_process receiver = launch(variant, keep_view, &theirs, sizeof theirs),
                     sender = launch(&other, send_for_ever, &blocked, sizeof blocked);
        drop(theirs.in);
        drop(theirs.out);
        drop(ends.out);
        expect_text(told.in, "has a view");
        check_sleep(SHORT_S);
        CHECK(is_alive(sender));
        destroy(variant, receiver);
        CHECK_INT(finish(sender), 0);
        expect_eof(told.in);
        drop(told.in);
        mark_remove(&blocked.begun);
    }
}
