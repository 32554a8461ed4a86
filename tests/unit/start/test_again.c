/* SPDX-License-Identifier: BSD-3-Clause */
/* A run leaves nothing behind that the next one in the same process would stumble over: the same
 * program runs several times, and descriptors and threads are as many as before. */
#include "start/run.h"
#include "unit.h"

#include <crew/crew.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define RUNS 4

static char word[] = "again", *words[] = {word, NULL};
static atomic_bool goes_on;

static int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = 0;
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

CREW_TASK(twice, int, int)
{
    *result = 2 * *item;
    return CREW_OK;
}

static int answer(void *arg)
{
    crew_queue queue;
    int number = 42;
    memcpy(&queue, arg, sizeof queue);
    return crew_queue_put(queue, &number, sizeof number, CREW_FOREVER);
}

static void note(crew_result result, crew_status status, void *arg)
{
    (void)result;
    atomic_fetch_add((atomic_int *)arg, status == CREW_OK);
}

/* Something of everything that keeps records of its own. What it does not end is left open. */
static int use_all(int argc, char **argv)
{
    (void)argv;
    static atomic_int noted;
    int items[20], results[20], number = 0;
    int64_t before = -1;
    crew_pool pool;
    crew_result result;
    crew_queue queue;
    crew_process process;
    crew_value value;
    crew_iterator iterator;
    for (int i = 0; i < 20; i++)
        items[i] = i;
    atomic_store(&noted, 0);
    assert_int_equal(argc, 1);
    assert_int_equal(crew_current_rank(), 0);
    assert_string_equal(crew_current_name(), "MainProcess");
    assert_int_equal(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2}), CREW_OK);
    assert_int_equal(crew_pool_map(pool, twice, items, results, 20, NULL), CREW_OK);
    assert_int_equal(results[19], 38);
    assert_int_equal(
        crew_pool_map_async(pool, &result, twice, items, results, 20,
                            &(crew_map_attr){.callback = note, .callback_arg = &noted}),
        CREW_OK);
    assert_int_equal(crew_result_wait(result, CREW_FOREVER), CREW_OK);
    assert_int_equal(atomic_load(&noted), 1);
    assert_int_equal(crew_pool_imap(pool, twice, items, 20, NULL, &iterator), CREW_OK);
    assert_int_equal(crew_iterator_next(iterator, &number, NULL, CREW_FOREVER), CREW_OK);
    assert_int_equal(crew_queue_create(&queue, NULL), CREW_OK);
    assert_int_equal(crew_process_create(&process, answer, &queue, sizeof queue, NULL), CREW_OK);
    assert_int_equal(crew_process_start(process), CREW_OK);
    assert_int_equal(crew_queue_get(queue, &number, sizeof number, NULL, CREW_FOREVER), CREW_OK);
    assert_int_equal(number, 42);
    assert_int_equal(crew_value_create(&value, CREW_INT64, NULL, NULL), CREW_OK);
    assert_int_equal(crew_value_fetch_add_int64(value, 1, &before), CREW_OK);
    assert_int_equal(before, 0);
    return 3;
}

static void runs_again(void **state)
{
    (void)state;
    int descriptors = 0, threads = 0;
    for (int i = 0; i < RUNS; i++) {
        assert_int_equal(crewi_run(1, words, use_all), 3);
        assert_int_equal(crew_rank_count(), 0);
        crew_queue queue;
        assert_int_equal(crew_queue_create(&queue, NULL), CREW_ESTATE);
        if (i == 0) {
            descriptors = count_entries("/proc/self/fd");
            threads = count_entries("/proc/self/task");
        }
    }
    assert_int_equal(count_entries("/proc/self/fd"), descriptors);
    assert_int_equal(count_entries("/proc/self/task"), threads);
}

static void *wait_for_item(void *arg)
{
    crew_queue queue;
    int number;
    memcpy(&queue, arg, sizeof queue);
    crew_queue_get(queue, &number, sizeof number, NULL, CREW_FOREVER);
    return NULL;
}

static void *call_seldom(void *arg)
{
    (void)arg;
    while (atomic_load(&goes_on)) {
        crew_current_process();
        usleep(100);
    }
    return NULL;
}

static pthread_t caller;

static int leave_threads(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    static crew_queue queue;
    pthread_t waiter;
    assert_int_equal(crew_queue_create(&queue, NULL), CREW_OK);
    assert_int_equal(pthread_create(&waiter, NULL, wait_for_item, &queue), 0);
    assert_int_equal(pthread_create(&caller, NULL, call_seldom, NULL), 0);
    usleep(10000);
    return 5;
}

/* A thread that waited stays where it was, and disturbs no later run. What it may look at stays,
 * too, which LeakSanitizer takes for a leak. */
static void runs_beside_threads(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip();
#endif
    atomic_store(&goes_on, true);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crewi_run(1, words, leave_threads), 5);
        assert_int_equal(crewi_run(1, words, use_all), 3);
    }
    atomic_store(&goes_on, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(runs_again),
                                       cmocka_unit_test(runs_beside_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
