// SPDX-License-Identifier: BSD-3-Clause
// Pools over chosen ranks and hosts.
#include "pool_cases.h"

#include "check.h"

#include <signal.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ROOM 64
#define TASKS 40

CREW_TASK(say_rank, int, int)
{
    (void)item;
    *result = crew_current_rank();
    return CREW_OK;
}

// Maps, and checks that all ran on one of these ranks.
static void map_on(crew_pool pool, const int *ranks, size_t count)
{
    int items[TASKS] = {0}, results[TASKS];
    memset(results, 0x55, sizeof results);
    CHECK_OK(crew_pool_map(pool, say_rank, items, results, TASKS, NULL));
    for (int i = 0; i < TASKS; i++) {
        bool found = false;
        for (size_t j = 0; j < count; j++)
            found = found || results[i] == ranks[j];
        CHECK(found);
    }
}

// A pool whose workers are on these ranks, in their order.
static void expect_workers_on(const crew_pool_attr *attr, const int *ranks, size_t count)
{
    crew_worker_info workers[ROOM];
    crew_pool pool;
    if (!CHECK_OK(crew_pool_create(&pool, attr)))
        return;
    CHECK_INT(list_workers(pool, workers, ROOM), count);
    for (size_t i = 0; i < count; i++)
        CHECK_INT(workers[i].rank, ranks[i]);
    map_on(pool, ranks, count);
    map_on(pool, ranks, count);
    end_pool(pool);
}

static int choose_ranks(void *arg)
{
    int last = crew_rank_count() - 1;
    const int one[] = {last}, three[] = {last, last, last}, all[] = {last, 0, last},
              inside[] = {last};
    const bool *inside_too = arg;
    expect_workers_on(&(crew_pool_attr){.ranks = one, .rank_count = 1}, one, 1);
    expect_workers_on(&(crew_pool_attr){.workers = 3, .ranks = one, .rank_count = 1}, three, 3);
    if (last > 0) {
        expect_workers_on(&(crew_pool_attr){.ranks = all, .rank_count = 2}, all, 2);
        expect_workers_on(&(crew_pool_attr){.workers = 3, .ranks = all, .rank_count = 2}, all, 3);
    }
    if (*inside_too)
        expect_workers_on(
            &(crew_pool_attr){.ranks = inside, .rank_count = 1, .start_method = CREW_START_RANK},
            inside, 1);
    return check_result();
}

// From the case's own process, and from a child.
void pol_ranks(const struct variant *variant)
{
    bool inside_too = !inside_is_taken();
    choose_ranks(&inside_too);
    inside_too = inside_too && !variant_is_inside(variant);
    CHECK_INT(finish(launch(variant, choose_ranks, &inside_too, sizeof inside_too)), 0);
}

static void refuse(const crew_pool_attr *attr, const char *reason)
{
    crew_pool pool = {77};
    CHECK_STATUS(crew_pool_create(&pool, attr), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), reason);
    CHECK_INT(pool.id, 77);
}

void pol_ranks_wrong(const struct variant *variant)
{
    const int none[] = {crew_rank_count()}, below[] = {0, -1}, twice[] = {0, 0};
    const char *const hosts[] = {crew_rank_host(0)};
    (void)variant;
    refuse(&(crew_pool_attr){.ranks = none, .rank_count = 1}, "the job has ranks 0 to ");
    CHECK_CONTAINS(crew_error_message(), crew_rank_host(0));
    refuse(&(crew_pool_attr){.ranks = below, .rank_count = 2}, "rank -1");
    refuse(&(crew_pool_attr){.ranks = twice, .rank_count = 2}, "rank 0 twice");
    refuse(&(crew_pool_attr){.ranks = twice}, "no ranks");
    refuse(&(crew_pool_attr){.rank_count = 3}, "ranks is NULL");
    refuse(&(crew_pool_attr){.ranks = twice, .rank_count = 1, .hosts = hosts, .host_count = 1},
           "ranks and over hosts");
    refuse(
        &(crew_pool_attr){
            .workers = 2, .ranks = twice, .rank_count = 1, .start_method = CREW_START_RANK},
        "2 workers inside 1 ranks");
}

// Whoever takes the place of another is where that one was.
void pol_ranks_replaced(const struct variant *variant)
{
    const int ranks[] = {crew_rank_count() - 1};
    crew_worker_info before[2], after[2];
    crew_pool pool;
    (void)variant;
    if (!CHECK_OK(crew_pool_create(
            &pool, &(crew_pool_attr){.workers = 2, .ranks = ranks, .rank_count = 1})))
        return;
    list_workers(pool, before, 2);
    signal_pid(before[0].pid, SIGKILL);
    double begin = check_now();
    do {
        list_workers(pool, after, 2);
        check_sleep(0.005);
    } while (after[0].process.id == before[0].process.id && check_now() - begin < 20);
    CHECK(after[0].process.id != before[0].process.id);
    CHECK_INT(after[0].rank, ranks[0]);
    CHECK_INT(after[1].process.id, before[1].process.id);
    map_on(pool, ranks, 1);
    end_pool(pool);
}

// Adds the ranks of a host to count others; how many there are then.
static size_t add_ranks_of(const char *host, int *ranks, size_t count)
{
    for (int rank = 0; rank < crew_rank_count() && count < ROOM; rank++)
        if (strcmp(crew_rank_host(rank), host) == 0)
            ranks[count++] = rank;
    return count;
}

static int choose_hosts(void *arg)
{
    const char *const hosts[] = {crew_rank_host(crew_rank_count() - 1), crew_rank_host(0)};
    int ranks[ROOM] = {0};
    size_t count = add_ranks_of(hosts[0], ranks, 0);
    (void)arg;
    expect_workers_on(&(crew_pool_attr){.hosts = hosts, .host_count = 1}, ranks, count);
    if (crew_host_count() == 1)
        return check_result();
    count = add_ranks_of(hosts[1], ranks, count);
    expect_workers_on(&(crew_pool_attr){.hosts = hosts, .host_count = 2}, ranks, count);
    return check_result();
}

// All ranks of each host. Where there are several (tests/cluster), also of the last one alone.
void pol_hosts(const struct variant *variant)
{
    choose_hosts(NULL);
    CHECK_INT(finish(launch(variant, choose_hosts, NULL, 0)), 0);
}

void pol_hosts_wrong(const struct variant *variant)
{
    const char *const unknown[] = {crew_rank_host(0), "nowhere"}, *const nobody[] = {NULL},
                      *const twice[] = {crew_rank_host(0), crew_rank_host(0)};
    (void)variant;
    refuse(&(crew_pool_attr){.hosts = unknown, .host_count = 2}, "\"nowhere\"");
    CHECK_CONTAINS(crew_error_message(), crew_rank_host(0));
    refuse(&(crew_pool_attr){.hosts = nobody, .host_count = 1}, "(null)");
    refuse(&(crew_pool_attr){.hosts = twice, .host_count = 2}, "twice");
    refuse(&(crew_pool_attr){.hosts = twice}, "no hosts");
    refuse(&(crew_pool_attr){.host_count = 1}, "hosts is NULL");
}
