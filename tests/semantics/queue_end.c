// SPDX-License-Identifier: BSD-3-Clause
// Queues: closing, joining, refusing, and processes that die.
#include "queue_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIMIT_S 20

static int close_and_try(void *arg)
{
    const struct queue_job *job = arg;
    size_t size = 99;
    int item = 7;
    put_item(job->queue, 1, 1);
    put_item(job->queue, 1, 2);
    CHECK_STATUS(crew_queue_join_thread(job->queue), CREW_ESTATE);
    CHECK_OK(crew_queue_close(job->queue));
    CHECK_OK(crew_queue_close(job->queue));
    CHECK_STATUS(crew_queue_put(job->queue, &item, sizeof item, CREW_FOREVER), CREW_ECLOSED);
    CHECK_STATUS(crew_queue_get(job->queue, &item, sizeof item, &size, CREW_FOREVER), CREW_ECLOSED);
    CHECK_STATUS(crew_queue_get(job->queue, &item, sizeof item, &size, CREW_NOW), CREW_ECLOSED);
    CHECK_STATUS(crew_queue_size(job->queue, &size), CREW_ECLOSED);
    CHECK_STATUS(crew_queue_join(job->queue, 0), CREW_ECLOSED);
    CHECK_STATUS(crew_queue_task_done(job->queue), CREW_ECLOSED);
    CHECK_INT(size, 99);
    CHECK_OK(crew_queue_join_thread(job->queue));
    CHECK_OK(crew_queue_join_thread(job->queue));
    return check_result();
}

void que_07(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL)};
    CHECK_INT(finish(launch(variant, close_and_try, &job, sizeof job)), 0);
    expect_item(job.queue, 1, 1); // the caller's copy is open
    expect_item(job.queue, 1, 2);
    CHECK_STATUS(crew_queue_join_thread(job.queue), CREW_ESTATE);
    CHECK_OK(crew_queue_close(job.queue));
    CHECK_OK(crew_queue_close(job.queue));
    CHECK_OK(crew_queue_join_thread(job.queue));
}

// The join of a producer whose items nobody has taken.
void que_09(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL), .count = 5000};
    crew_process process = launch(variant, put_items, &job, sizeof job);
    CHECK_OK(crew_process_join(process, 2 * LIMIT_S));
    CHECK_INT(finish(process), 0);
    CHECK_INT(size_of(job.queue), job.count);
    expect_item(job.queue, 0, 0);
    CHECK_OK(crew_queue_close(job.queue));
}

static int put_and_cancel(void *arg)
{
    const struct queue_job *job = arg;
    put_items(arg);
    if (job->count % 2) { // before a close, and after
        CHECK_OK(crew_queue_cancel_join_thread(job->queue));
        return check_result();
    }
    CHECK_OK(crew_queue_close(job->queue));
    CHECK_OK(crew_queue_cancel_join_thread(job->queue));
    CHECK_OK(crew_queue_cancel_join_thread(job->queue));
    mark_set(&job->mark, "cancelled");
    mark_wait(&job->answer, 1);
    return check_result();
}

// Only what that process has put is dropped, and only at its end.
void queue_cancel(const struct variant *variant)
{
    struct queue_job job = {
        .queue = new_queue(NULL), .count = 11, .mark = mark_new(), .answer = mark_new()};
    put_item(job.queue, 8, 8);
    CHECK_INT(finish(launch(variant, put_and_cancel, &job, sizeof job)), 0);
    CHECK_INT(size_of(job.queue), 1);
    job.count = 10;
    crew_process process = launch(variant, put_and_cancel, &job, sizeof job);
    mark_wait(&job.mark, 1);
    CHECK_INT(size_of(job.queue), 11);
    expect_item(job.queue, 8, 8);
    expect_item(job.queue, 0, 0);
    put_item(job.queue, 9, 9);
    mark_set(&job.answer, "end");
    CHECK_INT(finish(process), 0);
    expect_item(job.queue, 9, 9);
    expect_empty(job.queue);
    for (int i = 0; i < 3; i++) // 8, 0 and 9 were taken; what was dropped is done with
        CHECK_OK(crew_queue_task_done(job.queue));
    CHECK_OK(crew_queue_join(job.queue, 0));
    CHECK_OK(crew_queue_close(job.queue));
    mark_remove(&job.mark);
    mark_remove(&job.answer);
}

static int work_off(void *arg)
{
    const struct queue_job *job = arg;
    struct queue_item item;
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(crew_queue_get(job->queue, &item, sizeof item, NULL, CREW_FOREVER));
        if (i == job->count - 1) { // the last one is taken, and not done
            mark_set(&job->mark, "last");
            mark_wait(&job->answer, 1);
        }
        CHECK_OK(crew_queue_task_done(job->queue));
    }
    return check_result();
}

void que_10(const struct variant *variant)
{
    struct queue_job job = {
        .queue = new_queue(NULL), .count = 100, .mark = mark_new(), .answer = mark_new()};
    CHECK_OK(crew_queue_join(job.queue, 0));
    CHECK_OK(crew_queue_join(job.queue, CREW_FOREVER));
    for (int i = 0; i < job.count; i++)
        put_item(job.queue, 0, i);
    CHECK_STATUS(crew_queue_join(job.queue, 0), CREW_ETIMEDOUT);
    crew_process process = launch(variant, work_off, &job, sizeof job);
    mark_wait(&job.mark, 1);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK_STATUS(crew_queue_join(job.queue, 0.05), CREW_ETIMEDOUT);
    mark_set(&job.answer, "go on");
    CHECK_OK(crew_queue_join(job.queue, CREW_FOREVER));
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_queue_join(job.queue, 0));
    CHECK_OK(crew_queue_close(job.queue));
    mark_remove(&job.mark);
    mark_remove(&job.answer);
}

static int be_done_too_often(void *arg)
{
    const struct queue_job *job = arg;
    CHECK_STATUS(crew_queue_task_done(job->queue), CREW_ESTATE);
    put_item(job->queue, 1, 1);
    expect_item(job->queue, 1, 1);
    CHECK_OK(crew_queue_task_done(job->queue));
    CHECK_STATUS(crew_queue_task_done(job->queue), CREW_ESTATE);
    return check_result();
}

void que_11(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(&(crew_queue_attr){.name = "eleven"})};
    CHECK_INT(finish(launch(variant, be_done_too_often, &job, sizeof job)), 0);
    CHECK_STATUS(crew_queue_task_done(job.queue), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), "eleven");
    CHECK_OK(crew_queue_close(job.queue));
}

static int be_refused(void *arg)
{
    const struct queue_job *job = arg;
    size_t size = 0;
    char room[4] = "";
    crew_queue none = {job->queue.id + 0xffff};
    CHECK_STATUS(crew_queue_put(job->queue, room, ((size_t)1 << 30) + 1, CREW_FOREVER),
                 CREW_EINVAL);
    CHECK_STATUS(crew_queue_put(job->queue, NULL, 1, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_queue_put(none, room, sizeof room, CREW_FOREVER), CREW_ENOENT);
    CHECK_OK(crew_queue_put(job->queue, "12345", 5, CREW_NOW));
    CHECK_OK(crew_queue_put(job->queue, "678", 3, CREW_NOW));
    CHECK_STATUS(crew_queue_put(job->queue, "9", 1, CREW_NOW), CREW_EFULL);
    for (int i = 0; i < 3; i++) { // too large for the room: stays
        CHECK_STATUS(crew_queue_get(job->queue, room, sizeof room, &size, CREW_FOREVER),
                     CREW_ETOOSMALL);
        CHECK_INT(size, 5);
        CHECK_STATUS(crew_queue_get(job->queue, NULL, 0, NULL, CREW_NOW), CREW_ETOOSMALL);
    }
    char large[5];
    CHECK_OK(crew_queue_get(job->queue, large, sizeof large, &size, CREW_FOREVER));
    CHECK(size == 5 && memcmp(large, "12345", 5) == 0);
    CHECK_OK(crew_queue_put(job->queue, "9", 1, CREW_NOW));
    CHECK_STATUS(crew_queue_put(job->queue, "9", 1, CREW_NOW), CREW_EFULL);
    CHECK_OK(crew_queue_get(job->queue, room, sizeof room, &size, CREW_FOREVER));
    CHECK(size == 3 && memcmp(room, "678", 3) == 0);
    CHECK_OK(crew_queue_get(job->queue, room, sizeof room, &size, CREW_FOREVER));
    CHECK(size == 1 && room[0] == '9');
    return check_result();
}

void que_13(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(&(crew_queue_attr){.max_items = 2})};
    CHECK_INT(finish(launch(variant, be_refused, &job, sizeof job)), 0);
    CHECK_INT(be_refused(&job), check_result());
    CHECK_OK(crew_queue_close(job.queue));
}

// Deaths

static int get_one(void *arg)
{
    const struct queue_job *job = arg;
    struct queue_item item = {0};
    mark_set(&job->mark, "begun");
    CHECK_OK(crew_queue_get(job->queue, &item, sizeof item, NULL, CREW_FOREVER));
    put_item(job->other, item.producer, item.number);
    return check_result();
}

void que_14(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL), .other = new_queue(NULL), .mark = mark_new()};
    crew_process first = launch(variant, get_one, &job, sizeof job);
    mark_wait(&job.mark, 1);
    check_sleep(0.05); // in its get
    crew_process second = launch(variant, get_one, &job, sizeof job);
    mark_wait(&job.mark, 2);
    CHECK_OK(crew_process_kill(first));
    CHECK_INT(finish(first), -SIGKILL);
    put_item(job.queue, 1, 41);
    expect_item(job.other, 1, 41);
    CHECK_INT(finish(second), 0);
    expect_empty(job.queue);
    CHECK_OK(crew_queue_close(job.queue));
    CHECK_OK(crew_queue_close(job.other));
    mark_remove(&job.mark);
}

#define TORN_SIZE 300000

static int put_for_ever(void *arg)
{
    const struct queue_job *job = arg;
    unsigned char *bytes = malloc(TORN_SIZE);
    for (int i = 0; bytes; i++) {
        memset(bytes, i, TORN_SIZE);
        if (crew_queue_put(job->queue, bytes, TORN_SIZE, CREW_FOREVER))
            break;
    }
    free(bytes);
    return 1;
}

void que_15(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(&(crew_queue_attr){.max_items = 8}), .number = 6};
    unsigned char *bytes = calloc(1, TORN_SIZE);
    crew_process process = launch(variant, put_for_ever, &job, sizeof job);
    size_t size = 0;
    for (int i = 0; bytes && i < 5; i++)
        CHECK_OK(crew_queue_get(job.queue, bytes, TORN_SIZE, &size, LIMIT_S));
    CHECK_OK(crew_process_kill(process));
    CHECK_INT(finish(process), -SIGKILL);
    job.count = 3;
    process = launch(variant, put_items, &job, sizeof job); // others are not held up
    int whole = 0, others = 0;
    double begin = check_now();
    while (bytes && others < job.count && check_now() - begin < LIMIT_S) {
        if (crew_queue_get(job.queue, bytes, TORN_SIZE, &size, LIMIT_S))
            break;
        others += size == sizeof(struct queue_item);
        whole += size == TORN_SIZE && memcmp(bytes, bytes + 1, TORN_SIZE - 1) == 0;
        CHECK(size == TORN_SIZE || size == sizeof(struct queue_item));
    }
    CHECK_INT(others, job.count);
    CHECK(whole <= 9);
    CHECK_INT(finish(process), 0);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK_STATUS(crew_queue_get(job.queue, bytes, TORN_SIZE, &size, 0.05), CREW_EEMPTY);
    free(bytes);
    CHECK_OK(crew_queue_close(job.queue));
}

static int make_many(void *arg)
{
    const struct queue_job *job = arg;
    crew_queue queue = {0};
    for (int i = 0; i < job->count; i++)
        CHECK_OK(crew_queue_create(&queue, NULL));
    return check_result();
}

static double processor_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// What this rank needs for the life and the end of a process with so many.
static double rank_time(int count)
{
    struct queue_job job = {.count = count};
    struct variant own = {.attr.placement = CREW_HERE};
    double begin = processor_time();
    CHECK_INT(finish(launch(&own, make_many, &job, sizeof job)), 0);
    CHECK_OK(crew_queue_close(new_queue(NULL))); // which waits until the rank is done
    return processor_time() - begin;
}

// Ten times as many queues take ten times as long, and not a hundred times.
void queue_many_at_end(const struct variant *variant)
{
    (void)variant;
    double few = rank_time(2500), many = rank_time(25000);
    if (!CHECK(many < 40 * few))
        printf("2,500 queues took %.3f s, 25,000 took %.3f s\n", few, many);
}
