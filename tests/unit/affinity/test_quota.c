/* SPDX-License-Identifier: BSD-3-Clause */
/* CPU quotas of control groups, of both versions, in a tree of files that looks like theirs. */
#include "affinity/quota.h"
#include "unit.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/crew-quota-XXXXXX", list[64];

/* Writes a file below the root, and makes its folders. */
static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    for (char *slash = path + sizeof root; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int begin(void **state)
{
    (void)state;
    memcpy(root + sizeof root - 7, "XXXXXX", 6);
    if (!mkdtemp(root))
        return -1;
    snprintf(list, sizeof list, "%s/list", root);
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int flag, struct FTW *walk)
{
    (void)info;
    (void)flag;
    (void)walk;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int cpus(void)
{
    return crewi_quota_read(list, root).cpus;
}

static void there_is_none(void **state)
{
    (void)state;
    assert_int_equal(cpus(), 0); /* not even groups */
    put("list", "0::/\n");
    assert_int_equal(cpus(), 0);
    put("list", "0::/a/b\n");
    put("a/b/cpu.max", "max 100000\n");
    assert_int_equal(cpus(), 0);
    put("list", "garbage\n1:cpu\n");
    assert_int_equal(cpus(), 0);
    put("list", "0::/a/b\n");
    put("a/b/cpu.max", "");
    assert_int_equal(cpus(), 0);
    put("a/b/cpu.max", "100 0\n");
    assert_int_equal(cpus(), 0);
}

/* It is rounded up: who may use one and a half keeps two busy most of the time. */
static void of_the_group(void **state)
{
    (void)state;
    put("list", "0::/job\n");
    put("job/cpu.max", "200000 100000\n");
    assert_int_equal(cpus(), 2);
    put("job/cpu.max", "150000 100000\n");
    assert_int_equal(cpus(), 2);
    put("job/cpu.max", "1000 100000\n");
    assert_int_equal(cpus(), 1);
    put("job/cpu.max", "99999999999999999999 1\n");
    assert_true(cpus() > 1000000);
}

static void of_those_above(void **state)
{
    (void)state;
    put("list", "0::/a/b/c\n");
    put("a/b/c/cpu.max", "800000 100000\n");
    put("a/b/cpu.max", "max 100000\n");
    put("a/cpu.max", "300000 100000\n");
    assert_int_equal(cpus(), 3);
    struct crewi_quota three = crewi_quota_read(list, root);
    put("list", "0::/a/other\n"); /* the same group's */
    assert_true(crewi_quota_read(list, root).group == three.group);
    put("list", "0::/a/b/c\n");
    put("a/b/c/cpu.max", "100000 100000\n");
    assert_int_equal(cpus(), 1);
    assert_true(crewi_quota_read(list, root).group != three.group);
}

/* A container sees its own group as the root, and may be told of its name outside. */
static void of_a_container(void **state)
{
    (void)state;
    put("cpu.max", "500000 100000\n");
    put("list", "0::/\n");
    assert_int_equal(cpus(), 5);
    put("list", "0::/docker/0123456789\n");
    assert_int_equal(cpus(), 5);
}

static void version_1(void **state)
{
    (void)state;
    put("list", "5:cpuset:/\n4:cpu,cpuacct:/slurm/job\n0::/\n");
    put("cpu/slurm/job/cpu.cfs_quota_us", "-1\n");
    put("cpu/slurm/job/cpu.cfs_period_us", "100000\n");
    assert_int_equal(cpus(), 0);
    put("cpu/slurm/job/cpu.cfs_quota_us", "400000\n");
    assert_int_equal(cpus(), 4);
    put("list", "5:cpuset:/slurm/job\n4:cpuacct:/slurm/job\n");
    assert_int_equal(cpus(), 0);
}

static void of_this_process(void **state)
{
    (void)state;
    assert_true(crewi_quota_of_process().cpus >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_is_none, begin, end),
        cmocka_unit_test_setup_teardown(of_the_group, begin, end),
        cmocka_unit_test_setup_teardown(of_those_above, begin, end),
        cmocka_unit_test_setup_teardown(of_a_container, begin, end),
        cmocka_unit_test_setup_teardown(version_1, begin, end),
        cmocka_unit_test(of_this_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
