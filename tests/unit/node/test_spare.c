/* SPDX-License-Identifier: BSD-3-Clause */
/* A child forked ahead: its request, its death before that, signals that came meanwhile. */
#include "base/clock.h"
#include "node/spare.h"
#include "processes.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct crewi_spare spare;

#define WAITS 1000

/* The child writes its request to the descriptor that comes with it, and ends with 7; or it waits
 * for a signal. */
static void make_spare(void)
{
    pid_t pid = crewi_spare_fork(&spare);
    if (pid == 0) {
        int request, fd = crewi_spare_wait(&spare, &request, sizeof request);
        sigset_t none;
        sigemptyset(&none);
        alarm(request == WAITS ? 10 : 0);
        sigprocmask(SIG_SETMASK, &none, NULL);
        while (request == WAITS)
            pause();
        _exit(getpgrp() == getpgid(getppid()) &&
                      pwrite(fd, &request, sizeof request, 0) == sizeof request
                  ? 7
                  : 1);
    }
    assert_true(pid > 0);
    assert_int_equal(pid, spare.pid);
}

static int status_of(pid_t pid)
{
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static int make_file(void)
{
    int fd = memfd_create("spare", MFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void expect_number(int fd, int expected)
{
    int number = 0;
    assert_int_equal(pread(fd, &number, sizeof number, 0), sizeof number);
    assert_int_equal(number, expected);
    close(fd);
}

static void gets_its_request(void **state)
{
    (void)state;
    for (int number = 1; number < 20; number++) {
        int fd = make_file();
        make_spare();
        pid_t before = spare.pid, pid = crewi_spare_use(&spare, &number, sizeof number, fd);
        assert_int_equal(pid, before);
        assert_int_equal(spare.pid, 0);
        int status = status_of(pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 7);
        expect_number(fd, number);
    }
}

static void there_is_one_at_most(void **state)
{
    (void)state;
    make_spare();
    pid_t pid = spare.pid;
    assert_int_equal(crewi_spare_fork(&spare), pid);
    kill(pid, SIGKILL);
    status_of(pid);
    crewi_spare_reaped(&spare, pid);
    assert_int_equal(spare.pid, 0);
}

static void none_is_no_harm(void **state)
{
    int number = 1;
    (void)state;
    assert_int_equal(crewi_spare_use(&spare, &number, sizeof number, 0), 0);
    crewi_spare_reaped(&spare, getpid());
    assert_int_equal(spare.pid, 0);
}

static void a_dead_one_is_not_used(void **state)
{
    int number = 1;
    (void)state;
    make_spare();
    pid_t pid = spare.pid;
    kill(pid, SIGKILL);
    status_of(pid);
    assert_int_equal(crewi_spare_use(&spare, &number, sizeof number, 0), 0);
    crewi_spare_reaped(&spare, pid);
    make_spare();
    kill(spare.pid, SIGKILL);
    status_of(spare.pid);
    crewi_spare_reaped(&spare, spare.pid);
}

/* Ctrl-C is for the group: as with fork(), what came before the child was asked for is not for it.
 * What comes after the request is. */
static void signals_of_the_group(void **state)
{
    sigset_t all, before;
    int number = 5, fd = make_file();
    (void)state;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    make_spare();
    sigprocmask(SIG_SETMASK, &before, NULL);
    for (int64_t end_ns = crewi_now_ns() + LOST_NS; getpgid(spare.pid) == getpgrp(); usleep(100))
        assert_true(crewi_now_ns() < end_ns);
    int status = status_of(crewi_spare_use(&spare, &number, sizeof number, fd));
    assert_true(WIFEXITED(status));
    expect_number(fd, 5);
    sigprocmask(SIG_SETMASK, &all, NULL);
    number = WAITS;
    for (int i = 0; i < 50; i++) {
        fd = make_file();
        make_spare();
        pid_t pid = crewi_spare_use(&spare, &number, sizeof number, fd);
        kill(pid, SIGTERM);
        status = status_of(pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGTERM);
        close(fd);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

static void ends_when_nobody_wants_it(void **state)
{
    (void)state;
    make_spare();
    pid_t pid = spare.pid;
    close(spare.socket);
    assert_int_equal(status_of(pid), 0);
    spare.pid = 0;
}

static void leaves_no_descriptors(void **state)
{
    (void)state;
    int first = dup(0);
    close(first);
    gets_its_request(state);
    int last = dup(0);
    close(last);
    assert_int_equal(first, last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_its_request),      cmocka_unit_test(there_is_one_at_most),
        cmocka_unit_test(none_is_no_harm),       cmocka_unit_test(a_dead_one_is_not_used),
        cmocka_unit_test(signals_of_the_group),  cmocka_unit_test(ends_when_nobody_wants_it),
        cmocka_unit_test(leaves_no_descriptors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
