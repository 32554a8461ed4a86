// SPDX-License-Identifier: BSD-3-Clause
// Who is who: parents, descriptions, and finding a process by its name.
#include "process_cases.h"

#include "check.h"
#include "mark.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct variant named(const struct variant *variant, const char *name, bool unique)
{
    struct variant other = *variant;
    other.attr.name = name;
    other.attr.unique = unique;
    return other;
}

// Parents

struct creator {
    crew_process process;
    pid_t pid;
    char name[CREW_NAME_SIZE];
};

static struct creator creator_here(void)
{
    struct creator creator = {.process = crew_current_process(), .pid = getpid()};
    CHECK_OK(crew_process_name(creator.process, creator.name, sizeof creator.name));
    return creator;
}

static int check_parent(void *arg)
{
    const struct creator *expected = arg;
    char name[CREW_NAME_SIZE] = "";
    crew_process parent = {0};
    int code;
    crew_waitable sentinel = {0};
    bool ready = true;
    CHECK_OK(crew_parent_process(&parent));
    CHECK_INT(parent.id, expected->process.id);
    CHECK_INT(pid_of(parent), expected->pid);
    CHECK_OK(crew_process_name(parent, name, sizeof name));
    CHECK_TEXT(name, expected->name);
    CHECK(is_alive(parent));
    CHECK_STATUS(crew_process_exitcode(parent, &code), CREW_ESTATE);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.02);)
        CHECK_STATUS(crew_process_join(parent, 0.02), CREW_ETIMEDOUT); // it goes on
    CHECK_OK(crew_process_sentinel(parent, &sentinel));
    CHECK_STATUS(crew_wait(&sentinel, 1, &ready, NULL, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_process_terminate(parent), CREW_EPERM);
    CHECK_STATUS(crew_process_close(parent), CREW_EPERM);
    return check_result();
}

void prc_21(const struct variant *variant)
{
    struct creator creator = creator_here();
    CHECK_INT(finish(launch(variant, check_parent, &creator, sizeof creator)), 0);
    CHECK_STATUS(crew_parent_process(NULL), CREW_EINVAL);
}

void prc_21_main(const struct variant *variant)
{
    crew_process parent = {77};
    (void)variant;
    CHECK_STATUS(crew_parent_process(&parent), CREW_ENOENT);
    CHECK_INT(parent.id, 77);
}

struct orphanage {
    struct mark ready, news;
    crew_process_attr attr;
};

// It gets SIGTERM when its parent is dead, and a moment to take note.
static int be_orphaned(void *arg)
{
    const struct orphanage *orphanage = arg;
    crew_process parent;
    signal(SIGTERM, SIG_IGN);
    CHECK_OK(crew_parent_process(&parent));
    mark_set(&orphanage->ready, "ready");
    CHECK_OK(crew_process_join(parent, CREW_FOREVER));
    bool alive = is_alive(parent);
    mark_set(&orphanage->news, alive ? "alive" : "not alive");
    while (pause() != 0)
        ;
    return 0;
}

static int make_orphan(void *arg)
{
    const struct orphanage *orphanage = arg;
    crew_process child;
    CHECK_OK(
        crew_process_create(&child, be_orphaned, orphanage, sizeof *orphanage, &orphanage->attr));
    CHECK_OK(crew_process_start(child));
    return run_until_ended(NULL);
}

void prc_22(const struct variant *variant)
{
    struct orphanage orphanage = {mark_new(), mark_new(), {.placement = variant->attr.placement}};
    char text[64];
    crew_process process = launch(variant, make_orphan, &orphanage, sizeof orphanage);
    mark_wait(&orphanage.ready, 1);
    CHECK_OK(crew_process_kill(process));
    CHECK_INT(finish(process), -SIGKILL);
    mark_wait(&orphanage.news, 1);
    mark_read(&orphanage.news, text, sizeof text);
    CHECK_TEXT(text, "not alive\n");
    mark_remove(&orphanage.ready);
    mark_remove(&orphanage.news);
}

// Descriptions

static void check_description(crew_process process, crew_process_state state, int exitcode)
{
    crew_process_info info;
    struct creator creator = creator_here();
    char name[CREW_NAME_SIZE] = "";
    memset(&info, 0x55, sizeof info);
    if (!CHECK_OK(crew_process_describe(process, &info)))
        return;
    CHECK_OK(crew_process_name(process, name, sizeof name));
    CHECK_INT(info.process.id, process.id);
    CHECK_INT(info.parent.id, creator.process.id);
    CHECK_TEXT(info.parent_name, creator.name);
    CHECK_TEXT(info.name, name);
    CHECK_INT(info.state, state);
    CHECK_INT(info.exitcode, exitcode);
    CHECK_INT(info.cause, state != CREW_PROCESS_STOPPED ? CREW_END_NONE
                          : exitcode < 0                ? CREW_END_SIGNAL
                                                        : CREW_END_EXIT);
    CHECK_INT(info.pid != 0, state != CREW_PROCESS_INITIAL);
    CHECK(!info.daemon);
}

void calls_describe(const struct variant *variant)
{
    int code = 3;
    crew_process_info info;
    crew_process process = make(variant, run_until_ended, NULL, 0);
    check_description(process, CREW_PROCESS_INITIAL, 0);
    CHECK_OK(crew_process_start(process));
    check_description(process, CREW_PROCESS_STARTED, 0);
    CHECK_OK(crew_process_describe(process, &info));
    CHECK_INT(info.rank, variant->attr.placement.rank);
    CHECK_OK(crew_process_terminate(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    check_description(process, CREW_PROCESS_STOPPED, -SIGTERM);
    CHECK_INT(finish(process), -SIGTERM);
    process = launch(variant, return_number, &code, sizeof code);
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    check_description(process, CREW_PROCESS_STOPPED, 3);
    CHECK_INT(finish(process), 3);
    CHECK_STATUS(crew_process_describe(process, NULL), CREW_EINVAL);
}

// Finding

static int find_it(void *arg)
{
    const struct creator *wanted = arg;
    crew_process found = {0};
    crew_process_info info;
    bool alive;
    CHECK_OK(crew_process_find(wanted->name, &found));
    CHECK_INT(found.id, wanted->process.id);
    CHECK_OK(crew_process_describe(found, &info));
    CHECK_INT(info.pid, wanted->pid);
    CHECK_INT(info.state, CREW_PROCESS_STARTED);
    CHECK_STATUS(crew_process_join(found, 0), CREW_EPERM);
    CHECK_STATUS(crew_process_is_alive(found, &alive), CREW_EPERM);
    return check_result();
}

void calls_find(const struct variant *variant)
{
    struct creator wanted = {.name = "producer"};
    struct variant producer = named(variant, wanted.name, false);
    crew_process found = {77}, process = make(&producer, run_until_ended, NULL, 0);
    CHECK_STATUS(crew_process_find(wanted.name, &found), CREW_ENOENT); // not running yet
    CHECK_OK(crew_process_start(process));
    wanted.process = process;
    wanted.pid = pid_of(process);
    CHECK_OK(crew_process_find(wanted.name, &found));
    CHECK_INT(found.id, process.id);
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        struct variant elsewhere = {.attr = {.placement = CREW_ON_RANK(rank)}};
        CHECK_INT(finish(launch(&elsewhere, find_it, &wanted, sizeof wanted)), 0);
    }
    CHECK_OK(crew_process_terminate(process));
    CHECK_INT(finish(process), -SIGTERM);
    CHECK_STATUS(crew_process_find(wanted.name, &found), CREW_ENOENT);
    CHECK_STATUS(crew_process_find("", &found), CREW_EINVAL);
    CHECK_STATUS(crew_process_find(NULL, &found), CREW_EINVAL);
    CHECK_STATUS(crew_process_find("producer", NULL), CREW_EINVAL);
    CHECK_OK(crew_process_find("MainProcess", &found));
}

static int take_name(void *arg)
{
    crew_process process = {77};
    crew_process_attr attr = {.name = arg, .unique = true};
    CHECK_STATUS(crew_process_create(&process, return_nothing, NULL, 0, &attr), CREW_EEXIST);
    CHECK_INT(process.id, 77);
    attr.unique = false; // only those that ask for it are kept apart
    CHECK_OK(crew_process_create(&process, return_nothing, NULL, 0, &attr));
    CHECK_OK(crew_process_close(process));
    return check_result();
}

// From its creation to its end.
void calls_unique(const struct variant *variant)
{
    static char name[] = "the one";
    struct variant one = named(variant, name, true);
    struct variant twin = {.attr = {.name = name}};
    crew_process found = {0}, process;
    for (int i = 0; i < 3; i++) {
        process = make(&one, run_until_ended, NULL, 0);
        for (int rank = 0; rank < crew_rank_count(); rank++) {
            struct variant elsewhere = {.attr = {.placement = CREW_ON_RANK(rank)}};
            CHECK_INT(finish(launch(&elsewhere, take_name, name, sizeof name)), 0);
        }
        CHECK_OK(crew_process_start(process));
        crew_process other = launch(&twin, run_until_ended, NULL, 0);
        CHECK_OK(crew_process_find(name, &found));
        CHECK_INT(found.id, process.id);
        CHECK_OK(crew_process_terminate(process));
        CHECK_OK(crew_process_join(process, CREW_FOREVER));
        CHECK_OK(crew_process_terminate(other));
        CHECK_INT(finish(other), -SIGTERM);
        if (i == 1)
            CHECK_INT(finish(process), -SIGTERM); // or the end alone has given it back
    }
    CHECK_INT(finish(process), -SIGTERM);
    process = make(&one, return_nothing, NULL, 0);
    CHECK_OK(crew_process_close(process)); // never started
    process = make(&one, return_nothing, NULL, 0);
    CHECK_OK(crew_process_close(process));
    one.attr.name = NULL;
    CHECK_STATUS(crew_process_create(&process, return_nothing, NULL, 0, &one.attr), CREW_EINVAL);
}
