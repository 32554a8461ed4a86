/* SPDX-License-Identifier: BSD-3-Clause */
/* What a rank publishes of the job, and a child finds. */
#include "node/job.h"
#include "processes.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int fd;

static struct crewi_job *new_job(void)
{
    struct crewi_job *job = calloc(1, sizeof *job + 3 * sizeof *job->ranks);
    assert_non_null(job);
    *job = (struct crewi_job){.rank = 1, .rank_count = 3, .host_count = 2, .cpu_count = 12};
    static const char *const hosts[] = {"node7", "node7", "node8"};
    for (int i = 0; i < 3; i++) {
        strcpy(job->ranks[i].host, hosts[i]);
        job->ranks[i].cpu_count = 4 + i;
    }
    return job;
}

static int begin(void **state)
{
    (void)state;
    if (crewi_job_create(&fd))
        return -1;
    struct crewi_job *job = new_job();
    crew_status status = crewi_job_publish(fd, job);
    free(job);
    return status;
}

static int end(void **state)
{
    (void)state;
    crewi_job_detach();
    return close(fd);
}

static bool is_as_published(void)
{
    return crew_rank_count() == 3 && crew_host_count() == 2 && crew_current_rank() == 1 &&
           crew_cpu_count(CREW_ALL_RANKS) == 12 && crew_cpu_count(0) == 4 &&
           crew_cpu_count(2) == 6 && strcmp(crew_rank_host(0), "node7") == 0 &&
           strcmp(crew_rank_host(2), "node8") == 0;
}

static bool is_outside(void)
{
    return !crewi_job && crew_rank_count() == 0 && crew_host_count() == 0 &&
           crew_current_rank() == -1 && crew_cpu_count(CREW_ALL_RANKS) == 0 &&
           crew_cpu_count(0) == 0 && *crew_rank_host(0) == '\0';
}

static void the_rank_sees_it(void **state)
{
    (void)state;
    assert_true(is_as_published());
    assert_int_equal(crew_cpu_count(3), 0);
    assert_int_equal(crew_cpu_count(-2), 0);
    assert_string_equal(crew_rank_host(3), "");
    assert_string_equal(crew_rank_host(-1), "");
    crewi_job_detach();
    assert_true(is_outside());
    crewi_job_detach();
}

static void a_child_sees_it_and_cannot_write_it(void **state)
{
    (void)state;
    for (int writes = 0; writes < 2; writes++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            crewi_job_detach();
            if (!is_outside() || crewi_job_attach(fd) || !is_as_published())
                _exit(1);
            signal(SIGSEGV, SIG_DFL); /* a sanitizer would report it */
            if (writes)
                ((struct crewi_job *)(uintptr_t)crewi_job)->rank = 2;
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (writes)
            assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        else
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_true(is_as_published());
}

static void nothing_to_attach(void **state)
{
    int empty;
    (void)state;
    crewi_job_detach();
    assert_int_equal(crewi_job_attach(-1), CREW_ESYSTEM);
    assert_int_equal(crewi_job_create(&empty), CREW_OK);
    assert_int_equal(crewi_job_attach(empty), CREW_ESYSTEM); /* nothing was published */
    assert_true(is_outside());
    close(empty);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_rank_sees_it),
        TEST(a_child_sees_it_and_cannot_write_it),
        TEST(nothing_to_attach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
