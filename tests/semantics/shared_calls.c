// SPDX-License-Identifier: BSD-3-Clause
// Arrays: wrong use, handles on their way, and the end.
#include "shared_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

// All calls with that handle.
static void refuse_handle(crew_array array, crew_status expected)
{
    int64_t number = 7, other = 8;
    crew_datatype type = CREW_CHAR;
    crew_rlock lock = {77};
    void *data = NULL;
    bool exchanged = true;
    CHECK_STATUS(crew_array_length(array, &number), expected);
    CHECK_STATUS(crew_array_type(array, &type), expected);
    CHECK_STATUS(crew_array_get(array, CREW_INT64, 0, &number), expected);
    CHECK_STATUS(crew_array_set(array, CREW_INT64, 0, &number), expected);
    CHECK_STATUS(crew_array_fetch_add(array, CREW_INT64, 0, &other, &number), expected);
    CHECK_STATUS(crew_array_exchange(array, CREW_INT64, 0, &other, &number), expected);
    CHECK_STATUS(crew_array_compare_exchange(array, CREW_INT64, 0, &number, &other, &exchanged),
                 expected);
    CHECK_STATUS(crew_array_read(array, 0, 1, &number), expected);
    CHECK_STATUS(crew_array_write(array, 0, 1, &number), expected);
    CHECK_STATUS(crew_array_fill(array, 0, 1, &number), expected);
    CHECK_STATUS(crew_array_data(array, &data), expected);
    CHECK_STATUS(crew_array_acquire(array, CREW_FOREVER), expected);
    CHECK_STATUS(crew_array_acquire(array, 0), expected);
    CHECK_STATUS(crew_array_release(array), expected);
    CHECK_STATUS(crew_array_get_lock(array, &lock), expected);
    CHECK_INT(number, 7);
    CHECK_INT(type, CREW_CHAR);
    CHECK_INT(lock.id, 77);
    CHECK(data == NULL && exchanged);
}

void check_arrays_outside(void)
{
    crew_array array = {.id = 77};
    crew_value value = {.id = 78};
    refuse_handle(array, CREW_ESTATE);
    CHECK_STATUS(crew_array_close(array), CREW_ESTATE);
    CHECK_STATUS(crew_array_create(&array, CREW_INT64, 1, NULL), CREW_ESTATE);
    CHECK_STATUS(crew_value_create(&value, CREW_INT64, NULL, NULL), CREW_ESTATE);
    CHECK_INT(array.id, 77);
    CHECK_INT(value.id, 78);
}

static void refuse_attr(const char *name)
{
    crew_array array = {.id = 77};
    CHECK_STATUS(crew_array_create(&array, CREW_INT64, 1, &(crew_array_attr){.name = name}),
                 CREW_EINVAL);
    CHECK_INT(array.id, 77);
}

static void check_attributes(void)
{
    char name[CREW_NAME_SIZE + 1];
    crew_array array = {.id = 77};
    int64_t number;
    CHECK_STATUS(crew_array_create(NULL, CREW_INT64, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_value_create(NULL, CREW_INT64, NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_create(&array, CREW_DATATYPE_NONE, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_create(&array, CREW_DATATYPE_LIMIT, 1, NULL), CREW_EINVAL);
    CHECK_INT(array.id, 77);
    memset(name, 'x', sizeof name);
    name[CREW_NAME_SIZE] = '\0';
    refuse_attr(name);
    refuse_attr("");
    name[CREW_NAME_SIZE - 1] = '\0'; // the longest
    CHECK_OK(crew_array_create(&array, CREW_INT64, 1, &(crew_array_attr){.name = name}));
    CHECK_STATUS(crew_array_get_int64(array, 1, &number), CREW_EDOMAIN);
    CHECK_CONTAINS(crew_error_message(), name);
    CHECK_OK(crew_array_close(array));
}

static void refuse_pointers(crew_array array)
{
    int64_t number = 7;
    bool exchanged;
    CHECK_STATUS(crew_array_length(array, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_type(array, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_get(array, CREW_INT64, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_set(array, CREW_INT64, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_fetch_add(array, CREW_INT64, 0, NULL, &number), CREW_EINVAL);
    CHECK_STATUS(crew_array_exchange(array, CREW_INT64, 0, NULL, &number), CREW_EINVAL);
    CHECK_STATUS(crew_array_exchange(array, CREW_INT64, 0, &number, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_compare_exchange(array, CREW_INT64, 0, NULL, &number, &exchanged),
                 CREW_EINVAL);
    CHECK_STATUS(crew_array_compare_exchange(array, CREW_INT64, 0, &number, NULL, &exchanged),
                 CREW_EINVAL);
    CHECK_STATUS(crew_array_compare_exchange(array, CREW_INT64, 0, &number, &number, NULL),
                 CREW_EINVAL);
    CHECK_STATUS(crew_array_read(array, 0, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_write(array, 0, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_fill(array, 0, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_data(array, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_array_get_lock(array, NULL), CREW_EINVAL);
    CHECK_INT(number, 7);
}

static void refuse_types(crew_array array)
{
    int32_t number = 7;
    CHECK_STATUS(crew_array_get_int32(array, 0, &number), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "int64, not int32");
    CHECK_STATUS(crew_array_set_uint64(array, 0, 1), CREW_EINVAL);
    CHECK_STATUS(crew_array_add_double(array, 0, 1), CREW_EINVAL);
    CHECK_STATUS(crew_array_get(array, (crew_datatype)999, 0, &number), CREW_EINVAL);
    CHECK_INT(number, 7);
}

static int use_wrongly(void *arg)
{
    const struct shared_job *job = arg;
    refuse_pointers(job->array);
    refuse_types(job->array);
    refuse_handle((crew_array){0}, CREW_EINVAL);
    refuse_handle((crew_array){.id = crew_current_process().id}, CREW_EINVAL);
    refuse_handle((crew_array){.id = job->array.id + 0xffff}, CREW_ENOENT);
    CHECK_STATUS(crew_array_close((crew_array){0}), CREW_EINVAL);
    check_attributes();
    return check_result();
}

void array_wrong(const struct variant *variant)
{
    struct shared_job job = {.array = new_array(CREW_INT64, 1)};
    CHECK_INT(finish(launch(variant, use_wrongly, &job, sizeof job)), 0);
    CHECK_INT(int64_at(job.array, 0), 0);
    CHECK_OK(crew_array_close(job.array));
}

// Closing

static int close_it(void *arg)
{
    const struct shared_job *job = arg;
    CHECK_OK(crew_array_set_int64(job->array, 0, 5));
    CHECK_OK(crew_array_close(job->array));
    refuse_handle(job->array, CREW_ECLOSED);
    CHECK_OK(crew_array_close(job->array)); // once more is fine
    return check_result();
}

void array_gone(const struct variant *variant)
{
    struct shared_job job = {.array = new_array(CREW_INT64, 1)};
    CHECK_INT(finish(launch(variant, close_it, &job, sizeof job)), 0);
    CHECK_INT(int64_at(job.array, 0), 5); // closed there, not here
    CHECK_OK(crew_array_close(job.array));
    refuse_handle(job.array, CREW_ECLOSED);
    CHECK_OK(crew_array_close(job.array));
}

// Handles on their way

struct handle_job {
    crew_queue queue;
    crew_connection connection;
};

static int make_array(void *arg)
{
    const struct handle_job *job = arg;
    crew_array array = new_array(CREW_INT64, 3);
    CHECK_OK(crew_array_set_int64(array, 1, 11));
    CHECK_OK(crew_queue_put(job->queue, &array, sizeof array, CREW_FOREVER));
    CHECK_OK(crew_array_close(array)); // the queue has a copy
    array = new_array(CREW_INT64, 100000);
    CHECK_OK(crew_array_set_int64(array, 99999, 12));
    CHECK_OK(crew_send(job->connection, &array, sizeof array, CREW_FOREVER));
    return check_result(); // and so does the pipe
}

// Arrays outlive their creators while a copy is on its way, or with somebody.
void array_handles(const struct variant *variant)
{
    struct handle_job job;
    crew_connection in;
    crew_array array;
    CHECK_OK(crew_queue_create(&job.queue, NULL));
    CHECK_OK(crew_pipe_create(&in, &job.connection, NULL));
    CHECK_INT(finish(launch(variant, make_array, &job, sizeof job)), 0);
    CHECK_OK(crew_queue_get(job.queue, &array, sizeof array, NULL, CREW_FOREVER));
    CHECK_INT(int64_at(array, 1), 11);
    CHECK_OK(crew_array_acquire(array, CREW_FOREVER));
    CHECK_OK(crew_array_release(array));
    CHECK_OK(crew_array_close(array));
    CHECK_OK(crew_recv(in, &array, sizeof array, NULL, CREW_FOREVER));
    CHECK_INT(int64_at(array, 99999), 12);
    CHECK_OK(crew_array_close(array));
    CHECK_OK(crew_queue_close(job.queue));
    CHECK_OK(crew_connection_close(in));
    CHECK_OK(crew_connection_close(job.connection));
}

// Dying

#define KILLED_COUNT 2000000

static int write_for_ever(void *arg)
{
    const struct shared_job *job = arg;
    static int64_t numbers[KILLED_COUNT];
    for (int64_t round = 1;; round++) {
        for (int64_t i = 0; i < KILLED_COUNT; i++)
            numbers[i] = round;
        if (crew_array_write(job->array, 0, KILLED_COUNT, numbers))
            return 1;
        mark_set(&job->mark, "written");
    }
}

// A writer that is killed leaves a part of what it was at, in whole elements, and nobody waits.
void array_killed(const struct variant *variant)
{
    struct shared_job job = {.array = new_array(CREW_INT64, KILLED_COUNT), .mark = mark_new()};
    crew_process process = launch(variant, write_for_ever, &job, sizeof job);
    mark_wait(&job.mark, 2);
    CHECK_OK(crew_process_kill(process));
    CHECK_INT(finish(process), -SIGKILL);
    int64_t first = int64_at(job.array, 0), last = int64_at(job.array, KILLED_COUNT - 1);
    CHECK(first >= 2 && last >= 1);
    CHECK(first == last || first == last + 1);
    CHECK_OK(crew_array_set_int64(job.array, 0, 0));
    CHECK_OK(crew_array_close(job.array));
    mark_remove(&job.mark);
}
