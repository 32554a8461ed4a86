/* SPDX-License-Identifier: BSD-3-Clause */
/* Semaphores and events at their homes. */
#include "base/clock.h"
#include "syncs.h"
#include "unit.h"

static struct sync_job syncs;
static struct fake_client *const clients = syncs.clients;

static int begin(void **state)
{
    (void)state;
    syncs_begin(&syncs, 3);
    return 0;
}

static int end(void **state)
{
    (void)state;
    syncs_end(&syncs);
    return 0;
}

static uint64_t ask(int client, enum crewi_sync_op op, uint64_t id, int64_t timeout_ns)
{
    return sync_ask(&clients[client], op, (struct crewi_sync_head){.id = id}, timeout_ns);
}

static void expect_done(int client, enum crewi_sync_op op, uint64_t id)
{
    sync_expect_done(&clients[client], ask(client, op, id, 0));
}

static void semaphore_counts(void **state)
{
    (void)state;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_SEMAPHORE, 2, false), value;
    expect_done(1, CREWI_SYNC_ACQUIRE, id);
    crewi_word *word = sync_at_home(&syncs, id)->word;
    assert_int_equal(crewi_word_take(word), CREWI_WORD_DONE);
    assert_int_equal(crewi_word_take(word), CREWI_WORD_NO);
    fake_expect_refusal(&clients[1], ask(1, CREWI_SYNC_ACQUIRE, id, 0), CREW_ETIMEDOUT, "was 0");
    uint64_t first = ask(1, CREWI_SYNC_ACQUIRE, id, CREWI_FOREVER);
    uint64_t second = ask(2, CREWI_SYNC_ACQUIRE, id, CREWI_SECOND);
    fake_expect_parked(&clients[1], first);
    assert_int_equal(crewi_word_give(word, 2), CREWI_WORD_ASK);
    expect_done(0, CREWI_SYNC_RELEASE, id);
    sync_expect_done(&clients[1], first);
    fake_expect_parked(&clients[2], second);
    fake_job_pass_time(syncs.job, CREWI_SECOND);
    fake_expect_refusal(&clients[2], second, CREW_ETIMEDOUT, "was 0");
    assert_int_equal(crewi_word_give(word, 2), CREWI_WORD_DONE);
    expect_done(0, CREWI_SYNC_RELEASE, id);
    assert_int_equal(crewi_word_give(word, 2), CREWI_WORD_NO);
    fake_expect_refusal(&clients[0], ask(0, CREWI_SYNC_RELEASE, id, 0), CREW_ESTATE,
                        "largest value, 2");
    fake_expect_reply(&clients[2], ask(2, CREWI_SYNC_VALUE, id, 0), &value, sizeof value);
    assert_int_equal(value, 2);
}

/* Also when somebody waits: it would be more than its first value. */
static void semaphore_that_stays_0(void **state)
{
    (void)state;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_SEMAPHORE, 0, false);
    fake_expect_refusal(&clients[0], ask(0, CREWI_SYNC_RELEASE, id, 0), CREW_ESTATE,
                        "largest value, 0");
    uint64_t waiting = ask(1, CREWI_SYNC_ACQUIRE, id, CREWI_SECOND);
    fake_expect_parked(&clients[1], waiting);
    fake_expect_refusal(&clients[0], ask(0, CREWI_SYNC_RELEASE, id, 0), CREW_ESTATE,
                        "largest value, 0");
    fake_expect_parked(&clients[1], waiting);
    fake_job_pass_time(syncs.job, CREWI_SECOND);
    fake_expect_refusal(&clients[1], waiting, CREW_ETIMEDOUT, "was 0");
}

static void semaphore_of_the_dead(void **state)
{
    (void)state;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_SEMAPHORE, 1, false);
    expect_done(0, CREWI_SYNC_ACQUIRE, id);
    uint64_t dead = ask(1, CREWI_SYNC_ACQUIRE, id, CREWI_FOREVER);
    fake_expect_parked(&clients[1], dead);
    fake_client_end(&clients[1]);
    fake_job_run(syncs.job);
    assert_int_equal(sync_word(&syncs, id), 0); /* and not queued */
    expect_done(0, CREWI_SYNC_RELEASE, id);
    expect_done(2, CREWI_SYNC_ACQUIRE, id);
}

static void event_wakes_all(void **state)
{
    (void)state;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_EVENT, 0, false);
    fake_expect_refusal(&clients[1], ask(1, CREWI_SYNC_WAIT, id, 0), CREW_ETIMEDOUT,
                        "s was not set");
    assert_int_equal(sync_word(&syncs, id), 0);
    uint64_t first = ask(1, CREWI_SYNC_WAIT, id, CREWI_FOREVER);
    uint64_t second = ask(2, CREWI_SYNC_WAIT, id, CREWI_SECOND);
    fake_job_pass_time(syncs.job, CREWI_SECOND);
    fake_expect_refusal(&clients[2], second, CREW_ETIMEDOUT, "s was not set");
    second = ask(2, CREWI_SYNC_WAIT, id, CREWI_SECOND);
    fake_expect_parked(&clients[1], first);
    expect_done(0, CREWI_SYNC_SET, id);
    sync_expect_done(&clients[1], first);
    sync_expect_done(&clients[2], second);
    assert_int_equal(sync_word(&syncs, id), CREWI_WORD_SET);
    expect_done(1, CREWI_SYNC_WAIT, id);
    expect_done(2, CREWI_SYNC_CLEAR, id);
    assert_int_equal(sync_word(&syncs, id), 0);
}

/* Set by the word: it is seen at once, and who waits is woken when the home hears of it, by a note,
 * by a clear, or by the end of the one who owes the note. */
static void event_set_by_the_word(void **state)
{
    static const enum { NOTE, CLEAR, DEATH } ways[] = {NOTE, CLEAR, DEATH};
    (void)state;
    for (int i = 0; i < 3; i++) {
        uint64_t id = sync_create(&clients[0], CREWI_SYNC_EVENT, 0, false);
        crewi_word *word = sync_at_home(&syncs, id)->word;
        expect_done(2, CREWI_SYNC_CLEAR, id); /* it has a copy */
        uint64_t waiting = ask(1, CREWI_SYNC_WAIT, id, CREWI_FOREVER);
        assert_int_equal(crewi_word_clear(word), CREWI_WORD_ASK);
        assert_int_equal(crewi_word_set(word), CREWI_WORD_ASK);
        assert_int_equal(crewi_word_set(word), CREWI_WORD_ASK);
        struct crewi_sync_head head = {.id = id};
        struct fake_call note = {.kind = CREWI_KIND_SYNC,
                                 .op = CREWI_SYNC_SET,
                                 .rank = 2,
                                 .head = &head,
                                 .head_size = sizeof head};
        fake_expect_parked(&clients[1], waiting);
        if (ways[i] == NOTE)
            fake_tell(&clients[2], &note);
        else if (ways[i] == CLEAR)
            expect_done(0, CREWI_SYNC_CLEAR, id);
        else
            fake_client_end(&clients[2]);
        sync_expect_done(&clients[1], waiting);
        assert_int_equal(sync_word(&syncs, id), ways[i] == CLEAR ? 0 : CREWI_WORD_SET);
    }
}

/* A note that comes late wakes nobody who came after a clear. */
static void event_note_comes_late(void **state)
{
    (void)state;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_EVENT, 0, false);
    crewi_word *word = sync_at_home(&syncs, id)->word;
    uint64_t first = ask(1, CREWI_SYNC_WAIT, id, CREWI_FOREVER);
    crewi_word_set(word);
    expect_done(0, CREWI_SYNC_CLEAR, id);
    sync_expect_done(&clients[1], first);
    uint64_t second = ask(1, CREWI_SYNC_WAIT, id, CREWI_FOREVER);
    struct crewi_sync_head head = {.id = id};
    struct fake_call note = {.kind = CREWI_KIND_SYNC,
                             .op = CREWI_SYNC_SET,
                             .rank = 2,
                             .head = &head,
                             .head_size = sizeof head};
    fake_tell(&clients[2], &note);
    fake_expect_parked(&clients[1], second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(semaphore_counts, begin, end),
        cmocka_unit_test_setup_teardown(semaphore_of_the_dead, begin, end),
        cmocka_unit_test_setup_teardown(semaphore_that_stays_0, begin, end),
        cmocka_unit_test_setup_teardown(event_wakes_all, begin, end),
        cmocka_unit_test_setup_teardown(event_set_by_the_word, begin, end),
        cmocka_unit_test_setup_teardown(event_note_comes_late, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
