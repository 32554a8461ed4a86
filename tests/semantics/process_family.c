// SPDX-License-Identifier: BSD-3-Clause
// Names, daemons, and what becomes of children at the end of their parent.
#include "process_cases.h"

#include "check.h"
#include "mark.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_name(crew_process process, char *name)
{
    name[0] = '\0';
    CHECK_OK(crew_process_name(process, name, CREW_NAME_SIZE));
}

static void check_name(crew_process process, const char *expected)
{
    char name[CREW_NAME_SIZE];
    read_name(process, name);
    CHECK_TEXT(name, expected);
}

// Names

static int name_is(void *arg)
{
    check_name(crew_current_process(), arg);
    return check_result();
}

// "Process-7" and 2 make "Process-9", "Process-3:7" and 2 make "Process-3:9".
static void advance(char *name, int steps)
{
    size_t digits = strcspn(name, "0123456789"), last = strlen(name);
    while (last > digits && name[last - 1] >= '0' && name[last - 1] <= '9')
        last--;
    int number = atoi(name + last) + steps;
    snprintf(name + last, CREW_NAME_SIZE - last, "%d", number);
}

// What the next process of the caller's would be called, had it not been used up by asking.
static void ask_counter(char *name)
{
    crew_process probe;
    name[0] = '\0';
    CHECK_OK(crew_process_create(&probe, return_nothing, NULL, 0, NULL));
    read_name(probe, name);
    CHECK_OK(crew_process_close(probe));
}

void prc_18_first(const struct variant *variant)
{
    (void)variant;
    for (int i = 1; i <= 3; i++) {
        crew_process process;
        char expected[CREW_NAME_SIZE];
        snprintf(expected, sizeof expected, "Process-%d", i);
        CHECK_OK(crew_process_create(&process, name_is, expected, sizeof expected, NULL));
        check_name(process, expected);
        CHECK_OK(crew_process_start(process));
        CHECK_INT(finish(process), 0);
    }
}

struct nest {
    char name[CREW_NAME_SIZE]; // what this process should be called
    int depth;
    crew_process_attr attr;
};

// Two children each time, the counter beginning at 1.
static int check_nest(void *arg)
{
    struct nest *nest = arg;
    check_name(crew_current_process(), nest->name);
    for (int i = 1; i <= 2 && nest->depth > 0; i++) {
        struct nest below = {.depth = nest->depth - 1};
        crew_process child;
        if (snprintf(below.name, sizeof below.name, "%s:%d", nest->name, i) >=
            (int)sizeof below.name)
            return 1;
        CHECK_OK(crew_process_create(&child, check_nest, &below, sizeof below, NULL));
        check_name(child, below.name);
        CHECK_OK(crew_process_start(child));
        CHECK_INT(finish(child), 0);
    }
    return check_result();
}

void prc_18(const struct variant *variant)
{
    struct nest nest = {.depth = 2};
    ask_counter(nest.name);
    // The main process's are Process-n; the first of another's begin with its own number.
    for (int i = 0; i < 2; i++) {
        advance(nest.name, 1);
        crew_process process = make(variant, check_nest, &nest, sizeof nest);
        check_name(process, nest.name);
        CHECK_OK(crew_process_start(process));
        CHECK_INT(finish(process), 0);
    }
}

static int check_grandchildren(void *arg)
{
    (void)arg;
    char name[CREW_NAME_SIZE];
    ask_counter(name);
    CHECK_CONTAINS(name, "Process-");
    CHECK_CONTAINS(name, ":1");
    return check_result();
}

// One with a name of its own has a number all the same, and its children's names show that.
void prc_19(const struct variant *variant)
{
    char name[CREW_NAME_SIZE];
    struct variant named = *variant;
    named.attr.name = "producer";
    ask_counter(name);
    crew_process first = make(&named, check_grandchildren, NULL, 0);
    check_name(first, "producer");
    crew_process second = make(variant, return_nothing, NULL, 0);
    advance(name, 2);
    check_name(second, name);
    CHECK_OK(crew_process_close(second));
    CHECK_OK(crew_process_start(first));
    CHECK_INT(finish(first), 0);
}

void prc_nested_names(const struct variant *variant)
{
    crew_process same;
    struct variant named = *variant;
    named.attr.name = "twin";
    crew_process process = make(&named, return_nothing, NULL, 0);
    CHECK_OK(
        crew_process_create(&same, return_nothing, NULL, 0, &named.attr)); // names need not differ
    check_name(same, "twin");
    CHECK(same.id != process.id);
    CHECK_OK(crew_process_close(same));
    CHECK_OK(crew_process_close(process));
}

void prc_20(const struct variant *variant)
{
    (void)variant;
    crew_process self = crew_current_process();
    bool daemon = true;
    int code, rank = -1;
    CHECK(self.id != 0);
    check_name(self, "MainProcess");
    CHECK(is_alive(self));
    CHECK_OK(crew_process_daemon(self, &daemon));
    CHECK(!daemon);
    CHECK_INT(pid_of(self), getpid());
    CHECK_STATUS(crew_process_exitcode(self, &code), CREW_ESTATE);
    CHECK_OK(crew_process_rank(self, &rank));
    CHECK_INT(rank, 0);
    CHECK(!is_active(self));
    CHECK_STATUS(crew_process_join(self, 0), CREW_EPERM);
}

// What ps and top show

static void check_proc(pid_t pid, const char *file, const char *expected)
{
    char path[64], text[256];
    double begin = check_now();
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    do {
        FILE *proc = fopen(path, "re");
        size_t size = proc != NULL ? fread(text, 1, sizeof text - 1, proc) : 0;
        text[size] = '\0';
        text[strcspn(text, "\n")] = '\0';
        if (proc != NULL)
            fclose(proc);
        if (strcmp(text, expected) == 0)
            return;
        check_sleep(0.005);
    } while (check_now() - begin < 10); // it may have started this very moment
    CHECK_TEXT(text, expected);
}

// The kernel's name has 15 characters; the command line has as many as the program's own.
void prc_titles(const struct variant *variant)
{
    static const char *const names[] = {"producer", "a-longer-name-01", "two words"};
    for (int i = 0; i < 3; i++) {
        struct variant named = *variant;
        char short_name[16];
        named.attr.name = names[i];
        snprintf(short_name, sizeof short_name, "%.15s", names[i]);
        crew_process process = launch(&named, run_until_ended, NULL, 0);
        check_proc(pid_of(process), "comm", short_name);
        check_proc(pid_of(process), "cmdline", names[i]);
        CHECK_OK(crew_process_kill(process));
        CHECK_INT(finish(process), -SIGKILL);
    }
}

// Daemons

static void check_daemon(crew_daemon wish, bool expected)
{
    crew_process process;
    crew_process_attr attr = {.daemon = wish};
    bool daemon = !expected;
    CHECK_OK(crew_process_create(&process, return_nothing, NULL, 0, &attr));
    CHECK_OK(crew_process_daemon(process, &daemon));
    CHECK_INT(daemon, expected);
    CHECK_OK(crew_process_close(process));
}

static int check_daemon_flags(void *arg)
{
    bool own = *(const bool *)arg, found = !own;
    CHECK_OK(crew_process_daemon(crew_current_process(), &found));
    CHECK_INT(found, own);
    check_daemon(CREW_DAEMON_INHERIT, own);
    check_daemon(CREW_DAEMON_NO, false);
    check_daemon(CREW_DAEMON_YES, true);
    return check_result();
}

void prc_23(const struct variant *variant)
{
    for (int daemon = 0; daemon < 2; daemon++) {
        bool flag = daemon;
        struct variant way = *variant;
        way.attr.daemon = daemon ? CREW_DAEMON_YES : CREW_DAEMON_NO;
        CHECK_INT(finish(launch(&way, check_daemon_flags, &flag, sizeof flag)), 0);
    }
}

static int try_children(void *arg)
{
    (void)arg;
    crew_process process;
    crew_pool pool = {77};
    CHECK_OK(crew_process_create(&process, return_nothing, NULL, 0, NULL));
    CHECK_STATUS(crew_process_start(process), CREW_ESTATE);
    CHECK_OK(crew_process_close(process));
    CHECK_STATUS(crew_pool_create(&pool, NULL), CREW_ESTATE);
    CHECK_INT(pool.id, 77);
    CHECK_INT(count_active(), 0);
    return check_result();
}

void prc_24(const struct variant *variant)
{
    struct variant daemon = *variant;
    daemon.attr.daemon = CREW_DAEMON_YES;
    CHECK_INT(finish(launch(&daemon, try_children, NULL, 0)), 0);
}

// Ends of parents

static struct mark told; // of a process with a handler

static void tell_and_leave(int number)
{
    (void)number;
    mark_set(&told, "SIGTERM");
    _exit(0);
}

struct family {
    struct mark ready, news;
    crew_process_attr attr; // of the children
    bool stubborn;          // they ignore SIGTERM
};

static int be_told(void *arg)
{
    const struct family *family = arg;
    told = family->news;
    signal(SIGTERM, tell_and_leave);
    mark_set(&family->ready, "ready");
    while (pause() != 0)
        ;
    return 0;
}

static int leave_daemons(void *arg)
{
    struct family *family = arg;
    crew_process child;
    family->attr.daemon = CREW_DAEMON_YES;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(crew_process_create(&child, be_told, family, sizeof *family, &family->attr));
        CHECK_OK(crew_process_start(child));
    }
    mark_wait(&family->ready, 2);
    return check_result();
}

// The parent is any, its children can be killed.
void prc_25(const struct variant *variant)
{
    char text[64];
    struct family family = {
        .ready = mark_new(), .news = mark_new(), .attr = {.placement = variant->attr.placement}};
    double begin = check_now();
    CHECK_INT(finish(launch(variant, leave_daemons, &family, sizeof family)), 0);
    mark_read(&family.news, text, sizeof text);
    CHECK_TEXT(text, "SIGTERM\nSIGTERM\n");
    CHECK_SECONDS(begin, 0, 5);
    mark_remove(&family.ready);
    mark_remove(&family.news);
}

static int take_time(void *arg)
{
    const struct family *family = arg;
    check_sleep(0.06);
    mark_set(&family->news, "done");
    return 0;
}

static int leave_children(void *arg)
{
    struct family *family = arg;
    crew_process child;
    for (int i = 0; i < 2; i++) {
        CHECK_OK(crew_process_create(&child, take_time, family, sizeof *family, &family->attr));
        CHECK_OK(crew_process_start(child));
    }
    return check_result();
}

void prc_26(const struct variant *variant)
{
    char text[64];
    struct family family = {
        .ready = mark_new(), .news = mark_new(), .attr = {.placement = variant->attr.placement}};
    double begin = check_now();
    CHECK_INT(finish(launch(variant, leave_children, &family, sizeof family)), 0);
    CHECK_SECONDS(begin, 0.06, 5);
    mark_read(&family.news, text, sizeof text);
    CHECK_TEXT(text, "done\ndone\n");
    mark_remove(&family.news);
}

static int report_and_run(void *arg)
{
    const struct family *family = arg;
    char line[16];
    if (family->stubborn)
        signal(SIGTERM, SIG_IGN);
    snprintf(line, sizeof line, "%d", (int)getpid());
    mark_set(&family->ready, line);
    while (pause() != 0)
        ;
    return 0;
}

// A daemon, a child, and one of its own below that.
static int found_family(void *arg)
{
    struct family *family = arg;
    crew_process child;
    char name[CREW_NAME_SIZE];
    read_name(crew_current_process(), name);
    bool below = strcmp(name, "below") == 0;
    crew_process_attr daemon = {.daemon = CREW_DAEMON_YES}, other = {.name = "below"};
    CHECK_OK(crew_process_create(&child, report_and_run, family, sizeof *family, &daemon));
    CHECK_OK(crew_process_start(child));
    other.placement = CREW_ON_RANK((crew_current_rank() + 1) % crew_rank_count());
    CHECK_OK(crew_process_create(&child, below ? report_and_run : found_family, family,
                                 sizeof *family, &other));
    CHECK_OK(crew_process_start(child));
    return report_and_run(arg);
}

static void kill_family(const struct variant *variant, int number, bool stubborn)
{
    enum { MEMBERS = 5 };
    struct family family = {.ready = mark_new(), .attr = variant->attr, .stubborn = stubborn};
    char text[256], *at = text;
    crew_process process = launch(variant, found_family, &family, sizeof family);
    mark_wait(&family.ready, MEMBERS);
    signal_pid(pid_of(process), number);
    CHECK_INT(finish(process), -number);
    mark_read(&family.ready, text, sizeof text);
    for (int i = 0; i < MEMBERS; i++)
        pid_wait_gone((pid_t)strtol(at, &at, 10));
    mark_remove(&family.ready);
}

void prc_27(const struct variant *variant)
{
    kill_family(variant, SIGKILL, true);
    kill_family(variant, SIGTERM, false);
    kill_family(variant, SIGSEGV, false);
}

// Recursion

struct branch {
    struct mark log;
    char name[32];
    int depth;
};

static int grow(void *arg)
{
    const struct branch *branch = arg;
    mark_set(&branch->log, branch->name);
    for (int i = 0; i < 2 && branch->depth > 0; i++) {
        struct branch next = *branch;
        crew_process child;
        next.depth--;
        if (snprintf(next.name, sizeof next.name, "%s%d", branch->name, i) >= (int)sizeof next.name)
            return 1;
        CHECK_OK(crew_process_create(&child, grow, &next, sizeof next, NULL));
        CHECK_OK(crew_process_start(child));
        CHECK_INT(finish(child), 0);
    }
    return check_result();
}

void prc_31(const struct variant *variant)
{
    struct branch root = {.log = mark_new(), .name = "r", .depth = 2};
    char text[128];
    CHECK_INT(finish(launch(variant, grow, &root, sizeof root)), 0);
    mark_read(&root.log, text, sizeof text);
    CHECK_TEXT(text, "r\nr0\nr00\nr01\nr1\nr10\nr11\n");
    mark_remove(&root.log);
}
