// SPDX-License-Identifier: BSD-3-Clause
// Queues: taking all items from all ranks.
#include "queue_cases.h"

#include "check.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>

#define LIMIT_S 20

// Checks what is there of all, and counts the items by producer, which are in order.
static void check_gathered(const crew_gathered *all, int *next, int producers)
{
    for (size_t i = 0; i < all->count; i++) {
        struct queue_item item;
        const char *at = (const char *)all->data + all->offsets[i];
        CHECK_INT((uintptr_t)at % 16, 0);
        CHECK(all->ranks[i] >= 0 && all->ranks[i] < crew_rank_count());
        if (!CHECK(all->sizes[i] == sizeof item))
            return;
        memcpy(&item, at, sizeof item);
        if (!CHECK(item.producer >= 0 && item.producer < producers))
            return;
        CHECK_INT(item.number, next[item.producer]++);
    }
}

static size_t gather(crew_queue queue, int *next, int producers)
{
    crew_gathered all = {0};
    CHECK_OK(crew_queue_gather(queue, &all));
    check_gathered(&all, next, producers);
    size_t count = all.count;
    crew_gathered_release(&all);
    crew_gathered_release(&all);
    CHECK_INT(all.count, 0);
    return count;
}

static int gather_here(void *arg)
{
    const struct queue_job *job = arg;
    int next[2] = {0};
    CHECK_INT(gather(job->queue, next, 2), 2 * job->count);
    CHECK_INT(next[0], job->count);
    CHECK_INT(gather(job->queue, next, 2), 0);
    return check_result();
}

static void gather_with(const struct variant *variant, bool scattered)
{
    struct queue_job job = {.queue = new_queue(&(crew_queue_attr){.scattered = scattered}),
                            .count = 500};
    CHECK_INT(finish(launch(variant, put_items, &job, sizeof job)), 0);
    for (int i = 0; i < job.count; i++)
        put_item(job.queue, 1, i);
    CHECK_INT(gather_here(&job), check_result());
    CHECK_INT(finish(launch(variant, put_items, &job, sizeof job)), 0);
    for (int i = 0; i < job.count; i++)
        put_item(job.queue, 1, i);
    CHECK_INT(finish(launch(variant, gather_here, &job, sizeof job)), 0);
    for (int i = 0; i < 4 * job.count; i++)
        CHECK_OK(crew_queue_task_done(job.queue));
    CHECK_STATUS(crew_queue_task_done(job.queue), CREW_ESTATE);
    CHECK_OK(crew_queue_join(job.queue, LIMIT_S));
    CHECK_OK(crew_queue_close(job.queue));
}

void queue_gather(const struct variant *variant)
{
    gather_with(variant, false);
    gather_with(variant, true);
}

// Items stay where they were put, until a get wants one.
void queue_scattered(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(&(crew_queue_attr){.scattered = true}),
                            .count = 100};
    int next[1] = {0}, held = 0;
    crew_gathered all = {0};
    CHECK_INT(finish(launch(variant, put_items, &job, sizeof job)), 0);
    CHECK_OK(crew_queue_gather(job.queue, &all));
    CHECK_INT(all.count, job.count);
    for (size_t i = 0; i < all.count; i++)
        held += all.ranks[i] == variant->attr.placement.rank;
    CHECK_INT(held, job.count);
    check_gathered(&all, next, 1);
    crew_gathered_release(&all);
    CHECK_INT(finish(launch(variant, put_items, &job, sizeof job)), 0);
    for (int i = 0; i < job.count; i++)
        expect_item(job.queue, 0, i);
    expect_empty(job.queue);
    crew_process process = launch(variant, put_items, &job, sizeof job);
    for (int i = 0; i < job.count; i++)
        expect_item(job.queue, 0, i);
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_queue_close(job.queue));
}

// Gathers in the middle of puts: all of it, once, and in order.
void queue_gather_order(const struct variant *variant)
{
    enum { COUNT = 3000 };
    for (int scattered = 0; scattered < 2; scattered++) {
        struct queue_job job = {.queue = new_queue(&(crew_queue_attr){.scattered = scattered}),
                                .count = COUNT};
        int next[1] = {0}, taken = 0;
        crew_process process = launch(variant, put_items, &job, sizeof job);
        double begin = check_now();
        while (taken < COUNT && check_now() - begin < LIMIT_S) {
            struct queue_item item;
            taken += (int)gather(job.queue, next, 1);
            if (crew_queue_get(job.queue, &item, sizeof item, NULL, CREW_NOW) == CREW_OK) {
                CHECK_INT(item.number, next[0]++);
                taken++;
            }
        }
        CHECK_INT(taken, COUNT);
        CHECK_INT(finish(process), 0);
        CHECK_OK(crew_queue_close(job.queue));
    }
}

static int gather_for_ever(void *arg)
{
    const struct queue_job *job = arg;
    for (int i = 0;; i++) {
        crew_gathered all;
        put_item(job->queue, 0, i);
        if (crew_queue_gather(job->queue, &all))
            return 1;
        crew_gathered_release(&all);
        if (i == 3)
            mark_set(&job->mark, "gathering");
    }
}

// Who is killed in a gather leaves a queue that works, and no rank that waits for ever.
void queue_gather_killed(const struct variant *variant)
{
    struct queue_job job = {.queue = new_queue(&(crew_queue_attr){.scattered = true}),
                            .mark = mark_new()};
    crew_process process = launch(variant, gather_for_ever, &job, sizeof job);
    mark_wait(&job.mark, 1);
    for (int i = 0; i < 10; i++)
        put_item(job.queue, 1, i);
    CHECK_OK(crew_process_kill(process));
    CHECK_INT(finish(process), -SIGKILL);
    for (int i = 10; i < 20; i++)
        put_item(job.queue, 1, i);
    crew_gathered all = {0};
    int last = -1;
    CHECK_OK(crew_queue_gather(job.queue, &all));
    for (size_t i = 0; i < all.count; i++) {
        struct queue_item item;
        memcpy(&item, (const char *)all.data + all.offsets[i], sizeof item);
        if (item.producer == 1) {
            CHECK(item.number > last);
            last = item.number;
        }
    }
    CHECK_INT(last, 19);
    crew_gathered_release(&all);
    CHECK_OK(crew_queue_close(job.queue));
    mark_remove(&job.mark);
}
