/* SPDX-License-Identifier: BSD-3-Clause */
/* Flush rounds: what a rank has not read yet, or holds, is found before anybody is told that there
 * is nothing. */
#include "base/clock.h"
#include "queues.h"
#include "unit.h"

#include <string.h>

/* A put that has returned, and is still in the port of its process. */
static void leave_unread(struct fake_client *client, uint64_t id, const char *text)
{
    struct crewi_queue_head head = {.id = id, .size = strlen(text), .count = 1};
    struct fake_call call = queue_call(CREWI_QUEUE_PUT, &head, 0);
    call.rank = client->rank->transport.rank;
    call.body = text;
    call.body_size = head.size;
    fake_tell_unread(client, &call);
}

/* Rank 0 is the home, and its client has put and taken one item; ranks 1 and 2 use it. */
static uint64_t begin(struct queue_job *queues, bool scattered)
{
    queues_begin(queues, 4);
    uint64_t id = queue_create(&queues->clients[0], 0, scattered);
    for (uint32_t rank = 1; rank < 3; rank++)
        expect_size(&queues->clients[rank], id, 0);
    return id;
}

static void finds_unread_items(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, false);
    struct fake_client *clients = queues.clients;
    leave_unread(&clients[1], id, "a");
    get_text(&clients[2], id, "a");
    leave_unread(&clients[0], id, "b");
    get_text(&clients[2], id, "b");
    leave_unread(&clients[2], id, "c");
    leave_unread(&clients[1], id, "d");
    expect_size(&clients[0], id, 2);
    get_text(&clients[2], id, "d");
    get_text(&clients[2], id, "c");
    leave_unread(&clients[1], id, "e");
    struct crewi_queue_head head = {.id = id};
    struct fake_call call = queue_call(CREWI_OP_WAIT, &head, 0);
    call.rank = 2;
    call.head_size = sizeof id;
    fake_call(&clients[2], &call, NULL, 1);
    get_text(&clients[2], id, "e");
    fake_call(&clients[2], &call, NULL, 0);
    queues_end(&queues);
}

/* Whose deadline is over finds what was put before. */
static void looks_again_at_the_deadline(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, false);
    struct fake_client *clients = queues.clients;
    uint64_t request = ask_get(&clients[2], id, 9, CREWI_SECOND);
    uint64_t next = ask_get(&clients[2], id, 9, CREWI_SECOND);
    fake_expect_parked(&clients[2], request);
    leave_unread(&clients[1], id, "a");
    fake_expect_parked(&clients[2], request);
    fake_job_pass_time(queues.job, CREWI_SECOND);
    expect_text(&clients[2], request, "a", 1);
    fake_expect_refusal(&clients[2], next, CREW_EEMPTY, "empty");
    queues_end(&queues);
}

static void joins_wait_for_unread_items(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, false);
    struct fake_client *clients = queues.clients;
    leave_unread(&clients[1], id, "a");
    fake_expect_refusal(&clients[2], ask_simple(&clients[2], CREWI_QUEUE_JOIN, id, 0),
                        CREW_ETIMEDOUT, "1 items");
    uint64_t join = ask_simple(&clients[2], CREWI_QUEUE_JOIN, id, CREWI_FOREVER);
    fake_expect_parked(&clients[2], join);
    leave_unread(&clients[1], id, "b"); /* found when the first one is done */
    fake_expect_reply(&clients[0], ask_simple(&clients[0], CREWI_QUEUE_TASK_DONE, id, 0), NULL, 0);
    fake_expect_parked(&clients[2], join);
    fake_expect_reply(&clients[0], ask_simple(&clients[0], CREWI_QUEUE_TASK_DONE, id, 0), NULL, 0);
    fake_expect_reply(&clients[2], join, NULL, 0);
    leave_unread(&clients[1], id, "c"); /* counts, too, for who is done with it */
    fake_expect_reply(&clients[0], ask_simple(&clients[0], CREWI_QUEUE_TASK_DONE, id, 0), NULL, 0);
    queues_end(&queues);
}

/* Ranks that never heard of the queue are not asked, and one round serves all who came before. */
static void asks_those_who_know(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, false);
    struct fake_client *clients = queues.clients;
    uint64_t round = queue_at_home(&queues, id)->round, carried = queues.job->carried;
    expect_size(&clients[0], id, 0);
    assert_int_equal(queues.job->carried - carried, 4); /* there and back, for two ranks */
    assert_int_equal(queue_at_home(&queues, id)->round, round + 1);
    uint64_t requests[5];
    for (int i = 0; i < 5; i++)
        requests[i] = ask_get(&clients[0], id, 9, 0);
    fake_job_run(queues.job);
    for (int i = 0; i < 5; i++)
        fake_expect_refusal(&clients[0], requests[i], CREW_EEMPTY, "empty");
    /* The first began one, those behind it came too late for that. */
    assert_int_equal(queue_at_home(&queues, id)->round, round + 3);
    queues_end(&queues);
}

/* Items of one round of the engine go in one message. */
static void puts_travel_in_batches(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, false);
    struct fake_client *clients = queues.clients;
    uint64_t carried = queues.job->carried;
    for (int i = 0; i < 10; i++)
        note_text(&clients[1], id, (char[]){(char)('0' + i), '\0'});
    fake_job_run(queues.job);
    assert_int_equal(queues.job->carried - carried, 1);
    put_text(&clients[1], id, "x"); /* behind them */
    expect_text(&clients[2], ask_many(&clients[2], id, 100, 100), "0123456789x", 11);
    queues_end(&queues);
}

/* A scattered queue's stay, until a get wants one; from then on they come. */
static void scattered_items_stay(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, true);
    struct fake_client *clients = queues.clients;
    uint64_t carried = queues.job->carried;
    put_text(&clients[1], id, "a");
    note_text(&clients[1], id, "b");
    note_text(&clients[2], id, "c");
    fake_job_run(queues.job);
    assert_int_equal(queues.job->carried, carried);
    assert_int_equal(queue_at_home(&queues, id)->items.count, 0);
    expect_text(&clients[0], ask_get(&clients[0], id, 9, CREWI_FOREVER), "a", 1);
    get_text(&clients[0], id, "b");
    get_text(&clients[0], id, "c");
    note_text(&clients[1], id, "d");
    fake_job_run(queues.job);
    assert_int_equal(queue_at_home(&queues, id)->items.count, 1);
    expect_size(&clients[3], id, 1); /* a new one is told that */
    note_text(&clients[3], id, "e");
    fake_job_run(queues.job);
    assert_int_equal(queue_at_home(&queues, id)->items.count, 2);
    queues_end(&queues);
}

/* Beyond the limit they go home all the same, in order. */
static void scattered_items_overflow(void **state)
{
    struct queue_job queues;
    static char large[CREWI_QUEUE_HOLD_LIMIT / 4 + 1];
    (void)state;
    uint64_t id = begin(&queues, true);
    struct fake_client *clients = queues.clients;
    for (int i = 0; i < 5; i++) {
        memset(large, 'a' + i, sizeof large - 1);
        if (i % 2)
            put_text(&clients[1], id, large);
        else
            note_text(&clients[1], id, large);
        fake_job_run(queues.job);
    }
    assert_true(queue_at_home(&queues, id)->items.count >= 3);
    for (int i = 0; i < 5; i++) {
        memset(large, 'a' + i, sizeof large - 1);
        expect_text(&clients[2], ask_get(&clients[2], id, sizeof large, 0), large, 1);
    }
    queues_end(&queues);
}

static void forgets_waits(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, false);
    struct fake_client *client = &queues.clients[1];
    struct fake_call wait = {.kind = CREWI_KIND_QUEUE,
                             .op = CREWI_OP_WAIT,
                             .rank = 1,
                             .timeout_ns = CREWI_FOREVER,
                             .head = &id,
                             .head_size = sizeof id};
    uint64_t first = fake_ask(client, &wait), second = fake_ask(client, &wait);
    uint64_t range[] = {first, first};
    fake_expect_parked(client, first);
    struct fake_call forget = wait;
    forget.op = CREWI_OP_FORGET_WAITS;
    forget.body = range;
    forget.body_size = sizeof range;
    fake_tell(client, &forget);
    fake_expect_parked(client, second);
    put_text(&queues.clients[2], id, "a");
    fake_expect_parked(client, first);
    fake_expect_reply(client, second, NULL, 1);
    fake_call(client, &wait, NULL, 1); /* it is still there */
    queues_end(&queues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_unread_items),
        cmocka_unit_test(looks_again_at_the_deadline),
        cmocka_unit_test(joins_wait_for_unread_items),
        cmocka_unit_test(asks_those_who_know),
        cmocka_unit_test(puts_travel_in_batches),
        cmocka_unit_test(scattered_items_stay),
        cmocka_unit_test(scattered_items_overflow),
        cmocka_unit_test(forgets_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
