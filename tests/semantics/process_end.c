// SPDX-License-Identifier: BSD-3-Clause
// How a process ends: exit codes, signals, and what terminate and kill do to one that does not want
// to.
#include "process_cases.h"

#include "check.h"
#include "mark.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const int numbers[] = {0, 1, 3, 127, 255, 256, -1, 300};

void prc_09(const struct variant *variant)
{
    for (size_t i = 0; i < COUNT(numbers); i++)
        CHECK_INT(finish(launch(variant, return_number, &numbers[i], sizeof(int))),
                  numbers[i] & 0xff);
}

struct way_out {
    int code;
    int way;
};

static void leave_deeper(const struct way_out *out)
{
    if (out->way == 1)
        exit(out->code);
    _exit(out->code);
}

static int leave(void *arg)
{
    leave_deeper(arg);
    return 99;
}

void prc_09_exit(const struct variant *variant)
{
    for (size_t i = 0; i < COUNT(numbers); i++)
        for (int way = 0; way < 2; way++) {
            struct way_out out = {numbers[i], way};
            CHECK_INT(finish(launch(variant, leave, &out, sizeof out)), numbers[i] & 0xff);
        }
}

static int raise_number(void *arg)
{
    signal(SIGSEGV, SIG_DFL); // a sanitizer has its own
    raise(*(const int *)arg);
    check_sleep(20);
    return 0;
}

void prc_10(const struct variant *variant)
{
    static const int signals[] = {SIGTERM, SIGKILL, SIGUSR1, SIGSEGV, SIGABRT};
    for (size_t i = 0; i < COUNT(signals); i++)
        CHECK_INT(finish(launch(variant, raise_number, &signals[i], sizeof(int))), -signals[i]);
}

// What is said about it is in sem_output_failing.
void prc_11(const struct variant *variant)
{
    int one = 1;
    CHECK_INT(finish(launch(variant, return_number, &one, sizeof one)), 1);
}

static void leave_with_42(int number)
{
    (void)number;
    _exit(42);
}

struct order {
    struct mark ready;
    bool handle; // with an exit code of its own; otherwise the signal is ignored
};

static int withstand(void *arg)
{
    const struct order *order = arg;
    signal(SIGTERM, order->handle ? leave_with_42 : SIG_IGN);
    mark_set(&order->ready, "ready");
    while (pause() != 0)
        ;
    return 0;
}

static crew_process launch_withstanding(const struct variant *variant, bool handle)
{
    struct order order = {mark_new(), handle};
    crew_process process = launch(variant, withstand, &order, sizeof order);
    mark_wait(&order.ready, 1);
    mark_remove(&order.ready);
    return process;
}

void prc_12(const struct variant *variant)
{
    crew_process process = launch_withstanding(variant, true);
    CHECK_OK(crew_process_terminate(process));
    CHECK_INT(finish(process), 42);

    process = launch(variant, run_until_ended, NULL, 0);
    CHECK_OK(crew_process_terminate(process));
    CHECK_INT(finish(process), -SIGTERM);
}

// Before it has done anything.
void prc_12_early(const struct variant *variant)
{
    for (int i = 0; i < 8; i++) {
        crew_process process = launch(variant, run_until_ended, NULL, 0);
        CHECK_OK(crew_process_terminate(process));
        CHECK_OK(crew_process_terminate(process));
        CHECK_INT(finish(process), -SIGTERM);
    }
}

void prc_13(const struct variant *variant)
{
    crew_process process = launch_withstanding(variant, false);
    CHECK_OK(crew_process_terminate(process));
    CHECK_STATUS(crew_process_join(process, 0.05), CREW_ETIMEDOUT);
    CHECK(is_alive(process));
    CHECK_OK(crew_process_kill(process));
    CHECK_INT(finish(process), -SIGKILL);
}

static int join_child_forever(void *arg)
{
    (void)arg;
    crew_process child;
    crew_process_attr attr = {.daemon = CREW_DAEMON_NO,
                              .placement = CREW_ON_RANK(crew_current_rank())};
    CHECK_OK(crew_process_create(&child, run_until_ended, NULL, 0, &attr));
    CHECK_OK(crew_process_start(child));
    crew_process_join(child, CREW_FOREVER); // is ended here
    return 99;
}

// What force there is against a process inside a rank: terminate ends it in the call that it is in,
// or at its next one; kill is refused.
void prc_inside(const struct variant *variant)
{
    crew_process process = launch(variant, run_until_ended, NULL, 0);
    if (variant_is_inside(variant)) {
        CHECK_STATUS(crew_process_kill(process), CREW_ENOTSUP);
        CHECK(is_alive(process));
    }
    CHECK_OK(crew_process_terminate(process));
    CHECK_INT(finish(process), -SIGTERM);

    process = launch(variant, join_child_forever, NULL, 0);
    check_sleep(0.05);
    CHECK_OK(crew_process_terminate(process));
    double begin = check_now();
    CHECK_INT(finish(process), -SIGTERM);
    CHECK_SECONDS(begin, 0, 5);
}
