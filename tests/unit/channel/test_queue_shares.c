/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles in items: the copy in the item keeps what it stands for, whoever gets it or does not. */
#include "base/clock.h"
#include "queues.h"
#include "unit.h"

#include <string.h>

static uint64_t ask_put_handle(struct fake_client *client, uint64_t id, uint64_t handle, bool note)
{
    uint64_t item[3] = {1, handle, 3};
    struct crewi_queue_head head = {.id = id, .size = sizeof item, .count = 1};
    struct fake_call call = queue_call(CREWI_QUEUE_PUT, &head, 0);
    call.rank = client->rank->transport.rank;
    call.body = item;
    call.body_size = sizeof item;
    if (!note)
        return fake_ask(client, &call);
    fake_tell(client, &call);
    return 0;
}

static void put_handle(struct fake_client *client, uint64_t id, uint64_t handle)
{
    fake_expect_reply(client, ask_put_handle(client, id, handle, false), NULL,
                      sizeof(struct crewi_queue_state));
}

/* The reply to a get, with that many handles. */
static void expect_handles(struct fake_client *client, uint64_t request, uint64_t handle,
                           uint32_t count)
{
    struct crewi_queue_head head;
    uint64_t item[3];
    fake_job_run(client->rank->job);
    struct crewi_frame *reply = fake_reply(client, request);
    assert_non_null(reply);
    memcpy(&head, reply->payload, sizeof head);
    assert_int_equal(head.count, count);
    assert_int_equal(head.share_count, 0); /* the client sees nothing of that */
    assert_int_equal(head.size, count * sizeof item);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(item, reply->payload + sizeof head + i * sizeof item, sizeof item);
        assert_int_equal(item[1], handle);
    }
    crewi_frame_destroy(reply);
}

/* For each rank that puts, and each that gets: the sender's own copy is closed at once. */
static void keeps_what_is_sent(void **state)
{
    (void)state;
    for (uint32_t from = 0; from < 3; from++) {
        for (uint32_t to = 0; to < 3; to++) {
            struct queue_job queues;
            queues_begin(&queues, 3);
            struct fake_client *sender = &queues.clients[from], *receiver = &queues.clients[to];
            uint64_t id = queue_create(&queues.clients[1], 0, false);
            uint64_t sent = queue_create(sender, 0, false);
            put_text(sender, sent, "inside");
            expect_size(sender, id, 0);
            ask_put_handle(sender, id, sent, true);
            put_handle(sender, id, sent);
            if (from != to)
                close_queue(sender, sent);
            fake_job_run(queues.job);
            assert_non_null(queue_at_home(&queues, sent));
            expect_handles(receiver, ask_get(receiver, id, 100, 0), sent, 1);
            get_text(receiver, sent, "inside");
            expect_handles(receiver, ask_get(receiver, id, 100, 0), sent, 1);
            close_queue(receiver, sent);
            fake_job_run(queues.job);
            assert_null(queue_at_home(&queues, sent));
            queues_end(&queues);
        }
    }
}

static void several_in_one_call(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 0, false), sent = queue_create(&clients[0], 0, false);
    for (int i = 0; i < 3; i++)
        put_handle(&clients[0], id, sent);
    close_queue(&clients[0], sent);
    expect_handles(&clients[1], ask_many(&clients[1], id, 1000, 10), sent, 3);
    put_text(&clients[1], sent, "a");
    get_text(&clients[1], sent, "a");
    close_queue(&clients[1], sent);
    fake_job_run(queues.job);
    assert_null(queue_at_home(&queues, sent));
    queues_end(&queues);
}

/* Who ends before its reply comes gets nothing, and holds nothing. */
static void a_getter_dies(void **state)
{
    struct queue_job queues;
    struct fake_client dying;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 0, false), sent = queue_create(&clients[0], 0, false);
    fake_client_begin(&dying, queues.job, 1);
    fake_expect_parked(&dying, ask_get(&dying, id, 100, CREWI_FOREVER));
    ask_put_handle(&clients[0], id, sent, false);
    fake_client_end(&dying); /* while it is on its way */
    fake_job_run(queues.job);
    close_queue(&clients[0], sent);
    fake_job_run(queues.job);
    assert_null(queue_at_home(&queues, sent));
    queues_end(&queues);
}

/* In a queue that ends, in a put that is refused, and with items that are dropped. */
static void goes_with_what_is_dropped(void **state)
{
    (void)state;
    for (int how = 0; how < 4; how++) {
        struct queue_job queues;
        struct fake_client producer;
        queues_begin(&queues, 2);
        struct fake_client *clients = queues.clients;
        fake_client_begin(&producer, queues.job, 1);
        uint64_t id = queue_create(&clients[0], how == 1, how == 3);
        uint64_t sent = queue_create(&producer, 0, false);
        put_handle(&producer, id, sent);
        if (how == 1)
            fake_expect_refusal(&producer, ask_put_handle(&producer, id, sent, false), CREW_EFULL,
                                "full");
        if (how == 2)
            fake_expect_reply(&producer, ask_simple(&producer, CREWI_QUEUE_CANCEL, id, 0), NULL, 0);
        fake_client_end(&producer);
        fake_job_run(queues.job);
        assert_true(how == 2 || queue_at_home(&queues, sent) != NULL);
        close_queue(&clients[0], id);
        fake_job_run(queues.job);
        assert_null(queue_at_home(&queues, sent));
        queues_end(&queues);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_is_sent),
        cmocka_unit_test(several_in_one_call),
        cmocka_unit_test(a_getter_dies),
        cmocka_unit_test(goes_with_what_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
