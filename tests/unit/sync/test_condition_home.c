/* SPDX-License-Identifier: BSD-3-Clause */
/* Conditions: a wait releases the lock, and ends with it, whatever ends it. */
#include "base/clock.h"
#include "syncs.h"
#include "unit.h"

static struct sync_job syncs;
static struct fake_client *const clients = syncs.clients;
static uint64_t id, condition;

static int begin(void **state)
{
    (void)state;
    syncs_begin(&syncs, 4);
    id = sync_create(&clients[0], CREWI_SYNC_RLOCK, 0, false);
    fake_expect_reply(
        &clients[0],
        sync_ask(&clients[0], CREWI_SYNC_CONDITION, (struct crewi_sync_head){.id = id}, 0),
        &condition, sizeof condition);
    return 0;
}

static int end(void **state)
{
    (void)state;
    syncs_end(&syncs);
    return 0;
}

static struct crewi_sync_head head(int64_t value)
{
    return (struct crewi_sync_head){.id = id, .number = condition, .value = value};
}

static void lock(int client)
{
    sync_do(&clients[client], CREWI_SYNC_ACQUIRE, head(0));
}

static void unlock(int client)
{
    sync_do(&clients[client], CREWI_SYNC_RELEASE, head(0));
}

/* Locks, and waits. */
static uint64_t wait(int client, int64_t timeout_ns)
{
    lock(client);
    return sync_ask(&clients[client], CREWI_SYNC_RELEASE_AND_WAIT, head(0), timeout_ns);
}

static void notify(int client, int64_t count)
{
    sync_do(&clients[client], CREWI_SYNC_NOTIFY, head(count));
}

static void wakes_in_order(void **state)
{
    (void)state;
    uint64_t first = wait(1, CREWI_FOREVER), second = wait(2, CREWI_FOREVER);
    uint64_t third = wait(3, CREWI_FOREVER);
    lock(0);
    notify(0, 2);
    fake_expect_parked(&clients[1], first); /* the lock is held */
    unlock(0);
    sync_expect_done(&clients[1], first);
    fake_expect_parked(&clients[2], second);
    unlock(1);
    sync_expect_done(&clients[2], second);
    unlock(2);
    fake_expect_parked(&clients[3], third);
    lock(0);
    notify(0, INT64_MAX);
    notify(0, 1); /* nobody is left, and it is not remembered */
    unlock(0);
    sync_expect_done(&clients[3], third);
    unlock(3);
    uint64_t late = wait(1, CREWI_FOREVER);
    fake_expect_parked(&clients[1], late);
}

/* Who has timed out has the lock again, and swallows no notify. */
static void times_out(void **state)
{
    (void)state;
    uint64_t late = wait(1, CREWI_SECOND), patient = wait(2, CREWI_FOREVER);
    lock(0);
    fake_job_pass_time(syncs.job, CREWI_SECOND);
    fake_expect_parked(&clients[1], late); /* it wants the lock */
    notify(0, 1);
    unlock(0);
    fake_expect_refusal(&clients[1], late, CREW_ETIMEDOUT, "notified");
    fake_expect_parked(&clients[2], patient);
    unlock(1);
    sync_expect_done(&clients[2], patient);
    unlock(2);
    fake_expect_refusal(&clients[1], wait(1, 0), CREW_ETIMEDOUT, "notified");
    unlock(1);
    assert_int_equal(sync_word(&syncs, id), 0);
}

static void only_the_holder(void **state)
{
    (void)state;
    fake_expect_refusal(&clients[1], sync_ask(&clients[1], CREWI_SYNC_RELEASE_AND_WAIT, head(0), 0),
                        CREW_EPERM, "does not have s");
    lock(0);
    fake_expect_refusal(&clients[1], sync_ask(&clients[1], CREWI_SYNC_NOTIFY, head(1), 0),
                        CREW_EPERM, "does not have s");
    condition++;
    fake_expect_refusal(&clients[0], sync_ask(&clients[0], CREWI_SYNC_NOTIFY, head(1), 0),
                        CREW_ENOENT, "no such condition");
    condition = 0;
    fake_expect_refusal(&clients[0], sync_ask(&clients[0], CREWI_SYNC_NOTIFY, head(1), 0),
                        CREW_ENOENT, "no such condition");
    unlock(0);
}

/* A dead waiter swallows no notify; one that died with the lock is heard of. */
static void deaths(void **state)
{
    (void)state;
    uint64_t dead = wait(1, CREWI_FOREVER), alive = wait(2, CREWI_FOREVER);
    fake_expect_parked(&clients[1], dead);
    fake_client_end(&clients[1]);
    fake_job_run(syncs.job);
    lock(3);
    notify(3, 1);
    fake_expect_parked(&clients[2], alive);
    fake_client_end(&clients[3]);
    fake_expect_refusal(&clients[2], alive, CREW_EOWNERDEAD, "s is yours");
    unlock(2);
}

/* One that was notified, and ends before the lock is its own, leaves the notify to the next. */
static void death_after_notify(void **state)
{
    (void)state;
    uint64_t dead = wait(1, CREWI_FOREVER), alive = wait(2, CREWI_FOREVER);
    lock(3);
    notify(3, 1);
    fake_expect_parked(&clients[1], dead);
    fake_client_end(&clients[1]);
    fake_job_run(syncs.job);
    fake_expect_parked(&clients[2], alive);
    unlock(3);
    sync_expect_done(&clients[2], alive);
    unlock(2);
    assert_int_equal(sync_word(&syncs, id), 0);
}

/* Nobody else waits: nothing is left of it. */
static void death_of_the_last(void **state)
{
    (void)state;
    uint64_t late = wait(2, CREWI_SECOND);
    wait(1, CREWI_FOREVER);
    lock(3);
    fake_job_pass_time(syncs.job, CREWI_SECOND); /* wants the lock, and was not notified */
    notify(3, 1);
    fake_client_end(&clients[1]);
    fake_job_run(syncs.job);
    unlock(3);
    fake_expect_refusal(&clients[2], late, CREW_ETIMEDOUT, "notified");
    unlock(2);
    assert_int_equal(sync_word(&syncs, id), 0);
}

/* And nothing of it is for one that has begun to wait since. */
static void death_before_a_late_one(void **state)
{
    (void)state;
    wait(1, CREWI_FOREVER);
    lock(3);
    uint64_t second = sync_ask(&clients[2], CREWI_SYNC_ACQUIRE, head(0), CREWI_FOREVER);
    uint64_t third = sync_ask(&clients[0], CREWI_SYNC_ACQUIRE, head(0), CREWI_FOREVER);
    notify(3, 1);
    unlock(3);
    sync_expect_done(&clients[2], second);
    uint64_t late = sync_ask(&clients[2], CREWI_SYNC_RELEASE_AND_WAIT, head(0), CREWI_FOREVER);
    sync_expect_done(&clients[0], third);
    fake_client_end(&clients[1]);
    fake_job_run(syncs.job);
    unlock(0);
    fake_expect_parked(&clients[2], late);
    lock(0);
    notify(0, 1);
    unlock(0);
    sync_expect_done(&clients[2], late);
    unlock(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wakes_in_order, begin, end),
        cmocka_unit_test_setup_teardown(times_out, begin, end),
        cmocka_unit_test_setup_teardown(only_the_holder, begin, end),
        cmocka_unit_test_setup_teardown(deaths, begin, end),
        cmocka_unit_test_setup_teardown(death_after_notify, begin, end),
        cmocka_unit_test_setup_teardown(death_of_the_last, begin, end),
        cmocka_unit_test_setup_teardown(death_before_a_late_one, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
