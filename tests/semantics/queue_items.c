// SPDX-License-Identifier: BSD-3-Clause
// What comes out of a queue, in which order, and when.
#include "queue_cases.h"

#include "check.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_S 20

crew_queue new_queue(const crew_queue_attr *attr)
{
    crew_queue queue = {0};
    CHECK_OK(crew_queue_create(&queue, attr));
    CHECK(queue.id != 0);
    return queue;
}

void put_item(crew_queue queue, int producer, int number)
{
    struct queue_item item = {producer, number};
    CHECK_OK(crew_queue_put(queue, &item, sizeof item, CREW_FOREVER));
}

void expect_item(crew_queue queue, int producer, int number)
{
    struct queue_item item = {-1, -1};
    size_t size = 99;
    CHECK_OK(crew_queue_get(queue, &item, sizeof item, &size, LIMIT_S));
    CHECK_INT(size, sizeof item);
    CHECK_INT(item.producer, producer);
    CHECK_INT(item.number, number);
}

void expect_empty(crew_queue queue)
{
    size_t size = 99;
    CHECK_STATUS(crew_queue_get(queue, NULL, 0, &size, CREW_NOW), CREW_EEMPTY);
    CHECK_INT(size, 99);
}

size_t size_of(crew_queue queue)
{
    size_t count = 999;
    CHECK_OK(crew_queue_size(queue, &count));
    return count;
}

int put_items(void *arg)
{
    const struct queue_job *job = arg;
    for (int i = 0; i < job->count; i++)
        put_item(job->queue, job->number, i);
    return check_result();
}

// Several producers, one consumer: in order for each, nothing lost, nothing twice.
void que_01(const struct variant *variant)
{
    enum { ALL = 3, COUNT = 400 };
    int all = variant_is_inside(variant) ? 1 : ALL;
    crew_process producers[ALL];
    int next[ALL + 1] = {0};
    struct queue_job job = {.queue = new_queue(NULL), .count = COUNT};
    for (job.number = 0; job.number < all; job.number++)
        producers[job.number] = launch(variant, put_items, &job, sizeof job);
    for (int i = 0; i < COUNT; i++) // and one more, the caller
        put_item(job.queue, all, i);
    for (int i = 0; i < (all + 1) * COUNT; i++) {
        struct queue_item item = {-1, -1};
        CHECK_OK(crew_queue_get(job.queue, &item, sizeof item, NULL, LIMIT_S));
        if (!CHECK(item.producer >= 0 && item.producer <= all))
            break;
        CHECK_INT(item.number, next[item.producer]++);
    }
    expect_empty(job.queue);
    for (int i = 0; i < all; i++)
        CHECK_INT(finish(producers[i]), 0);
    CHECK_OK(crew_queue_close(job.queue));
}

static void check_full(crew_queue queue)
{
    int item = 7;
    CHECK_STATUS(crew_queue_put(queue, &item, sizeof item, CREW_NOW), CREW_EFULL);
    CHECK_STATUS(crew_queue_put(queue, &item, sizeof item, -1), CREW_EFULL);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK_STATUS(crew_queue_put(queue, &item, sizeof item, 0.05), CREW_EFULL);
}

static int fill(void *arg)
{
    const struct queue_job *job = arg;
    struct queue_item item = {job->number, 1};
    put_item(job->queue, job->number, 0);
    CHECK_OK(crew_queue_put(job->queue, &item, sizeof item, CREW_NOW));
    check_full(job->queue);
    mark_set(&job->mark, "full");
    put_item(job->queue, job->number, 2); // waits
    mark_set(&job->mark, "put");
    item.number = 3;
    CHECK_OK(crew_queue_put(job->queue, &item, sizeof item, LIMIT_S));
    return check_result();
}

void que_02(const struct variant *variant)
{
    struct queue_job job = {
        .queue = new_queue(&(crew_queue_attr){.max_items = 2}), .number = 5, .mark = mark_new()};
    crew_process process = launch(variant, fill, &job, sizeof job);
    mark_wait(&job.mark, 1);
    check_full(job.queue);
    expect_item(job.queue, 5, 0); // makes room for one
    mark_wait(&job.mark, 2);
    for (int i = 1; i <= 3; i++)
        expect_item(job.queue, 5, i);
    expect_empty(job.queue);
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_queue_close(job.queue));
    mark_remove(&job.mark);
}

static int find_nothing(void *arg)
{
    const struct queue_job *job = arg;
    size_t size = 99;
    int item = 7;
    CHECK_STATUS(crew_queue_get(job->queue, &item, sizeof item, &size, CREW_NOW), CREW_EEMPTY);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK_STATUS(crew_queue_get(job->queue, &item, sizeof item, &size, 0.05), CREW_EEMPTY);
    CHECK_INT(size, 99);
    CHECK_INT(item, 7);
    return check_result();
}

void que_03(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL)};
    CHECK_INT(finish(launch(variant, find_nothing, &job, sizeof job)), 0);
    CHECK_INT(find_nothing(&job), check_result());
    CHECK_OK(crew_queue_close(job.queue));
}

static int use_unbounded(void *arg)
{
    const struct queue_job *job = arg;
    enum { COUNT = 800 };
    double begin = check_now();
    CHECK_STATUS(crew_queue_get(job->queue, NULL, 0, NULL, 0), CREW_EEMPTY);
    CHECK_STATUS(crew_queue_get(job->queue, NULL, 0, NULL, -3), CREW_EEMPTY);
    CHECK_SECONDS(begin, 0, LIMIT_S);
    for (int i = 0; i < COUNT; i++) {
        CHECK_OK(crew_queue_put(job->queue, &i, sizeof i, CREW_NOW));
        CHECK_OK(crew_queue_put(job->queue, &i, sizeof i, 0));
    }
    CHECK_INT(size_of(job->queue), 2 * COUNT);
    return check_result();
}

void que_04(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(&(crew_queue_attr){.max_items = -1})};
    CHECK_INT(finish(launch(variant, use_unbounded, &job, sizeof job)), 0);
    CHECK_OK(crew_queue_close(job.queue));
}

static void check_sizes(crew_queue queue, size_t count, size_t most)
{
    bool empty = count != 0, full = count < most;
    CHECK_INT(size_of(queue), count);
    CHECK_OK(crew_queue_is_empty(queue, &empty));
    CHECK_INT(empty, count == 0);
    CHECK_OK(crew_queue_is_full(queue, &full));
    CHECK_INT(full, most && count >= most);
}

static int step_sizes(void *arg)
{
    const struct queue_job *job = arg;
    size_t most = (size_t)job->count;
    check_sizes(job->queue, 0, most);
    put_item(job->queue, 1, 1);
    check_sizes(job->queue, 1, most);
    put_item(job->queue, 1, 2);
    check_sizes(job->queue, 2, most);
    expect_item(job->queue, 1, 1);
    check_sizes(job->queue, 1, most);
    expect_item(job->queue, 1, 2);
    check_sizes(job->queue, 0, most);
    return check_result();
}

void que_05(const struct variant *variant)
{
    for (int most = 0; most < 3; most += 2) {
        struct queue_job job = {.queue = new_queue(&(crew_queue_attr){.max_items = most}),
                                .count = most};
        CHECK_INT(finish(launch(variant, step_sizes, &job, sizeof job)), 0);
        CHECK_INT(step_sizes(&job), check_result());
        CHECK_OK(crew_queue_close(job.queue));
    }
}

#define PAIRS 20

static int put_and_tell(void *arg)
{
    const struct queue_job *job = arg;
    for (int i = 0; i < PAIRS; i++) {
        put_item(job->queue, 0, 2 * i);
        put_item(job->queue, 0, 2 * i + 1);
        mark_set(&job->mark, "put");
        mark_wait(&job->answer, i + 1);
    }
    return check_result();
}

// What one has put is there for another as soon as that one can know.
void que_06(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL), .mark = mark_new(), .answer = mark_new()};
    crew_process process = launch(variant, put_and_tell, &job, sizeof job);
    for (int i = 0; i < PAIRS; i++) {
        struct queue_item item = {0};
        bool empty = true;
        mark_wait(&job.mark, i + 1);
        if (i % 2) {
            CHECK_OK(crew_queue_is_empty(job.queue, &empty));
            CHECK(!empty);
            CHECK_INT(size_of(job.queue), 2);
        }
        for (int k = 0; k < 2; k++) {
            CHECK_OK(crew_queue_get(job.queue, &item, sizeof item, NULL, CREW_NOW));
            CHECK_INT(item.number, 2 * i + k);
        }
        mark_set(&job.answer, "got");
    }
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_queue_close(job.queue));
    mark_remove(&job.mark);
    mark_remove(&job.answer);
}

// Items of one that has ended are there, in order.
void que_08(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL), .number = 3, .count = 1000};
    CHECK_INT(finish(launch(variant, put_items, &job, sizeof job)), 0);
    for (int i = 0; i < job.count; i++) {
        struct queue_item item = {0};
        CHECK_OK(crew_queue_get(job.queue, &item, sizeof item, NULL, CREW_NOW));
        CHECK_INT(item.number, i);
    }
    expect_empty(job.queue);
    CHECK_OK(crew_queue_close(job.queue));
}

static int echo(void *arg)
{
    const struct queue_job *job = arg;
    struct queue_item item = {0};
    mark_set(&job->mark, "begun");
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(crew_queue_get(job->queue, &item, sizeof item, NULL, CREW_FOREVER)); // waits
        put_item(job->other, item.producer, item.number);
    }
    bool empty = false;
    CHECK_OK(crew_queue_is_empty(job->queue, &empty));
    CHECK(empty);
    CHECK_OK(crew_queue_close(job->queue));
    CHECK_OK(crew_queue_close(job->queue));
    CHECK(crew_queue_is_empty(job->queue, &empty) == CREW_ECLOSED);
    return check_result();
}

void que_12(const struct variant *variant)
{
    bool empty = true;
    struct queue_job job = {
        .queue = new_queue(NULL), .other = new_queue(NULL), .count = 50, .mark = mark_new()};
    crew_process process = launch(variant, echo, &job, sizeof job);
    mark_wait(&job.mark, 1);
    check_sleep(0.02);
    for (int i = 0; i < job.count; i++) {
        put_item(job.queue, i, 2 * i);
        expect_item(job.other, i, 2 * i);
    }
    CHECK_OK(crew_queue_is_empty(job.other, &empty));
    CHECK(empty);
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_queue_close(job.queue));
    CHECK_OK(crew_queue_close(job.other));
    mark_remove(&job.mark);
}

// Several at a time

static int put_letters(void *arg)
{
    const struct queue_job *job = arg;
    CHECK_OK(crew_queue_put(job->queue, "a", 1, CREW_FOREVER));
    CHECK_OK(crew_queue_put(job->queue, NULL, 0, CREW_FOREVER));
    CHECK_OK(crew_queue_put(job->queue, "bcd", 3, CREW_FOREVER));
    CHECK_OK(crew_queue_put(job->queue, "ef", 2, CREW_FOREVER));
    return check_result();
}

static int get_letters(void *arg)
{
    const struct queue_job *job = arg;
    char text[8] = "........";
    size_t sizes[4] = {9, 9, 9, 9}, count = 4;
    CHECK_OK(crew_queue_get_many(job->queue, text, 5, sizes, &count, LIMIT_S));
    CHECK_INT(count, 3); // the fourth does not fit
    CHECK(memcmp(text, "abcd....", 8) == 0);
    CHECK_INT(sizes[0], 1);
    CHECK_INT(sizes[1], 0);
    CHECK_INT(sizes[2], 3);
    CHECK_INT(sizes[3], 9);
    CHECK_STATUS(crew_queue_get_many(job->queue, text, 1, sizes, &count, 0), CREW_ETOOSMALL);
    CHECK_INT(count, 3);
    CHECK_OK(crew_queue_get_many(job->queue, text, 8, sizes, &count, 0));
    CHECK_INT(count, 1);
    CHECK_INT(sizes[0], 2);
    CHECK(memcmp(text, "ef", 2) == 0);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK_STATUS(crew_queue_get_many(job->queue, text, 8, sizes, &count, 0.05), CREW_EEMPTY);
    return check_result();
}

static void check_many(crew_queue queue)
{
    enum { COUNT = 1000 };
    int numbers[300];
    size_t sizes[300], count = 0;
    int next = 0;
    for (int i = 0; i < COUNT; i++)
        CHECK_OK(crew_queue_put(queue, &i, sizeof i, CREW_FOREVER));
    while (next < COUNT) {
        count = 300;
        if (!CHECK_OK(crew_queue_get_many(queue, numbers, sizeof numbers, sizes, &count, 0)))
            break;
        for (size_t i = 0; i < count; i++)
            CHECK_INT(numbers[i], next++);
    }
    expect_empty(queue);
}

void queue_many(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL)};
    CHECK_INT(finish(launch(variant, put_letters, &job, sizeof job)), 0);
    CHECK_INT(get_letters(&job), check_result());
    CHECK_INT(put_letters(&job), check_result());
    CHECK_INT(finish(launch(variant, get_letters, &job, sizeof job)), 0);
    check_many(job.queue);
    CHECK_OK(crew_queue_close(job.queue));
}

// Large items

static const size_t large_sizes[] = {0, 1, 16, 4095, 65000, 65536, 262145, 3000001};
#define LARGE_COUNT (sizeof large_sizes / sizeof *large_sizes)

static int put_large(void *arg)
{
    const struct queue_job *job = arg;
    unsigned char *bytes = malloc(3000001);
    for (size_t i = 0; bytes && i < LARGE_COUNT; i++) {
        for (size_t k = 0; k < large_sizes[i]; k++)
            bytes[k] = (unsigned char)(k * 7 + i);
        CHECK_OK(crew_queue_put(job->queue, bytes, large_sizes[i], CREW_FOREVER));
    }
    free(bytes);
    return check_result();
}

static int get_large(void *arg)
{
    const struct queue_job *job = arg;
    unsigned char *bytes = malloc(3000001);
    for (size_t i = 0; bytes && i < LARGE_COUNT; i++) {
        size_t size = 0, wrong = 0;
        CHECK_OK(crew_queue_get(job->queue, bytes, 3000001, &size, CREW_FOREVER));
        CHECK_INT(size, large_sizes[i]);
        for (size_t k = 0; k < size; k++)
            wrong += bytes[k] != (unsigned char)(k * 7 + i);
        CHECK_INT(wrong, 0);
    }
    free(bytes);
    return check_result();
}

void queue_large(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL)};
    crew_process process = launch(variant, put_large, &job, sizeof job);
    CHECK_INT(get_large(&job), check_result());
    CHECK_INT(finish(process), 0);
    process = launch(variant, get_large, &job, sizeof job);
    CHECK_INT(put_large(&job), check_result());
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_queue_close(job.queue));
}
