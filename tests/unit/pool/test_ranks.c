/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools over chosen ranks and hosts: what is chosen, and where workers and chunks go then. */
#include "node/job.h"
#include "pool/pool_ranks.h"
#include "pools.h"
#include "unit.h"

#include <crew/status.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RANKS 4

static struct fake_job *job;
static struct fake_client creator;

static int begin(void **state)
{
    (void)state;
    job = pool_job_create(RANKS);
    fake_client_begin(&creator, job, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    fake_client_end(&creator);
    fake_job_run(job);
    pool_job_destroy(job);
    return 0;
}

/* Choosing */

static void expect(const crew_pool_attr *attr, const int32_t *ranks, uint32_t count)
{
    struct crewi_pool_ranks chosen = {0};
    assert_int_equal(crewi_pool_choose_ranks(attr, &chosen), CREW_OK);
    assert_int_equal(chosen.count, count);
    if (count)
        assert_memory_equal(chosen.list, ranks, count * sizeof *ranks);
    else
        assert_null(chosen.list);
    free(chosen.list);
}

static void expect_refusal(const crew_pool_attr *attr, const char *reason)
{
    struct crewi_pool_ranks chosen = {.count = 77};
    assert_int_equal(crewi_pool_choose_ranks(attr, &chosen), CREW_EINVAL);
    assert_string_equal(crew_error_message(), reason);
    assert_int_equal(chosen.count, 77);
}

static void ranks_in_their_order(void **state)
{
    static const int32_t ranks[] = {2, 0, 3};
    (void)state;
    expect(&(crew_pool_attr){0}, NULL, 0);
    expect(&(crew_pool_attr){.ranks = ranks, .rank_count = 3}, ranks, 3);
    expect(&(crew_pool_attr){.ranks = ranks, .rank_count = 1}, ranks, 1);
}

static void ranks_that_are_not_there(void **state)
{
    static const int beyond[] = {0, 4}, below[] = {-1}, twice[] = {1, 3, 1};
    (void)state;
    expect_refusal(
        &(crew_pool_attr){.ranks = beyond, .rank_count = 2},
        "a pool over rank 4: the job has ranks 0 to 3 (hosts: node0, node1, node2, node3)");
    expect_refusal(
        &(crew_pool_attr){.ranks = below, .rank_count = 1},
        "a pool over rank -1: the job has ranks 0 to 3 (hosts: node0, node1, node2, node3)");
    expect_refusal(&(crew_pool_attr){.ranks = twice, .rank_count = 3},
                   "a pool over rank 1 twice: each may be given once");
    expect_refusal(&(crew_pool_attr){.ranks = twice},
                   "a pool over no ranks: expected at least one, or NULL");
    expect_refusal(&(crew_pool_attr){.rank_count = 2}, "ranks is NULL, with a count of 2");
}

/* A job whose ranks are on these hosts, as this process sees it. */
static void publish(const char *const *hosts, int count)
{
    struct crewi_job *facts = calloc(1, sizeof *facts + (size_t)count * sizeof *facts->ranks);
    int fd;
    assert_non_null(facts);
    facts->rank_count = count;
    for (int i = 0; i < count; i++)
        snprintf(facts->ranks[i].host, sizeof facts->ranks[i].host, "%s", hosts[i]);
    crewi_job_detach();
    assert_int_equal(crewi_job_create(&fd), CREW_OK);
    assert_int_equal(crewi_job_publish(fd, facts), CREW_OK);
    close(fd);
    free(facts);
}

static void all_ranks_of_hosts(void **state)
{
    static const char *const job_hosts[] = {"a", "b", "a", "c", "b"}, *const hosts[] = {"b", "a"},
                             *const twice[] = {"c", "b", "c"}, *const unknown[] = {"a", "ab"};
    static const int32_t on_b[] = {1, 4}, on_both[] = {1, 4, 0, 2}, rank[] = {0};
    (void)state;
    publish(job_hosts, 5);
    expect(&(crew_pool_attr){.hosts = hosts, .host_count = 1}, on_b, 2);
    expect(&(crew_pool_attr){.hosts = hosts, .host_count = 2}, on_both, 4);
    expect_refusal(&(crew_pool_attr){.hosts = twice, .host_count = 3},
                   "a pool over host \"c\" twice: each may be given once");
    expect_refusal(&(crew_pool_attr){.hosts = unknown, .host_count = 2},
                   "a pool over host \"ab\": the hosts of the job are a, b, c");
    expect_refusal(&(crew_pool_attr){.hosts = hosts},
                   "a pool over no hosts: expected at least one, or NULL");
    expect_refusal(
        &(crew_pool_attr){.hosts = hosts, .host_count = 1, .ranks = rank, .rank_count = 1},
        "a pool over ranks and over hosts: expected one of them");
}

/* More names than a message has room for. */
static void many_hosts(void **state)
{
    static char names[100][64];
    const char *hosts[100], *const unknown[] = {"elsewhere"};
    (void)state;
    for (int i = 0; i < 100; i++) {
        snprintf(names[i], sizeof names[i], "node%02d.of.a.large.cluster", i);
        hosts[i] = names[i];
    }
    publish(hosts, 100);
    struct crewi_pool_ranks chosen;
    assert_int_equal(
        crewi_pool_choose_ranks(&(crew_pool_attr){.hosts = unknown, .host_count = 1}, &chosen),
        CREW_EINVAL);
    const char *text = crew_error_message();
    assert_non_null(strstr(text, "are node00.of.a.large.cluster, node01.of.a.large.cluster, "));
    assert_string_equal(text + strlen(text) - strlen("cluster, ..."), "cluster, ...");
}

/* At home */

static uint64_t ask(int workers, const int32_t *ranks, uint32_t count)
{
    struct crewi_pool_spec spec = pool_spec(workers);
    spec.chosen = count;
    return pool_ask(&creator, &spec, ranks, count * sizeof *ranks);
}

static uint64_t open_over(int workers, const int32_t *ranks, uint32_t count)
{
    uint64_t pool, request = ask(workers, ranks, count);
    pool_start_all(job);
    pool_ready_all(job);
    fake_expect_reply(&creator, request, &pool, sizeof pool);
    return pool;
}

static void workers_go_round_them(void **state)
{
    static const int32_t ranks[] = {3, 1};
    (void)state;
    uint64_t pool = open_over(5, ranks, 2);
    for (int place = 0; place < 5; place++)
        assert_ptr_equal(pool_worker(&creator, pool, place)->client.rank,
                         &job->ranks[ranks[place % 2]]);
    assert_int_equal(job->ranks[0].child_count, 0);
    assert_int_equal(job->ranks[2].child_count, 0);
}

static void their_successors_stay_there(void **state)
{
    static const int32_t ranks[] = {2};
    (void)state;
    uint64_t pool = open_over(1, ranks, 1);
    fake_child_ended(pool_worker(&creator, pool, 0), FAKE_EXIT(1));
    pool_start_all(job);
    struct fake_child *next = pool_worker(&creator, pool, 0);
    pool_ready(next);
    assert_ptr_equal(next->client.rank, &job->ranks[2]);
    uint64_t map = pool_submit(&creator, pool, 10, 0);
    pool_work(next);
    pool_expect_all(&creator, map, 10);
}

static void the_initializers_argument_is_behind_them(void **state)
{
    struct {
        int32_t ranks[2];
        char text[8];
    } behind = {{1, 2}, "default"};
    struct crewi_pool_spec spec = pool_spec(1);
    (void)state;
    spec.chosen = 2;
    pool_ask(&creator, &spec, &behind, sizeof behind);
    const struct crewi_frame *start = job->ranks[1].children[0].start;
    assert_int_equal(start->header.size,
                     sizeof(struct crewi_process_order) + sizeof(struct crewi_pool_worker_arg) + 8);
    assert_string_equal((const char *)start->payload + start->header.size - sizeof behind.text,
                        "default");
}

/* A scatter is for when at least half of the other ranks get something. */
static void first_chunks(void **state)
{
    static const struct {
        int32_t ranks[3];
        uint32_t count;
        uint64_t scattered;
    } tries[] = {{{0}, 1, 0}, {{2}, 1, 0}, {{0, 2}, 2, 0}, {{2, 3}, 2, 2}, {{3, 0, 1}, 3, 2}};
    (void)state;
    job->can_scatter = true;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        uint32_t count = tries[i].count;
        uint64_t pool = open_over((int)count, tries[i].ranks, count), before = job->scattered;
        uint64_t map = pool_submit(&creator, pool, 100, 0);
        assert_int_equal(job->scattered - before, tries[i].scattered);
        while (!pool_progress(&creator, map).over)
            for (int place = 0; place < (int)count; place++)
                pool_work(pool_worker(&creator, pool, place));
        pool_expect_all(&creator, map, 100);
    }
}

static void descriptions_that_cannot_be(void **state)
{
    static const int32_t beyond[] = {0, RANKS}, below[] = {-1}, many[RANKS + 1] = {0};
    struct crewi_pool_spec spec = pool_spec(1);
    (void)state;
    fake_expect_refusal(&creator, ask(1, beyond, 2), CREW_EPROTO, "malformed");
    fake_expect_refusal(&creator, ask(1, below, 1), CREW_EPROTO, "malformed");
    fake_expect_refusal(&creator, ask(1, many, RANKS + 1), CREW_EPROTO, "malformed");
    spec.chosen = 2; /* and only one comes */
    fake_expect_refusal(&creator, pool_ask(&creator, &spec, many, sizeof *many), CREW_EPROTO,
                        "malformed");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ranks_in_their_order),
        TEST(ranks_that_are_not_there),
        TEST(all_ranks_of_hosts),
        TEST(many_hosts),
        TEST(workers_go_round_them),
        TEST(their_successors_stay_there),
        TEST(the_initializers_argument_is_behind_them),
        TEST(first_chunks),
        TEST(descriptions_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
