// SPDX-License-Identifier: BSD-3-Clause
// Waiting for connections, alone and with other things; and signals while something waits.
#include "pipe_cases.h"

#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#define PIPES 3
#define MANY 200

static crew_waitable waitable_of(crew_connection connection)
{
    crew_waitable waitable = {0};
    CHECK_OK(crew_connection_waitable(connection, &waitable));
    CHECK(waitable.id != 0);
    return waitable;
}

static crew_waitable sentinel_of(crew_process process)
{
    crew_waitable sentinel = {0};
    CHECK_OK(crew_process_sentinel(process, &sentinel));
    return sentinel;
}

// Exactly those, "01101" for example, within a limit.
static void expect_ready(const crew_waitable *objects, double timeout_s, const char *expected)
{
    size_t count = strlen(expected), found = 99, ones = 0;
    char text[16] = "";
    bool ready[16];
    for (size_t i = 0; i < count; i++)
        ready[i] = expected[i] == '0';
    crew_status status = crew_wait(objects, count, ready, &found, timeout_s);
    if (!strchr(expected, '1')) {
        CHECK_STATUS(status, CREW_ETIMEDOUT);
        CHECK_INT(found, 99); // not touched
        return;
    }
    if (!CHECK_OK(status))
        return;
    for (size_t i = 0; i < count; i++) {
        text[i] = ready[i] ? '1' : '0';
        ones += ready[i];
    }
    CHECK_TEXT(text, expected);
    CHECK_INT(found, ones);
}

struct speaker {
    crew_connection orders, outs[PIPES];
};

// Speaks at the end whose number it is told, until there are no more orders.
static int speak(void *arg)
{
    const struct speaker *speaker = arg;
    int number;
    while (crew_recv(speaker->orders, &number, sizeof number, NULL, CREW_FOREVER) == CREW_OK)
        send_number(speaker->outs[number], number);
    return check_result();
}

// Makes a speaker; objects are its three pipes, with its sentinel as the second of four.
static crew_process launch_speaker(const struct variant *variant, crew_connection *orders,
                                   crew_connection *ins, crew_waitable *objects)
{
    struct ends control = make_pipe(), pipes[PIPES];
    struct speaker speaker = {.orders = control.in};
    for (int i = 0; i < PIPES; i++) {
        pipes[i] = make_pipe();
        speaker.outs[i] = pipes[i].out;
        ins[i] = pipes[i].in;
    }
    crew_process process = launch(variant, speak, &speaker, sizeof speaker);
    drop(control.in);
    for (int i = 0; i < PIPES; i++)
        drop(pipes[i].out);
    *orders = control.out;
    objects[0] = waitable_of(ins[0]);
    objects[1] = sentinel_of(process);
    objects[2] = waitable_of(ins[1]);
    objects[3] = waitable_of(ins[2]);
    return process;
}

void con_16(const struct variant *variant)
{
    crew_connection orders, ins[PIPES];
    crew_waitable objects[4];
    crew_process process = launch_speaker(variant, &orders, ins, objects);
    expect_ready(objects, 0, "0000");
    send_number(orders, 1);
    expect_ready(objects, CREW_FOREVER, "0010");
    send_number(orders, 0);
    await(ins[0]);
    expect_ready(objects, CREW_FOREVER, "1010");
    CHECK_INT(take_number(ins[1]), 1);
    expect_ready(objects, CREW_FOREVER, "1000");
    send_number(orders, 2);
    await(ins[2]);
    expect_ready(objects, 0, "1001");
    CHECK_INT(take_number(ins[0]), 0);
    CHECK_INT(take_number(ins[2]), 2);
    expect_ready(objects, 0, "0000");
    drop(orders); // it ends, and its ends with it
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    for (int i = 0; i < PIPES; i++)
        await(ins[i]);
    expect_ready(objects, 0, "1111");
    CHECK_INT(finish(process), 0);
    for (int i = 0; i < PIPES; i++) {
        expect_eof(ins[i]);
        drop(ins[i]);
    }
}

void con_17(const struct variant *variant)
{
    static const double at_once[] = {0, -0.0, -1, -1e300, 1e-12};
    crew_connection orders, ins[PIPES];
    crew_waitable objects[4];
    crew_process process = launch_speaker(variant, &orders, ins, objects);
    double begin = check_now();
    for (size_t i = 0; i < COUNT(at_once); i++)
        expect_ready(objects, at_once[i], "0000");
    CHECK_SECONDS(begin, 0, 2);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        expect_ready(objects, 0.05, "0000");
    for (int i = 0; i < 100; i++) // those that end early leave nothing behind
        expect_ready(objects, 0.0001, "0000");
    begin = check_now();
    send_number(orders, 2);
    expect_ready(objects, 2 * LIMIT_S, "0001");
    CHECK_SECONDS(begin, 0, LIMIT_S);
    CHECK_INT(take_number(ins[2]), 2);
    crew_waitable both[] = {objects[3], objects[1]};
    drop(orders);
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    await(ins[2]);
    expect_ready(both, CREW_FOREVER, "11");
    CHECK_INT(finish(process), 0);
    for (int i = 0; i < PIPES; i++)
        drop(ins[i]);
}

static int wait_wrongly(void *arg)
{
    const struct ends *ends = arg;
    crew_waitable in = waitable_of(ends->in), out, objects[3] = {in, {0}, in};
    bool ready[3] = {true, true, true};
    CHECK_STATUS(crew_wait(objects, 2, ready, NULL, 0), CREW_EINVAL); // an empty one
    objects[1] = waitable_of(make_pipe().in);
    CHECK_STATUS(crew_wait(objects, 3, ready, NULL, 0), CREW_EINVAL); // one twice
    CHECK_STATUS(crew_wait(objects, 3, ready, NULL, CREW_FOREVER), CREW_EINVAL);
    objects[1].id ^= 1 << 20;
    CHECK_STATUS(crew_wait(objects, 2, ready, NULL, CREW_FOREVER), CREW_ENOENT);
    CHECK(ready[0] && ready[1] && ready[2]);
    crew_status status = crew_connection_waitable(ends->out, &out);
    if (status == CREW_OK)
        status = crew_wait(&out, 1, ready, NULL, 0);
    CHECK_INT(status, CREW_ENOTSUP);
    CHECK_STATUS(crew_wait(NULL, 0, NULL, NULL, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_wait(NULL, 0, NULL, NULL, 0), CREW_ETIMEDOUT);
    drop(ends->in);
    CHECK_STATUS(crew_wait(&in, 1, ready, NULL, CREW_FOREVER), CREW_ECLOSED);
    CHECK_STATUS(crew_wait(&in, 1, ready, NULL, 0), CREW_ECLOSED);
    return check_result();
}

void con_18(const struct variant *variant)
{
    struct ends ends = make_pipe();
    CHECK_INT(finish(launch(variant, wait_wrongly, &ends, sizeof ends)), 0);
    // Nothing of that has hurt it.
    crew_waitable in = waitable_of(ends.in);
    send_text(ends.out, "x");
    expect_ready(&in, LIMIT_S, "1");
    expect_text(ends.in, "x");
    drop_both(ends);
}

struct waiter {
    crew_waitable objects[2];
    crew_connection told;
};

static int wait_for_second(void *arg)
{
    const struct waiter *waiter = arg;
    send_text(waiter->told, "about to wait");
    expect_ready(waiter->objects, LIMIT_S, "01");
    return check_result();
}

// Whoever has a waitable may wait.
void wait_elsewhere(const struct variant *variant)
{
    struct ends pipes[2] = {make_pipe(), make_pipe()}, told = make_pipe();
    struct waiter waiter = {{waitable_of(pipes[0].in), waitable_of(pipes[1].in)}, told.out};
    crew_process process = launch(variant, wait_for_second, &waiter, sizeof waiter);
    expect_text(told.in, "about to wait");
    check_sleep(SHORT_S);
    send_text(pipes[1].out, "x");
    CHECK_INT(finish(process), 0);
    expect_ready(waiter.objects, LIMIT_S, "01");
    expect_text(pipes[1].in, "x");
    for (int i = 0; i < 2; i++)
        drop_both(pipes[i]);
    drop_both(told);
}

static int speak_soon(void *arg)
{
    check_sleep(2 * SHORT_S);
    send_text(*(crew_connection *)arg, "x");
    return check_result();
}

// Several that wait for one end, on two ranks: all hear of a message that nobody takes.
void wait_together(const struct variant *variant)
{
    struct ends ends = make_pipe(), silent = make_pipe(), told = make_pipe();
    struct variant other = beside(variant);
    struct waiter waiter = {{waitable_of(silent.in), waitable_of(ends.in)}, told.out};
    crew_process waiting[] = {launch(variant, wait_for_second, &waiter, sizeof waiter),
                              launch(&other, wait_for_second, &waiter, sizeof waiter)};
    for (size_t i = 0; i < COUNT(waiting); i++)
        expect_text(told.in, "about to wait");
    crew_process speaker = launch(&other, speak_soon, &ends.out, sizeof ends.out);
    expect_ready(waiter.objects, LIMIT_S, "01");
    for (size_t i = 0; i < COUNT(waiting); i++)
        CHECK_INT(finish(waiting[i]), 0);
    CHECK_INT(finish(speaker), 0);
    expect_text(ends.in, "x");
    drop_both(ends);
    drop_both(silent);
    drop_both(told);
}

// The last process at the other end dies while somebody waits.
void wait_for_death(const struct variant *variant)
{
    struct ends ends = make_pipe(), silent = make_pipe(), told = make_pipe();
    struct variant other = beside(variant);
    crew_process holder = launch(variant, run_until_ended, &ends.out, sizeof ends.out);
    struct waiter waiter = {{waitable_of(silent.in), waitable_of(ends.in)}, told.out};
    crew_process process = launch(&other, wait_for_second, &waiter, sizeof waiter);
    drop(ends.out);
    expect_text(told.in, "about to wait");
    check_sleep(SHORT_S);
    destroy(variant, holder);
    expect_ready(waiter.objects, CREW_FOREVER, "01");
    expect_eof(ends.in);
    CHECK_INT(finish(process), 0);
    drop(ends.in);
    drop_both(silent);
    drop_both(told);
}

static int speak_somewhere(void *arg)
{
    const crew_connection *outs = arg;
    for (int i = 0; i < MANY; i += 37) {
        check_sleep(0.005);
        send_number(outs[i], i);
        char byte;
        CHECK_STATUS(crew_recv(outs[MANY], &byte, 1, NULL, LIMIT_S), CREW_OK);
    }
    return check_result();
}

// Two hundred at a time.
void wait_many(const struct variant *variant)
{
    crew_connection ins[MANY], outs[MANY + 1];
    crew_waitable objects[MANY];
    bool ready[MANY];
    size_t count = 0;
    struct ends answers = make_pipe();
    for (int i = 0; i < MANY; i++) {
        struct ends ends = make_pipe();
        ins[i] = ends.in;
        outs[i] = ends.out;
        objects[i] = waitable_of(ends.in);
    }
    outs[MANY] = answers.in;
    crew_process process = launch(variant, speak_somewhere, outs, sizeof outs);
    for (int i = 0; i < MANY; i += 37) {
        CHECK_OK(crew_wait(objects, MANY, ready, &count, CREW_FOREVER));
        CHECK_INT(count, 1);
        CHECK(ready[i]);
        CHECK_INT(take_number(ins[i]), i);
        send_text(answers.out, "x");
    }
    CHECK_INT(finish(process), 0);
    for (int i = 0; i < MANY; i++) {
        drop(ins[i]);
        drop(outs[i]);
    }
    drop_both(answers);
}

// Signals

static atomic_int caught;

static void note_signal(int number)
{
    (void)number;
    caught++;
}

struct pesterer {
    pthread_t victim;
    atomic_bool stop;
};

static void *pester(void *arg)
{
    struct pesterer *pesterer = arg;
    while (!pesterer->stop) {
        pthread_kill(pesterer->victim, SIGUSR2);
        check_sleep(0.002);
    }
    return NULL;
}

static void wait_in_each_way(const struct ends *ends)
{
    crew_waitable in = waitable_of(ends->in);
    char byte;
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.15);) {
        CHECK_STATUS(crew_recv(ends->in, &byte, 1, NULL, 0.05), CREW_ETIMEDOUT);
        CHECK_STATUS(crew_poll(ends->in, 0.05), CREW_ETIMEDOUT);
        expect_ready(&in, 0.05, "0");
    }
    send_text(ends->out, "go");
    expect_text(ends->in, "first");
    send_text(ends->out, "go");
    await(ends->in);
    expect_text(ends->in, "second");
    send_text(ends->out, "go");
    expect_ready(&in, CREW_FOREVER, "1");
    expect_filled(ends->in, 1 << 20, 1);
    for (unsigned i = 0; i < 40; i++)
        send_filled(ends->out, EAGER, i);
    send_filled(ends->out, 1 << 20, 2);
}

static int wait_pestered(void *arg)
{
    struct sigaction action = {.sa_handler = note_signal}, before;
    struct pesterer pesterer = {.victim = pthread_self()};
    pthread_t thread;
    caught = 0;
    sigaction(SIGUSR2, &action, &before);
    if (!CHECK(pthread_create(&thread, NULL, pester, &pesterer) == 0))
        return 1;
    wait_in_each_way(arg);
    pesterer.stop = true;
    pthread_join(thread, NULL);
    sigaction(SIGUSR2, &before, NULL);
    CHECK(caught > 10);
    return check_result();
}

void con_15(const struct variant *variant)
{
    struct ends there = make_pipe(), back = make_pipe(), theirs = {there.in, back.out};
    crew_process process = launch(variant, wait_pestered, &theirs, sizeof theirs);
    drop_both(theirs);
    static const char *const texts[] = {"first", "second"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        expect_text(back.in, "go");
        check_sleep(SHORT_S);
        send_text(there.out, texts[i]);
    }
    expect_text(back.in, "go");
    check_sleep(SHORT_S);
    send_filled(there.out, 1 << 20, 1);
    check_sleep(SHORT_S); // it cannot go on: the pipe is full
    for (unsigned i = 0; i < 40; i++)
        expect_filled(back.in, EAGER, i);
    check_sleep(SHORT_S);
    expect_filled(back.in, 1 << 20, 2);
    CHECK_INT(finish(process), 0);
    drop(there.out);
    expect_eof(back.in);
    drop(back.in);
}
