/* SPDX-License-Identifier: BSD-3-Clause */
/* What is removed after a job that was killed, and what is left alone. */
#include "node/forkserver_protocol.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char base[] = "/tmp/crew-test-janitor.XXXXXX";
static char top[64], job[80], file[128], other[64];

static bool there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static void touch(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    strcpy(base, "/tmp/crew-test-janitor.XXXXXX");
    if (!mkdtemp(base))
        return -1;
    snprintf(top, sizeof top, "%s/ompi.node.0", base);
    snprintf(job, sizeof job, "%s/pid.1", top);
    snprintf(file, sizeof file, "%s/contact.txt", job);
    snprintf(other, sizeof other, "%s/other", base);
    if (mkdir(top, 0700) || mkdir(job, 0700) || mkdir(other, 0700))
        return -1;
    touch(file);
    setenv("OMPI_MCA_orte_jobfam_session_dir", job, 1);
    setenv("OMPI_MCA_orte_top_session_dir", top, 1);
    unsetenv("PMIX_NAMESPACE");
    unsetenv("OMPI_COMM_WORLD_LOCAL_RANK");
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(file);
    if (rmdir(job))
        unlink(job);
    rmdir(top);
    rmdir(other);
    return rmdir(base);
}

static void the_session_of_a_launcher_that_is_gone(void **state)
{
    (void)state;
    crewi_janitor_clean(false);
    assert_true(there(file));
    crewi_janitor_clean(true);
    assert_false(there(job));
    assert_false(there(top));
    assert_true(there(other));
    crewi_janitor_clean(true);
}

static void what_others_have_there_stays(void **state)
{
    char neighbour[192];
    (void)state;
    snprintf(neighbour, sizeof neighbour, "%s/pid.2", top);
    assert_int_equal(mkdir(neighbour, 0700), 0);
    crewi_janitor_clean(true);
    assert_false(there(job));
    assert_true(there(neighbour));
    assert_int_equal(rmdir(neighbour), 0);
}

static void only_what_looks_like_one(void **state)
{
    char inside[192];
    (void)state;
    snprintf(inside, sizeof inside, "%s/file", other);
    touch(inside);
    setenv("OMPI_MCA_orte_jobfam_session_dir", other, 1);
    crewi_janitor_clean(true);
    assert_true(there(inside));
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(job), 0);
    assert_int_equal(symlink(other, job), 0); /* not through a link */
    setenv("OMPI_MCA_orte_jobfam_session_dir", job, 1);
    crewi_janitor_clean(true);
    assert_true(there(inside));
    assert_true(there(job));
    assert_int_equal(unlink(inside), 0);
    unsetenv("OMPI_MCA_orte_jobfam_session_dir");
    crewi_janitor_clean(true);
}

static void the_segment_of_this_rank(void **state)
{
    char mine[128], next[128];
    (void)state;
    /* The number of a job that there is not: mpirun's are smaller. */
    snprintf(mine, sizeof mine, "/dev/shm/vader_segment.crewtest.%u.fffffff1.3",
             (unsigned)geteuid());
    snprintf(next, sizeof next, "/dev/shm/vader_segment.crewtest.%u.fffffff1.4",
             (unsigned)geteuid());
    touch(mine);
    touch(next);
    setenv("PMIX_NAMESPACE", "4294967281", 1);
    crewi_janitor_clean(false);
    assert_true(there(mine)); /* no local rank is known */
    setenv("OMPI_COMM_WORLD_LOCAL_RANK", "3", 1);
    setenv("PMIX_NAMESPACE", "4294967281x", 1);
    crewi_janitor_clean(false);
    assert_true(there(mine));
    setenv("PMIX_NAMESPACE", "4294967281", 1);
    crewi_janitor_clean(false);
    assert_false(there(mine));
    assert_true(there(next));
    assert_int_equal(unlink(next), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_session_of_a_launcher_that_is_gone),
        TEST(what_others_have_there_stays),
        TEST(only_what_looks_like_one),
        TEST(the_segment_of_this_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
