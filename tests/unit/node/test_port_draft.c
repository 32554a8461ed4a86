/* SPDX-License-Identifier: BSD-3-Clause */
/* Drafts: what a rank finds of a child that was killed in the middle. */
#include "port_pair.h"
#include "processes.h"
#include "unit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *copy(uint32_t *size, uint64_t *progress)
{
    return crewi_port_draft_copy(&rank, size, progress);
}

static void only_between_begin_and_end(void **state)
{
    uint32_t size = 7;
    uint64_t progress = 7;
    (void)state;
    assert_null(copy(&size, &progress));
    unsigned char *area = crewi_port_draft(&child);
    assert_int_equal((uintptr_t)area % 64, 0);
    memset(area, 'a', CREWI_PORT_DRAFT_SIZE);
    assert_null(copy(&size, &progress));
    assert_int_equal(size, 7);
    assert_int_equal(progress, 7);

    crewi_port_draft_begin(&child, 1000);
    unsigned char *draft = copy(&size, &progress);
    assert_non_null(draft);
    assert_int_equal(size, 1000);
    assert_int_equal(progress, 0);
    assert_memory_equal(draft, area, 1000);
    free(draft);

    crewi_port_draft_advance(&child, UINT64_MAX);
    free(copy(&size, &progress));
    assert_true(progress == UINT64_MAX);
    crewi_port_draft_begin(&child, CREWI_PORT_DRAFT_SIZE); /* the next one: from the front again */
    draft = copy(&size, &progress);
    assert_int_equal(size, CREWI_PORT_DRAFT_SIZE);
    assert_int_equal(progress, 0);
    assert_memory_equal(draft, area, CREWI_PORT_DRAFT_SIZE);
    free(draft);
    crewi_port_draft_end(&child);
    assert_null(copy(&size, &progress));
}

static void of_no_bytes(void **state)
{
    uint32_t size = 7;
    uint64_t progress;
    (void)state;
    crewi_port_draft_begin(&child, 0);
    void *draft = copy(&size, &progress);
    assert_non_null(draft);
    assert_int_equal(size, 0);
    free(draft);
}

static void a_size_that_cannot_be(void **state)
{
    uint32_t size;
    uint64_t progress;
    (void)state;
    crewi_port_draft_begin(&child, CREWI_PORT_DRAFT_SIZE + 1);
    assert_null(copy(&size, &progress));
    crewi_port_draft_begin(&child, UINT32_MAX);
    assert_null(copy(&size, &progress));
}

static void frames_do_not_touch_it(void **state)
{
    uint32_t size;
    uint64_t progress;
    (void)state;
    unsigned char *area = crewi_port_draft(&child);
    memset(area, 'd', CREWI_PORT_DRAFT_SIZE);
    crewi_port_draft_begin(&child, CREWI_PORT_DRAFT_SIZE);
    struct crewi_frame *frame = filled_frame(1024 * 1024, 5);
    assert_int_equal(crewi_port_send(&child, frame), 0); /* rings full to the brim */
    rank.sent = 0;
    assert_int_equal(crewi_port_send(&rank, frame), 0);
    crewi_frame_destroy(frame);
    unsigned char *draft = copy(&size, &progress);
    for (uint32_t i = 0; i < size; i++)
        assert_int_equal(draft[i], 'd');
    free(draft);
}

#define ENTRIES 2000

/* Entry by entry, each one said to be done when it is; draft after draft. */
static _Noreturn void work(_Atomic int *begun)
{
    uint64_t *entries = crewi_port_draft(&child);
    for (uint64_t round = 1;; round++) {
        memset(entries, 0, (1 + ENTRIES) * sizeof *entries);
        entries[0] = round;
        crewi_port_draft_begin(&child, (1 + ENTRIES) * sizeof *entries);
        for (uint64_t i = 0; i < ENTRIES; i++) {
            entries[1 + i] = round * 1000003 + i;
            crewi_port_draft_advance(&child, i + 1);
        }
        crewi_port_draft_end(&child);
        atomic_store(begun, 1);
    }
}

static void killed_in_between(void **state)
{
    _Atomic int *begun = shared_memory(sizeof *begun);
    unsigned found = 0, in_between = 0;
    uint64_t seed = 5;
    (void)state;
    for (int round = 0; round < 100; round++) {
        atomic_store(begun, 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            work(begun);
        assert_true(becomes_set(begun));
        usleep((useconds_t)unit_random_below(&seed, 300));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        uint32_t size;
        uint64_t progress;
        uint64_t *draft = copy(&size, &progress);
        if (draft) {
            found++;
            assert_int_equal(size, (1 + ENTRIES) * sizeof *draft);
            assert_true(progress <= ENTRIES);
            in_between += progress > 0 && progress < ENTRIES;
            for (uint64_t i = 0; i < progress; i++)
                assert_int_equal(draft[1 + i], draft[0] * 1000003 + i);
            free(draft);
        }
        crewi_port_draft_end(&child);
    }
    assert_true(found > 20);
    assert_true(in_between > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_ports, end_ports)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_between_begin_and_end), TEST(of_no_bytes),       TEST(a_size_that_cannot_be),
        TEST(frames_do_not_touch_it),     TEST(killed_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
