/* SPDX-License-Identifier: BSD-3-Clause */
/* Gathers: all items, once, those of one producer in order, and to somebody who is there. */
#include "base/clock.h"
#include "queues.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_queue_head)

/* The reply to a gather: those texts, in the order in which they lie there. */
static void expect_gathered(struct fake_client *client, uint64_t request, const char *texts)
{
    struct crewi_queue_head head;
    struct crewi_queue_record record;
    const unsigned char *item;
    char found[200] = "";
    fake_job_run(client->rank->job);
    struct crewi_frame *reply = fake_reply(client, request);
    assert_non_null(reply);
    assert_int_equal(reply->header.status, CREW_OK);
    memcpy(&head, reply->payload, sizeof head);
    uint32_t count = 0;
    for (uint64_t at = 0;
         crewi_queue_next_record(reply->payload + HEAD_SIZE, head.size, &at, &record, &item);
         count++) {
        assert_int_equal((uintptr_t)item % 16, 0);
        assert_in_range(record.size, 0, 20);
        snprintf(found + strlen(found), sizeof found - strlen(found), "%.*s/%u ", (int)record.size,
                 (const char *)item, record.rank);
    }
    assert_int_equal(count, head.count);
    assert_string_equal(found, texts);
    crewi_frame_destroy(reply);
}

static uint64_t ask_gather(struct fake_client *client, uint64_t id)
{
    return ask_simple(client, CREWI_QUEUE_GATHER, id, 0);
}

/* Home on rank 1; rank 3 never heard of it. */
static uint64_t begin(struct queue_job *queues, bool scattered)
{
    queues_begin(queues, 4);
    uint64_t id = queue_create(&queues->clients[1], 0, scattered);
    expect_size(&queues->clients[0], id, 0);
    expect_size(&queues->clients[2], id, 0);
    return id;
}

static void from_all_ranks(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, true);
    struct fake_client *clients = queues.clients;
    note_text(&clients[0], id, "a");
    note_text(&clients[0], id, "b");
    put_text(&clients[1], id, "c");
    put_text(&clients[2], id, "d");
    expect_gathered(&clients[2], ask_gather(&clients[2], id), "d/2 a/0 b/0 c/1 ");
    assert_int_equal(queue_at_home(&queues, id)->unfinished, 4);
    expect_gathered(&clients[0], ask_gather(&clients[0], id), "");
    expect_size(&clients[1], id, 0);
    note_text(&clients[2], id, "e");
    expect_gathered(&clients[1], ask_gather(&clients[1], id), "e/2 ");
    queues_end(&queues);
}

/* One that passes its items on has them at home. */
static void from_the_home(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, false);
    struct fake_client *clients = queues.clients;
    put_text(&clients[0], id, "a");
    put_text(&clients[2], id, "b");
    expect_gathered(&clients[0], ask_gather(&clients[0], id), "a/1 b/1 ");
    assert_int_equal(queue_at_home(&queues, id)->unfinished, 2);
    queues_end(&queues);
}

static void alone(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 1);
    uint64_t id = queue_create(&queues.clients[0], 0, true);
    put_text(&queues.clients[0], id, "a");
    put_text(&queues.clients[0], id, "b");
    expect_gathered(&queues.clients[0], ask_gather(&queues.clients[0], id), "a/0 b/0 ");
    queues_end(&queues);
}

/* Several at a time, of one queue and of two. */
static void several_at_a_time(void **state)
{
    struct queue_job queues;
    (void)state;
    uint64_t id = begin(&queues, true);
    struct fake_client *clients = queues.clients;
    uint64_t other = queue_create(&clients[2], 0, true);
    expect_size(&clients[0], other, 0);
    note_text(&clients[0], id, "a");
    note_text(&clients[0], other, "b");
    uint64_t first = ask_gather(&clients[1], id), second = ask_gather(&clients[1], id);
    uint64_t third = ask_gather(&clients[0], other);
    uint64_t size = ask_simple(&clients[1], CREWI_QUEUE_SIZE, id, 0);
    fake_job_run(queues.job);
    expect_gathered(&clients[1], first, "a/0 ");
    expect_gathered(&clients[1], second, "");
    expect_gathered(&clients[0], third, "b/0 ");
    fake_expect_reply(&clients[1], size, NULL, sizeof(struct crewi_queue_state));
    queues_end(&queues);
}

static void take_turn(struct fake_job *job)
{
    for (uint32_t rank = 0; rank < job->rank_count; rank++) {
        struct crewi_frame *frame;
        while ((frame = crewi_frames_pop(&job->ranks[rank].wire)))
            crewi_engine_accept(fake_engine(job, rank), frame);
        crewi_engine_run(fake_engine(job, rank), job->now_ns);
    }
}

/* Puts at every moment of a gather: in order, before it or after. */
static void puts_in_the_middle(void **state)
{
    (void)state;
    for (int scattered = 0; scattered < 2; scattered++) {
        struct queue_job queues;
        uint64_t id = begin(&queues, scattered);
        struct fake_client *client = &queues.clients[0];
        uint64_t request = ask_gather(&queues.clients[1], id);
        char found[200] = "", text[16];
        for (int i = 0; i < 30; i++) { /* a turn of every engine between two of them */
            snprintf(text, sizeof text, "%02d", i);
            note_text(client, id, text);
            take_turn(queues.job);
        }
        fake_job_run(queues.job);
        struct crewi_frame *reply = fake_reply(&queues.clients[1], request);
        struct crewi_queue_record record;
        const unsigned char *item;
        assert_non_null(reply);
        for (uint64_t at = 0; crewi_queue_next_record(
                 reply->payload + HEAD_SIZE, reply->header.size - HEAD_SIZE, &at, &record, &item);)
            strncat(found, (const char *)item, record.size);
        crewi_frame_destroy(reply);
        for (size_t i = strlen(found) / 2; i < 30; i++) {
            snprintf(text, sizeof text, "%02zu", i);
            get_text(&queues.clients[2], id, text);
        }
        for (size_t i = 0; i < strlen(found) / 2; i++) {
            snprintf(text, sizeof text, "%02zu", i);
            assert_memory_equal(found + 2 * i, text, 2);
        }
        queues_end(&queues);
    }
}

/* A rank that may not pass on holds so much, and puts beyond that wait for the gather. */
static void puts_wait_for_the_gather(void **state)
{
    struct queue_job queues;
    static char large[CREWI_QUEUE_HOLD_LIMIT - 999];
    (void)state;
    uint64_t id = begin(&queues, false);
    struct fake_client *client = &queues.clients[0];
    struct crewi_queue_agent *agent = crewi_queue_agent_find(fake_engine(queues.job, 0), id);
    uint64_t gather = ask_gather(&queues.clients[1], id);
    for (int turn = 0; turn < 20 && !agent->frozen; turn++) /* rank 0 is the first in each */
        take_turn(queues.job);
    assert_int_equal(agent->frozen, 1);
    memset(large, 'x', sizeof large - 1);
    uint64_t first = ask_put(client, id, large, CREWI_FOREVER);
    uint64_t second = ask_put(client, id, large, CREWI_FOREVER);
    crewi_engine_run(fake_engine(queues.job, 0), queues.job->now_ns);
    assert_int_equal(agent->hold.count, 1);
    assert_int_equal(agent->late.count, 1);
    assert_null(fake_reply(client, second));
    fake_expect_reply(client, first, NULL, sizeof(struct crewi_queue_state));
    fake_expect_reply(client, second, NULL, sizeof(struct crewi_queue_state));
    struct crewi_frame *reply = fake_reply(&queues.clients[1], gather);
    assert_non_null(reply);
    assert_int_equal(((const struct crewi_queue_head *)(const void *)reply->payload)->count, 1);
    crewi_frame_destroy(reply);
    expect_text(client, ask_get(client, id, sizeof large, 0), large, 1);
    queues_end(&queues);
}

/* The items come back. */
static void the_root_dies(void **state)
{
    (void)state;
    for (int turns = 0; turns < 8; turns++) {
        struct queue_job queues;
        struct fake_client dying;
        uint64_t id = begin(&queues, true);
        struct fake_client *clients = queues.clients;
        fake_client_begin(&dying, queues.job, 2);
        put_text(&clients[0], id, "a");
        put_text(&clients[1], id, "b");
        uint64_t gather = ask_gather(&dying, id);
        for (int i = 0; i < turns; i++) {
            take_turn(queues.job);
        }
        struct crewi_frame *reply = fake_reply(&dying, gather);
        bool had_them = reply != NULL;
        crewi_frame_destroy(reply);
        fake_client_end(&dying);
        note_text(&clients[0], id, "c"); /* later than its "a" */
        fake_job_run(queues.job);
        expect_size(&clients[1], id, had_them ? 1 : 3);
        if (!had_them)
            expect_text(&clients[1], ask_many(&clients[1], id, 9, 3), "bac", 3);
        assert_int_equal(queue_at_home(&queues, id)->unfinished, 3);
        queues_end(&queues);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_all_ranks),
        cmocka_unit_test(from_the_home),
        cmocka_unit_test(alone),
        cmocka_unit_test(several_at_a_time),
        cmocka_unit_test(puts_in_the_middle),
        cmocka_unit_test(the_root_dies),
        cmocka_unit_test(puts_wait_for_the_gather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
