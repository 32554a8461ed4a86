/* SPDX-License-Identifier: BSD-3-Clause */
/* Cores of topologies that we do not own, and of this one. */
#include "affinity/affinity.h"
#include "base/error.h"
#include "unit.h"

#include <sched.h>
#include <string.h>

static struct crewi_affinity *synthetic(const char *description)
{
    struct crewi_affinity *affinity = NULL;
    assert_int_equal(crewi_affinity_create_synthetic(&affinity, description), CREW_OK);
    assert_non_null(affinity);
    return affinity;
}

static uint64_t cpus_of(const struct crewi_affinity *affinity, int core)
{
    uint64_t cpus[16];
    memset(cpus, 0xff, sizeof cpus);
    crewi_affinity_core_cpus(affinity, core, cpus, 16);
    for (int i = 1; i < 16; i++)
        assert_int_equal(cpus[i], 0);
    return cpus[0];
}

static void two_packages(void **state)
{
    struct crewi_cores cores;
    (void)state;
    struct crewi_affinity *affinity = synthetic("package:2 core:4 pu:2");
    crewi_affinity_allowed(affinity, &cores);
    assert_int_equal(crewi_cores_count(&cores), 8);
    for (int n = 0; n < 8; n++) {
        assert_int_equal(crewi_cores_nth(&cores, n), n);
        assert_int_equal(cpus_of(affinity, n), (uint64_t)3 << 2 * n);
    }
    assert_int_equal(crewi_cores_nth(&cores, 8), -1);
    assert_int_equal(crewi_cores_nth(&cores, -1), -1);
    assert_int_equal(cpus_of(affinity, 8), 0);
    assert_int_equal(cpus_of(affinity, -1), 0);
    assert_int_equal(cpus_of(affinity, 1000000), 0);
    crewi_affinity_destroy(affinity);
}

static void one_core(void **state)
{
    static const char *const descriptions[] = {"core:1 pu:1", "package:1 core:1 pu:1"};
    (void)state;
    for (size_t i = 0; i < sizeof descriptions / sizeof *descriptions; i++) {
        struct crewi_cores cores;
        struct crewi_affinity *affinity = synthetic(descriptions[i]);
        crewi_affinity_allowed(affinity, &cores);
        assert_int_equal(crewi_cores_count(&cores), 1);
        assert_int_equal(crewi_cores_nth(&cores, 0), 0);
        assert_int_equal(cpus_of(affinity, 0), 1);
        crewi_affinity_destroy(affinity);
    }
}

/* What some virtual machines say of themselves: processing units, and no cores. */
static void units_without_cores(void **state)
{
    struct crewi_cores cores;
    (void)state;
    struct crewi_affinity *affinity = synthetic("pu:3");
    crewi_affinity_allowed(affinity, &cores);
    assert_int_equal(crewi_cores_count(&cores), 3);
    for (int n = 0; n < 3; n++) {
        assert_int_equal(crewi_cores_nth(&cores, n), n);
        assert_int_equal(cpus_of(affinity, n), (uint64_t)1 << n);
    }
    crewi_affinity_destroy(affinity);
}

static void kernel_numbers_that_jump(void **state)
{
    struct crewi_cores cores;
    (void)state;
    struct crewi_affinity *affinity = synthetic("package:1 core:2 pu:2(indexes=0,2,1,3)");
    crewi_affinity_allowed(affinity, &cores);
    assert_int_equal(crewi_cores_count(&cores), 2);
    assert_int_equal(cpus_of(affinity, 0), 1 << 0 | 1 << 2);
    assert_int_equal(cpus_of(affinity, 1), 1 << 1 | 1 << 3);
    crewi_affinity_destroy(affinity);
}

static void more_than_a_word(void **state)
{
    struct crewi_cores cores;
    uint64_t cpus[2];
    (void)state;
    struct crewi_affinity *affinity = synthetic("package:2 core:50 pu:1");
    crewi_affinity_allowed(affinity, &cores);
    assert_int_equal(crewi_cores_count(&cores), 100);
    assert_int_equal(crewi_cores_nth(&cores, 99), 99);
    crewi_affinity_core_cpus(affinity, 70, cpus, 2);
    assert_int_equal(cpus[0], 0);
    assert_int_equal(cpus[1], (uint64_t)1 << 6);
    crewi_affinity_core_cpus(affinity, 70, cpus, 1); /* no room for that number */
    assert_int_equal(cpus[0], 0);
    crewi_affinity_destroy(affinity);
}

static void more_than_the_limit(void **state)
{
    struct crewi_cores cores;
    (void)state;
    struct crewi_affinity *affinity = synthetic("core:1100 pu:1");
    crewi_affinity_allowed(affinity, &cores);
    assert_int_equal(crewi_cores_count(&cores), CREWI_CORE_LIMIT);
    assert_int_equal(crewi_cores_nth(&cores, CREWI_CORE_LIMIT - 1), CREWI_CORE_LIMIT - 1);
    assert_int_equal(crewi_cores_nth(&cores, CREWI_CORE_LIMIT), -1);
    crewi_affinity_destroy(affinity);
}

static void sets_with_holes(void **state)
{
    struct crewi_cores cores = {{0}};
    (void)state;
    assert_int_equal(crewi_cores_count(&cores), 0);
    assert_int_equal(crewi_cores_nth(&cores, 0), -1);
    static const int members[] = {3, 63, 64, 127, 500, 1023};
    for (int i = 0; i < 6; i++)
        cores.bits[members[i] / 64] |= (uint64_t)1 << members[i] % 64;
    assert_int_equal(crewi_cores_count(&cores), 6);
    for (int i = 0; i < 6; i++)
        assert_int_equal(crewi_cores_nth(&cores, i), members[i]);
    assert_int_equal(crewi_cores_nth(&cores, 6), -1);
}

static void bad_descriptions(void **state)
{
    static const char *const bad[] = {"nonsense", "package:0", "core:2 pu:", "pu:2 core:2"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct crewi_affinity *affinity = (void *)state;
        assert_int_equal(crewi_affinity_create_synthetic(&affinity, bad[i]), CREW_EINVAL);
        assert_ptr_equal(affinity, state);
        assert_non_null(strstr(crew_error_message(), bad[i]));
    }
    crewi_affinity_destroy(NULL);
}

static void this_host(void **state)
{
    struct crewi_affinity *affinity;
    struct crewi_cores all, one;
    cpu_set_t before, set, core_set;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(crewi_affinity_create(&affinity), CREW_OK);
    crewi_affinity_allowed(affinity, &all);
    assert_in_range(crewi_cores_count(&all), 1, CPU_COUNT(&before));

    uint64_t cpus[CREWI_CORE_LIMIT / 64];
    crewi_affinity_core_cpus(affinity, crewi_cores_nth(&all, 0), cpus, CREWI_CORE_LIMIT / 64);
    CPU_ZERO(&set);
    for (int cpu = 0; cpu < CREWI_CORE_LIMIT; cpu++)
        if (cpus[cpu / 64] >> (cpu % 64) & 1)
            CPU_SET((size_t)cpu, &set);
    CPU_AND(&core_set, &set, &before);
    assert_true(CPU_COUNT(&core_set) > 0);
    assert_int_equal(sched_setaffinity(0, sizeof core_set, &core_set), 0);
    crewi_affinity_allowed(affinity, &one);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    assert_int_equal(crewi_cores_count(&one), 1);
    assert_int_equal(crewi_cores_nth(&one, 0), crewi_cores_nth(&all, 0));
    crewi_affinity_destroy(affinity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_packages),        cmocka_unit_test(one_core),
        cmocka_unit_test(units_without_cores), cmocka_unit_test(kernel_numbers_that_jump),
        cmocka_unit_test(more_than_a_word),    cmocka_unit_test(more_than_the_limit),
        cmocka_unit_test(sets_with_holes),     cmocka_unit_test(bad_descriptions),
        cmocka_unit_test(this_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
