/* SPDX-License-Identifier: BSD-3-Clause */
/* Which limit a process is over, told of this one, and when it is to be looked at again. */
#include "base/clock.h"
#include "node/limits.h"
#include "unit.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS CREWI_MILLISECOND
#define MIB ((uint64_t)1 << 20)
#define NOBODY ((1 << 22) + 1) /* beyond the kernel's largest */

static int64_t used_cpu_ns(void)
{
    struct timespec used;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
    return used.tv_sec * CREWI_SECOND + used.tv_nsec;
}

static void spin_until(int64_t cpu_ns)
{
    while (used_cpu_ns() <= cpu_ns)
        ;
}

static crew_end_cause check(const struct crewi_limits *limits, int64_t age_ns)
{
    return crewi_limits_check(limits, getpid(), age_ns);
}

/* A limit may be a part of a second, or more than one: both parts of the clock count. */
static void processor_time(void **state)
{
    (void)state;
    for (int64_t cpu_ns = 20 * MS; cpu_ns <= 1020 * MS; cpu_ns += 500 * MS) {
        const struct crewi_limits limits = {.cpu_ns = cpu_ns},
                                  wide = {.cpu_ns = 3600 * CREWI_SECOND};
        spin_until(cpu_ns);
        assert_int_equal(check(&limits, 0), CREW_END_CPU_LIMIT);
        assert_int_equal(check(&wide, 0), CREW_END_NONE);
    }
}

static void resident_memory(void **state)
{
    const struct crewi_limits limits = {.memory = 1}, wide = {.memory = (uint64_t)1 << 40};
    (void)state;
    assert_int_equal(check(&limits, 0), CREW_END_MEMORY_LIMIT);
    assert_int_equal(check(&wide, 0), CREW_END_NONE);
}

static void age(void **state)
{
    const struct crewi_limits limits = {.wall_ns = 50 * MS};
    (void)state;
    assert_int_equal(check(&limits, 50 * MS - 1), CREW_END_NONE);
    assert_int_equal(check(&limits, 50 * MS), CREW_END_WALL_LIMIT);
}

static void none(void **state)
{
    const struct crewi_limits limits = {0};
    (void)state;
    assert_int_equal(check(&limits, INT64_MAX), CREW_END_NONE);
    assert_true(crewi_limits_next(&limits, INT64_MAX) == INT64_MAX);
}

/* Of one that is over several, the first; and of one that is gone only its age is known. */
static void several(void **state)
{
    struct crewi_limits limits = {.memory = 1, .cpu_ns = 1, .wall_ns = 1};
    (void)state;
    assert_int_equal(check(&limits, 1), CREW_END_MEMORY_LIMIT);
    limits.memory = 0;
    assert_int_equal(check(&limits, 1), CREW_END_CPU_LIMIT);
    limits.memory = MIB;
    assert_int_equal(crewi_limits_check(&limits, NOBODY, 0), CREW_END_NONE);
    assert_int_equal(crewi_limits_check(&limits, NOBODY, 1), CREW_END_WALL_LIMIT);
}

/* At its end, or earlier where there is something to measure. */
static void the_next_look(void **state)
{
    const struct crewi_limits wall = {.wall_ns = 50 * MS}, cpu = {.cpu_ns = 1},
                              memory = {.memory = 1}, both = {.memory = 1, .wall_ns = 50 * MS};
    (void)state;
    assert_int_equal(crewi_limits_next(&wall, 0), 50 * MS);
    assert_int_equal(crewi_limits_next(&wall, 49 * MS), MS);
    assert_int_equal(crewi_limits_next(&wall, 50 * MS), 0);
    assert_int_equal(crewi_limits_next(&wall, 70 * MS), 0);
    int64_t look_ns = crewi_limits_next(&cpu, 0);
    assert_in_range(look_ns, MS, 100 * MS); /* while it spins, little is lost */
    assert_int_equal(crewi_limits_next(&cpu, CREWI_SECOND), look_ns);
    assert_int_equal(crewi_limits_next(&memory, 0), look_ns);
    assert_int_equal(crewi_limits_next(&both, 0), look_ns);
    assert_int_equal(crewi_limits_next(&both, 49 * MS), MS);
}

/* The kernel's limit of processor time is two seconds later than ours. */
static void the_kernels_limit(void **state)
{
    const struct crewi_limits limits = {.cpu_ns = 3500 * MS};
    int status;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct rlimit now;
        crewi_limits_apply(&limits);
        _exit(getrlimit(RLIMIT_CPU, &now) ? 99 : (int)now.rlim_cur);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processor_time),
        cmocka_unit_test(resident_memory),
        cmocka_unit_test(age),
        cmocka_unit_test(none),
        cmocka_unit_test(several),
        cmocka_unit_test(the_next_look),
        cmocka_unit_test(the_kernels_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
