/* SPDX-License-Identifier: BSD-3-Clause */
/* What a child can write into its port: records that are no parts of a frame, and anything at all.
 */
#include "base/clock.h"
#include "port_pair.h"
#include "processes.h"
#include "unit.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void put(uint32_t type, const void *bytes, uint32_t size)
{
    bool corrupt = false;
    void *room = crewi_ring_reserve(&child.out, size, &corrupt);
    assert_non_null(room);
    memcpy(room, bytes, size);
    crewi_ring_commit(&child.out, type, size);
}

/* A header and some bytes of its payload. */
static void put_first(uint32_t type, const struct crewi_header *header, uint32_t part)
{
    unsigned char bytes[1024] = {0};
    memcpy(bytes, header, sizeof *header);
    put(type, bytes, (uint32_t)sizeof *header + part);
}

static void again(void)
{
    end_ports(NULL);
    assert_int_equal(begin_ports(NULL), 0);
}

/* Nothing comes of it, now and later, and the frame that was begun is not leaked. */
static void expect_refused(void)
{
    struct crewi_frame *frame = NULL;
    assert_int_equal(crewi_port_receive(&rank, &frame), -1);
    assert_int_equal(crewi_port_receive(&rank, &frame), -1);
    assert_null(frame);
    again();
}

static void records_that_are_no_frame(void **state)
{
    const struct crewi_header good = {
        .version = CREWI_FRAME_VERSION, .type = CREWI_NOTE, .size = 100};
    struct crewi_header bad;
    (void)state;
    put(CREWI_RECORD_WHOLE, "short", 5);
    expect_refused();
    put(CREWI_RECORD_WHOLE, &good, sizeof good - 1);
    expect_refused();
    put_first(4, &good, 100); /* no such record */
    expect_refused();
    put_first(UINT32_MAX, &good, 100);
    expect_refused();
    put_first(CREWI_RECORD_WHOLE, &good, 99);
    expect_refused();
    put_first(CREWI_RECORD_WHOLE, &good, 101);
    expect_refused();
    put_first(CREWI_RECORD_FIRST, &good, 100); /* it would be whole */
    expect_refused();
    put_first(CREWI_RECORD_FIRST, &good, 101);
    expect_refused();
    bad = good;
    bad.version++;
    put_first(CREWI_RECORD_WHOLE, &bad, 100);
    expect_refused();
    bad = good;
    bad.type = 77;
    put_first(CREWI_RECORD_WHOLE, &bad, 100);
    expect_refused();
    bad = good;
    bad.size = CREWI_FRAME_LIMIT + 1;
    put_first(CREWI_RECORD_FIRST, &bad, 100);
    expect_refused();
    bad.size = UINT64_MAX;
    put_first(CREWI_RECORD_FIRST, &bad, 100);
    expect_refused();
}

static void parts_that_do_not_fit(void **state)
{
    static const unsigned char bytes[200];
    const struct crewi_header good = {
        .version = CREWI_FRAME_VERSION, .type = CREWI_NOTE, .size = 100};
    (void)state;
    put(CREWI_RECORD_MORE, bytes, 10); /* of nothing */
    expect_refused();
    put_first(CREWI_RECORD_FIRST, &good, 40);
    put(CREWI_RECORD_MORE, bytes, 61);
    expect_refused();
    put_first(CREWI_RECORD_FIRST, &good, 40);
    put(CREWI_RECORD_MORE, bytes, 59);
    put(CREWI_RECORD_MORE, bytes, 2);
    expect_refused();
    put_first(CREWI_RECORD_FIRST, &good, 40);
    put_first(CREWI_RECORD_WHOLE, &good, 100); /* before the other one was complete */
    expect_refused();
    put_first(CREWI_RECORD_FIRST, &good, 40);
    put_first(CREWI_RECORD_FIRST, &good, 40);
    expect_refused();
    put_first(CREWI_RECORD_FIRST, &good, 40);
    put(CREWI_RECORD_MORE, bytes, 0); /* it could go on like that for ever */
    expect_refused();

    struct crewi_frame *frame;
    put_first(CREWI_RECORD_FIRST, &good, 0);
    assert_int_equal(crewi_port_receive(&rank, &frame), 0);
    put(CREWI_RECORD_MORE, bytes, 100);
    assert_int_equal(crewi_port_receive(&rank, &frame), 1);
    assert_memory_equal(&frame->header, &good, sizeof good);
    crewi_frame_destroy(frame);
}

/* The size of a frame is what the child says; memory there is for what it has sent. */
static void an_announced_size(void **state)
{
    static const unsigned char bytes[60000];
    struct crewi_header header = {
        .version = CREWI_FRAME_VERSION, .type = CREWI_NOTE, .size = CREWI_FRAME_LIMIT};
    struct crewi_frame *frame;
    (void)state;
    put_first(CREWI_RECORD_FIRST, &header, 40);
    assert_int_equal(crewi_port_receive(&rank, &frame), 0);
    assert_true(rank.incoming.room <= 1 << 20);
    for (int i = 0; i < 100; i++) {
        put(CREWI_RECORD_MORE, bytes, sizeof bytes);
        assert_int_equal(crewi_port_receive(&rank, &frame), 0);
        assert_true(rank.incoming.room >= rank.incoming.filled);
        assert_true(rank.incoming.room <= 2 * rank.incoming.filled + (1 << 20));
    }
}

static void positions_that_cannot_be(void **state)
{
    struct crewi_frame *frame = filled_frame(10, 1), *in;
    (void)state;
    child.shared->to_rank.head = 7;
    expect_refused();
    assert_int_equal(crewi_port_send(&rank, frame), 1);
    child.shared->to_child.tail = 1u << 30;
    assert_int_equal(crewi_port_send(&rank, frame), -1);
    again();
    child.shared->magic = 0; /* nothing that the rank looks at again */
    assert_int_equal(crewi_port_send(&rank, frame), 1);
    assert_int_equal(crewi_port_receive(&rank, &in), 0);
    crewi_frame_destroy(frame);
}

/* A child that writes at random, while the rank sends and receives. */

static _Noreturn void scribble(uint64_t seed)
{
    struct stat info;
    unsigned char *memory = (unsigned char *)child.shared;
    if (fstat(port_fd, &info))
        _exit(1);
    uint64_t size = (uint64_t)info.st_size;
    for (;;) {
        uint64_t at = unit_random_below(&seed, 2) ? unit_random_below(&seed, 8192)
                                                  : unit_random_below(&seed, size);
        if (unit_random_below(&seed, 100) == 0)
            memory[at] = (unsigned char)unit_random(&seed);
        struct crewi_header header = {.version = CREWI_FRAME_VERSION,
                                      .type = CREWI_NOTE,
                                      .size = unit_random_below(&seed, 500)};
        bool corrupt;
        unsigned char *room = crewi_ring_reserve(&child.out, 600, &corrupt);
        if (!room)
            continue;
        memcpy(room, &header, sizeof header);
        bool whole = unit_random_below(&seed, 20) > 0;
        crewi_ring_commit(&child.out,
                          whole ? CREWI_RECORD_WHOLE : (uint32_t)unit_random_below(&seed, 5),
                          (uint32_t)(sizeof header + header.size));
    }
}

static void a_child_that_scribbles(void **state)
{
    unsigned refused = 0, received = 0;
    (void)state;
    for (uint64_t round = 1; round <= 50; round++) {
        struct crewi_frame *out = filled_frame(5000, 1), *in;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            scribble(round);
        int found = 0;
        for (int64_t end_ns = crewi_now_ns() + 10 * CREWI_MILLISECOND;
             crewi_now_ns() < end_ns && found >= 0;) {
            found = crewi_port_receive(&rank, &in);
            if (found == 1) {
                assert_int_equal(crewi_header_check(&in->header), CREW_OK);
                crewi_frame_destroy(in);
                received++;
            }
            if (crewi_port_send(&rank, out) < 0)
                found = -1;
            crewi_port_wake_child(&rank, CREWI_WAIT_FRAME);
        }
        refused += found < 0;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        uint32_t size;
        uint64_t progress;
        unsigned char *draft = crewi_port_draft_copy(&rank, &size, &progress);
        assert_true(!draft || size <= CREWI_PORT_DRAFT_SIZE);
        free(draft);
        crewi_frame_destroy(out);
        again();
    }
    assert_true(refused > 10);
    assert_true(received > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_ports, end_ports)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(records_that_are_no_frame), TEST(parts_that_do_not_fit),  TEST(an_announced_size),
        TEST(positions_that_cannot_be),  TEST(a_child_that_scribbles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
