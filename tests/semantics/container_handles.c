// SPDX-License-Identifier: BSD-3-Clause
// Lists, dicts, sets and namespaces: objects in objects.
#include "container_cases.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

// The list that is the value of a key.
static crew_list list_at(crew_dict dict, const char *key)
{
    crew_list list = {0};
    crew_any value = crew_nil();
    CHECK_OK(crew_dict_get(dict, crew_string(key), &value));
    CHECK_OK(crew_any_to_handle(value, &list, sizeof list));
    crew_any_clear(&value);
    return list;
}

static int change_nested(void *arg)
{
    const struct container_job *job = arg;
    crew_any value = crew_nil();
    crew_list list = list_at(job->dict, "shared");
    CHECK_OK(crew_list_append(list, crew_int(job->number))); // the object itself
    CHECK_OK(crew_dict_get(job->dict, crew_string("plain"), &value));
    CHECK_OK(crew_any_list_append(&value, crew_int(7))); // a copy
    crew_any_clear(&value);
    return check_result();
}

// What is nested as a handle is the object; what is nested as a value is a copy.
void mgr_03(const struct variant *variant)
{
    struct container_job job = new_job();
    crew_any plain = crew_any_list();
    job.number = 1;
    CHECK_OK(crew_dict_set(job.dict, crew_string("shared"), CREW_HANDLE(job.list)));
    CHECK_OK(crew_dict_set(job.dict, crew_string("plain"), plain));
    CHECK_OK(crew_any_list_append(&plain, crew_int(8))); // too late: the dict has its own
    crew_any_clear(&plain);
    do_twice(variant, change_nested, &job);
    expect_list(job.list, "[1, 1]");
    CHECK_OK(crew_dict_get(job.dict, crew_string("plain"), &plain));
    expect_value(plain, "[]");
    close_job(&job);
}

static int hold_for_a_while(void *arg)
{
    const struct container_job *job = arg;
    mark_set(&job->mark, "begun");
    mark_wait(&job->answer, 1);
    CHECK_OK(crew_list_append(job->list, crew_int(2)));
    CHECK_OK(crew_dict_set(job->dict, crew_string("list"), CREW_HANDLE(job->list)));
    return check_result();
}

static int make_one(void *arg)
{
    const struct container_job *job = arg;
    crew_list list = {0};
    CHECK_OK(crew_list_create(&list, NULL));
    CHECK_OK(crew_list_append(list, crew_string("kept")));
    CHECK_OK(crew_dict_set(job->dict, crew_string("mine"), CREW_HANDLE(list)));
    return check_result();
}

// An object lives until its last copy is dropped, in any process and in any object.
void mgr_04(const struct variant *variant)
{
    struct container_job job = new_job();
    job.mark = mark_new();
    job.answer = mark_new();
    crew_process process = launch(variant, hold_for_a_while, &job, sizeof job);
    mark_wait(&job.mark, 1);
    CHECK_OK(crew_list_append(job.list, crew_int(1)));
    CHECK_OK(crew_list_close(job.list)); // the process has one
    CHECK_STATUS(crew_list_append(job.list, crew_int(1)), CREW_ECLOSED);
    mark_set(&job.answer, "closed");
    CHECK_INT(finish(process), 0);
    crew_list list = list_at(job.dict, "list"); // and the dict
    expect_list(list, "[1, 2]");
    CHECK_OK(crew_list_close(list));
    CHECK_OK(crew_dict_delete(job.dict, crew_string("list")));
    CHECK_STATUS(crew_list_append(list, crew_int(1)), CREW_ECLOSED);
    CHECK_INT(finish(launch(variant, make_one, &job, sizeof job)), 0);
    list = list_at(job.dict, "mine"); // its creator has ended
    expect_list(list, "['kept']");
    CHECK_OK(crew_dict_close(job.dict));
    expect_list(list, "['kept']");
    CHECK_OK(crew_list_close(list));
    CHECK_STATUS(crew_list_append(list, crew_int(1)), CREW_ECLOSED);
    mark_remove(&job.mark);
    mark_remove(&job.answer);
    close_job(&job);
}

// Queues, and how often one is there

static crew_queue queue_of(crew_any value)
{
    crew_queue queue = {0};
    CHECK_OK(crew_any_to_handle(value, &queue, sizeof queue));
    crew_any_clear(&value);
    return queue;
}

static void expect_open(crew_queue queue, bool open)
{
    CHECK_STATUS(crew_queue_put(queue, "x", 1, CREW_FOREVER), open ? CREW_OK : CREW_ECLOSED);
}

static int use_handles(void *arg)
{
    const struct container_job *job = arg;
    crew_queue queue = {0};
    crew_any value = crew_nil();
    CHECK_OK(crew_list_clear(job->list));
    CHECK_OK(crew_queue_create(&queue, NULL));
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_list_append(job->list, CREW_HANDLE(queue)));
    CHECK_OK(crew_queue_close(queue));
    CHECK_OK(crew_list_delete(job->list, 0));
    CHECK_OK(crew_list_set(job->list, 0, crew_nil()));
    CHECK_OK(crew_list_get(job->list, 1, &value)); // it is there once more
    queue = queue_of(value);
    expect_open(queue, true);
    CHECK_OK(crew_queue_close(queue));
    CHECK_OK(crew_list_pop(job->list, 1, &value)); // and now in the hand alone
    queue = queue_of(value);
    expect_open(queue, true);
    CHECK_OK(crew_queue_close(queue));
    expect_open(queue, false);
    expect_list(job->list, "[None]");
    return check_result();
}

static int keep_nothing(void *arg)
{
    const struct container_job *job = arg;
    crew_queue queue = {0};
    size_t index;
    bool contains = true;
    CHECK_OK(crew_list_clear(job->list));
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_STATUS(crew_list_index(job->list, CREW_HANDLE(queue), &index), CREW_ENOENT);
    CHECK_OK(crew_list_contains(job->list, CREW_HANDLE(queue), &contains));
    CHECK(!contains);
    CHECK_STATUS(crew_list_set(job->list, 0, CREW_HANDLE(queue)), CREW_EDOMAIN);
    crew_dict wrong = {job->list.id};
    CHECK_STATUS(crew_dict_set(wrong, crew_int(1), CREW_HANDLE(queue)), CREW_EINVAL);
    expect_open(queue, true);
    CHECK_OK(crew_queue_close(queue));
    expect_open(queue, false);
    return check_result();
}

// Counted: an object has a handle as long as it is in one of its values.
void container_handles(const struct variant *variant)
{
    struct container_job job = new_job();
    do_twice(variant, use_handles, &job);
    do_twice(variant, keep_nothing, &job);
    close_job(&job);
}

static crew_status look_and_fail(const crew_any *current, crew_any *next, void *arg)
{
    (void)arg;
    CHECK(current != NULL && current->type == CREW_ANY_HANDLE);
    *next = crew_int(1);
    return crew_fail(CREW_EFAILED, "on purpose");
}

static crew_status look_and_copy(const crew_any *current, crew_any *next, void *arg)
{
    (void)arg;
    crew_status status = crew_any_copy(next, crew_any_list());
    return status ? status : crew_any_list_append(next, *current);
}

static crew_queue fill_all(const struct container_job *job)
{
    crew_queue queue = {0};
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_OK(crew_list_append(job->list, CREW_HANDLE(queue)));
    CHECK_OK(crew_dict_set(job->dict, CREW_HANDLE(queue), CREW_HANDLE(queue)));
    CHECK_OK(crew_set_add(job->set, CREW_HANDLE(queue), NULL));
    CHECK_OK(crew_namespace_set(job->space, "queue", CREW_HANDLE(queue)));
    CHECK_OK(crew_queue_close(queue));
    return queue;
}

static void clear_all(const struct container_job *job)
{
    CHECK_OK(crew_list_clear(job->list));
    CHECK_OK(crew_dict_clear(job->dict));
    CHECK_OK(crew_set_clear(job->set));
    CHECK_OK(crew_namespace_delete(job->space, "queue"));
}

static int only_look(void *arg)
{
    const struct container_job *job = arg;
    FILE *nowhere = fopen("/dev/null", "w");
    crew_queue queue = fill_all(job);
    CHECK_OK(crew_list_print(job->list, nowhere));
    CHECK_OK(crew_dict_print(job->dict, nowhere));
    CHECK_OK(crew_set_print(job->set, nowhere));
    CHECK_OK(crew_namespace_print(job->space, nowhere));
    CHECK_STATUS(crew_list_update_with(job->list, 0, look_and_fail, NULL), CREW_EFAILED);
    CHECK_STATUS(crew_dict_update_with(job->dict, CREW_HANDLE(queue), look_and_fail, NULL),
                 CREW_EFAILED);
    CHECK_OK(crew_list_update_with(job->list, 0, look_and_copy, NULL));
    expect_open(queue, false); // the caller has none
    clear_all(job);
    queue = fill_all(job);
    CHECK_OK(crew_dict_clear(job->dict));
    CHECK_OK(crew_set_clear(job->set));
    CHECK_OK(crew_namespace_delete(job->space, "queue"));
    CHECK_OK(crew_list_update_with(job->list, 0, look_and_copy, NULL));
    crew_any value = crew_nil();
    CHECK_OK(crew_list_pop(job->list, 0, &value)); // the list had it in the new value, too
    queue = queue_of(value.list.items[0]);
    crew_any_clear(&value);
    expect_open(queue, true);
    CHECK_OK(crew_queue_close(queue));
    expect_open(queue, false);
    fclose(nowhere);
    return check_result();
}

// Who prints a value, or makes a new one of it, does not come by the handles in it.
void container_looks(const struct variant *variant)
{
    struct container_job job = new_job();
    do_twice(variant, only_look, &job);
    close_job(&job);
}

static int lock_from_dict(void *arg)
{
    const struct container_job *job = arg;
    crew_lock lock = {0};
    crew_any value = crew_nil();
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(crew_dict_get(job->dict, crew_string("lock"), &value));
        CHECK_OK(crew_any_to_handle(value, &lock, sizeof lock));
        CHECK_OK(crew_lock_acquire(lock, CREW_FOREVER));
        CHECK_OK(crew_dict_get(job->dict, crew_string("n"), &value));
        CHECK_OK(crew_dict_set(job->dict, crew_string("n"), crew_int(value.integer + 1)));
        CHECK_OK(crew_lock_release(lock));
    }
    CHECK_OK(crew_lock_close(lock));
    return check_result();
}

// A lock that is kept by a dict alone, for what is in it.
void container_lock(const struct variant *variant)
{
    struct container_job job = new_job();
    crew_lock lock = {0};
    job.count = 20;
    CHECK_OK(crew_lock_create(&lock, NULL));
    CHECK_OK(crew_dict_set(job.dict, crew_string("lock"), CREW_HANDLE(lock)));
    CHECK_OK(crew_lock_close(lock));
    CHECK_OK(crew_dict_set(job.dict, crew_string("n"), crew_int(0)));
    crew_process process = launch(variant, lock_from_dict, &job, sizeof job);
    CHECK_INT(lock_from_dict(&job), check_result());
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_dict_delete(job.dict, crew_string("lock")));
    expect_dict(job.dict, "{'n': 40}");
    close_job(&job);
}

// Many, deep within, and got over and over

#define MANY 3000
#define TIMES 200

static int get_over_and_over(void *arg)
{
    const struct container_job *job = arg;
    crew_any value = crew_nil();
    for (int i = 0; i < TIMES; i++) {
        CHECK_OK(crew_dict_get(job->dict, crew_string("queue"), &value));
        crew_queue queue = queue_of(value);
        CHECK_OK(crew_queue_put(queue, &i, sizeof i, CREW_FOREVER));
        CHECK_OK(crew_queue_close(queue));
    }
    CHECK_OK(crew_list_get(job->list, 0, &value)); // more than a message is searched for
    CHECK_INT(crew_any_length(value), MANY);
    const crew_any *last = crew_any_list_at(&value, MANY - 1);
    CHECK_OK(crew_queue_put(queue_of(*last), "y", 1, CREW_FOREVER));
    crew_any_clear(&value);
    return check_result();
}

void container_handles_many(const struct variant *variant)
{
    struct container_job job = new_job();
    crew_queue queue = {0};
    crew_any many = crew_any_list();
    size_t count = 0;
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_OK(crew_dict_set(job.dict, crew_string("queue"), CREW_HANDLE(queue)));
    for (int i = 0; i + 1 < MANY; i++)
        CHECK_OK(crew_any_list_append(&many, crew_string("not yet, and long enough for it")));
    CHECK_OK(crew_any_list_append(&many, CREW_HANDLE(queue)));
    CHECK_OK(crew_list_append(job.list, many));
    crew_any_clear(&many);
    do_twice(variant, get_over_and_over, &job);
    CHECK_OK(crew_dict_get(job.dict, crew_string("queue"), &many));
    queue = queue_of(many);
    CHECK_OK(crew_queue_size(queue, &count));
    CHECK_INT(count, 2 * TIMES + 2);
    CHECK_OK(crew_queue_close(queue));
    close_job(&job); // with the queue
    expect_open(queue, false);
}
