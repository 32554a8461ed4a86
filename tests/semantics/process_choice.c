// SPDX-License-Identifier: BSD-3-Clause
// What can be chosen: start methods, places, daemons, classes.
#include "process_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// An interrupt

void prc_15(const struct variant *variant)
{
    crew_process process = make(variant, run_until_ended, NULL, 0);
    CHECK_STATUS(crew_process_interrupt(process), CREW_ESTATE);
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_interrupt(process));
    // A thread in a rank is asked to end, whatever the signal.
    CHECK_INT(finish(process), variant_is_inside(variant) ? -SIGTERM : -SIGINT);
}

// Daemons

void prc_23_later(const struct variant *variant)
{
    bool daemon = false;
    crew_process process = make(variant, run_until_ended, NULL, 0);
    CHECK_OK(crew_process_set_daemon(process, true));
    CHECK_OK(crew_process_daemon(process, &daemon));
    CHECK(daemon);
    CHECK_OK(crew_process_set_daemon(process, false));
    CHECK_OK(crew_process_daemon(process, &daemon));
    CHECK(!daemon);
    CHECK_OK(crew_process_set_daemon(process, true));
    CHECK_OK(crew_process_start(process));
    CHECK_STATUS(crew_process_set_daemon(process, false), CREW_ESTATE);
    CHECK_OK(crew_process_terminate(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_STATUS(crew_process_set_daemon(process, false), CREW_ESTATE);
    CHECK_OK(crew_process_daemon(process, &daemon));
    CHECK(daemon);
    CHECK_INT(finish(process), -SIGTERM);
}

// Start methods

// The first case of the program: nothing has been chosen yet.
void prc_35_first(const struct variant *variant)
{
    const char *const *methods = crew_all_start_methods();
    (void)variant;
    CHECK_TEXT(methods[0], "forkserver");
    CHECK_TEXT(methods[1], "rank");
    CHECK(methods[2] == NULL);
    CHECK_STATUS(crew_set_start_method("spawn", false), CREW_EINVAL);
    CHECK_STATUS(crew_set_start_method(NULL, true), CREW_EINVAL);
    CHECK_OK(crew_set_start_method("rank", false));
    CHECK_TEXT(crew_get_start_method(), "rank");
    CHECK_STATUS(crew_set_start_method("forkserver", false), CREW_ESTATE);
    CHECK_STATUS(crew_set_start_method("rank", false), CREW_ESTATE);
    CHECK_TEXT(crew_get_start_method(), "rank");
    CHECK_OK(crew_set_start_method("forkserver", true));
    CHECK_TEXT(crew_get_start_method(), "forkserver");
}

static int method_is(void *arg)
{
    CHECK_TEXT(crew_get_start_method(), arg);
    CHECK_STATUS(crew_set_start_method("rank", false), CREW_ESTATE);
    return check_result();
}

static bool runs_inside(crew_process_attr *attr, char *method)
{
    crew_process process;
    crew_process_info info = {0};
    CHECK_OK(crew_process_create(&process, method_is, method, strlen(method) + 1, attr));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_describe(process, &info));
    CHECK_INT(finish(process), 0);
    return info.pid == getpid();
}

// It is the default of processes, and their own default, and no more than a default.
void prc_35(const struct variant *variant)
{
    char rank[] = "rank", forkserver[] = "forkserver";
    crew_process_attr attr = {.placement = CREW_HERE};
    (void)variant;
    CHECK_TEXT(crew_get_start_method(), forkserver);
    CHECK(!runs_inside(&attr, forkserver));
    CHECK_OK(crew_set_start_method(rank, true));
    CHECK(runs_inside(&attr, rank));
    attr.start_method = CREW_START_FORKSERVER;
    CHECK(!runs_inside(&attr, rank));
    CHECK_OK(crew_set_start_method(forkserver, true));
}

// Places

static int rank_of(crew_placement placement)
{
    crew_process process;
    crew_process_attr attr = {.placement = placement};
    int rank = -1;
    CHECK_OK(crew_process_create(&process, return_nothing, NULL, 0, &attr));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_rank(process, &rank));
    CHECK_INT(finish(process), 0);
    return rank;
}

static int check_places(void *arg)
{
    crew_process process;
    crew_process_attr nowhere = {.placement = CREW_ON_HOST("no.such.host.example")};
    (void)arg;
    CHECK_INT(rank_of(CREW_HERE), crew_current_rank());
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        char host[256];
        snprintf(host, sizeof host, "%s", crew_rank_host(rank));
        CHECK_TEXT(crew_rank_host(rank_of(CREW_ON_HOST(host))), host);
        CHECK_INT(rank_of(CREW_ON_RANK(rank)), rank);
    }
    CHECK_STATUS(crew_process_create(&process, return_nothing, NULL, 0, &nowhere), CREW_EINVAL);
    nowhere.placement.host = NULL;
    CHECK_STATUS(crew_process_create(&process, return_nothing, NULL, 0, &nowhere), CREW_EINVAL);
    return check_result();
}

void calls_places(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, check_places, NULL, 0)), 0);
}

// The least busy rank of all, whoever has made it busy.
static int be_placed(void *arg)
{
    CHECK_INT(rank_of((crew_placement){0}), *(const int *)arg);
    return check_result();
}

void calls_least_busy(const struct variant *variant)
{
    enum { MOST = 64 };
    crew_process busy[MOST];
    int count = crew_rank_count(), least = count - 1;
    (void)variant;
    for (int rank = 0; rank < count - 1 && rank < MOST; rank++) {
        struct variant there = {.attr = {.placement = CREW_ON_RANK(rank)}};
        busy[rank] = launch(&there, run_until_ended, NULL, 0);
    }
    CHECK_INT(rank_of((crew_placement){0}), least);
    struct variant here = {.attr = {.placement = CREW_ON_RANK(0)}};
    CHECK_INT(finish(launch(&here, be_placed, &least, sizeof least)), 0);
    for (int rank = 0; rank < count - 1 && rank < MOST; rank++) {
        CHECK_OK(crew_process_terminate(busy[rank]));
        CHECK_INT(finish(busy[rank]), -SIGTERM);
    }
}

// As many as there are ranks find a place inside, and one more does not.
void calls_inside_everywhere(const struct variant *variant)
{
    enum { MOST = 64 };
    crew_process processes[MOST], last;
    crew_process_attr attr = {.start_method = CREW_START_RANK};
    int count = crew_rank_count(), used[MOST] = {0};
    (void)variant;
    for (int i = 0; i < count && i < MOST; i++) {
        int rank = 0;
        CHECK_OK(crew_process_create(&processes[i], run_until_ended, NULL, 0, &attr));
        CHECK_OK(crew_process_start(processes[i]));
        CHECK_OK(crew_process_rank(processes[i], &rank));
        CHECK_INT(used[rank]++, 0);
    }
    CHECK_OK(crew_process_create(&last, return_nothing, NULL, 0, &attr));
    CHECK_STATUS(crew_process_start(last), CREW_ESTATE);
    for (int i = 0; i < count && i < MOST; i++) {
        CHECK_OK(crew_process_terminate(processes[i]));
        CHECK_INT(finish(processes[i]), -SIGTERM);
    }
    CHECK_OK(crew_process_start(last)); // now there is room
    CHECK_INT(finish(last), 0);
}

// Classes

struct counter {
    crew_process_class base;
    int from, to;
    char label[32];
};

static int count_up(void *self)
{
    struct counter *counter = self;
    CHECK(counter->base.run == count_up);
    CHECK_INT(counter->base.size, sizeof *counter);
    CHECK(counter->base.name == NULL);
    CHECK_TEXT(counter->label, "from one to ten");
    while (counter->from < counter->to)
        counter->from++;
    return check_result() ? 99 : counter->from;
}

void calls_class(const struct variant *variant)
{
    struct counter counter = {{count_up, sizeof counter, "Counter"}, 1, 10, "from one to ten"};
    crew_process process;
    crew_process_info info;
    const crew_process_attr named = {.name = "Count"};
    CHECK_OK(crew_process_create_class(&process, &counter.base, &named));
    CHECK_OK(crew_process_describe(process, &info));
    CHECK_TEXT(info.name, "Count");
    CHECK_OK(crew_process_close(process));
    CHECK_OK(crew_process_create_class(&process, &counter.base, &variant->attr));
    CHECK_OK(crew_process_describe(process, &info));
    CHECK_INT(strncmp(info.name, "Counter-", strlen("Counter-")), 0);
    counter.to = 20; // it has its own
    CHECK_OK(crew_process_start(process));
    CHECK_INT(finish(process), 10);
    CHECK_INT(counter.from, 1);

    counter.base.run = NULL;
    CHECK_OK(crew_process_create_class(&process, &counter.base, &variant->attr));
    CHECK_STATUS(crew_process_start(process), CREW_EINVAL);
    CHECK(!is_alive(process));
    CHECK_OK(crew_process_close(process));

    counter.base = (crew_process_class){count_up, sizeof counter.base - 1, NULL};
    CHECK_STATUS(crew_process_create_class(&process, &counter.base, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_process_create_class(&process, NULL, NULL), CREW_EINVAL);
    counter.base.size = sizeof counter;
    counter.base.name = "";
    CHECK_STATUS(crew_process_create_class(&process, &counter.base, NULL), CREW_EINVAL);
    counter.base.name = "a name of a class that leaves no room for a number behind it";
    CHECK_STATUS(crew_process_create_class(&process, &counter.base, NULL), CREW_EINVAL);
    counter.base.name = NULL;
    CHECK_STATUS(crew_process_create_class(NULL, &counter.base, NULL), CREW_EINVAL);
}
