/* SPDX-License-Identifier: BSD-3-Clause */
/* Who has a lock: by messages, by the word, and after a death. */
#include "base/clock.h"
#include "syncs.h"
#include "unit.h"

#define HEAD(lock) ((struct crewi_sync_head){.id = (lock)})

static uint64_t acquire(struct fake_client *client, uint64_t id, int64_t timeout_ns)
{
    return sync_ask(client, CREWI_SYNC_ACQUIRE, HEAD(id), timeout_ns);
}

static void release(struct fake_client *client, uint64_t id)
{
    sync_do(client, CREWI_SYNC_RELEASE, HEAD(id));
}

static uint64_t owner(struct sync_job *syncs, uint64_t id)
{
    return sync_word(syncs, id) & CREWI_WORD_OWNER;
}

static uint64_t as_owner(const struct fake_client *client)
{
    return crewi_word_owner(client->base.process);
}

/* The word says who has it, and whether somebody waits. */
static void in_order(void **state)
{
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 3);
    struct fake_client *clients = syncs.clients;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_LOCK, 0, false);
    sync_expect_done(&clients[1], acquire(&clients[1], id, 0));
    assert_int_equal(sync_word(&syncs, id), as_owner(&clients[1]));
    uint64_t second = acquire(&clients[2], id, CREWI_FOREVER);
    uint64_t third = acquire(&clients[0], id, CREWI_FOREVER);
    fake_expect_parked(&clients[2], second);
    fake_expect_parked(&clients[0], third);
    assert_true(sync_word(&syncs, id) & CREWI_WORD_QUEUED);
    release(&clients[1], id);
    sync_expect_done(&clients[2], second);
    fake_expect_parked(&clients[0], third);
    assert_int_equal(sync_word(&syncs, id), as_owner(&clients[2]) | CREWI_WORD_QUEUED);
    release(&clients[1], id); /* it is not its own: that may be */
    sync_expect_done(&clients[0], third);
    assert_int_equal(sync_word(&syncs, id), as_owner(&clients[0]));
    release(&clients[0], id);
    assert_int_equal(sync_word(&syncs, id), 0);
    fake_expect_refusal(&clients[0], sync_ask(&clients[0], CREWI_SYNC_RELEASE, HEAD(id), 0),
                        CREW_ESTATE, "s is free");
    syncs_end(&syncs);
}

static void at_deadlines(void **state)
{
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 2);
    struct fake_client *clients = syncs.clients;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_LOCK, 0, false);
    sync_expect_done(&clients[0], acquire(&clients[0], id, 0));
    fake_expect_refusal(&clients[1], acquire(&clients[1], id, 0), CREW_ETIMEDOUT, "held");
    assert_int_equal(sync_word(&syncs, id), as_owner(&clients[0]));
    uint64_t late = acquire(&clients[1], id, CREWI_SECOND);
    fake_expect_parked(&clients[1], late);
    fake_job_pass_time(syncs.job, CREWI_SECOND);
    fake_expect_refusal(&clients[1], late, CREW_ETIMEDOUT, "held");
    assert_int_equal(sync_word(&syncs, id), as_owner(&clients[0])); /* nobody waits any more */
    release(&clients[0], id);
    sync_expect_done(&clients[1], acquire(&clients[1], id, 0));
    syncs_end(&syncs);
}

/* Processes of the host lock and unlock without the home; it finds what they did. */
static void beside_the_word(void **state)
{
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 2);
    struct fake_client *clients = syncs.clients;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_LOCK, 0, false);
    crewi_word *word = sync_at_home(&syncs, id)->word;
    uint64_t process = clients[0].base.process;
    assert_int_equal(crewi_word_lock(word, process), CREWI_WORD_DONE);
    assert_int_equal(crewi_word_lock(word, process), CREWI_WORD_NO);
    uint64_t waiting = acquire(&clients[1], id, CREWI_FOREVER);
    fake_expect_parked(&clients[1], waiting);
    assert_int_equal(crewi_word_lock(word, process), CREWI_WORD_ASK);
    assert_int_equal(crewi_word_unlock(word, process), CREWI_WORD_ASK);
    assert_int_equal(owner(&syncs, id), as_owner(&clients[0]));
    release(&clients[0], id);
    sync_expect_done(&clients[1], waiting);
    assert_int_equal(crewi_word_unlock(word, process), CREWI_WORD_NO);
    assert_int_equal(crewi_word_unlock(word, 0), CREWI_WORD_DONE);
    assert_int_equal(crewi_word_unlock(word, 0), CREWI_WORD_NO);
    syncs_end(&syncs);
}

/* A holder on the host that finds somebody waiting tells the home, and goes on. If the lock is
 * somebody else's by then, it stays so. */
static void note_of_a_former_holder(void **state)
{
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 3);
    struct fake_client *clients = syncs.clients;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_LOCK, 0, false);
    struct crewi_sync_head head = HEAD(id);
    struct fake_call note = {.kind = CREWI_KIND_SYNC,
                             .op = CREWI_SYNC_RELEASE,
                             .rank = 1,
                             .head = &head,
                             .head_size = sizeof head};
    sync_expect_done(&clients[1], acquire(&clients[1], id, 0));
    uint64_t second = acquire(&clients[2], id, CREWI_FOREVER);
    uint64_t third = acquire(&clients[0], id, CREWI_FOREVER);
    fake_tell(&clients[1], &note);
    fake_job_run(syncs.job);
    sync_expect_done(&clients[2], second);
    fake_tell(&clients[1], &note);
    fake_job_run(syncs.job);
    fake_expect_parked(&clients[0], third);
    assert_int_equal(owner(&syncs, id), as_owner(&clients[2]));
    release(&clients[2], id);
    sync_expect_done(&clients[0], third);
    release(&clients[0], id);
    syncs_end(&syncs);
}

/* The next one hears of it, once; also one who takes it by the word. */
static void after_a_death(void **state)
{
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 4);
    struct fake_client *clients = syncs.clients;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_RLOCK, 0, false);
    sync_expect_done(&clients[1], acquire(&clients[1], id, 0));
    uint64_t dead = acquire(&clients[2], id, CREWI_FOREVER);
    fake_expect_parked(&clients[2], dead);
    uint64_t next = acquire(&clients[3], id, CREWI_FOREVER);
    fake_expect_parked(&clients[3], next);
    fake_client_end(&clients[2]); /* who waits is no owner */
    fake_client_end(&clients[1]);
    fake_job_run(syncs.job);
    fake_expect_refusal(&clients[3], next, CREW_EOWNERDEAD, "s is yours");
    assert_int_equal(sync_word(&syncs, id), as_owner(&clients[3]));
    fake_client_end(&clients[3]);
    fake_job_run(syncs.job);
    assert_int_equal(sync_word(&syncs, id), CREWI_WORD_OWNER_DIED);
    crewi_word *word = sync_at_home(&syncs, id)->word;
    assert_int_equal(crewi_word_lock(word, clients[0].base.process), CREWI_WORD_DONE_OWNER_DIED);
    release(&clients[0], id);
    sync_expect_done(&clients[0], acquire(&clients[0], id, 0));
    syncs_end(&syncs);
}

/* The threads of a process that closes it are turned away. */
static void closed_by_a_waiter(void **state)
{
    struct sync_job syncs;
    (void)state;
    syncs_begin(&syncs, 2);
    struct fake_client *clients = syncs.clients;
    uint64_t id = sync_create(&clients[0], CREWI_SYNC_LOCK, 0, false);
    sync_expect_done(&clients[0], acquire(&clients[0], id, 0));
    uint64_t waiting = acquire(&clients[1], id, CREWI_FOREVER);
    fake_expect_parked(&clients[1], waiting);
    sync_do(&clients[1], CREWI_SYNC_CLOSE, HEAD(id));
    fake_expect_refusal(&clients[1], waiting, CREW_ECLOSED, "closed");
    assert_int_equal(sync_word(&syncs, id), as_owner(&clients[0]));
    fake_expect_refusal(&clients[1], acquire(&clients[1], id, 0), CREW_ECLOSED, "closed");
    sync_do(&clients[1], CREWI_SYNC_CLOSE, HEAD(id));
    syncs_end(&syncs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),           cmocka_unit_test(at_deadlines),
        cmocka_unit_test(beside_the_word),    cmocka_unit_test(after_a_death),
        cmocka_unit_test(closed_by_a_waiter), cmocka_unit_test(note_of_a_former_holder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
