/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames through a port: whole and in parts, both ways, in one process and between two. */
#include "base/clock.h"
#include "port_pair.h"
#include "processes.h"
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Moves one frame from side to side, in as many turns as it takes. */
static int carry(struct crewi_port *from, struct crewi_port *to, uint64_t size, uint64_t seed)
{
    struct crewi_frame *out = filled_frame(size, seed), *in = NULL;
    int turns = 0, sent, found;
    assert_non_null(out);
    do {
        sent = crewi_port_send(from, out);
        assert_in_range(sent, 0, 1);
        found = crewi_port_receive(to, &in);
        assert_in_range(found, 0, sent);
        turns++;
    } while (!found);
    assert_int_equal(sent, 1);
    assert_true(is_filled(in, size, seed));
    assert_memory_equal(&in->header, &out->header, sizeof in->header);
    assert_int_equal(crewi_port_receive(to, &in), 0);
    crewi_frame_destroy(in);
    crewi_frame_destroy(out);
    return turns;
}

static void sizes_around_the_parts(void **state)
{
    uint64_t limit = crewi_ring_record_limit(CREWI_PORT_RING_SIZE),
             header = sizeof(struct crewi_header);
    const uint64_t sizes[] = {0, 1, 15, 16, 17, 63, 64, 1000, 4096};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_int_equal(carry(&child, &rank, sizes[i], i), 1);
        assert_int_equal(carry(&rank, &child, sizes[i], i), 1);
    }
    for (uint64_t parts = 1; parts <= 3; parts++) {
        for (uint64_t size = parts * limit - header - 20; size < parts * limit - header + 20;
             size++) {
            carry(&child, &rank, size, size);
            carry(&rank, &child, size, size);
        }
    }
}

static void more_than_the_ring(void **state)
{
    (void)state;
    assert_true(carry(&child, &rank, 3 * 1024 * 1024 + 5, 1) > 5);
    assert_true(carry(&rank, &child, 5 * 1024 * 1024, 2) > 5);
    for (uint64_t size = CREWI_PORT_RING_SIZE - 300; size < CREWI_PORT_RING_SIZE + 300; size += 7)
        carry(&child, &rank, size, size);
}

static void many_at_once_in_order(void **state)
{
    uint64_t sent_count = 0, received = 0;
    (void)state;
    for (int round = 0; round < 50; round++) {
        for (;;) {
            struct crewi_frame *frame = filled_frame(sent_count % 300, sent_count);
            int sent = crewi_port_send(&child, frame);
            crewi_frame_destroy(frame);
            if (!sent) /* small ones go whole, or not at all */
                break;
            assert_int_equal(sent, 1);
            sent_count++;
        }
        assert_true(sent_count - received > 500);
        struct crewi_frame *frame;
        for (uint64_t left = (uint64_t)round * 20; received < sent_count - left; received++) {
            assert_int_equal(crewi_port_receive(&rank, &frame), 1);
            assert_true(is_filled(frame, received % 300, received));
            crewi_frame_destroy(frame);
        }
    }
}

/* What was half received is dropped with the port. */
static void detach_in_the_middle(void **state)
{
    struct crewi_frame *frame = filled_frame(1024 * 1024, 1), *in;
    (void)state;
    assert_int_equal(crewi_port_send(&child, frame), 0);
    assert_int_equal(crewi_port_receive(&rank, &in), 0);
    assert_non_null(rank.incoming.frame);
    crewi_frame_destroy(frame);
}

static void not_a_port(void **state)
{
    struct crewi_port port;
    int other;
    (void)state;
    assert_int_equal(crewi_port_create(&other), CREW_OK);
    assert_int_equal(crewi_port_attach(&port, other, true),
                     CREW_EPROTO); /* the rank was not there */
    assert_int_equal(crewi_port_attach(&port, other, false), CREW_OK);
    port.shared->version++;
    crewi_port_detach(&port);
    crewi_port_detach(&port);
    close(other);
    assert_int_equal(crewi_port_attach(&port, -1, false), CREW_ESYSTEM);
}

/* Between two processes */

#define FRAMES 400

static uint64_t size_of(uint64_t i)
{
    uint64_t seed = i + 1;
    unit_random(&seed);
    if (i % 100 == 50)
        return 2 * 1024 * 1024 + unit_random_below(&seed, 100000);
    return unit_random_below(&seed, i % 10 ? 2000 : 200000);
}

/* Sends each frame back. */
static _Noreturn void echo(int fd, struct crewi_bell *bell)
{
    struct child_side side = {.bell = bell, .slot = 70};
    if (crewi_port_attach(&side.port, fd, true))
        _exit(98);
    for (uint64_t i = 0; i < FRAMES; i++) {
        struct crewi_frame *frame = child_receive(&side);
        if (!is_filled(frame, size_of(i), i))
            _exit(97);
        child_send(&side, frame);
    }
    _exit(0);
}

struct progress {
    struct crewi_frame *out;
    uint64_t sent, received;
};

static bool send_some(struct progress *progress)
{
    bool any = false;
    while (progress->sent < FRAMES) {
        if (!progress->out)
            progress->out = filled_frame(size_of(progress->sent), progress->sent);
        int sent = crewi_port_send(&rank, progress->out);
        assert_in_range(sent, 0, 1);
        if (!sent)
            break;
        crewi_frame_destroy(progress->out);
        progress->out = NULL;
        progress->sent++;
        any = true;
    }
    return any;
}

static bool move(struct progress *progress)
{
    bool any = send_some(progress);
    atomic_store(&rank.shared->rank_waits, progress->sent < FRAMES);
    /* The child may have made room, and looked at the word, before it was set. */
    atomic_thread_fence(memory_order_seq_cst);
    any |= send_some(progress);
    crewi_port_wake_child(&rank, CREWI_WAIT_FRAME);
    uint64_t tail = rank.in.tail;
    struct crewi_frame *in;
    int found;
    while ((found = crewi_port_receive(&rank, &in)) == 1) {
        assert_true(is_filled(in, size_of(progress->received), progress->received));
        progress->received++;
        crewi_frame_destroy(in);
    }
    assert_int_equal(found, 0);
    if (rank.in.tail == tail)
        return any;
    crewi_port_wake_child(&rank, CREWI_WAIT_ROOM);
    return true;
}

static void both_ways_between_processes(void **state)
{
    struct crewi_bell *bell;
    struct progress progress = {0};
    int bell_fd;
    (void)state;
    assert_int_equal(crewi_bell_create(&bell, &bell_fd), CREW_OK);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        echo(port_fd, bell);
    while (progress.received < FRAMES) {
        int64_t end = crewi_now_ns() + LOST_NS;
        crewi_bell_answer(bell);
        if (move(&progress))
            continue;
        crewi_bell_sleep(bell, CREWI_BELL_SERVICE, end);
        assert_true(crewi_now_ns() < end);
    }
    assert_int_equal(atomic_load(&bell->ports[1]), 1 << 6);
    assert_int_equal(exit_code_of(pid), 0);
    crewi_bell_detach(bell);
    close(bell_fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_ports, end_ports)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sizes_around_the_parts), TEST(more_than_the_ring), TEST(many_at_once_in_order),
        TEST(detach_in_the_middle),   TEST(not_a_port),         TEST(both_ways_between_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
