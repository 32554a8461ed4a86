// SPDX-License-Identifier: BSD-3-Clause
// Maps: results in the order of the items, chunks, and tasks that fail.
#include "pool_cases.h"

#include "check.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ITEMS 1000

CREW_TASK(square, int64_t, int64_t)
{
    *result = *item * *item;
    return CREW_OK;
}

// More than a worker has room for in its port.
struct wide {
    unsigned char bytes[40000];
};

CREW_TASK(widen, int, struct wide)
{
    memset(result->bytes, *item & 0xff, sizeof result->bytes);
    return CREW_OK;
}

static crew_status accept_positive(const void *item, void *result)
{
    (void)result;
    return *(const int64_t *)item > 0 ? CREW_OK : crew_fail(CREW_EDOMAIN, "not positive");
}

static void check_squares(crew_pool pool, size_t count, size_t chunk)
{
    static int64_t items[ITEMS], results[ITEMS + 1];
    const crew_map_attr attr = {.chunk = chunk};
    for (size_t i = 0; i < count; i++)
        items[i] = (int64_t)i - 3;
    memset(results, 0x55, sizeof results);
    int64_t beyond = results[count];
    CHECK_OK(crew_pool_map(pool, square, items, results, count, &attr));
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        wrong += results[i] != items[i] * items[i];
    CHECK_INT(wrong, 0);
    CHECK_INT(results[count], beyond);
}

static void check_sizes(crew_pool pool)
{
    static int64_t numbers[20];
    int items[20];
    size_t size = widen.result_size;
    unsigned char *wide = malloc(20 * size);
    const crew_task silent = {accept_positive, sizeof(int64_t), 0, NULL};
    for (int i = 0; i < 20; i++) {
        numbers[i] = i + 1;
        items[i] = i + 1;
    }
    CHECK_OK(crew_pool_map(pool, silent, numbers, NULL, 20, NULL));
    if (!CHECK(wide != NULL))
        return;
    CHECK_OK(crew_pool_map(pool, widen, items, wide, 20, NULL));
    for (size_t i = 0; i < 20; i++)
        CHECK(wide[i * size] == i + 1 && wide[(i + 1) * size - 1] == i + 1);
    free(wide);
}

// One at a time; and arguments side by side, as Python's starmap has them, are a struct.
static void check_single(crew_pool pool)
{
    struct job jobs[3];
    struct outcome outcomes[3];
    int64_t item = -7, result = 0;
    CHECK_OK(crew_pool_apply(pool, square, &item, &result));
    CHECK_INT(result, 49);
    plan(jobs, 3);
    CHECK_OK(crew_pool_map(pool, do_job, jobs, outcomes, 3, NULL));
    for (int i = 0; i < 3; i++)
        CHECK_INT(outcomes[i].number, i);
}

static void check_results(crew_pool pool, const crew_pool_attr *attr)
{
    static const size_t counts[] = {1, 2, 7, 64, ITEMS}, chunks[] = {0, 1, 3, 5000};
    (void)attr;
    for (size_t i = 0; i < COUNT(counts); i++)
        for (size_t j = 0; j < COUNT(chunks); j++)
            check_squares(pool, counts[i], chunks[j]);
    check_single(pool);
    check_sizes(pool);
}

void pol_01(const struct variant *variant)
{
    (void)variant;
    each_pool(check_results, false);
}

void pol_01_large(const struct variant *variant)
{
    size_t count = 200000, wrong = 0;
    int64_t *items = calloc(count, sizeof *items), *results = calloc(count, sizeof *results);
    crew_pool pool;
    (void)variant;
    if (!CHECK(items != NULL && results != NULL) || !CHECK_OK(crew_pool_create(&pool, NULL)))
        return;
    for (size_t i = 0; i < count; i++)
        items[i] = (int64_t)i;
    CHECK_OK(crew_pool_map(pool, square, items, results, count, NULL));
    for (size_t i = 0; i < count; i++)
        wrong += results[i] != items[i] * items[i];
    CHECK_INT(wrong, 0);
    end_pool(pool);
    free(items);
    free(results);
}

static void *map_in_thread(void *arg)
{
    const crew_pool *pool = arg;
    int64_t items[50], results[50];
    for (int i = 0; i < 50; i++)
        items[i] = i;
    for (int round = 0; round < 5; round++) {
        memset(results, 0, sizeof results);
        CHECK_OK(crew_pool_map(*pool, square, items, results, 50, NULL));
        for (int i = 0; i < 50; i++)
            CHECK_INT(results[i], i * i);
    }
    return NULL;
}

// Several threads of the creator at a time. (A thread that is started inside a rank is not the
// process's.)
void pol_01_threads(const struct variant *variant)
{
    pthread_t threads[4];
    crew_pool pool;
    (void)variant;
    if (inside_is_taken() || !CHECK_OK(crew_pool_create(&pool, NULL)))
        return;
    for (int i = 0; i < 4; i++)
        if (!CHECK(pthread_create(&threads[i], NULL, map_in_thread, &pool) == 0))
            abort();
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    end_pool(pool);
}

static void never_called(crew_result result, crew_status status, void *arg)
{
    (void)result;
    (void)status;
    (void)arg;
    CHECK(false);
}

static void check_empty(crew_pool pool, const crew_pool_attr *attr)
{
    static const crew_map_attr called = {.callback = never_called, .error_callback = never_called};
    int64_t item = 0, result = 77;
    crew_result later;
    bool ready = false;
    (void)attr;
    CHECK_OK(crew_pool_map_async(pool, &later, square, &item, &result, 0, &called));
    CHECK_OK(crew_result_ready(later, &ready));
    CHECK(ready);
    CHECK_OK(crew_result_get(later, 0));
    double begin = check_now();
    CHECK_OK(crew_pool_map(pool, square, &item, &result, 0, NULL));
    CHECK_OK(crew_pool_map(pool, square, NULL, NULL, 0, NULL));
    CHECK_OK(crew_pool_map(pool, square, NULL, NULL, 0, &(crew_map_attr){.chunk = 4}));
    CHECK_SECONDS(begin, 0, 1);
    CHECK_INT(result, 77);
}

void pol_02(const struct variant *variant)
{
    (void)variant;
    each_pool(check_empty, false);
}

static void check_same_worker(const struct outcome *outcomes, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++)
        CHECK_INT(outcomes[i].pid, outcomes[begin].pid);
}

// The first chunk is Python's, count / (4 * workers); a size that is given is kept to. (Nobody
// takes a part of one when it is idle.)
static void check_chunks(crew_pool pool, const crew_pool_attr *attr)
{
    static struct job jobs[200];
    static struct outcome outcomes[200];
    size_t workers = (size_t)(attr->workers ? attr->workers : crew_rank_count());
    plan(jobs, 200);
    crew_map_attr map = {.no_stealing = true};
    CHECK_OK(crew_pool_map(pool, do_job, jobs, outcomes, 200, &map));
    check_same_worker(outcomes, 0, (200 + 4 * workers - 1) / (4 * workers));
    map.chunk = 7;
    CHECK_OK(crew_pool_map(pool, do_job, jobs, outcomes, 200, &map));
    for (size_t i = 0; i < 200; i += 7)
        check_same_worker(outcomes, i, i + 7 < 200 ? i + 7 : 200);
}

void pol_02_chunks(const struct variant *variant)
{
    (void)variant;
    each_pool(check_chunks, true);
}

// Tasks 7, 8, 30 and 39 of 40 fail.
static bool is_bad(size_t index)
{
    return index == 7 || index == 8 || index == 30 || index == 39;
}

static void check_failed(crew_pool pool, const struct job *jobs, size_t chunk)
{
    struct outcome outcomes[40];
    crew_status statuses[40];
    const crew_map_attr attr = {.chunk = chunk, .statuses = statuses};
    memset(outcomes, 0x55, sizeof outcomes);
    memset(statuses, 0x55, sizeof statuses);
    CHECK_STATUS(crew_pool_map(pool, do_job, jobs, outcomes, 40, &attr), CREW_EDOMAIN);
    CHECK_CONTAINS(crew_error_message(), "task 7");
    CHECK_CONTAINS(crew_error_message(), "do_job");
    CHECK_CONTAINS(crew_error_message(), "number 7 is no good");
    CHECK_CONTAINS(crew_error_message(), "PoolWorker-");
    check_names_host();
    for (size_t i = 0; i < 40; i++) {
        CHECK_INT(statuses[i], is_bad(i) ? CREW_EDOMAIN : CREW_OK);
        CHECK_INT(outcomes[i].number, is_bad(i) ? 0 : i);
        CHECK_INT(outcomes[i].name[0], is_bad(i) ? 0 : 'P');
    }
    memset(outcomes, 0x55, sizeof outcomes);
    CHECK_STATUS(crew_pool_map(pool, do_job, jobs, outcomes, 40, NULL), CREW_EDOMAIN);
    CHECK_INT(outcomes[39].pid, 0);
    CHECK_INT(outcomes[38].number, 38);
}

static void fail_some(crew_pool pool, const crew_pool_attr *attr)
{
    static const size_t chunks[] = {0, 1, 3, 40};
    struct job jobs[40];
    (void)attr;
    plan(jobs, 40);
    for (size_t i = 0; i < 40; i++)
        jobs[i].what = is_bad(i) ? JOB_FAIL : JOB_COMPUTE;
    for (size_t i = 0; i < COUNT(chunks); i++)
        check_failed(pool, jobs, chunks[i]);
}

void pol_05(const struct variant *variant)
{
    (void)variant;
    each_pool(fail_some, false);
}

static crew_status fail_without_reason(const void *item, void *result)
{
    (void)result;
    return *(const int64_t *)item == 0 ? (crew_status)7 : CREW_ECANCELED;
}

// Every task fails, with more reasons than a message has room for; a status that is none becomes
// EFAILED.
static void fail_all(crew_pool pool, const crew_pool_attr *attr)
{
    static int64_t items[300];
    static crew_status statuses[300];
    const crew_task failing = {fail_without_reason, sizeof *items, 0, "failing"};
    const crew_map_attr one_chunk = {.chunk = 300, .statuses = statuses};
    (void)attr;
    items[5] = 1;
    CHECK_STATUS(crew_pool_map(pool, failing, items, NULL, 300, &one_chunk), CREW_EFAILED);
    CHECK_CONTAINS(crew_error_message(), "task 0");
    for (int i = 0; i < 300; i++)
        CHECK_INT(statuses[i], i == 5 ? CREW_ECANCELED : CREW_EFAILED);
}

// In one chunk with others, which are done.
static void fail_in_chunk(crew_pool pool, const crew_pool_attr *attr)
{
    struct job jobs[40];
    (void)attr;
    plan(jobs, 40);
    for (size_t i = 0; i < 40; i++)
        jobs[i].what = is_bad(i) ? JOB_FAIL : JOB_COMPUTE;
    check_failed(pool, jobs, 40);
}

void pol_06(const struct variant *variant)
{
    (void)variant;
    each_pool(fail_in_chunk, false);
    each_pool(fail_all, false);
}

struct small_block {
    _Alignas(16) char bytes[32];
};

struct large_block {
    _Alignas(16) char bytes[48];
};

CREW_TASK(check_places, struct small_block, struct large_block)
{
    if ((uintptr_t)item % 16 != 0 || (uintptr_t)result % 16 != 0)
        return crew_fail(CREW_EFAILED, "not aligned: %p, %p", (const void *)item, (void *)result);
    for (size_t i = 0; i < sizeof result->bytes; i++)
        if (result->bytes[i] != 0)
            return crew_fail(CREW_EFAILED, "the result is not zero at first");
    memset(result, 0x77, sizeof *result);
    return CREW_OK;
}

static void check_alignment(crew_pool pool, const crew_pool_attr *attr)
{
    static _Alignas(16) char items[100][32], results[100][48];
    (void)attr;
    for (size_t chunk = 0; chunk < 4; chunk++) {
        memset(results, 0x55, sizeof results);
        CHECK_OK(crew_pool_map(pool, check_places, items, results, 100,
                               &(crew_map_attr){.chunk = chunk}));
        CHECK_INT(results[99][47], 0x77);
    }
}

void map_alignment(const struct variant *variant)
{
    (void)variant;
    each_pool(check_alignment, false);
}
