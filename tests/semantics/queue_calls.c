// SPDX-License-Identifier: BSD-3-Clause
// Queues: wrong use of every call, waiting, and handles in items.
#include "queue_cases.h"

#include "check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_S 20

// Every call with a handle that is none of an open queue.
static void refuse_handle(crew_queue queue, crew_status expected)
{
    char room[4] = "";
    size_t size = 99;
    bool is = true;
    CHECK_STATUS(crew_queue_put(queue, room, 1, CREW_FOREVER), expected);
    CHECK_STATUS(crew_queue_put(queue, room, 1, 1), expected);
    CHECK_STATUS(crew_queue_put(queue, room, 1, CREW_NOW), expected);
    CHECK_STATUS(crew_queue_get(queue, room, 4, &size, CREW_FOREVER), expected);
    CHECK_STATUS(crew_queue_get(queue, room, 4, &size, 1), expected);
    CHECK_STATUS(crew_queue_get(queue, room, 4, &size, CREW_NOW), expected);
    CHECK_STATUS(crew_queue_get_many(queue, room, 4, &size, &size, 0), expected);
    CHECK_STATUS(crew_queue_size(queue, &size), expected);
    CHECK_STATUS(crew_queue_is_empty(queue, &is), expected);
    CHECK_STATUS(crew_queue_is_full(queue, &is), expected);
    CHECK_STATUS(crew_queue_task_done(queue), expected);
    CHECK_STATUS(crew_queue_join(queue, 1), expected);
    CHECK_STATUS(crew_queue_gather(queue, &(crew_gathered){0}), expected);
    CHECK_INT(size, 99);
    CHECK(is);
}

// These say nothing of a queue that is gone.
static void refuse_closing(crew_queue queue, crew_status expected)
{
    crew_waitable waitable = {77};
    CHECK_STATUS(crew_queue_close(queue), expected);
    CHECK_STATUS(crew_queue_join_thread(queue), expected);
    CHECK_STATUS(crew_queue_cancel_join_thread(queue), expected);
    CHECK_STATUS(crew_queue_waitable(queue, &waitable), expected);
    CHECK_INT(waitable.id, 77);
}

void check_outside(void)
{
    crew_queue queue = {77};
    refuse_handle(queue, CREW_ESTATE);
    refuse_closing(queue, CREW_ESTATE);
    CHECK_STATUS(crew_queue_create(&queue, NULL), CREW_ESTATE);
    crew_gathered_release(NULL);
    CHECK_INT(queue.id, 77);
}

static void refuse_attr(crew_queue_attr attr)
{
    crew_queue queue = {77};
    CHECK_STATUS(crew_queue_create(&queue, &attr), CREW_EINVAL);
    CHECK_INT(queue.id, 77);
}

static void check_attributes(void)
{
    char name[CREW_NAME_SIZE + 1];
    memset(name, 'x', sizeof name);
    name[CREW_NAME_SIZE] = '\0';
    CHECK_STATUS(crew_queue_create(NULL, NULL), CREW_EINVAL);
    refuse_attr((crew_queue_attr){.name = name});
    refuse_attr((crew_queue_attr){.name = ""});
    refuse_attr((crew_queue_attr){.scattered = true, .max_items = 1});
    name[CREW_NAME_SIZE - 1] = '\0'; // the longest
    crew_queue queue = new_queue(&(crew_queue_attr){.name = name, .scattered = true});
    CHECK_STATUS(crew_queue_get(queue, NULL, 0, NULL, CREW_NOW), CREW_EEMPTY);
    CHECK_CONTAINS(crew_error_message(), name);
    CHECK_OK(crew_queue_close(queue));
}

static void refuse_outputs(crew_queue queue)
{
    char room[4] = "";
    size_t size = 99, none = 0;
    CHECK_STATUS(crew_queue_put(queue, NULL, 1, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_queue_put(queue, room, SIZE_MAX, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_queue_put(queue, NULL, 1, CREW_NOW), CREW_EINVAL);
    CHECK_STATUS(crew_queue_put(queue, NULL, 1, 1), CREW_EINVAL);
    CHECK_STATUS(crew_queue_get(queue, NULL, 1, &size, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_queue_get(queue, NULL, 1, &size, 1), CREW_EINVAL);
    CHECK_STATUS(crew_queue_get(queue, NULL, 1, &size, CREW_NOW), CREW_EINVAL);
    CHECK_STATUS(crew_queue_get_many(queue, NULL, 1, &size, &size, 1), CREW_EINVAL);
    CHECK_STATUS(crew_queue_get_many(queue, room, 1, NULL, &size, 1), CREW_EINVAL);
    CHECK_STATUS(crew_queue_get_many(queue, room, 1, &size, NULL, 1), CREW_EINVAL);
    CHECK_STATUS(crew_queue_get_many(queue, room, 1, &size, &none, 1), CREW_EINVAL);
    CHECK_STATUS(crew_queue_size(queue, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_queue_is_empty(queue, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_queue_is_full(queue, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_queue_waitable(queue, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_queue_gather(queue, NULL), CREW_EINVAL);
    CHECK_INT(size, 99);
    CHECK_OK(crew_queue_put(queue, NULL, 0, CREW_FOREVER));
    CHECK_OK(crew_queue_get(queue, NULL, 0, NULL, CREW_FOREVER));
}

static int use_wrongly(void *arg)
{
    const struct queue_job *job = arg;
    refuse_outputs(job->queue);
    refuse_handle((crew_queue){0}, CREW_EINVAL);
    refuse_closing((crew_queue){0}, CREW_EINVAL);
    refuse_handle((crew_queue){crew_current_process().id}, CREW_EINVAL);
    refuse_closing((crew_queue){crew_current_process().id}, CREW_EINVAL);
    refuse_handle((crew_queue){job->queue.id + 0xffff}, CREW_ENOENT);
    check_attributes();
    return check_result();
}

void queue_wrong(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL)};
    CHECK_INT(finish(launch(variant, use_wrongly, &job, sizeof job)), 0);
    CHECK_INT(use_wrongly(&job), check_result());
    CHECK_OK(crew_queue_close(job.queue));
}

static int hear_of_the_end(void *arg)
{
    const struct queue_job *job = arg;
    mark_set(&job->mark, "begun");
    mark_wait(&job->answer, 1);
    refuse_handle(job->queue, CREW_ECLOSED);
    CHECK_OK(crew_queue_close(job->queue));
    CHECK_OK(crew_queue_join_thread(job->queue));
    CHECK_OK(crew_queue_cancel_join_thread(job->queue));
    return check_result();
}

static int make_and_end(void *arg)
{
    const struct queue_job *job = arg;
    crew_queue queue = new_queue(NULL);
    put_item(queue, 1, 1);
    CHECK_OK(
        crew_queue_put(job->queue, &queue.id, 1, CREW_FOREVER)); // a part of it: nobody counts that
    CHECK_OK(crew_queue_put(job->queue, (char *)&queue.id + 1, sizeof queue.id - 1, CREW_FOREVER));
    return check_result();
}

// One whose copies are closed, or whose processes have ended, is gone, with its items.
void queue_gone(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL)};
    crew_queue other = {0};
    CHECK_INT(finish(launch(variant, make_and_end, &job, sizeof job)), 0);
    CHECK_OK(crew_queue_get(job.queue, &other.id, 1, NULL, CREW_FOREVER));
    CHECK_OK(
        crew_queue_get(job.queue, (char *)&other.id + 1, sizeof other.id - 1, NULL, CREW_FOREVER));
    CHECK_STATUS(crew_queue_get(other, NULL, 0, NULL, CREW_NOW), CREW_ECLOSED);
    CHECK_OK(crew_queue_close(job.queue));
    CHECK_OK(crew_queue_close(job.queue));
    job.mark = mark_new();
    job.answer = mark_new();
    job.queue.id = 0;
    crew_queue queue = new_queue(NULL);
    CHECK_OK(crew_queue_close(queue));
    job.queue = queue;
    crew_process process = launch(variant, hear_of_the_end, &job, sizeof job);
    mark_wait(&job.mark, 1);
    mark_set(&job.answer, "closed");
    CHECK_INT(finish(process), 0);
    mark_remove(&job.mark);
    mark_remove(&job.answer);
}

// Waiting

static int answer_items(void *arg)
{
    const struct queue_job *job = arg;
    struct queue_item item = {0};
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(crew_queue_get(job->queue, &item, sizeof item, NULL, CREW_FOREVER));
        check_sleep(0.01);
        put_item(job->other, item.producer, item.number);
    }
    return check_result();
}

static bool is_ready(crew_waitable waitable, double timeout_s)
{
    bool ready = false;
    crew_status status = crew_wait(&waitable, 1, &ready, NULL, timeout_s);
    CHECK(status == (ready ? CREW_OK : CREW_ETIMEDOUT));
    return ready;
}

// Ready when there is an item, and not when it was taken; with others, too.
void queue_wait(const struct variant *variant)
{
    enum { ROUNDS = 5 };
    struct queue_job job = {.queue = new_queue(NULL), .other = new_queue(NULL), .count = ROUNDS};
    crew_waitable all[3];
    bool ready[3];
    size_t count = 99;
    CHECK_OK(crew_queue_waitable(job.queue, &all[0]));
    CHECK_OK(crew_queue_waitable(job.other, &all[1]));
    CHECK(!is_ready(all[0], 0));
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK(!is_ready(all[0], 0.05));
    put_item(job.queue, 1, 1);
    put_item(job.queue, 1, 2);
    CHECK(is_ready(all[0], 0));
    CHECK(is_ready(all[0], CREW_FOREVER));
    expect_item(job.queue, 1, 1);
    expect_item(job.queue, 1, 2);
    crew_process process = launch(variant, answer_items, &job, sizeof job);
    CHECK_OK(crew_process_sentinel(process, &all[2]));
    for (int i = 0; i < ROUNDS; i++) {
        put_item(job.queue, i, i);
        CHECK_OK(crew_wait(all + 1, 2, ready, &count, CREW_FOREVER));
        CHECK(ready[0]);
        expect_item(job.other, i, i);
        CHECK(!is_ready(all[1], 0));
    }
    CHECK_OK(crew_wait(all, 3, ready, &count, CREW_FOREVER));
    CHECK_INT(count, 1);
    CHECK(ready[2]);
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_queue_close(job.queue));
    CHECK_STATUS(crew_wait(all, 2, ready, &count, 0), CREW_ECLOSED); // closed, and gone with that
    CHECK_OK(crew_queue_close(job.other));
}

// Handles in items

struct parcel {
    int number;
    crew_queue answer;
};

static int answer_parcel(void *arg)
{
    const struct queue_job *job = arg;
    for (int i = 0; i < job->count; i++) {
        struct parcel parcel = {0};
        CHECK_OK(crew_queue_get(job->queue, &parcel, sizeof parcel, NULL, CREW_FOREVER));
        put_item(parcel.answer, i, parcel.number);
        CHECK_OK(crew_queue_close(parcel.answer));
    }
    return check_result();
}

static int send_parcel(void *arg)
{
    const struct queue_job *job = arg;
    for (int i = 0; i < job->count; i++) {
        struct parcel parcel = {.number = i, .answer = new_queue(NULL)};
        put_item(parcel.answer, 7, i);
        CHECK_OK(crew_queue_put(job->queue, &parcel, sizeof parcel, CREW_FOREVER));
        CHECK_OK(crew_queue_close(parcel.answer)); // the one in the item keeps it
    }
    return check_result();
}

static int use_alone(void *arg)
{
    const struct queue_job *job = arg;
    mark_wait(&job->mark, 1);
    expect_item(job->queue, 1, 1);
    put_item(job->queue, 2, 2);
    CHECK_INT(size_of(job->queue), 1);
    return check_result();
}

// The copy in an argument is enough.
void queue_argument(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL), .mark = mark_new()};
    put_item(job.queue, 1, 1);
    crew_process process = launch(variant, use_alone, &job, sizeof job);
    CHECK_OK(crew_queue_close(job.queue));
    mark_set(&job.mark, "closed");
    CHECK_INT(finish(process), 0);
    CHECK_STATUS(crew_queue_get(job.queue, NULL, 0, NULL, CREW_NOW), CREW_ECLOSED);
    mark_remove(&job.mark);
}

// Several in one call, and those of a queue that nobody empties.
static void check_parcels(crew_queue queue, size_t count)
{
    struct parcel parcels[3];
    size_t sizes[3], found = 3;
    CHECK(count <= 3);
    CHECK_OK(crew_queue_get_many(queue, parcels, sizeof parcels, sizes, &found, LIMIT_S));
    CHECK_INT(found, count);
    for (size_t i = 0; i < found; i++) {
        expect_item(parcels[i].answer, 7, parcels[i].number);
        CHECK_OK(crew_queue_close(parcels[i].answer));
    }
}

void queue_handles(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(NULL), .count = 3};
    crew_process process = launch(variant, answer_parcel, &job, sizeof job);
    for (int i = 0; i < job.count; i++) {
        struct parcel parcel = {.number = 10 * i, .answer = new_queue(NULL)};
        CHECK_OK(crew_queue_put(job.queue, &parcel, sizeof parcel, CREW_FOREVER));
        expect_item(parcel.answer, i, 10 * i);
        CHECK_OK(crew_queue_close(parcel.answer));
    }
    CHECK_INT(finish(process), 0);
    CHECK_INT(finish(launch(variant, send_parcel, &job, sizeof job)), 0);
    check_parcels(job.queue, 3);
    job.count = 1;
    CHECK_INT(finish(launch(variant, send_parcel, &job, sizeof job)), 0);
    check_parcels(job.queue, 1);
    CHECK_INT(finish(launch(variant, send_parcel, &job, sizeof job)), 0);
    CHECK_OK(crew_queue_close(job.queue)); // with it the one in it
}
