/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts and gets at the home: who waits, who is served, and who is told what. */
#include "base/clock.h"
#include "queues.h"
#include "unit.h"

#include <string.h>

/* Getters are served in the order in which they came, wherever they are. */
static void serves_in_order(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 3);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 0, false);
    uint64_t first = ask_get(&clients[1], id, 10, CREWI_FOREVER);
    fake_expect_parked(&clients[1], first);
    uint64_t second = ask_get(&clients[2], id, 10, CREWI_FOREVER);
    fake_expect_parked(&clients[2], second);
    uint64_t third = ask_get(&clients[0], id, 10, CREWI_FOREVER);
    fake_expect_parked(&clients[0], third);
    put_text(&clients[2], id, "a");
    put_text(&clients[2], id, "b");
    note_text(&clients[2], id, "c");
    expect_text(&clients[1], first, "a", 1);
    expect_text(&clients[2], second, "b", 1);
    expect_text(&clients[0], third, "c", 1);
    queues_end(&queues);
}

/* Queues without a name have a number each. */
static void names_of_those_without(void **state)
{
    struct queue_job queues;
    uint64_t ids[2];
    (void)state;
    queues_begin(&queues, 1);
    for (int i = 0; i < 2; i++) {
        struct crewi_queue_spec spec = {0};
        struct fake_call call = {.kind = CREWI_KIND_QUEUE,
                                 .op = CREWI_QUEUE_CREATE,
                                 .head = &spec,
                                 .head_size = sizeof spec};
        fake_call(&queues.clients[0], &call, &ids[i], sizeof *ids);
        assert_memory_equal(queue_at_home(&queues, ids[i])->name, "queue-", 6);
    }
    assert_string_not_equal(queue_at_home(&queues, ids[0])->name,
                            queue_at_home(&queues, ids[1])->name);
    queues_end(&queues);
}

/* A full queue parks a put with its item, and refuses it at its deadline. */
static void parks_puts(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 1, false);
    put_text(&clients[1], id, "a");
    fake_expect_refusal(&clients[1], ask_put(&clients[1], id, "x", 0), CREW_EFULL, "\"q\" is full");
    uint64_t late = ask_put(&clients[1], id, "late", CREWI_SECOND);
    uint64_t patient = ask_put(&clients[0], id, "patient", CREWI_FOREVER);
    fake_expect_parked(&clients[1], late);
    fake_job_pass_time(queues.job, CREWI_SECOND);
    fake_expect_refusal(&clients[1], late, CREW_EFULL, "full");
    fake_expect_parked(&clients[0], patient);
    get_text(&clients[1], id, "a");
    fake_expect_reply(&clients[0], patient, NULL, sizeof(struct crewi_queue_state));
    fake_expect_refusal(&clients[0], ask_put(&clients[0], id, "x", 0), CREW_EFULL, "full");
    get_text(&clients[0], id, "patient");
    queues_end(&queues);
}

/* Who came first is let in first, even if there is room for who comes now. */
static void lets_puts_in_in_order(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 1);
    struct fake_client *client = &queues.clients[0];
    uint64_t id = queue_create(client, 2, false);
    put_text(client, id, "1");
    put_text(client, id, "2");
    ask_put(client, id, "3", CREWI_FOREVER);
    ask_put(client, id, "4", CREWI_FOREVER);
    for (int i = 1; i <= 4; i++)
        get_text(client, id, (char[]){(char)('0' + i), '\0'});
    expect_size(client, id, 0);
    queues_end(&queues);
}

/* What does not fit into the room of the first goes to the next. */
static void refuses_small_rooms(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 0, false);
    uint64_t small = ask_get(&clients[1], id, 2, CREWI_FOREVER);
    fake_expect_parked(&clients[1], small);
    uint64_t large = ask_get(&clients[1], id, 3, CREWI_FOREVER);
    fake_expect_parked(&clients[1], large);
    put_text(&clients[0], id, "abc");
    expect_too_small(&clients[1], small, 3);
    expect_text(&clients[1], large, "abc", 1);
    put_text(&clients[0], id, "defg");
    expect_too_small(&clients[0], ask_get(&clients[0], id, 3, 0), 4);
    get_text(&clients[0], id, "defg");
    queues_end(&queues);
}

static void gives_many(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 0, false);
    static const char *const texts[] = {"ab", "", "cde", "f", "gh"};
    for (size_t i = 0; i < 5; i++)
        put_text(&clients[0], id, texts[i]);
    expect_text(&clients[1], ask_many(&clients[1], id, 5, 10), "abcde", 3);
    expect_too_small(&clients[1], ask_many(&clients[1], id, 0, 10), 1);
    expect_text(&clients[1], ask_many(&clients[1], id, 100, 1), "f", 1);
    expect_text(&clients[1], ask_many(&clients[1], id, 100, 2), "gh", 1);
    fake_expect_refusal(&clients[1], ask_many(&clients[1], id, 100, 2), CREW_EEMPTY, "empty");
    queues_end(&queues);
}

/* Nothing is given to those who have ended, on the own rank and on another. */
static void skips_the_dead(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    struct fake_client dying[2];
    uint64_t id = queue_create(&clients[0], 0, false);
    for (uint32_t rank = 0; rank < 2; rank++) {
        fake_client_begin(&dying[rank], queues.job, rank);
        fake_expect_parked(&dying[rank], ask_get(&dying[rank], id, 10, CREWI_FOREVER));
    }
    uint64_t request = ask_get(&clients[1], id, 10, CREWI_FOREVER);
    fake_expect_parked(&clients[1], request);
    fake_client_end(&dying[1]);
    fake_job_run(queues.job);
    fake_client_end(&dying[0]); /* not heard of yet when the item comes */
    put_text(&clients[0], id, "a");
    expect_text(&clients[1], request, "a", 1);
    queues_end(&queues);
}

/* A close ends what the process still waits for; others wait on. */
static void closing_ends_waits(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 0, false);
    uint64_t get = ask_get(&clients[1], id, 10, CREWI_FOREVER);
    uint64_t other = ask_get(&clients[0], id, 10, CREWI_FOREVER);
    fake_expect_parked(&clients[1], get);
    close_queue(&clients[1], id);
    fake_expect_refusal(&clients[1], get, CREW_ECLOSED, "closed");
    close_queue(&clients[1], id);
    fake_expect_refusal(&clients[1], ask_put(&clients[1], id, "x", 0), CREW_ECLOSED, "closed");
    fake_expect_reply(&clients[1], ask_simple(&clients[1], CREWI_QUEUE_JOIN_THREAD, id, 0), NULL,
                      0);
    fake_expect_refusal(&clients[0], ask_simple(&clients[0], CREWI_QUEUE_JOIN_THREAD, id, 0),
                        CREW_ESTATE, "not closed");
    fake_expect_parked(&clients[0], other);
    put_text(&clients[0], id, "a");
    expect_text(&clients[0], other, "a", 1);
    queues_end(&queues);
}

/* Gone when the last copy is closed. */
static void ends_with_its_copies(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 0, false);
    put_text(&clients[1], id, "a");
    close_queue(&clients[0], id);
    assert_non_null(queue_at_home(&queues, id));
    get_text(&clients[1], id, "a");
    note_text(&clients[1], id, "b");
    close_queue(&clients[1], id);
    fake_job_run(queues.job);
    assert_null(queue_at_home(&queues, id));
    fake_expect_refusal(&clients[1], ask_get(&clients[1], id, 9, 0), CREW_ECLOSED, "closed");
    queues_end(&queues);
}

/* Only what the process put, only if it asked for that, and only at its end. */
static void drops_cancelled_items(void **state)
{
    struct queue_job queues;
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        queues_begin(&queues, 2);
        struct fake_client *clients = queues.clients;
        struct fake_client producer;
        fake_client_begin(&producer, queues.job, 1);
        uint64_t id = queue_create(&clients[0], 0, false);
        put_text(&clients[1], id, "kept");
        put_text(&producer, id, "dropped");
        if (closes)
            close_queue(&producer, id);
        fake_expect_reply(&producer, ask_simple(&producer, CREWI_QUEUE_CANCEL, id, 0), NULL, 0);
        expect_size(&clients[0], id, 2);
        if (!closes)
            note_text(&producer, id, "dropped, too");
        fake_client_end(&producer);
        fake_job_run(queues.job);
        expect_size(&clients[0], id, 1);
        assert_int_equal(queue_at_home(&queues, id)->unfinished, 1);
        get_text(&clients[0], id, "kept");
        queues_end(&queues);
    }
}

static void joins(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 0, false);
    fake_expect_reply(&clients[1], ask_simple(&clients[1], CREWI_QUEUE_JOIN, id, 0), NULL, 0);
    fake_expect_refusal(&clients[1], ask_simple(&clients[1], CREWI_QUEUE_TASK_DONE, id, 0),
                        CREW_ESTATE, "more often");
    put_text(&clients[0], id, "a");
    put_text(&clients[1], id, "b");
    fake_expect_refusal(&clients[1], ask_simple(&clients[1], CREWI_QUEUE_JOIN, id, 0),
                        CREW_ETIMEDOUT, "2 items");
    uint64_t late = ask_simple(&clients[0], CREWI_QUEUE_JOIN, id, CREWI_SECOND);
    uint64_t join = ask_simple(&clients[1], CREWI_QUEUE_JOIN, id, CREWI_FOREVER);
    get_text(&clients[1], id, "a");
    get_text(&clients[1], id, "b");
    fake_expect_reply(&clients[1], ask_simple(&clients[1], CREWI_QUEUE_TASK_DONE, id, 0), NULL, 0);
    fake_job_pass_time(queues.job, CREWI_SECOND);
    fake_expect_refusal(&clients[0], late, CREW_ETIMEDOUT, "1 items");
    fake_expect_parked(&clients[1], join);
    fake_expect_reply(&clients[0], ask_simple(&clients[0], CREWI_QUEUE_TASK_DONE, id, 0), NULL, 0);
    fake_expect_reply(&clients[1], join, NULL, 0);
    queues_end(&queues);
}

static void is_bounded_in_bytes(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 1);
    struct fake_client *client = &queues.clients[0];
    uint64_t id = queue_create(client, 0, false);
    put_text(client, id, "a");
    struct crewi_queue *queue = queue_at_home(&queues, id);
    queue->items.bytes += CREWI_QUEUE_BYTES_LIMIT; /* as if they were there */
    fake_expect_refusal(client, ask_put(client, id, "x", 0), CREW_EFULL, "full");
    uint64_t parked = ask_put(client, id, "b", CREWI_FOREVER);
    fake_expect_parked(client, parked);
    queue->items.bytes -= CREWI_QUEUE_BYTES_LIMIT;
    get_text(client, id, "a");
    fake_expect_reply(client, parked, NULL, sizeof(struct crewi_queue_state));
    get_text(client, id, "b");
    queues_end(&queues);
}

/* An engine that ends with all of this under way. */
static void ends_in_the_middle(void **state)
{
    struct queue_job queues;
    (void)state;
    queues_begin(&queues, 2);
    struct fake_client *clients = queues.clients;
    uint64_t id = queue_create(&clients[0], 1, false), other = queue_create(&clients[0], 0, true);
    put_text(&clients[1], id, "a");
    fake_expect_parked(&clients[1], ask_put(&clients[1], id, "b", CREWI_FOREVER));
    fake_expect_parked(&clients[1], ask_simple(&clients[1], CREWI_QUEUE_JOIN, id, CREWI_FOREVER));
    fake_expect_parked(&clients[0], ask_get(&clients[0], other, 9, CREWI_FOREVER));
    for (uint32_t rank = 0; rank < 2; rank++)
        fake_client_end(&clients[rank]); /* and nobody has heard of that */
    fake_job_destroy(queues.job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(serves_in_order),
        cmocka_unit_test(names_of_those_without),
        cmocka_unit_test(parks_puts),
        cmocka_unit_test(lets_puts_in_in_order),
        cmocka_unit_test(refuses_small_rooms),
        cmocka_unit_test(gives_many),
        cmocka_unit_test(skips_the_dead),
        cmocka_unit_test(closing_ends_waits),
        cmocka_unit_test(ends_with_its_copies),
        cmocka_unit_test(drops_cancelled_items),
        cmocka_unit_test(joins),
        cmocka_unit_test(is_bounded_in_bytes),
        cmocka_unit_test(ends_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
