// SPDX-License-Identifier: BSD-3-Clause
// Finalizers: their order, those that fail, and when they do not run.
#include "log_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BY_RETURN, BY_EXIT, BY_IMMEDIATE_EXIT, BY_KILL };

struct ending {
    struct mark steps;
    int way;
};

// One for each process that may run in a rank; what finalizers are given has to last.
static struct mark steps;

static void plan(crew_finalizer *finalizer, crew_finalizer_function *function, const char *text,
                 int priority)
{
    CHECK_OK(crew_at_exit(finalizer, function, (void *)(uintptr_t)text, priority));
}

static crew_status take_step(void *arg)
{
    mark_set(&steps, arg);
    return CREW_OK;
}

static crew_status take_step_and_fail(void *arg)
{
    mark_set(&steps, arg);
    return crew_fail(CREW_EDOMAIN, "on purpose");
}

// One that is in its turn yet, and one whose turn is over.
static crew_status register_more(void *arg)
{
    mark_set(&steps, arg);
    plan(NULL, take_step, "more at 1", 1);
    plan(NULL, take_step, "more at 9", 9);
    plan(NULL, take_step, "more at -9", -9);
    return CREW_OK;
}

// Finalizers may call crew.
static crew_status ask_crew(void *arg)
{
    char name[CREW_NAME_SIZE];
    CHECK_OK(crew_process_name(crew_current_process(), name, sizeof name));
    CHECK_STATUS(crew_finalizer_run((crew_finalizer){0}), CREW_ENOENT);
    return take_step(arg);
}

static int end_as_told(int way)
{
    if (check_result())
        return 1;
    if (way == BY_EXIT)
        exit(6);
    if (way == BY_IMMEDIATE_EXIT)
        _exit(6);
    if (way == BY_KILL)
        raise(SIGKILL);
    return 6;
}

static void check_handles(void)
{
    crew_finalizer early, never;
    plan(&early, take_step_and_fail, "early", 100);
    plan(&never, take_step, "never", 100);
    CHECK(early.id != never.id);
    CHECK(crew_finalizer_is_active(early));
    CHECK_STATUS(crew_finalizer_run(early), CREW_EDOMAIN);
    CHECK_TEXT(crew_error_message(), "on purpose");
    CHECK(!crew_finalizer_is_active(early));
    CHECK_STATUS(crew_finalizer_run(early), CREW_ENOENT);
    CHECK(crew_finalizer_is_active(never));
    CHECK_OK(crew_finalizer_cancel(never));
    CHECK(!crew_finalizer_is_active(never));
    CHECK_STATUS(crew_finalizer_cancel(never), CREW_ENOENT);
    CHECK_STATUS(crew_finalizer_run(never), CREW_ENOENT);
}

static int finalize(void *arg)
{
    const struct ending *ending = arg;
    crew_finalizer taken;
    steps = ending->steps;
    plan(NULL, take_step, "first at 0", 0);
    plan(NULL, take_step, "at -1", -1);
    plan(NULL, take_step, "first at 5", 5);
    plan(NULL, take_step, "second at 5", 5);
    plan(NULL, ask_crew, "at 2147483647", 2147483647);
    plan(NULL, take_step, "at -2147483648", -2147483647 - 1);
    plan(NULL, register_more, "registers", 3);
    plan(&taken, take_step, "cancelled", 4);
    plan(NULL, take_step, "second at 0", 0);
    CHECK_OK(crew_finalizer_cancel(taken));
    check_handles();
    return end_as_told(ending->way);
}

static void expect_steps(const struct mark *mark, const char *expected)
{
    char text[512];
    mark_read(mark, text, sizeof text);
    CHECK_TEXT(text, expected);
    mark_remove(mark);
}

void log_02(const struct variant *variant)
{
    for (int way = BY_RETURN; way <= BY_EXIT; way++) {
        if (way == BY_EXIT && variant_is_inside(variant))
            break; // exit() is none of such a process's
        struct ending ending = {mark_new(), way};
        CHECK_INT(finish(launch(variant, finalize, &ending, sizeof ending)), 6);
        expect_steps(&ending.steps,
                     "early\nat 2147483647\nsecond at 5\nfirst at 5\nregisters\nmore at 9\n"
                     "more at 1\nsecond at 0\nfirst at 0\nat -1\nmore at -9\nat -2147483648\n");
    }
}

void finalize_killed(const struct variant *variant)
{
    static const int codes[] = {[BY_IMMEDIATE_EXIT] = 6, [BY_KILL] = -SIGKILL};
    for (int way = BY_IMMEDIATE_EXIT; way <= BY_KILL; way++) {
        struct ending ending = {mark_new(), way};
        CHECK_INT(finish(launch(variant, finalize, &ending, sizeof ending)), codes[way]);
        expect_steps(&ending.steps, "early\n");
    }
}

// Where they are in the end of a process: before daemons are ended, and after everybody else has.

static void leave_on_term(int number)
{
    (void)number;
    mark_set(&steps, "daemon ended");
    _exit(0);
}

static int serve(void *arg)
{
    const struct ending *ending = arg;
    steps = ending->steps;
    signal(SIGTERM, leave_on_term);
    mark_set(&steps, "daemon ready");
    while (pause() != 0)
        ;
    return 1;
}

static int work(void *arg)
{
    const struct ending *ending = arg;
    char text[256] = "";
    steps = ending->steps;
    for (int i = 0; i < 4000 && strstr(text, "daemon ended") == NULL; i++) {
        check_sleep(0.005);
        mark_read(&ending->steps, text, sizeof text);
    }
    mark_set(&steps, "child done");
    return 0;
}

static int finalize_with_children(void *arg)
{
    const struct ending *ending = arg;
    crew_process daemon, child;
    steps = ending->steps;
    CHECK_OK(crew_process_create(
        &daemon, serve, ending, sizeof *ending,
        &(crew_process_attr){.daemon = CREW_DAEMON_YES, .start_method = CREW_START_FORKSERVER}));
    CHECK_OK(crew_process_start(daemon));
    CHECK(mark_wait(&steps, 1));
    CHECK_OK(crew_process_create(&child, work, ending, sizeof *ending,
                                 &(crew_process_attr){.start_method = CREW_START_FORKSERVER}));
    CHECK_OK(crew_process_start(child));
    plan(NULL, take_step, "at -1", -1);
    plan(NULL, take_step, "at 0", 0);
    return end_as_told(ending->way);
}

void finalize_children(const struct variant *variant)
{
    struct ending ending = {mark_new(), BY_RETURN};
    CHECK_INT(finish(launch(variant, finalize_with_children, &ending, sizeof ending)), 6);
    expect_steps(&ending.steps, "daemon ready\nat 0\ndaemon ended\nchild done\nat -1\n");
}

// Wrong use

static int use_wrongly(void *arg)
{
    const crew_finalizer *of_another = arg;
    crew_finalizer own;
    CHECK_STATUS(crew_at_exit(&own, NULL, NULL, 0), CREW_EINVAL);
    CHECK_OK(crew_at_exit(&own, take_step, NULL, 0));
    CHECK(!crew_finalizer_is_active(*of_another));
    CHECK_STATUS(crew_finalizer_run(*of_another), CREW_ENOENT);
    CHECK_STATUS(crew_finalizer_cancel(*of_another), CREW_ENOENT);
    CHECK_STATUS(crew_finalizer_cancel((crew_finalizer){0}), CREW_ENOENT);
    CHECK_OK(crew_finalizer_cancel(own));
    return check_result();
}

void finalize_wrong(const struct variant *variant)
{
    crew_finalizer mine;
    CHECK_OK(crew_at_exit(&mine, take_step, NULL, 0));
    CHECK_INT(finish(launch(variant, use_wrongly, &mine, sizeof mine)), 0);
    CHECK(crew_finalizer_is_active(mine));
    CHECK_OK(crew_finalizer_cancel(mine));
}

void check_finalize_outside(void)
{
    crew_finalizer none = {0};
    CHECK_STATUS(crew_at_exit(&none, take_step, NULL, 0), CREW_ESTATE);
    CHECK_STATUS(crew_finalizer_run(none), CREW_ESTATE);
    CHECK_STATUS(crew_finalizer_cancel(none), CREW_ESTATE);
    CHECK(!crew_finalizer_is_active(none));
}
