// SPDX-License-Identifier: BSD-3-Clause
// What the calls of <crew/process.h> and <crew/run.h> are documented to return, line by line.
#include "process_cases.h"

#include "check.h"
#include "mark.h"

#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

// An attribute that is refused, with no effect on the output.
static void refuse_attr(crew_process_attr attr)
{
    crew_process process = {77};
    CHECK_STATUS(crew_process_create(&process, return_nothing, NULL, 0, &attr), CREW_EINVAL);
    CHECK_INT(process.id, 77);
}

static void check_names(void)
{
    char name[CREW_NAME_SIZE + 1], found[CREW_NAME_SIZE];
    crew_process process = {0};
    memset(name, 'x', sizeof name);
    name[CREW_NAME_SIZE] = '\0';
    refuse_attr((crew_process_attr){.name = name});
    refuse_attr((crew_process_attr){.name = ""});
    name[CREW_NAME_SIZE - 1] = '\0'; // the longest
    CHECK_OK(
        crew_process_create(&process, return_nothing, NULL, 0, &(crew_process_attr){.name = name}));
    CHECK_OK(crew_process_name(process, found, sizeof found));
    CHECK_TEXT(found, name);
    CHECK_STATUS(crew_process_name(process, found, CREW_NAME_SIZE - 1), CREW_ETOOSMALL);
    CHECK_OK(crew_process_start(process));
    CHECK_INT(finish(process), 0);
}

void calls_create(const struct variant *variant)
{
    static const int ranks[] = {-1, INT_MIN, INT_MAX};
    crew_process process = {77};
    (void)variant;
    CHECK_STATUS(crew_process_create(NULL, return_nothing, NULL, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_process_create(&process, NULL, NULL, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_process_create(&process, return_nothing, NULL, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(
        crew_process_create(&process, return_nothing, &process, ((size_t)1 << 30) + 1, NULL),
        CREW_EINVAL);
    CHECK_STATUS(crew_process_create(&process, return_nothing, &process, SIZE_MAX, NULL),
                 CREW_EINVAL);
    CHECK_INT(process.id, 77);
    for (size_t i = 0; i < COUNT(ranks); i++)
        refuse_attr((crew_process_attr){.placement = CREW_ON_RANK(ranks[i])});
    refuse_attr((crew_process_attr){.placement = CREW_ON_RANK(crew_rank_count())});
    refuse_attr((crew_process_attr){.placement = {.place = 4}});
    refuse_attr((crew_process_attr){.placement = {.place = -1}});
    refuse_attr((crew_process_attr){.daemon = (crew_daemon)3});
    refuse_attr((crew_process_attr){.start_method = (crew_start_method)3});
    check_names();
}

static void refuse_function(const void *address)
{
    crew_process process = {77};
    crew_process_function *function;
    memcpy(&function, &address, sizeof function);
    CHECK_STATUS(crew_process_create(&process, function, NULL, 0, NULL), CREW_EBUILD);
    CHECK_INT(process.id, 77);
}

// Addresses of what is no function.
void calls_function(const struct variant *variant)
{
    static int data = 1, zero;
    static const char text[] = "text";
    int local = 0;
    void *heap = malloc(64);
    (void)variant;
    refuse_function(&data);
    refuse_function(&zero);
    refuse_function(text);
    refuse_function(&local);
    refuse_function(heap);
    refuse_function((const void *)16);
    refuse_function((const void *)UINTPTR_MAX);
    free(heap);
}

// Arguments

struct large {
    size_t size;
    unsigned char bytes[];
};

static int check_large(void *arg)
{
    const struct large *large = arg;
    unsigned sum = 0;
    CHECK_INT((uintptr_t)arg % 16, 0);
    for (size_t i = 0; i < large->size; i++)
        sum += large->bytes[i] != (unsigned char)(i * 7 + i / 251);
    CHECK_INT(sum, 0);
    return check_result();
}

static int check_null(void *arg)
{
    return arg != NULL;
}

static void send_large(const struct variant *variant, size_t size)
{
    struct large *large = malloc(sizeof *large + size);
    if (!CHECK(large != NULL))
        return;
    large->size = size;
    for (size_t i = 0; i < size; i++)
        large->bytes[i] = (unsigned char)(i * 7 + i / 251);
    crew_process process = make(variant, check_large, large, sizeof *large + size);
    memset(large->bytes, 0, size); // the process has a copy
    free(large);
    CHECK_OK(crew_process_start(process));
    CHECK_INT(finish(process), 0);
}

void calls_argument(const struct variant *variant)
{
    static const size_t sizes[] = {0, 1, 1000, 65000, 262144, 1 << 20, 1500011};
    CHECK_INT(finish(launch(variant, check_null, NULL, 0)), 0);
    for (size_t i = 0; i < COUNT(sizes); i++)
        send_large(variant, sizes[i]);
}

// Starting

void calls_start_inside(const struct variant *variant)
{
    if (!variant_is_inside(variant))
        return;
    crew_process first = launch(variant, run_until_ended, NULL, 0);
    crew_process second = make(variant, return_nothing, NULL, 0);
    CHECK_STATUS(crew_process_start(second), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), "CREW_START_RANK");
    CHECK(!is_alive(second));
    CHECK(!is_active(second));
    CHECK_OK(crew_process_terminate(first));
    CHECK_INT(finish(first), -SIGTERM);
    CHECK_OK(crew_process_start(second)); // a start that failed had no effect
    CHECK_INT(finish(second), 0);
}

// What is no output

void calls_outputs(const struct variant *variant)
{
    char text[512] = "untouched";
    size_t count = 77;
    crew_process process = make(variant, return_nothing, NULL, 0);
    CHECK_STATUS(crew_process_is_alive(process, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_process_exitcode(process, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_process_pid(process, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_process_rank(process, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_process_host(process, NULL, sizeof text), CREW_EINVAL);
    CHECK_STATUS(crew_process_name(process, NULL, sizeof text), CREW_EINVAL);
    CHECK_STATUS(crew_process_daemon(process, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_process_name(process, text, 0), CREW_ETOOSMALL);
    CHECK_STATUS(crew_process_name(process, text, 4), CREW_ETOOSMALL);
    CHECK_STATUS(crew_process_host(process, text, 0), CREW_ETOOSMALL);
    CHECK_STATUS(crew_process_host(process, text, strlen(crew_rank_host(0))), CREW_ETOOSMALL);
    CHECK_TEXT(text, "untouched");
    CHECK_STATUS(crew_active_children(NULL, 1, &count), CREW_EINVAL);
    CHECK_INT(count, 77);
    CHECK_STATUS(crew_active_children(&process, 1, NULL), CREW_EINVAL);
    CHECK_OK(crew_process_close(process));
}

// Handles

static void refuse_handle(uint64_t id, crew_status expected)
{
    crew_process process = {id};
    int number;
    bool flag;
    pid_t pid;
    char text[256];
    CHECK_STATUS(crew_process_start(process), expected);
    CHECK_STATUS(crew_process_join(process, CREW_FOREVER), expected);
    CHECK_STATUS(crew_process_terminate(process), expected);
    CHECK_STATUS(crew_process_kill(process), expected);
    CHECK_STATUS(crew_process_is_alive(process, &flag), expected);
    CHECK_STATUS(crew_process_exitcode(process, &number), expected);
    CHECK_STATUS(crew_process_pid(process, &pid), expected);
    CHECK_STATUS(crew_process_rank(process, &number), expected);
    CHECK_STATUS(crew_process_host(process, text, sizeof text), expected);
    CHECK_STATUS(crew_process_name(process, text, sizeof text), expected);
    CHECK_STATUS(crew_process_daemon(process, &flag), expected);
    CHECK_STATUS(crew_process_close(process), expected);
}

static int use_handles(void *arg)
{
    uint64_t own = crew_current_process().id, kind = own & ((uint64_t)15 << 60);
    (void)arg;
    refuse_handle(0, CREW_EINVAL);
    refuse_handle(1, CREW_EINVAL);
    refuse_handle(UINT64_MAX, CREW_EINVAL);
    refuse_handle(own ^ (uint64_t)1 << 63, CREW_EINVAL);
    refuse_handle(kind, CREW_ENOENT); // number 0
    refuse_handle(kind | (((uint64_t)1 << 40) - 1), CREW_ENOENT);
    refuse_handle(kind | (((uint64_t)1 << 60) - 1),
                  CREW_ENOENT); // at home on a rank that is not there
    refuse_handle(kind | (uint64_t)(crew_rank_count() - 1) << 40 | 0xfffffff, CREW_ENOENT);
    return check_result();
}

void calls_handles(const struct variant *variant)
{
    crew_pool pool = {0};
    use_handles(NULL);
    CHECK_INT(finish(launch(variant, use_handles, NULL, 0)), 0);
    if (variant_is_inside(variant))
        return;
    CHECK_OK(crew_pool_create(&pool, NULL));
    refuse_handle(pool.id, CREW_EINVAL);
    CHECK_OK(crew_pool_destroy(pool));
}

void calls_children(const struct variant *variant)
{
    crew_process processes[3], found[3] = {{0}, {0}, {77}};
    size_t count = 0, before = count_active();
    for (int i = 0; i < 3; i++)
        processes[i] = launch(variant, run_until_ended, NULL, 0);
    CHECK_INT(count_active(), before + 3);
    CHECK_OK(crew_active_children(found, 2, &count));
    CHECK_INT(count, before + 3);
    CHECK(found[0].id != 0 && found[1].id != 0 && found[0].id != found[1].id);
    CHECK_INT(found[2].id, 77);
    for (int i = 0; i < 3; i++) {
        CHECK(is_active(processes[i]));
        CHECK_OK(crew_process_kill(processes[i]));
        CHECK_INT(finish(processes[i]), -SIGKILL);
    }
    CHECK_INT(count_active(), before);
}

// Where a process is

struct whereabouts {
    int rank;
    char host[256];
};

// From its own side, at once: the parent may not know of it yet.
static int check_whereabouts(void *arg)
{
    const struct whereabouts *expected = arg;
    crew_process self = crew_current_process();
    crew_process_info info;
    char host[256] = "";
    int rank = -1;
    CHECK_INT(pid_of(self), getpid());
    CHECK_OK(crew_process_describe(self, &info));
    CHECK_TEXT(crew_current_name(), info.name);
    CHECK_OK(crew_process_rank(self, &rank));
    CHECK_INT(rank, expected->rank);
    CHECK_INT(crew_current_rank(), expected->rank);
    CHECK_OK(crew_process_host(self, host, sizeof host));
    CHECK_TEXT(host, expected->host);
    CHECK_TEXT(crew_rank_host(crew_current_rank()), expected->host);
    CHECK(gethostname(host, sizeof host) == 0);
    CHECK_TEXT(host, expected->host);
    CHECK(is_alive(self));
    return check_result();
}

void calls_info(const struct variant *variant)
{
    struct whereabouts expected = {.rank = variant->attr.placement.rank};
    char host[256] = "";
    int rank = -1;
    snprintf(expected.host, sizeof expected.host, "%s", crew_rank_host(expected.rank));
    CHECK(expected.host[0] != '\0');
    for (int i = 0; i < 10; i++) {
        crew_process process = make(variant, check_whereabouts, &expected, sizeof expected);
        CHECK_OK(crew_process_rank(process, &rank));
        CHECK_INT(rank, expected.rank);
        CHECK_OK(crew_process_host(process, host, sizeof host));
        CHECK_TEXT(host, expected.host);
        CHECK_OK(crew_process_start(process));
        CHECK(pid_of(process) > 0);
        CHECK_INT(finish(process), 0);
    }
}

static int join_self(void *arg)
{
    crew_process self = crew_current_process();
    (void)arg;
    CHECK_STATUS(crew_process_join(self, CREW_FOREVER), CREW_EPERM);
    CHECK_STATUS(crew_process_start(self), CREW_EPERM);
    CHECK_STATUS(crew_process_terminate(self), CREW_EPERM);
    CHECK_STATUS(crew_process_kill(self), CREW_EPERM);
    CHECK_STATUS(crew_process_close(self), CREW_EPERM);
    CHECK(is_alive(self));
    return check_result();
}

void calls_self(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, join_self, NULL, 0)), 0);
}

// Without a wish, processes spread over the ranks.
void calls_placement(const struct variant *variant)
{
    int count = crew_rank_count(), used[64] = {0};
    crew_process processes[64];
    (void)variant;
    for (int i = 0; i < count; i++) {
        int rank = -1;
        CHECK_OK(crew_process_create(&processes[i], run_until_ended, NULL, 0, NULL));
        CHECK_STATUS(crew_process_rank(processes[i], &rank), CREW_ESTATE);
        CHECK_INT(rank, -1);
        CHECK_OK(crew_process_start(processes[i]));
        CHECK_OK(crew_process_rank(processes[i], &rank));
        if (CHECK(rank >= 0 && rank < count))
            used[rank]++;
    }
    for (int i = 0; i < count; i++) {
        CHECK_INT(used[i], 1);
        CHECK_OK(crew_process_kill(processes[i]));
        CHECK_INT(finish(processes[i]), -SIGKILL);
    }
}

// Reasons

void calls_errors(const struct variant *variant)
{
    char reason[512];
    struct variant named = *variant;
    named.attr.name = "lazy";
    crew_process process = make(&named, return_nothing, NULL, 0);
    CHECK_STATUS(crew_process_join(process, 0), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), "lazy");
    snprintf(reason, sizeof reason, "%s", crew_error_message());
    CHECK_OK(crew_process_start(process)); // what succeeds leaves the reason alone
    CHECK_TEXT(crew_error_message(), reason);
    CHECK_INT(finish(process), 0);
    CHECK_INT(crew_fail(CREW_EDOMAIN, "row %d", 7), CREW_EDOMAIN);
    CHECK_TEXT(crew_error_message(), "row 7");
    CHECK_INT(crew_fail(CREW_OK, "no error"), CREW_EFAILED);
    CHECK_INT(crew_fail((crew_status)5, "no error"), CREW_EFAILED);
    CHECK_TEXT(crew_status_name(CREW_EDOMAIN), "CREW_EDOMAIN");
    CHECK_TEXT(crew_status_name((crew_status)12345), "CREW_?");
    CHECK_TEXT(crew_status_message((crew_status)12345), "unknown status 12345");
}

// The job

static int count_host_names(void)
{
    int names = 0;
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        int other = 0;
        while (strcmp(crew_rank_host(other), crew_rank_host(rank)) != 0)
            other++;
        names += other == rank;
    }
    return names;
}

void calls_run(const struct variant *variant)
{
    (void)variant;
    int count = crew_rank_count();
    CHECK(count >= 1);
    CHECK_INT(crew_host_count(), count_host_names());
    CHECK(crew_current_rank() >= 0 && crew_current_rank() < count);
    CHECK(crew_cpu_count(CREW_ALL_RANKS) >= 1);
    for (int rank = 0; rank < count; rank++) {
        CHECK(crew_cpu_count(rank) >= 1);
        CHECK(crew_rank_host(rank)[0] != '\0');
    }
    CHECK_INT(crew_cpu_count(count), 0);
    CHECK_INT(crew_cpu_count(-2), 0);
    CHECK_TEXT(crew_rank_host(count), "");
    CHECK_TEXT(crew_rank_host(-1), "");
    CHECK_TEXT(crew_version(), CREW_VERSION);
}

static void *no_thread(void *arg)
{
    return arg;
}

void check_outside(void)
{
    pthread_t thread;
    crew_end_cause cause;
    crew_process process = {77};
    size_t count = 77;
    bool flag;
    int number;
    pid_t pid;
    char text[256];
    check_begin("outside crew_run()", "main");
    CHECK_STATUS(crew_process_create(&process, return_nothing, NULL, 0, NULL), CREW_ESTATE);
    CHECK_INT(process.id, 77);
    process.id = (uint64_t)1 << 60 | 1;
    for (int i = 0; i < 2; i++, process.id = 0) {
        CHECK_STATUS(crew_process_start(process), CREW_ESTATE);
        CHECK_STATUS(crew_process_join(process, CREW_FOREVER), CREW_ESTATE);
        CHECK_STATUS(crew_process_terminate(process), CREW_ESTATE);
        CHECK_STATUS(crew_process_kill(process), CREW_ESTATE);
        CHECK_STATUS(crew_process_close(process), CREW_ESTATE);
        CHECK_STATUS(crew_process_is_alive(process, &flag), CREW_ESTATE);
        CHECK_STATUS(crew_process_exitcode(process, &number), CREW_ESTATE);
        CHECK_STATUS(crew_process_end_cause(process, &cause), CREW_ESTATE);
        CHECK_STATUS(crew_process_pid(process, &pid), CREW_ESTATE);
        CHECK_STATUS(crew_process_rank(process, &number), CREW_ESTATE);
        CHECK_STATUS(crew_process_host(process, text, sizeof text), CREW_ESTATE);
        CHECK_STATUS(crew_process_name(process, text, sizeof text), CREW_ESTATE);
        CHECK_STATUS(crew_process_daemon(process, &flag), CREW_ESTATE);
    }
    CHECK_STATUS(crew_thread_create(&thread, NULL, no_thread, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_active_children(NULL, 0, &count), CREW_ESTATE);
    CHECK_INT(crew_current_process().id, 0);
    CHECK_TEXT(crew_current_name(), "");
    CHECK_INT(crew_rank_count(), 0);
    CHECK_INT(crew_host_count(), 0);
    CHECK_INT(crew_cpu_count(0), 0);
    CHECK_INT(crew_cpu_count(CREW_ALL_RANKS), 0);
    CHECK_TEXT(crew_rank_host(0), "");
    CHECK_INT(crew_current_rank(), -1);
    check_begin(NULL, NULL);
}
