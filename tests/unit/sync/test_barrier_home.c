/* SPDX-License-Identifier: BSD-3-Clause */
/* Barriers at their homes: trips, actions, and what breaks them. */
#include "base/clock.h"
#include "syncs.h"
#include "unit.h"

#include <string.h>

static struct sync_job syncs;
static struct fake_client *const clients = syncs.clients;
static uint64_t id;

static int begin_plain(void **state)
{
    (void)state;
    syncs_begin(&syncs, 4);
    id = sync_create(&clients[0], CREWI_SYNC_BARRIER, 3, false);
    return 0;
}

static int begin_action(void **state)
{
    (void)state;
    syncs_begin(&syncs, 4);
    id = sync_create(&clients[0], CREWI_SYNC_BARRIER, 3, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    syncs_end(&syncs);
    return 0;
}

static uint64_t arrive(int client, int64_t timeout_ns)
{
    return sync_ask(&clients[client], CREWI_SYNC_ARRIVE, (struct crewi_sync_head){.id = id},
                    timeout_ns);
}

static void expect_through(int client, uint64_t request, int index)
{
    struct crewi_sync_arrival arrival;
    fake_expect_reply(&clients[client], request, &arrival, sizeof arrival);
    assert_int_equal(arrival.index, index);
    assert_false(arrival.has_action);
}

static void expect_broken(int client, uint64_t request)
{
    fake_expect_refusal(&clients[client], request, CREW_EBROKEN, "s is broken");
}

static void expect_state(int waiting, bool broken)
{
    crew_barrier_state state;
    fake_expect_reply(
        &clients[0], sync_ask(&clients[0], CREWI_SYNC_STATE, (struct crewi_sync_head){.id = id}, 0),
        &state, sizeof state);
    assert_int_equal(state.parties, 3);
    assert_int_equal(state.n_waiting, waiting);
    assert_int_equal(state.broken, broken);
}

static void tell(int client, enum crewi_sync_op op)
{
    sync_do(&clients[client], op, (struct crewi_sync_head){.id = id});
}

static void trips_again_and_again(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        uint64_t first = arrive(i % 3, CREWI_FOREVER), second = arrive(3, CREWI_SECOND);
        fake_expect_parked(&clients[3], second);
        expect_state(2, false);
        uint64_t third = arrive((i + 1) % 3, 0);
        expect_through(i % 3, first, 0);
        expect_through(3, second, 1);
        expect_through((i + 1) % 3, third, 2);
        expect_state(0, false);
        fake_job_pass_time(syncs.job, CREWI_SECOND); /* nobody is there to time out */
    }
}

static void breaks_at_a_deadline(void **state)
{
    (void)state;
    uint64_t first = arrive(0, CREWI_FOREVER), second = arrive(1, CREWI_SECOND);
    fake_job_pass_time(syncs.job, CREWI_SECOND);
    expect_broken(0, first);
    expect_broken(1, second);
    expect_state(0, true);
    expect_broken(2, arrive(2, CREWI_FOREVER));
    tell(1, CREWI_SYNC_RESET);
    expect_state(0, false);
    first = arrive(0, CREWI_FOREVER);
    expect_broken(1, arrive(1, 0));
    expect_broken(0, first);
}

static void is_aborted_and_reset(void **state)
{
    (void)state;
    uint64_t first = arrive(0, CREWI_FOREVER);
    tell(1, CREWI_SYNC_ABORT);
    expect_broken(0, first);
    expect_broken(2, arrive(2, CREWI_FOREVER));
    tell(1, CREWI_SYNC_RESET);
    first = arrive(0, CREWI_FOREVER);
    tell(1, CREWI_SYNC_RESET);
    expect_broken(0, first);
    expect_state(0, false);
}

static void breaks_with_a_death(void **state)
{
    (void)state;
    uint64_t first = arrive(0, CREWI_FOREVER);
    arrive(1, CREWI_FOREVER);
    fake_client_end(&clients[1]);
    expect_broken(0, first);
    expect_state(0, true);
    tell(2, CREWI_SYNC_RESET);
    fake_client_end(&clients[2]); /* who does not wait breaks nothing */
    fake_job_run(syncs.job);
    expect_state(0, false);
}

/* The answer to the last one, with the action; the number of the trip. */
static uint64_t expect_action(int client, uint64_t request)
{
    struct {
        struct crewi_sync_arrival arrival;
        struct crewi_funcref action;
        char arg[3];
    } * answer;
    fake_job_run(syncs.job);
    struct crewi_frame *reply = fake_reply(&clients[client], request);
    assert_non_null(reply);
    assert_int_equal(reply->header.size, offsetof(__typeof__(*answer), arg) + 3);
    answer = (void *)reply->payload;
    assert_int_equal(answer->arrival.index, 2);
    assert_true(answer->arrival.has_action);
    assert_memory_equal(answer->arg, "arg", 3);
    uint64_t trip = answer->arrival.trip;
    crewi_frame_destroy(reply);
    return trip;
}

static uint64_t ask_done(int client, uint64_t trip, crew_status status)
{
    struct crewi_sync_head head = {.id = id, .number = trip, .value = status};
    return sync_ask(&clients[client], CREWI_SYNC_ACTION_DONE, head, 0);
}

/* Nobody is through before the action is; those who come meanwhile wait for the next trip. */
static void runs_the_action_first(void **state)
{
    (void)state;
    uint64_t first = arrive(0, CREWI_FOREVER), second = arrive(1, CREWI_FOREVER);
    uint64_t trip = expect_action(2, arrive(2, CREWI_FOREVER));
    fake_expect_parked(&clients[0], first);
    expect_state(3, false);
    uint64_t early[3] = {arrive(3, CREWI_FOREVER), arrive(3, CREWI_FOREVER),
                         arrive(3, CREWI_FOREVER)};
    fake_expect_parked(&clients[3], early[2]);
    expect_broken(3, ask_done(3, trip, CREW_OK)); /* it was not asked */
    sync_expect_done(&clients[2], ask_done(2, trip, CREW_OK));
    expect_through(0, first, 0);
    expect_through(1, second, 1);
    trip = expect_action(3, early[2]);
    fake_expect_parked(&clients[3], early[0]);
    sync_expect_done(&clients[3], ask_done(3, trip, CREW_OK));
    expect_through(3, early[0], 0);
    expect_through(3, early[1], 1);
    expect_state(0, false);
}

static void breaks_with_the_action(void **state)
{
    (void)state;
    uint64_t first = arrive(0, CREWI_FOREVER), second = arrive(1, CREWI_FOREVER);
    uint64_t trip = expect_action(2, arrive(2, CREWI_FOREVER));
    sync_expect_done(&clients[2], ask_done(2, trip, CREW_EFAILED));
    expect_broken(0, first);
    expect_broken(1, second);
    tell(0, CREWI_SYNC_RESET);
    first = arrive(0, CREWI_FOREVER);
    arrive(2, CREWI_FOREVER);
    expect_action(3, arrive(3, CREWI_FOREVER));
    fake_client_end(&clients[3]); /* in the middle of it */
    expect_broken(0, first);
    expect_state(0, true);
}

/* An action that a reset has made pointless. */
static void forgets_an_action(void **state)
{
    (void)state;
    uint64_t first = arrive(0, CREWI_FOREVER);
    arrive(1, CREWI_FOREVER);
    uint64_t trip = expect_action(2, arrive(2, CREWI_FOREVER));
    tell(3, CREWI_SYNC_RESET);
    expect_broken(0, first);
    expect_broken(2, ask_done(2, trip, CREW_OK));
    expect_state(0, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(trips_again_and_again, begin_plain, end),
        cmocka_unit_test_setup_teardown(breaks_at_a_deadline, begin_plain, end),
        cmocka_unit_test_setup_teardown(is_aborted_and_reset, begin_plain, end),
        cmocka_unit_test_setup_teardown(breaks_with_a_death, begin_plain, end),
        cmocka_unit_test_setup_teardown(runs_the_action_first, begin_action, end),
        cmocka_unit_test_setup_teardown(breaks_with_the_action, begin_action, end),
        cmocka_unit_test_setup_teardown(forgets_an_action, begin_action, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
