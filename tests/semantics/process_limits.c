// SPDX-License-Identifier: BSD-3-Clause
// Limits of memory, processor time and time, and what ended a process.
#include "process_cases.h"

#include "check.h"

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static crew_end_cause cause_of(crew_process process)
{
    crew_end_cause cause = (crew_end_cause)77;
    CHECK_OK(crew_process_end_cause(process, &cause));
    return cause;
}

// Runs it to its end, which has to be this one.
static void expect_end(const struct variant *variant, crew_process_function *function,
                       const void *arg, size_t size, crew_end_cause cause, int code)
{
    crew_process process = launch(variant, function, arg, size);
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_INT(cause_of(process), cause);
    CHECK_INT(finish(process), code);
}

static int take_memory(void *arg)
{
    size_t size = *(const size_t *)arg;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 7;
    memset(memory, 1, size);
    return run_until_ended(NULL);
}

void limit_memory(const struct variant *variant)
{
    struct variant limited = *variant;
    size_t taken = 320 * MIB, far_too_much = 4096 * MIB;
    int code = 3;
    limited.attr.memory_limit = 256 * MIB;
    expect_end(&limited, take_memory, &taken, sizeof taken, CREW_END_MEMORY_LIMIT, -SIGKILL);
    expect_end(&limited, return_number, &code, sizeof code, CREW_END_EXIT, 3);
    // Not even for a moment.
    expect_end(&limited, take_memory, &far_too_much, sizeof far_too_much, CREW_END_EXIT, 7);
    limited.attr.memory_limit = SIZE_MAX;
    expect_end(&limited, return_number, &code, sizeof code, CREW_END_EXIT, 3);
}

static void *spin(void *arg)
{
    for (volatile unsigned *turns = arg;; (*turns)++)
        ;
    return NULL;
}

static int spin_in_threads(void *arg)
{
    volatile unsigned turns[2] = {0};
    pthread_t thread;
    (void)arg;
    if (pthread_create(&thread, NULL, spin, (void *)(uintptr_t)&turns[0]))
        return 99;
    spin((void *)(uintptr_t)&turns[1]);
    return 0;
}

static int take_a_nap(void *arg)
{
    (void)arg;
    check_sleep(0.3);
    return 0;
}

void limit_cpu(const struct variant *variant)
{
    struct variant limited = *variant;
    limited.attr.cpu_limit_s = 0.1;
    expect_end(&limited, spin_in_threads, NULL, 0, CREW_END_CPU_LIMIT, -SIGKILL);
    limited.attr.cpu_limit_s = 1e-12;
    expect_end(&limited, spin_in_threads, NULL, 0, CREW_END_CPU_LIMIT, -SIGKILL);
    // Sleep costs none.
    limited.attr.cpu_limit_s = 0.25;
    expect_end(&limited, take_a_nap, NULL, 0, CREW_END_EXIT, 0);
}

void limit_wall(const struct variant *variant)
{
    struct variant limited = *variant;
    limited.attr.wall_limit_s = 0.2;
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.2);)
        expect_end(&limited, run_until_ended, NULL, 0, CREW_END_WALL_LIMIT, -SIGKILL);
    limited.attr.wall_limit_s = 60;
    expect_end(&limited, return_nothing, NULL, 0, CREW_END_EXIT, 0);
    limited.attr.wall_limit_s = INFINITY;
    expect_end(&limited, return_nothing, NULL, 0, CREW_END_EXIT, 0);
}

// Which of them it was.
void limit_one_of_all(const struct variant *variant)
{
    struct variant limited = *variant;
    size_t taken = 320 * MIB;
    limited.attr.memory_limit = 256 * MIB;
    limited.attr.cpu_limit_s = 600;
    limited.attr.wall_limit_s = 600;
    expect_end(&limited, take_memory, &taken, sizeof taken, CREW_END_MEMORY_LIMIT, -SIGKILL);
    limited.attr.memory_limit = 65536 * MIB;
    limited.attr.wall_limit_s = 0.1;
    expect_end(&limited, run_until_ended, NULL, 0, CREW_END_WALL_LIMIT, -SIGKILL);
}

static int raise_number(void *arg)
{
    raise(*(const int *)arg);
    return 0;
}

void limit_none(const struct variant *variant)
{
    int number = SIGKILL, code = 255;
    crew_process process = make(variant, run_until_ended, NULL, 0);
    CHECK_INT(cause_of(process), CREW_END_NONE);
    CHECK_OK(crew_process_start(process));
    CHECK_INT(cause_of(process), CREW_END_NONE);
    CHECK_STATUS(crew_process_end_cause(process, NULL), CREW_EINVAL);
    CHECK_OK(crew_process_terminate(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_INT(cause_of(process), CREW_END_SIGNAL);
    CHECK_INT(finish(process), -SIGTERM);
    CHECK_STATUS(crew_process_end_cause(process, &(crew_end_cause){0}), CREW_ECLOSED);
    expect_end(variant, return_number, &code, sizeof code, CREW_END_EXIT, 255);
    if (!variant_is_inside(variant))
        expect_end(variant, raise_number, &number, sizeof number, CREW_END_SIGNAL, -SIGKILL);
}

// A signal is a signal, and an exit an exit, where there is a limit that was not reached.
void limit_not_reached(const struct variant *variant)
{
    int number = SIGKILL;
    struct variant limited = *variant;
    limited.attr.memory_limit = 65536 * MIB;
    limited.attr.cpu_limit_s = 600;
    limited.attr.wall_limit_s = 600;
    expect_end(&limited, raise_number, &number, sizeof number, CREW_END_SIGNAL, -SIGKILL);
    expect_end(&limited, return_nothing, NULL, 0, CREW_END_EXIT, 0);
}

static void refuse(crew_process_attr attr, crew_status status)
{
    crew_process process = {77};
    CHECK_STATUS(crew_process_create(&process, return_nothing, NULL, 0, &attr), status);
    CHECK_INT(process.id, 77);
}

void limit_refused(const struct variant *variant)
{
    static const double bad[] = {-1, -1e-300, -INFINITY, NAN};
    (void)variant;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        refuse((crew_process_attr){.cpu_limit_s = bad[i]}, CREW_EINVAL);
        refuse((crew_process_attr){.wall_limit_s = bad[i]}, CREW_EINVAL);
    }
    crew_process_attr inside = {.start_method = CREW_START_RANK, .memory_limit = 1};
    refuse(inside, CREW_ENOTSUP);
    CHECK_CONTAINS(crew_error_message(), "CREW_START_FORKSERVER");
    inside.memory_limit = 0;
    inside.cpu_limit_s = 1;
    refuse(inside, CREW_ENOTSUP);
    inside.cpu_limit_s = 0;
    inside.wall_limit_s = 1;
    refuse(inside, CREW_ENOTSUP);
}
