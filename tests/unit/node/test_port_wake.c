/* SPDX-License-Identifier: BSD-3-Clause */
/* Wake-ups through a port are never lost: both sides sleep for ten seconds if one is. */
#include "base/clock.h"
#include "node/port.h"
#include "processes.h"
#include "unit.h"

#include <unistd.h>

#define ROUNDS 100000

static struct crewi_port rank;
static struct crewi_bell *bell;
static int fd, bell_fd;

static int begin(void **state)
{
    (void)state;
    return crewi_port_create(&fd) || crewi_port_attach(&rank, fd, false) ||
           crewi_bell_create(&bell, &bell_fd);
}

static int end(void **state)
{
    (void)state;
    crewi_port_detach(&rank);
    crewi_bell_detach(bell);
    return close(fd) || close(bell_fd);
}

/* The next frame for the rank, asleep until it comes. */
static struct crewi_frame *rank_receive(void)
{
    int64_t end_ns = crewi_now_ns() + LOST_NS;
    struct crewi_frame *frame;
    for (;;) {
        crewi_bell_answer(bell);
        uint64_t tail = rank.in.tail;
        int found = crewi_port_receive(&rank, &frame);
        assert_in_range(found, 0, 1);
        if (rank.in.tail != tail)
            crewi_port_wake_child(&rank, CREWI_WAIT_ROOM);
        if (found)
            return frame;
        crewi_bell_sleep(bell, CREWI_BELL_SERVICE, end_ns);
        assert_true(crewi_now_ns() < end_ns);
    }
}

static pid_t start(void (*child_main)(struct child_side *side))
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid)
        return pid;
    struct child_side side = {.bell = bell};
    if (crewi_port_attach(&side.port, fd, true))
        _exit(98);
    child_main(&side);
    _exit(0);
}

static void answer(struct child_side *side)
{
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct crewi_frame *frame = child_receive(side);
        if (!is_filled(frame, i % 20, i))
            _exit(97);
        child_send(side, frame);
    }
}

static void there_and_back(void **state)
{
    (void)state;
    pid_t pid = start(answer);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct crewi_frame *frame = filled_frame(i % 20, i);
        assert_int_equal(crewi_port_send(&rank, frame), 1);
        crewi_frame_destroy(frame);
        crewi_port_wake_child(&rank, CREWI_WAIT_FRAME);
        frame = rank_receive();
        assert_true(is_filled(frame, i % 20, i));
        crewi_frame_destroy(frame);
    }
    assert_int_equal(exit_code_of(pid), 0);
}

#define FLOOD 3000

/* More than fits, all the time: the child sleeps for room. */
static void flood(struct child_side *side)
{
    for (uint64_t i = 0; i < FLOOD; i++)
        child_send(side, filled_frame(30000 + i, i));
}

static void room_for_more(void **state)
{
    (void)state;
    pid_t pid = start(flood);
    for (uint64_t i = 0; i < FLOOD; i++) {
        struct crewi_frame *frame = rank_receive();
        assert_true(is_filled(frame, 30000 + i, i));
        crewi_frame_destroy(frame);
    }
    assert_int_equal(exit_code_of(pid), 0);
}

/* A child that is woken for the one thing does not take it for the other. */
static void two_reasons_to_sleep(void **state)
{
    (void)state;
    atomic_store(&rank.shared->child_sleeps[CREWI_WAIT_FRAME], 1);
    atomic_store(&rank.shared->child_sleeps[CREWI_WAIT_ROOM], 1);
    crewi_port_wake_child(&rank, CREWI_WAIT_ROOM);
    assert_int_equal(atomic_load(&rank.shared->child_sleeps[CREWI_WAIT_FRAME]), 1);
    assert_int_equal(atomic_load(&rank.shared->child_sleeps[CREWI_WAIT_ROOM]), 0);
    int64_t before = crewi_now_ns();
    crewi_port_child_sleep(&rank, CREWI_WAIT_ROOM, before + LOST_NS); /* woken since prepare */
    assert_true(crewi_now_ns() < before + LOST_NS);
    before = crewi_now_ns();
    crewi_port_child_sleep(&rank, CREWI_WAIT_FRAME, before + 20 * CREWI_MILLISECOND);
    assert_in_range(crewi_now_ns() - before, 20 * CREWI_MILLISECOND, CREWI_SECOND);
    assert_int_equal(atomic_load(&rank.shared->child_sleeps[CREWI_WAIT_FRAME]), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(there_and_back),
        TEST(room_for_more),
        TEST(two_reasons_to_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
