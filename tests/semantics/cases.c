// SPDX-License-Identifier: BSD-3-Clause
#include "cases.h"

#include "check.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_S 20
#define VARIANTS 4

crew_process make(const struct variant *variant, crew_process_function *function, const void *arg,
                  size_t size)
{
    crew_process process = {0};
    CHECK_OK(crew_process_create(&process, function, arg, size, &variant->attr));
    return process;
}

crew_process launch(const struct variant *variant, crew_process_function *function, const void *arg,
                    size_t size)
{
    crew_process process = make(variant, function, arg, size);
    CHECK_OK(crew_process_start(process));
    return process;
}

int exitcode_of(crew_process process)
{
    int code = 999;
    CHECK_OK(crew_process_exitcode(process, &code));
    return code;
}

int finish(crew_process process)
{
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    int code = exitcode_of(process);
    CHECK_OK(crew_process_close(process));
    return code;
}

bool is_alive(crew_process process)
{
    bool alive = false;
    CHECK_OK(crew_process_is_alive(process, &alive));
    return alive;
}

bool is_active(crew_process process)
{
    crew_process children[256];
    size_t count = 0;
    bool found = false;
    CHECK_OK(crew_active_children(children, 256, &count));
    for (size_t i = 0; i < count && i < 256; i++)
        found = found || children[i].id == process.id;
    return found;
}

size_t count_active(void)
{
    size_t count = 999;
    CHECK_OK(crew_active_children(NULL, 0, &count));
    return count;
}

pid_t pid_of(crew_process process)
{
    pid_t pid = -1;
    CHECK_OK(crew_process_pid(process, &pid));
    return pid;
}

bool pid_exists(pid_t pid)
{
    return kill(pid, 0) == 0 || errno != ESRCH;
}

void signal_pid(pid_t pid, int number)
{
    if (CHECK(pid > 1))
        CHECK_INT(kill(pid, number), 0);
}

bool pid_wait_gone(pid_t pid)
{
    double begin = check_now();
    if (!CHECK(pid > 1))
        return false;
    while (pid_exists(pid) && check_now() - begin < LIMIT_S)
        check_sleep(0.005);
    return CHECK(!pid_exists(pid));
}

void check_names_host(void)
{
    int rank = -1;
    const char *where = strstr(crew_error_message(), "on rank ");
    if (CHECK(where != NULL && sscanf(where, "on rank %d", &rank) == 1))
        CHECK_CONTAINS(where, crew_rank_host(rank));
}

int return_nothing(void *arg)
{
    (void)arg;
    return 0;
}

int return_number(void *arg)
{
    return *(const int *)arg;
}

int run_until_ended(void *arg)
{
    (void)arg;
    // Quick to notice its end, and no burden for others when it lasts.
    for (double pause_s = 0.0005;; pause_s = pause_s < 0.01 ? 2 * pause_s : pause_s) {
        char name[CREW_NAME_SIZE];
        check_sleep(pause_s);
        if (crew_process_name(crew_current_process(), name, sizeof name) != CREW_OK)
            return 1;
    }
}

struct variant beside(const struct variant *variant)
{
    return (struct variant){.text = variant->text, .attr = {.placement = variant->attr.placement}};
}

void destroy(const struct variant *variant, crew_process process)
{
    bool inside = variant_is_inside(variant);
    CHECK_OK(inside ? crew_process_terminate(process) : crew_process_kill(process));
    CHECK_INT(finish(process), inside ? -SIGTERM : -SIGKILL);
}

// Variants

// There is one place inside a rank.
bool inside_is_taken(void)
{
    crew_process probe;
    crew_process_attr attr = {.placement = CREW_ON_RANK(crew_current_rank()),
                              .start_method = CREW_START_RANK};
    CHECK_OK(crew_process_create(&probe, return_nothing, NULL, 0, &attr));
    bool taken = crew_process_start(probe) != CREW_OK;
    if (!taken)
        CHECK_OK(crew_process_join(probe, CREW_FOREVER));
    CHECK_OK(crew_process_close(probe));
    return taken;
}

static size_t list_variants(const struct test_case *test, struct variant *variants)
{
    size_t count = 0;
    int own = crew_current_rank(), other = (own + 1) % crew_rank_count();
    if (test->flags & CASE_ONCE) {
        variants[0] = (struct variant){.text = "once"};
        return 1;
    }
    variants[count++] = (struct variant){"beside the own rank", {.placement = CREW_ON_RANK(own)}};
    if (other != own)
        variants[count++] =
            (struct variant){"beside another rank", {.placement = CREW_ON_RANK(other)}};
    if (test->flags & CASE_KILLABLE)
        return count;
    crew_process_attr inside = {.placement = CREW_ON_RANK(own), .start_method = CREW_START_RANK};
    if (!inside_is_taken())
        variants[count++] = (struct variant){"inside the own rank", inside};
    inside.placement.rank = other;
    if (other != own)
        variants[count++] = (struct variant){"inside another rank", inside};
    return count;
}

static void run_variants(const struct test_case *test)
{
    struct variant variants[VARIANTS];
    size_t count = list_variants(test, variants);
    for (size_t i = 0; i < count; i++) {
        check_begin(test->id, variants[i].text);
        size_t active = count_active();
        test->run(&variants[i]);
        CHECK_INT(count_active(), active);
    }
}

static int run_nested(void *arg)
{
    int before = check_failures();
    run_variants(&program_cases[*(const size_t *)arg]);
    return check_failures() != before;
}

static void run_from_process(size_t index, crew_start_method method)
{
    crew_process process;
    crew_process_attr attr = {.placement = CREW_ON_RANK(crew_rank_count() - 1),
                              .start_method = method};
    check_begin(program_cases[index].id,
                method == CREW_START_RANK ? "from inside a rank" : "from a process");
    CHECK_OK(crew_process_create(&process, run_nested, &index, sizeof index, &attr));
    CHECK_OK(crew_process_start(process));
    CHECK_INT(finish(process), 0);
}

static void run_case(size_t index)
{
    run_variants(&program_cases[index]);
    if (program_cases[index].flags & CASE_MAIN)
        return;
    run_from_process(index, CREW_START_FORKSERVER);
    run_from_process(index, CREW_START_RANK);
}

int cases_main(int argc, char **argv)
{
    const char *wanted = argc > 1 ? argv[1] : "all";
    bool any = false, times = getenv("CASES_TIMES") != NULL;
    for (size_t i = 0; program_cases[i].id != NULL; i++) {
        if (strcmp(wanted, "all") != 0 && strcmp(wanted, program_cases[i].id) != 0)
            continue;
        double begin = check_now();
        run_case(i);
        any = true;
        if (times)
            fprintf(stderr, "%s: %.3f s\n", program_cases[i].id, check_now() - begin);
    }
    if (!any)
        fprintf(stderr, "there is no case %s\n", wanted);
    return any ? check_failures() != 0 : 2;
}
