// SPDX-License-Identifier: BSD-3-Clause
// From creation to close: what is known of a process at each time, and who may do what then.
#include "process_cases.h"

#include "check.h"
#include "mark.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MANY 100

// Ends a process that runs run_until_ended().
static void end(crew_process process)
{
    CHECK_OK(crew_process_terminate(process));
    CHECK_INT(finish(process), -SIGTERM);
}

void prc_01(const struct variant *variant)
{
    int number = 0;
    pid_t pid = 0;
    crew_process process = make(variant, return_number, &number, sizeof number);
    CHECK(!is_alive(process));
    CHECK_STATUS(crew_process_exitcode(process, &number), CREW_ESTATE);
    CHECK_STATUS(crew_process_pid(process, &pid), CREW_ESTATE);
    CHECK(!is_active(process));
    CHECK_OK(crew_process_close(process));
}

void prc_02(const struct variant *variant)
{
    int code = 77;
    crew_process process = launch(variant, run_until_ended, NULL, 0);
    CHECK(is_alive(process));
    CHECK_STATUS(crew_process_exitcode(process, &code), CREW_ESTATE);
    CHECK_INT(code, 77);
    CHECK(pid_of(process) > 0);
    CHECK(is_active(process));
    CHECK_OK(crew_process_terminate(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK(!is_alive(process));
    CHECK(!is_active(process));
    CHECK_OK(crew_process_close(process));
}

void prc_03(const struct variant *variant)
{
    int number = 5;
    crew_process process = launch(variant, return_number, &number, sizeof number);
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK(!is_alive(process));
    CHECK(!is_active(process));
    CHECK_INT(exitcode_of(process), 5);
    CHECK(pid_of(process) > 0);
    double begin = check_now();
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_OK(crew_process_join(process, 5));
    CHECK_OK(crew_process_join(process, CREW_NOW));
    crew_process_end end = {0};
    CHECK_OK(crew_process_wait(process, &end, CREW_NOW));
    CHECK_INT(end.exitcode, 5);
    CHECK_INT(end.cause, CREW_END_EXIT);
    CHECK_STATUS(crew_process_wait(process, NULL, CREW_NOW), CREW_EINVAL);
    CHECK_SECONDS(begin, 0, 2);
    CHECK_INT(finish(process), 5);
}

void prc_04(const struct variant *variant)
{
    int code;
    crew_process process = launch(variant, run_until_ended, NULL, 0);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.06);)
        CHECK_STATUS(crew_process_join(process, 0.06), CREW_ETIMEDOUT);
    CHECK(is_alive(process));
    CHECK_STATUS(crew_process_exitcode(process, &code), CREW_ESTATE);
    end(process);
}

void prc_05(const struct variant *variant)
{
    static const double at_once[] = {0, -0.0, -1, -1e300, 1e-12};
    int code;
    crew_process process = launch(variant, run_until_ended, NULL, 0);
    double begin = check_now();
    for (size_t i = 0; i < sizeof at_once / sizeof *at_once; i++)
        CHECK_STATUS(crew_process_join(process, at_once[i]), CREW_ETIMEDOUT);
    CHECK_SECONDS(begin, 0, 1);
    CHECK_STATUS(crew_process_exitcode(process, &code), CREW_ESTATE);
    end(process);
}

void prc_06(const struct variant *variant)
{
    crew_process process = make(variant, return_nothing, NULL, 0);
    CHECK_STATUS(crew_process_join(process, 0), CREW_ESTATE);
    CHECK_STATUS(crew_process_join(process, CREW_FOREVER), CREW_ESTATE);
    CHECK_OK(crew_process_close(process));
}

// Not the creator: what belongs to it is refused, what only asks is not.
static int try_as_other(void *arg)
{
    crew_process other = *(crew_process *)arg;
    char name[CREW_NAME_SIZE] = "";
    bool flag = false;
    pid_t pid = 0;
    int rank = -1;
    CHECK_STATUS(crew_process_join(other, 0), CREW_EPERM);
    CHECK_STATUS(crew_process_is_alive(other, &flag), CREW_EPERM);
    CHECK_STATUS(crew_process_start(other), CREW_EPERM);
    CHECK_STATUS(crew_process_terminate(other), CREW_EPERM);
    CHECK_CONTAINS(crew_error_message(), "the-other");
    CHECK_STATUS(crew_process_close(other), CREW_EPERM);
    CHECK_STATUS(crew_process_kill(other), CREW_EPERM);
    CHECK_OK(crew_process_name(other, name, sizeof name));
    CHECK_TEXT(name, "the-other");
    CHECK_OK(crew_process_daemon(other, &flag));
    CHECK_OK(crew_process_pid(other, &pid));
    CHECK(pid > 0);
    CHECK_OK(crew_process_rank(other, &rank));
    CHECK(rank >= 0);
    CHECK_INT(count_active(), 0);
    return check_result();
}

void prc_07(const struct variant *variant)
{
    crew_process other;
    crew_process_attr attr = {.name = "the-other",
                              .placement = CREW_ON_RANK(crew_rank_count() - 1)};
    CHECK_OK(crew_process_create(&other, run_until_ended, NULL, 0, &attr));
    CHECK_OK(crew_process_start(other));
    crew_process process = launch(variant, try_as_other, &other, sizeof other);
    CHECK_INT(finish(process), 0);
    CHECK(is_alive(other));
    end(other);
}

void prc_08(const struct variant *variant)
{
    crew_process process = launch(variant, run_until_ended, NULL, 0);
    CHECK_STATUS(crew_process_start(process), CREW_ESTATE);
    CHECK(is_alive(process));
    CHECK_OK(crew_process_terminate(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_STATUS(crew_process_start(process), CREW_ESTATE);
    CHECK_INT(finish(process), -SIGTERM);
}

void prc_14(const struct variant *variant)
{
    crew_process process = make(variant, return_nothing, NULL, 0);
    CHECK_STATUS(crew_process_terminate(process), CREW_ESTATE);
    CHECK_STATUS(crew_process_kill(process), CREW_ESTATE);
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_OK(crew_process_terminate(process));
    CHECK_OK(crew_process_kill(process));
    CHECK_INT(finish(process), 0);
}

void prc_16(const struct variant *variant)
{
    crew_process process = make(variant, run_until_ended, NULL, 0);
    CHECK_OK(crew_process_close(process)); // never started
    process = launch(variant, run_until_ended, NULL, 0);
    CHECK_STATUS(crew_process_close(process), CREW_ESTATE);
    CHECK(is_alive(process));
    CHECK_OK(crew_process_terminate(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_OK(crew_process_close(process));
    CHECK_OK(crew_process_close(process)); // again
    process = make(variant, return_nothing, NULL, 0);
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_process_close(process));
}

void prc_closed(const struct variant *variant)
{
    crew_process process = launch(variant, return_nothing, NULL, 0);
    int number;
    bool flag;
    char text[256];
    pid_t pid;
    crew_process_info info;
    crew_waitable sentinel;
    char name[CREW_NAME_SIZE] = "";
    CHECK_OK(crew_process_name(process, name, sizeof name));
    CHECK_INT(finish(process), 0);
    CHECK_STATUS(crew_process_join(process, 0), CREW_ECLOSED);
    CHECK_STATUS(crew_process_is_alive(process, &flag), CREW_ECLOSED);
    CHECK_STATUS(crew_process_exitcode(process, &number), CREW_ECLOSED);
    CHECK_STATUS(crew_process_terminate(process), CREW_ECLOSED);
    CHECK_STATUS(crew_process_kill(process), CREW_ECLOSED);
    CHECK_STATUS(crew_process_start(process), CREW_ECLOSED);
    CHECK_STATUS(crew_process_pid(process, &pid), CREW_ECLOSED);
    CHECK_STATUS(crew_process_rank(process, &number), CREW_ECLOSED);
    CHECK_STATUS(crew_process_host(process, text, sizeof text), CREW_ECLOSED);
    CHECK_STATUS(crew_process_interrupt(process), CREW_ECLOSED);
    CHECK_STATUS(crew_process_set_daemon(process, true), CREW_ECLOSED);
    CHECK_STATUS(crew_process_describe(process, &info), CREW_ECLOSED);
    CHECK_STATUS(crew_process_sentinel(process, &sentinel), CREW_ECLOSED);
    CHECK_OK(crew_process_name(process, text, sizeof text));
    CHECK_TEXT(text, name);
    CHECK_STATUS(crew_process_daemon(process, &flag), CREW_ECLOSED);
}

// Nobody calls crew here until they are gone.
void prc_29(const struct variant *variant)
{
    crew_process processes[5];
    pid_t pids[5];
    for (int i = 0; i < 5; i++) {
        processes[i] = launch(variant, return_number, &i, sizeof i);
        pids[i] = pid_of(processes[i]);
    }
    for (int i = 0; i < 5; i++)
        pid_wait_gone(pids[i]);
    for (int i = 0; i < 5; i++)
        CHECK_INT(finish(processes[i]), i);
}

void prc_30(const struct variant *variant)
{
    static crew_process processes[MANY];
    for (int i = 0; i < MANY; i++)
        processes[i] = launch(variant, run_until_ended, NULL, 0);
    for (int i = 0; i < MANY; i++)
        CHECK_OK(crew_process_terminate(processes[i]));
    for (int i = 0; i < MANY; i++)
        CHECK_INT(finish(processes[i]), -SIGTERM);
    for (int i = 0; i < MANY; i++)
        processes[i] = launch(variant, return_nothing, NULL, 0);
    for (int i = 0; i < MANY; i++)
        CHECK_INT(finish(processes[i]), 0);
}

static volatile sig_atomic_t caught;

static void note_signal(int number)
{
    (void)number;
    caught = 1;
}

struct pesterer {
    pthread_t victim;
    atomic_bool stop;
};

static void *pester(void *arg)
{
    struct pesterer *pesterer = arg;
    while (!pesterer->stop) {
        pthread_kill(pesterer->victim, SIGUSR2);
        check_sleep(0.010);
    }
    return NULL;
}

void prc_33(const struct variant *variant)
{
    struct sigaction action = {.sa_handler = note_signal}, before;
    struct pesterer pesterer = {.victim = pthread_self()};
    pthread_t thread;
    caught = 0;
    crew_process process = launch(variant, run_until_ended, NULL, 0);
    sigaction(SIGUSR2, &action, &before);
    if (!CHECK(pthread_create(&thread, NULL, pester, &pesterer) == 0))
        return;
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.06);)
        CHECK_STATUS(crew_process_join(process, 0.06), CREW_ETIMEDOUT);
    CHECK(caught);
    CHECK(is_alive(process));
    end(process);
    pesterer.stop = true;
    pthread_join(thread, NULL);
    sigaction(SIGUSR2, &before, NULL);
}
