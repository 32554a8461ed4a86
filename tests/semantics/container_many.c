// SPDX-License-Identifier: BSD-3-Clause
// Lists, dicts, sets and namespaces: several processes at a time, and some that die.
#include "container_cases.h"

#include "check.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROCESSES 3
#define ROUNDS 50

// Starts so many of a function, numbered, and waits for all.
static void run_all(const struct variant *variant, crew_process_function *function,
                    struct container_job *job)
{
    crew_process processes[PROCESSES];
    int count = variant_is_inside(variant) ? 1 : PROCESSES;
    job->count = ROUNDS;
    for (int i = 0; i < count; i++) {
        job->number = i;
        processes[i] = launch(variant, function, job, sizeof *job);
    }
    for (int i = 0; i < count; i++)
        CHECK_INT(finish(processes[i]), 0);
    for (job->number = count; job->number < PROCESSES; job->number++)
        CHECK_INT(function(job), check_result());
}

static int use_all(void *arg)
{
    const struct container_job *job = arg;
    char name[20];
    for (int i = 0; i < job->count; i++) {
        crew_any value = crew_nil();
        CHECK_OK(crew_list_append(job->list, crew_int(job->number)));
        CHECK_OK(crew_dict_set(job->dict, crew_int(job->number * ROUNDS + i), crew_int(i)));
        CHECK_OK(crew_dict_get(job->dict, crew_int(job->number * ROUNDS + i), &value));
        CHECK_INT(value.integer, i);
        CHECK_OK(crew_dict_add(job->dict, crew_string("sum"), crew_int(i), NULL));
        CHECK_OK(crew_set_add(job->set, crew_int(i), NULL));
        snprintf(name, sizeof name, "name-%d", i % 2);
        CHECK_OK(crew_namespace_set(job->space, name, crew_int(i % 2)));
    }
    return check_result();
}

static void expect_sorted(crew_list list)
{
    crew_any items = crew_nil();
    CHECK_OK(crew_list_sort(list, false));
    CHECK_OK(crew_list_items(list, &items));
    CHECK_INT(crew_any_length(items), PROCESSES * ROUNDS);
    for (size_t i = 0; i < crew_any_length(items); i++)
        CHECK_INT(items.list.items[i].integer, (long long)(i / ROUNDS));
    crew_any_clear(&items);
}

// They work from several processes at a time.
void mgr_05(const struct variant *variant)
{
    struct container_job job = new_job();
    crew_any sum = crew_nil();
    size_t length = 0;
    run_all(variant, use_all, &job);
    expect_sorted(job.list);
    CHECK_OK(crew_dict_length(job.dict, &length));
    CHECK_INT(length, PROCESSES * ROUNDS + 1);
    CHECK_OK(crew_dict_get(job.dict, crew_string("sum"), &sum));
    CHECK_INT(sum.integer, PROCESSES * (ROUNDS * (ROUNDS - 1) / 2));
    CHECK_OK(crew_set_length(job.set, &length));
    CHECK_INT(length, ROUNDS);
    CHECK_OK(crew_namespace_delete(job.space, "name-0"));
    expect_space(job.space, "{'name-1': 1}");
    close_job(&job);
}

// Updates with a function

static crew_status add_one(const crew_any *current, crew_any *next, void *arg)
{
    ++*(int *)arg;
    *next = crew_int(current ? current->integer + 1 : 1);
    return CREW_OK;
}

static crew_status append_one(const crew_any *current, crew_any *next, void *arg)
{
    crew_status status = crew_any_copy(next, *current);
    return status ? status : crew_any_list_append(next, crew_int(*(int *)arg));
}

static crew_status refuse(const crew_any *current, crew_any *next, void *arg)
{
    (void)current;
    (void)arg;
    crew_any_copy(next, crew_string("not this"));
    return crew_fail(CREW_EPERM, "no");
}

static int update_all(void *arg)
{
    const struct container_job *job = arg;
    int calls = 0, number = job->number;
    for (int i = 0; i < job->count; i++) {
        CHECK_OK(crew_dict_update_with(job->dict, crew_string("n"), add_one, &calls));
        CHECK_OK(crew_list_update_with(job->list, 0, append_one, &number));
        CHECK_OK(crew_list_insert(job->list, 1, crew_nil()));
        CHECK_OK(crew_list_update_with(job->list, -1, add_one, &calls)); // one that moves
    }
    CHECK(calls >= 2 * job->count);
    return check_result();
}

static void check_refusals(const struct container_job *job)
{
    int calls = 0;
    CHECK_STATUS(crew_list_update_with(job->list, -1, refuse, NULL), CREW_EPERM);
    CHECK_TEXT(crew_error_message(), "no");
    CHECK_STATUS(crew_dict_update_with(job->dict, crew_string("m"), refuse, NULL), CREW_EPERM);
    CHECK_STATUS(crew_list_update_with(job->list, 1000000, add_one, &calls), CREW_EDOMAIN);
    CHECK_STATUS(crew_list_update_with(job->list, 0, NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_dict_update_with(job->dict, crew_int(0), NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_dict_update_with(job->dict, crew_any_list(), add_one, &calls), CREW_EINVAL);
    CHECK_INT(calls, 0);
}

// No change is lost, whoever else changes it meanwhile.
void container_updates(const struct variant *variant)
{
    struct container_job job = new_job();
    crew_any item = crew_any_list();
    CHECK_OK(crew_list_append(job.list, item));
    CHECK_OK(crew_list_append(job.list, crew_int(0)));
    run_all(variant, update_all, &job);
    CHECK_OK(crew_list_get(job.list, 0, &item));
    CHECK_INT(crew_any_length(item), PROCESSES * ROUNDS);
    crew_any_clear(&item);
    CHECK_OK(crew_list_get(job.list, -1, &item));
    CHECK_INT(item.integer, PROCESSES * ROUNDS);
    expect_dict(job.dict, "{'n': 150}");
    check_refusals(&job);
    close_job(&job);
}

// Deaths

static int append_for_ever(void *arg)
{
    const struct container_job *job = arg;
    char *large = malloc(1 << 20);
    memset(large, 'x', 1 << 20);
    for (int i = 0; i < INT_MAX; i++) {
        CHECK_OK(crew_list_append(job->list, crew_int(i)));
        CHECK_OK(crew_dict_set(job->dict, crew_int(0), crew_bytes(large, 1 << 20)));
        if (i == 3)
            mark_set(&job->mark, "begun");
    }
    free(large);
    return check_result();
}

// What one has done that was killed is done as a whole or not at all.
void container_killed(const struct variant *variant)
{
    struct container_job job = new_job();
    crew_any items = crew_nil();
    job.mark = mark_new();
    crew_process process = launch(variant, append_for_ever, &job, sizeof job);
    mark_wait(&job.mark, 1);
    CHECK_OK(crew_process_kill(process));
    CHECK_INT(finish(process), -SIGKILL);
    CHECK_OK(crew_list_items(job.list, &items));
    CHECK(crew_any_length(items) >= 4);
    for (size_t i = 0; i < crew_any_length(items); i++)
        CHECK_INT(items.list.items[i].integer, (long long)i);
    crew_any_clear(&items);
    CHECK_OK(crew_dict_get(job.dict, crew_int(0), &items));
    CHECK_INT(crew_any_length(items), 1 << 20);
    crew_any_clear(&items);
    mark_remove(&job.mark);
    close_job(&job);
}
