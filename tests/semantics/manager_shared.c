// SPDX-License-Identifier: BSD-3-Clause
// What managers have to do with locks and with shared memory.
#include "manager_cases.h"

#include "check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct holder {
    crew_proxy keeper;
    crew_connection out;
    bool is_killed;
};

static crew_lock fetch_lock(crew_proxy keeper)
{
    crew_any result = crew_nil();
    crew_lock lock = {0};
    CHECK_OK(crew_proxy_call(keeper, "fetch", NULL, 0, &result, CREW_FOREVER));
    CHECK_OK(crew_any_to_handle(result, &lock, sizeof lock));
    crew_any_clear(&result);
    return lock;
}

static int end_with_lock(void *arg)
{
    const struct holder *holder = arg;
    CHECK_OK(crew_lock_acquire(fetch_lock(holder->keeper)));
    CHECK_OK(crew_send(holder->out, NULL, 0));
    if (holder->is_killed)
        raise(SIGKILL);
    return check_result();
}

// Nobody but the server and the holder has the lock.
static void check_dead_holder(const struct variant *variant, crew_proxy keeper, bool is_killed)
{
    struct holder holder = {.keeper = keeper, .is_killed = is_killed};
    crew_connection in;
    crew_lock lock;
    CHECK_OK(crew_lock_create(&lock, NULL));
    CHECK_OK(crew_proxy_call(keeper, "store", CREW_ARGS(CREW_HANDLE(lock)), NULL, CREW_FOREVER));
    CHECK_OK(crew_pipe_create(&in, &holder.out, NULL));
    crew_process process = launch(variant, end_with_lock, &holder, sizeof holder);
    CHECK_OK(crew_recv(in, NULL, 0, NULL));
    CHECK_STATUS(crew_lock_acquire_timed(lock, 20), CREW_EOWNERDEAD);
    CHECK_STATUS(crew_lock_try_acquire(lock), CREW_ETIMEDOUT);
    CHECK_OK(crew_lock_release(lock));
    CHECK_INT(finish(process), is_killed ? -SIGKILL : 0);
    lock = fetch_lock(keeper);
    CHECK_OK(crew_lock_acquire_timed(lock, 20));
    CHECK_OK(crew_lock_release(lock));
    CHECK_OK(crew_lock_close(lock));
    CHECK_OK(crew_connection_close(in));
    CHECK_OK(crew_connection_close(holder.out));
}

void mgr_07(const struct variant *variant)
{
    crew_manager manager = start_manager();
    crew_proxy keeper;
    CHECK_OK(crew_proxy_create(&keeper, manager, "Keeper", NULL, 0, CREW_FOREVER));
    check_dead_holder(variant, keeper, false);
    if (!variant_is_inside(variant))
        check_dead_holder(variant, keeper, true);
    CHECK_OK(crew_proxy_close(keeper));
    end_manager(manager);
}

// Shared memory

struct block_job {
    crew_manager manager;
    char name[CREW_NAME_SIZE], made[CREW_NAME_SIZE];
    crew_queue names;
};

static int write_and_make(void *arg)
{
    const struct block_job *job = arg;
    crew_shared_memory block;
    CHECK_OK(crew_shared_memory_attach(&block, job->name));
    strcpy(block.data, "written");
    CHECK_OK(crew_shared_memory_close(&block));
    CHECK_OK(crew_manager_shared_memory(job->manager, &block, 10));
    CHECK_OK(crew_queue_put(job->names, block.name, sizeof block.name));
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
    struct block_job job = {.name = ""};
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
    CHECK_OK(crew_queue_get(job.names, job.made, sizeof job.made, NULL));
    crew_shared_memory made;
    CHECK_OK(crew_shared_memory_attach(&made, job.made)); // whose maker has ended
    CHECK_OK(crew_shared_memory_close(&made));
    end_manager(job.manager);
    check_unlinked(job.name);
    check_unlinked(job.made);
    CHECK_TEXT(block.data, "written"); // as long as it is open
    CHECK_OK(crew_shared_memory_close(&block));
    CHECK_STATUS(crew_manager_shared_memory(job.manager, &block, 10), CREW_EBROKEN);
    CHECK_OK(crew_queue_close(job.names));
}
