// SPDX-License-Identifier: BSD-3-Clause
// What managers have to do with locks and with shared memory.
#include "manager_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

// A lock that is passed on by an object of a manager, or by a dict.
struct place {
    crew_proxy keeper;
    crew_dict dict;
    bool is_dict;
};

struct holder {
    struct place place;
    crew_connection out;
    bool is_killed;
};

static void store_lock(const struct place *place, crew_lock lock)
{
    if (place->is_dict)
        CHECK_OK(crew_dict_set(place->dict, crew_string("lock"), CREW_HANDLE(lock)));
    else
        CHECK_OK(crew_proxy_call(place->keeper, "store", CREW_ARGS(CREW_HANDLE(lock)), NULL,
                                 CREW_FOREVER));
}

static crew_lock fetch_lock(const struct place *place)
{
    crew_any value = crew_nil();
    crew_lock lock = {0};
    if (place->is_dict)
        CHECK_OK(crew_dict_get(place->dict, crew_string("lock"), &value));
    else
        CHECK_OK(crew_proxy_call(place->keeper, "fetch", NULL, 0, &value, CREW_FOREVER));
    CHECK_OK(crew_any_to_handle(value, &lock, sizeof lock));
    crew_any_clear(&value);
    return lock;
}

static int end_with_lock(void *arg)
{
    const struct holder *holder = arg;
    CHECK_OK(crew_lock_acquire(fetch_lock(&holder->place), CREW_FOREVER));
    CHECK_OK(crew_send(holder->out, NULL, 0, CREW_FOREVER));
    if (holder->is_killed)
        raise(SIGKILL);
    return check_result();
}

static void check_dead_holder(const struct variant *variant, const struct place *place,
                              bool is_killed)
{
    struct holder holder = {.place = *place, .is_killed = is_killed};
    crew_connection in;
    crew_lock lock;
    CHECK_OK(crew_lock_create(&lock, NULL));
    store_lock(place, lock);
    CHECK_OK(crew_pipe_create(&in, &holder.out, NULL));
    crew_process process = launch(variant, end_with_lock, &holder, sizeof holder);
    CHECK_OK(crew_recv(in, NULL, 0, NULL, CREW_FOREVER));
    CHECK_STATUS(crew_lock_acquire(lock, 20), CREW_EOWNERDEAD);
    CHECK_STATUS(crew_lock_acquire(lock, CREW_NOW), CREW_ETIMEDOUT);
    CHECK_OK(crew_lock_release(lock));
    CHECK_INT(finish(process), is_killed ? -SIGKILL : 0);
    lock = fetch_lock(place);
    CHECK_OK(crew_lock_acquire(lock, 20));
    CHECK_OK(crew_lock_release(lock));
    CHECK_OK(crew_lock_close(lock));
    CHECK_OK(crew_connection_close(in));
    CHECK_OK(crew_connection_close(holder.out));
}

static void check_dead_holders(const struct variant *variant, const struct place *place)
{
    check_dead_holder(variant, place, false);
    if (!variant_is_inside(variant))
        check_dead_holder(variant, place, true);
}

void mgr_07(const struct variant *variant)
{
    struct place place = {.is_dict = false};
    crew_manager manager = start_manager();
    CHECK_OK(crew_proxy_create(&place.keeper, manager, "Keeper", NULL, 0, CREW_FOREVER));
    check_dead_holders(variant, &place);
    CHECK_OK(crew_proxy_close(place.keeper));
    end_manager(manager);
    place = (struct place){.is_dict = true};
    CHECK_OK(crew_dict_create(&place.dict, NULL));
    check_dead_holders(variant, &place);
    CHECK_OK(crew_dict_close(place.dict));
}

// Handles that nobody receives

static void expect_end(crew_connection in, bool is_over)
{
    CHECK_STATUS(crew_recv(in, NULL, 0, NULL, is_over ? 20 : 0.05),
                 is_over ? CREW_EOF : CREW_ETIMEDOUT);
}

static void call_nothing(crew_proxy keeper, crew_connection out)
{
    crew_proxy none;
    crew_any args[] = {CREW_HANDLE(out)};
    CHECK_STATUS(crew_proxy_call(keeper, "nothing", args, 1, NULL, 20), CREW_EREMOTE);
    CHECK_STATUS(crew_proxy_create(&none, (crew_manager){keeper.manager}, "Nothing", args, 1, 20),
                 CREW_EREMOTE);
}

static int pass_to_nobody(void *arg)
{
    const crew_proxy *keeper = arg;
    crew_connection in, out;
    CHECK_OK(crew_pipe_create(&in, &out, NULL));
    call_nothing(*keeper, out);
    CHECK_OK(crew_connection_close(out));
    expect_end(in, true);
    CHECK_OK(crew_connection_close(in));

    CHECK_OK(crew_pipe_create(&in, &out, NULL));
    CHECK_OK(crew_proxy_call(*keeper, "store", CREW_ARGS(CREW_HANDLE(out)), NULL, 20));
    call_nothing(*keeper, out);
    CHECK_OK(crew_connection_close(out));
    expect_end(in, false); // what a method was given, the server still has
    CHECK_OK(crew_proxy_call(*keeper, "fetch", NULL, 0, NULL, 20));
    CHECK_STATUS(crew_send(out, "x", 1, CREW_FOREVER), CREW_ECLOSED); // the result was not wanted
    CHECK_OK(crew_proxy_call(*keeper, "close", NULL, 0, NULL, 20));
    expect_end(in, true);
    CHECK_OK(crew_connection_close(in));
    return check_result();
}

void manager_unreceived(const struct variant *variant)
{
    crew_manager manager = start_manager();
    crew_proxy keeper = {0, 0};
    CHECK_OK(crew_proxy_create(&keeper, manager, "Keeper", NULL, 0, CREW_FOREVER));
    CHECK_INT(finish(launch(variant, pass_to_nobody, &keeper, sizeof keeper)), 0);
    CHECK_OK(crew_proxy_close(keeper));
    end_manager(manager);
}

// Shared memory

struct block_job {
    crew_manager manager;
    char name[CREW_NAME_SIZE], made[CREW_NAME_SIZE];
    int rank; // of the manager
    crew_queue names;
};

static bool is_far(int rank)
{
    return strcmp(crew_rank_host(rank), crew_rank_host(crew_current_rank())) != 0;
}

static int write_and_make(void *arg)
{
    const struct block_job *job = arg;
    crew_shared_memory block;
    if (is_far(job->rank)) {
        CHECK_STATUS(crew_manager_shared_memory(job->manager, &block, 10), CREW_ENOTSUP);
        return check_result();
    }
    if (!CHECK_OK(crew_shared_memory_attach(&block, job->name)))
        return 1;
    CHECK_TEXT(block.data, "");
    strcpy(block.data, "written");
    CHECK_OK(crew_shared_memory_close(&block));
    CHECK_OK(crew_manager_shared_memory(job->manager, &block, 10));
    CHECK_OK(crew_queue_put(job->names, block.name, sizeof block.name, CREW_FOREVER));
    CHECK_OK(crew_shared_memory_close(&block));
    return check_result();
}

static void check_unlinked(const char *name)
{
    crew_shared_memory block;
    CHECK_STATUS(crew_shared_memory_attach(&block, name), CREW_ENOENT);
}

void shm_09(const struct variant *variant)
{
    crew_shared_memory block = {0}, unlinked;
    struct block_job job = {.rank = crew_current_rank()};
    CHECK_OK(crew_queue_create(&job.names, NULL));
    CHECK_OK(crew_manager_create(&job.manager, NULL));
    CHECK_STATUS(crew_manager_shared_memory(job.manager, &block, 10), CREW_ESTATE);
    CHECK_CONTAINS(crew_error_message(), "was not started");
    CHECK_OK(crew_manager_start(job.manager));
    CHECK_STATUS(crew_manager_shared_memory(job.manager, NULL, 10), CREW_EINVAL);
    CHECK_STATUS(crew_manager_shared_memory(job.manager, &block, 0), CREW_EINVAL);
    CHECK_STATUS(crew_manager_shared_memory(job.manager, &block, -1), CREW_EINVAL);
    CHECK(block.data == NULL);
    CHECK_OK(crew_manager_shared_memory(job.manager, &block, 100));
    CHECK_INT(block.size, 100);
    CHECK_OK(crew_manager_shared_memory(job.manager, &unlinked, 100));
    CHECK_OK(crew_shared_memory_unlink(unlinked.name));
    CHECK_OK(crew_shared_memory_close(&unlinked));
    snprintf(job.name, sizeof job.name, "%s", block.name);
    CHECK_INT(finish(launch(variant, write_and_make, &job, sizeof job)), 0);
    if (!is_far(variant->attr.placement.rank)) {
        CHECK_OK(crew_queue_get(job.names, job.made, sizeof job.made, NULL, CREW_NOW));
        crew_shared_memory made;
        CHECK_OK(crew_shared_memory_attach(&made, job.made)); // whose maker has ended
        CHECK_OK(crew_shared_memory_close(&made));
        CHECK_TEXT(block.data, "written");
    }
    end_manager(job.manager);
    check_unlinked(job.name);
    if (*job.made)
        check_unlinked(job.made);
    strcpy(block.data, "open"); // as long as it is, it is there
    CHECK_OK(crew_shared_memory_close(&block));
    CHECK_STATUS(crew_manager_shared_memory(job.manager, &block, 10), CREW_EBROKEN);
    CHECK_OK(crew_queue_close(job.names));
}
