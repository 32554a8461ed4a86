/* SPDX-License-Identifier: BSD-3-Clause */
/* Large messages: the rendezvous, its ends, and blocks. The bytes are the clients' affair. */
#include "pipe_job.h"
#include "unit.h"

#include <string.h>

#define SIZE ((uint64_t)3 << 20)

/* With a handle that the client has found in it; 0: with none. */
static uint64_t ask_large_with(struct fake_client *client, uint64_t end, int64_t timeout_ns,
                               uint64_t handle)
{
    struct crewi_pipe_item item = {.end = end,
                                   .size = SIZE,
                                   .what = CREWI_PIPE_LARGE,
                                   .place = {.address = 1, .cookie_address = 2, .cookie = 3}};
    struct fake_call call = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_PIPE_SEND,
                             .rank = client->rank->loop.engine.rank,
                             .timeout_ns = timeout_ns,
                             .head = &item,
                             .head_size = sizeof item,
                             .body = &handle,
                             .body_size = handle ? sizeof handle : 0};
    return fake_ask(client, &call);
}

static uint64_t ask_large_for(struct fake_client *client, uint64_t end, int64_t timeout_ns)
{
    return ask_large_with(client, end, timeout_ns, 0);
}

static uint64_t ask_large(struct fake_client *client, uint64_t end)
{
    uint64_t asked = ask_large_for(client, end, CREWI_FOREVER);
    fake_expect_parked(client, asked);
    return asked;
}

/* What a receive was answered: where the bytes are. */
static struct crewi_pipe_item claim(struct fake_client *client, uint64_t end)
{
    struct crewi_pipe_item item;
    fake_expect_reply(client, pipe_ask_receive(client, end), &item, sizeof item);
    assert_int_equal(item.what, CREWI_PIPE_LARGE);
    assert_int_equal(item.size, SIZE);
    assert_int_equal(item.place.address, 1);
    assert_int_equal(item.place.cookie_address, 2);
    assert_int_equal(item.place.cookie, 3);
    return item;
}

static struct crewi_pipe_large_note note_of(uint64_t end, const struct crewi_pipe_item *item)
{
    return (struct crewi_pipe_large_note){
        .end = end, .ticket = item->place.ticket, .source = item->source};
}

static struct fake_call call_with(const struct fake_client *client, uint8_t op,
                                  const struct crewi_pipe_large_note *note)
{
    return (struct fake_call){.kind = CREWI_KIND_PIPE,
                              .op = op,
                              .rank = client->rank->loop.engine.rank,
                              .timeout_ns = CREWI_FOREVER,
                              .head = note,
                              .head_size = sizeof *note};
}

static void done_with(struct fake_client *client, uint64_t end, const struct crewi_pipe_item *item,
                      crew_status status)
{
    struct crewi_pipe_large_note note = note_of(end, item);
    struct fake_call call = call_with(client, CREWI_PIPE_DONE, &note);
    note.status = status;
    fake_tell(client, &call);
    fake_job_run(pipe_job);
}

static void done(struct fake_client *client, uint64_t end, const struct crewi_pipe_item *item)
{
    done_with(client, end, item, CREW_OK);
}

static uint64_t ask_next(struct fake_client *client, uint64_t end,
                         const struct crewi_pipe_item *item)
{
    struct crewi_pipe_large_note note = note_of(end, item);
    struct fake_call call = call_with(client, CREWI_PIPE_NEXT, &note);
    return fake_ask(client, &call);
}

/* The sender's part */

static uint64_t ask_more(struct fake_client *client, const struct crewi_pipe_large_note *want)
{
    struct fake_call call = call_with(client, CREWI_PIPE_MORE, want);
    return fake_ask(client, &call);
}

static void send_block(struct fake_client *client, const struct crewi_pipe_large_note *want,
                       uint64_t offset, uint64_t size)
{
    static unsigned char bytes[CREWI_PIPE_BLOCK_SIZE];
    struct crewi_pipe_large_note note = *want;
    struct fake_call call = call_with(client, CREWI_PIPE_BLOCK, &note);
    note.offset = offset;
    memset(bytes, (int)(offset / CREWI_PIPE_BLOCK_SIZE), size);
    call.body = bytes;
    call.body_size = size;
    fake_tell(client, &call);
}

/* Sends from offset on what is wanted; how far it is then. */
static uint64_t send_blocks(struct fake_client *client, const struct crewi_pipe_large_note *want,
                            uint64_t offset)
{
    for (; offset < want->offset; offset += CREWI_PIPE_BLOCK_SIZE)
        send_block(client, want, offset, CREWI_PIPE_BLOCK_SIZE);
    return offset;
}

static void expect_block(struct fake_client *client, uint64_t request, uint64_t offset)
{
    static struct {
        struct crewi_pipe_large_note note;
        unsigned char bytes[CREWI_PIPE_BLOCK_SIZE];
    } block;
    fake_expect_reply(client, request, &block, sizeof block);
    assert_int_equal(block.bytes[0], offset / CREWI_PIPE_BLOCK_SIZE);
    assert_int_equal(block.bytes[sizeof block.bytes - 1], offset / CREWI_PIPE_BLOCK_SIZE);
}

/* A pipe from rank 1 to rank 2 that both have used. */
static struct pipe_ends used(void)
{
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), CREWI_PIPE_CAPACITY);
    pipe_send(on(1), ends.out, "first");
    pipe_receive(on(2), ends.in, "first");
    return ends;
}

/* Complete */

static void a_send_lasts_until_it_was_received(struct fake_client *sender,
                                               struct fake_client *receiver)
{
    struct pipe_ends ends = pipe_between(on(0), sender, receiver, CREWI_PIPE_CAPACITY);
    uint64_t asked = ask_large(sender, ends.out);
    assert_true(pipe_poll(receiver, ends.in));
    struct crewi_pipe_item item = claim(receiver, ends.in);
    fake_expect_parked(sender, asked);
    done(receiver, ends.in, &item);
    fake_expect_reply(sender, asked, NULL, 0);
    pipe_send(sender, ends.out, "afterwards");
    pipe_receive(receiver, ends.in, "afterwards");
}

static void a_send_lasts_until_it_was_received_on_one_rank(void **state)
{
    (void)state;
    a_send_lasts_until_it_was_received(on(0), also_on(0));
}

static void a_send_lasts_until_it_was_received_elsewhere(void **state)
{
    (void)state;
    a_send_lasts_until_it_was_received(on(1), on(2));
    a_send_lasts_until_it_was_received(on(0), on(2));
}

static void several_at_a_time_stay_apart(void **state)
{
    uint64_t asked[3];
    struct crewi_pipe_item items[3];
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(1), also_on(1), ends.out);
    pipe_share(on(1), on(3), ends.out);
    struct fake_client *senders[] = {on(1), also_on(1), on(3)};
    for (int i = 0; i < 3; i++)
        asked[i] = ask_large(senders[i], ends.out);
    for (int i = 0; i < 3; i++)
        items[i] = claim(on(2), ends.in);
    static const int order[] = {1, 2, 0};
    for (int i = 0; i < 3; i++) {
        int which = order[i];
        for (int j = i; j < 3; j++)
            fake_expect_parked(senders[order[j]], asked[order[j]]);
        done(on(2), ends.in, &items[which]);
        fake_expect_reply(senders[which], asked[which], NULL, 0);
    }
}

static void it_moves_with_the_stream(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(2), on(3), ends.in);
    uint64_t asked = ask_large(on(1), ends.out);
    assert_true(pipe_poll(on(2), ends.in));
    struct crewi_pipe_item item = claim(on(3), ends.in);
    pipe_receive_nothing(on(2), ends.in); /* the claim stays where it is */
    done(on(3), ends.in, &item);
    fake_expect_reply(on(1), asked, NULL, 0);
}

static void it_counts_little_and_waits_for_room(void **state)
{
    (void)state;
    struct pipe_ends ends = pipe_between(on(0), on(1), on(2), 100);
    pipe_send_bytes(on(1), ends.out, 1, 36);
    uint64_t asked = ask_large(on(1), ends.out);
    assert_null(pipe_agent(1, ends.out)->outlet.larges);
    pipe_receive_bytes(on(2), ends.in, 1, 36);
    assert_int_equal(pipe_agent(1, ends.out)->outlet.under_way, CREWI_PIPE_ITEM_COST);
    struct crewi_pipe_item item = claim(on(2), ends.in);
    done(on(2), ends.in, &item);
    fake_expect_reply(on(1), asked, NULL, 0);
}

/* Deadlines */

static void nobody_receives_it_in_time(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    uint64_t asked = ask_large_for(on(1), ends.out, CREWI_SECOND);
    fake_expect_parked(on(1), asked);
    pipe_send(on(1), ends.out, "behind it");
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    fake_expect_refusal(on(1), asked, CREW_ETIMEDOUT, "nobody has begun to receive");
    pipe_receive(on(2), ends.in, "behind it");
    pipe_receive_nothing(on(2), ends.in);
    pipe_close(on(1), ends.out);
    pipe_receive_eof(on(2), ends.in);
}

static void no_time_and_no_receiver(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    uint64_t asked = ask_large_for(on(1), ends.out, 0);
    fake_job_run(pipe_job);
    fake_expect_refusal(on(1), asked, CREW_ETIMEDOUT, "nobody has begun to receive");
    pipe_receive_nothing(on(2), ends.in);
}

static void one_that_was_begun_is_waited_for(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    uint64_t asked = ask_large_for(on(1), ends.out, CREWI_SECOND);
    fake_expect_parked(on(1), asked);
    struct crewi_pipe_item item = claim(on(2), ends.in);
    fake_job_pass_time(pipe_job, 10 * CREWI_SECOND);
    fake_expect_parked(on(1), asked);
    done(on(2), ends.in, &item);
    fake_expect_reply(on(1), asked, NULL, 0);
    pipe_close(on(1), ends.out); /* the recall counts among the items */
    pipe_receive_eof(on(2), ends.in);
}

/* The receiver takes it while the recall is on its way. */
static void a_recall_comes_too_late(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    uint64_t asked = ask_large_for(on(1), ends.out, CREWI_SECOND);
    fake_expect_parked(on(1), asked);
    pipe_job->now_ns += CREWI_SECOND;
    pipe_run_rank(1);
    struct crewi_frame *recall = pipe_hold_back(2, CREWI_PIPE_ITEM);
    struct crewi_pipe_item item = claim(on(2), ends.in);
    pipe_deliver(2, recall);
    fake_expect_parked(on(1), asked);
    done(on(2), ends.in, &item);
    fake_expect_reply(on(1), asked, NULL, 0);
}

static void a_recall_finds_it_on_another_rank(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(2), on(3), ends.in);
    uint64_t asked = ask_large_for(on(1), ends.out, CREWI_SECOND);
    fake_expect_parked(on(1), asked);
    pipe_job->now_ns += CREWI_SECOND;
    pipe_run_rank(1);
    struct crewi_frame *recall = pipe_hold_back(2, CREWI_PIPE_ITEM);
    assert_true(pipe_poll(on(3), ends.in));
    pipe_deliver(2, recall);
    fake_expect_refusal(on(1), asked, CREW_ETIMEDOUT, "nobody has begun to receive");
    pipe_receive_nothing(on(3), ends.in);
}

/* The sender's end */

static void the_sender_ends_before_it_is_received(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(1), on(3), ends.out);
    ask_large(on(1), ends.out);
    pipe_send(on(3), ends.out, "behind it");
    fake_client_end(on(1));
    fake_job_run(pipe_job);
    assert_true(pipe_poll(on(2), ends.in));
    fake_expect_refusal(on(2), pipe_ask_receive(on(2), ends.in), CREW_ETRUNC, "the sender ended");
    pipe_receive(on(2), ends.in, "behind it"); /* once */
    pipe_close(on(3), ends.out);
    pipe_receive_eof(on(2), ends.in);
}

static void the_sender_closes_before_it_is_received(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    uint64_t asked = ask_large(on(1), ends.out);
    pipe_close(on(1), ends.out);
    fake_expect_refusal(on(1), asked, CREW_ECLOSED, "has closed this connection");
    fake_expect_refusal(on(2), pipe_ask_receive(on(2), ends.in), CREW_ETRUNC, "the sender ended");
    pipe_receive_eof(on(2), ends.in);
}

/* The receiver sees from the cookie that the bytes are gone, or asks for blocks. */
static void the_sender_ends_after_the_claim(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    ask_large(on(1), ends.out);
    struct crewi_pipe_item item = claim(on(2), ends.in);
    fake_client_end(on(1));
    fake_job_run(pipe_job);
    fake_expect_refusal(on(2), ask_next(on(2), ends.in, &item), CREW_ETRUNC, "when 0 of");
    done(on(2), ends.in, &item);
    pipe_receive_eof(on(2), ends.in);
}

static void a_truncated_one_moves_with_the_stream(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(2), on(3), ends.in);
    ask_large(on(1), ends.out);
    fake_client_end(on(1));
    fake_job_run(pipe_job);
    fake_expect_refusal(on(3), pipe_ask_receive(on(3), ends.in), CREW_ETRUNC, "the sender ended");
    pipe_receive_eof(on(3), ends.in);
    pipe_receive_eof(on(2), ends.in);
}

/* The receiver's end */

static void the_receiver_ends_after_the_claim(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(2), also_on(2), ends.in);
    uint64_t asked = ask_large(on(1), ends.out);
    claim(also_on(2), ends.in);
    fake_expect_parked(on(1), asked);
    fake_client_end(also_on(2));
    fake_expect_reply(on(1), asked, NULL, 0);
}

static void the_last_reader_ends_after_the_claim(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    uint64_t asked = ask_large(on(1), ends.out);
    claim(on(2), ends.in);
    pipe_close(on(2), ends.in);
    fake_expect_reply(on(1), asked, NULL, 0);
    fake_expect_refusal(on(1), pipe_ask_send(on(1), ends.out, "x", 1, CREWI_FOREVER), CREW_EPIPE,
                        "are closed");
}

/* It was received on a rank that the stream has left, and both answers are on their way. */
static void a_completion_is_overtaken_by_the_end(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(2), on(3), ends.in);
    uint64_t asked = ask_large(on(1), ends.out);
    struct crewi_pipe_item item = claim(on(3), ends.in);
    pipe_receive_nothing(on(2), ends.in);
    struct crewi_pipe_large_note note = note_of(ends.in, &item);
    struct fake_call call = call_with(on(3), CREWI_PIPE_DONE, &note);
    fake_tell(on(3), &call);
    pipe_run_rank(3);
    struct crewi_frame *complete = pipe_hold_back(1, CREWI_PIPE_COMPLETE);
    uint64_t three = pipe_ask(on(3), CREWI_PIPE_CLOSE, ends.in, 0);
    uint64_t two = pipe_ask(on(2), CREWI_PIPE_CLOSE, ends.in, 0);
    for (uint32_t rank = 3; rank > 0; rank--)
        pipe_run_rank(rank);
    pipe_run_rank(0);
    pipe_run_rank(1); /* hears that there are no readers */
    pipe_run_rank(2);
    pipe_run_rank(0);
    pipe_run_rank(1); /* and the answers of two and nought, but not yet that of three */
    pipe_deliver(1, complete);
    pipe_run_rank(1);
    fake_expect_reply(on(1), asked, NULL, 0);
    fake_expect_reply(on(3), three, NULL, 0);
    fake_expect_reply(on(2), two, NULL, 0);
}

static void no_reader_is_left(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(1), on(3), ends.out);
    uint64_t one = ask_large(on(1), ends.out), three = ask_large(on(3), ends.out);
    pipe_close(on(2), ends.in);
    fake_expect_refusal(on(1), one, CREW_EPIPE, "are closed");
    fake_expect_refusal(on(3), three, CREW_EPIPE, "are closed");
}

/* What was received is said before what was not. */
static void one_was_received_and_one_was_not(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(1), also_on(1), ends.out);
    uint64_t first = ask_large(on(1), ends.out), second = ask_large(also_on(1), ends.out);
    struct crewi_pipe_item item = claim(on(2), ends.in);
    struct crewi_pipe_large_note note = note_of(ends.in, &item);
    struct fake_call call = call_with(on(2), CREWI_PIPE_DONE, &note);
    fake_tell(on(2), &call);
    pipe_close(on(2), ends.in);
    fake_expect_reply(on(1), first, NULL, 0);
    fake_expect_refusal(also_on(1), second, CREW_EPIPE, "are closed");
}

static void the_deadline_comes_when_there_are_no_readers(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    uint64_t asked = ask_large_for(on(1), ends.out, CREWI_SECOND);
    fake_expect_parked(on(1), asked);
    uint64_t close = pipe_ask(on(2), CREWI_PIPE_CLOSE, ends.in, 0);
    pipe_run_rank(2);
    pipe_run_rank(0);
    pipe_job->now_ns += CREWI_SECOND;
    pipe_run_rank(1); /* the recall, and CHECK */
    fake_expect_refusal(on(1), asked, CREW_EPIPE, "are closed");
    fake_expect_reply(on(2), close, NULL, 0);
}

/* Blocks */

/* All of it, in blocks: no more than the window is under way at any time. */
static void all_of_it_comes_in_blocks(struct fake_client *sender, struct fake_client *receiver)
{
    struct pipe_ends ends = pipe_between(on(0), sender, receiver, CREWI_PIPE_CAPACITY);
    uint64_t asked = ask_large(sender, ends.out), sent = 0;
    struct crewi_pipe_item item = claim(receiver, ends.in);
    uint64_t next = ask_next(receiver, ends.in, &item);
    fake_expect_parked(receiver, next);
    for (uint64_t received = 0; received < SIZE; received += CREWI_PIPE_BLOCK_SIZE) {
        struct crewi_frame *wanted = fake_reply(sender, asked);
        if (wanted) {
            struct crewi_pipe_large_note want;
            assert_int_equal(wanted->header.size, sizeof want);
            memcpy(&want, wanted->payload, sizeof want);
            crewi_frame_destroy(wanted);
            assert_in_range(want.offset, sent + 1, /* one block is on its way to the client */
                            received + CREWI_PIPE_BLOCK_SIZE + CREWI_PIPE_WINDOW);
            sent = send_blocks(sender, &want, sent);
            asked = ask_more(sender, &want);
        }
        expect_block(receiver, next, received);
        if (received + CREWI_PIPE_BLOCK_SIZE < SIZE)
            next = ask_next(receiver, ends.in, &item);
        fake_job_run(pipe_job);
    }
    assert_int_equal(sent, SIZE);
    fake_expect_parked(sender, asked);
    done(receiver, ends.in, &item);
    fake_expect_reply(sender, asked, NULL, 0);
}

static void all_of_it_comes_in_blocks_between_ranks(void **state)
{
    (void)state;
    all_of_it_comes_in_blocks(on(1), on(2));
}

static void all_of_it_comes_in_blocks_on_one_rank(void **state)
{
    (void)state;
    all_of_it_comes_in_blocks(on(0), also_on(0));
}

/* A transfer that has begun: the first window is wanted. */
static struct crewi_pipe_large_note begin_blocks(struct pipe_ends ends, uint64_t asked,
                                                 struct crewi_pipe_item *item, uint64_t *next)
{
    struct crewi_pipe_large_note want;
    *item = claim(on(2), ends.in);
    *next = ask_next(on(2), ends.in, item);
    fake_expect_parked(on(2), *next);
    fake_expect_reply(on(1), asked, &want, sizeof want);
    assert_int_equal(want.offset, CREWI_PIPE_WINDOW);
    return want;
}

static void the_sender_ends_in_the_middle(void **state)
{
    struct crewi_pipe_item item;
    uint64_t next;
    (void)state;
    struct pipe_ends ends = used();
    struct crewi_pipe_large_note want =
        begin_blocks(ends, ask_large(on(1), ends.out), &item, &next);
    send_block(on(1), &want, 0, CREWI_PIPE_BLOCK_SIZE);
    send_block(on(1), &want, CREWI_PIPE_BLOCK_SIZE, CREWI_PIPE_BLOCK_SIZE);
    fake_client_end(on(1));
    expect_block(on(2), next, 0);
    expect_block(on(2), ask_next(on(2), ends.in, &item), CREWI_PIPE_BLOCK_SIZE);
    fake_expect_refusal(on(2), ask_next(on(2), ends.in, &item), CREW_ETRUNC, "the sender ended");
    done(on(2), ends.in, &item);
    pipe_receive_eof(on(2), ends.in);
}

static void the_sender_ends_while_the_receiver_waits(void **state)
{
    struct crewi_pipe_item item;
    uint64_t next;
    (void)state;
    struct pipe_ends ends = used();
    begin_blocks(ends, ask_large(on(1), ends.out), &item, &next);
    fake_client_end(on(1));
    fake_expect_refusal(on(2), next, CREW_ETRUNC, "when 0 of");
    done(on(2), ends.in, &item);
}

static void the_receiver_ends_in_the_middle(void **state)
{
    struct crewi_pipe_item item;
    uint64_t next;
    (void)state;
    struct pipe_ends ends = used();
    struct crewi_pipe_large_note want =
        begin_blocks(ends, ask_large(on(1), ends.out), &item, &next);
    send_block(on(1), &want, 0, CREWI_PIPE_BLOCK_SIZE);
    fake_client_end(on(2));
    fake_job_run(pipe_job);
    send_block(on(1), &want, CREWI_PIPE_BLOCK_SIZE, CREWI_PIPE_BLOCK_SIZE);
    fake_expect_reply(on(1), ask_more(on(1), &want), NULL, 0);
}

static void the_receiver_has_had_enough(void **state)
{
    struct crewi_pipe_item item;
    uint64_t next;
    (void)state;
    struct pipe_ends ends = used();
    struct crewi_pipe_large_note want =
        begin_blocks(ends, ask_large(on(1), ends.out), &item, &next);
    send_block(on(1), &want, 0, CREWI_PIPE_BLOCK_SIZE);
    expect_block(on(2), next, 0);
    done(on(2), ends.in, &item);
    fake_expect_reply(on(1), ask_more(on(1), &want), NULL, 0);
}

static void the_receiver_closes_while_it_waits(void **state)
{
    struct crewi_pipe_item item;
    uint64_t next;
    (void)state;
    struct pipe_ends ends = used();
    struct crewi_pipe_large_note want =
        begin_blocks(ends, ask_large(on(1), ends.out), &item, &next);
    pipe_close(on(2), ends.in);
    fake_expect_refusal(on(2), next, CREW_ECLOSED, "has closed this connection");
    fake_expect_reply(on(1), ask_more(on(1), &want), NULL, 0);
}

/* Handles in large messages */

/* A large message from rank 1 to 2 has the only copy of an end that sends to rank 3, where a
 * receive waits. */
struct carried {
    struct pipe_ends ends, other;
    uint64_t asked, eof;
};

static struct carried carry(int64_t timeout_ns)
{
    struct carried carried = {.ends = used(), .other = pipe_of(on(3))};
    pipe_share(on(2), also_on(2), carried.ends.in);
    pipe_hand(on(3), also_on(1), carried.other.out);
    pipe_hand(also_on(1), on(1), carried.other.out);
    carried.asked = ask_large_with(on(1), carried.ends.out, timeout_ns, carried.other.out);
    fake_expect_parked(on(1), carried.asked);
    pipe_close(on(1), carried.other.out);
    carried.eof = pipe_ask_receive(on(3), carried.other.in);
    fake_expect_parked(on(3), carried.eof);
    return carried;
}

static void a_handle_is_the_receivers_when_it_is_done(void **state)
{
    (void)state;
    struct carried carried = carry(CREWI_FOREVER);
    struct crewi_pipe_item item = claim(on(2), carried.ends.in);
    fake_expect_parked(on(3), carried.eof);
    done(on(2), carried.ends.in, &item);
    fake_expect_reply(on(1), carried.asked, NULL, 0);
    pipe_send(on(2), carried.other.out, "by its new holder");
    pipe_expect_text(on(3), carried.eof, "by its new holder");
    pipe_close(on(2), carried.other.out);
    pipe_receive_eof(on(3), carried.other.in);
}

static void a_handle_moves_with_its_large_message(void **state)
{
    (void)state;
    struct carried carried = carry(CREWI_FOREVER);
    pipe_share(on(2), on(0), carried.ends.in);
    struct crewi_pipe_item item = claim(on(0), carried.ends.in);
    done(on(0), carried.ends.in, &item);
    pipe_send(on(0), carried.other.out, "x");
    pipe_expect_text(on(3), carried.eof, "x");
}

static void a_handle_is_dropped_when_the_message_was_not_taken(void **state)
{
    (void)state;
    struct carried carried = carry(CREWI_FOREVER);
    struct crewi_pipe_item item = claim(on(2), carried.ends.in);
    done_with(on(2), carried.ends.in, &item, CREW_ETOOSMALL);
    fake_expect_reply(on(1), carried.asked, NULL, 0);
    fake_expect_refusal(on(3), carried.eof, CREW_EOF, "are closed");
}

static void a_handle_is_dropped_at_the_deadline(void **state)
{
    (void)state;
    struct carried carried = carry(CREWI_SECOND);
    fake_job_pass_time(pipe_job, CREWI_SECOND);
    fake_expect_refusal(on(3), carried.eof, CREW_EOF, "are closed");
}

static void a_handle_is_dropped_with_a_truncated_message(void **state)
{
    (void)state;
    struct carried carried = carry(CREWI_FOREVER);
    fake_client_end(on(1));
    fake_job_run(pipe_job);
    fake_expect_refusal(on(2), pipe_ask_receive(on(2), carried.ends.in), CREW_ETRUNC, "ended");
    fake_expect_refusal(on(3), carried.eof, CREW_EOF, "are closed");
}

static void a_handle_is_dropped_when_the_receiver_ends(void **state)
{
    (void)state;
    struct carried carried = carry(CREWI_FOREVER);
    claim(also_on(2), carried.ends.in);
    fake_client_end(also_on(2));
    fake_expect_refusal(on(3), carried.eof, CREW_EOF, "are closed");
}

static void a_handle_is_dropped_when_no_reader_is_left(void **state)
{
    (void)state;
    struct carried carried = carry(CREWI_FOREVER);
    fake_client_end(on(2));
    fake_client_end(also_on(2));
    fake_expect_refusal(on(1), carried.asked, CREW_EPIPE, "are closed");
    fake_expect_refusal(on(3), carried.eof, CREW_EOF, "are closed");
}

/* What cannot be */

static void blocks_that_were_not_wanted_are_dropped(void **state)
{
    struct crewi_pipe_item item;
    uint64_t next;
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(1), also_on(1), ends.out);
    struct crewi_pipe_large_note want =
                                     begin_blocks(ends, ask_large(on(1), ends.out), &item, &next),
                                 wrong = want;
    send_block(on(1), &want, 7, 100);      /* not the next one */
    send_block(also_on(1), &want, 0, 100); /* not the sender */
    wrong.ticket += 17;
    send_block(on(1), &wrong, 0, 100);
    wrong = want;
    wrong.rank = FAKE_RANKS;
    send_block(on(1), &wrong, 0, 100);
    fake_expect_parked(on(2), next);
    for (uint64_t at = 0; at < CREWI_PIPE_WINDOW; at += CREWI_PIPE_BLOCK_SIZE)
        send_block(on(1), &want, at, CREWI_PIPE_BLOCK_SIZE);
    send_block(on(1), &want, CREWI_PIPE_WINDOW, 100); /* more than was wanted */
    expect_block(on(2), next, 0);
    const struct crewi_pipe_agent *agent = pipe_agent(2, ends.in);
    assert_non_null(agent->inlet.larges);
    done(on(2), ends.in, &item);
    assert_null(agent->inlet.larges);
}

static void requests_for_messages_that_are_not_there(void **state)
{
    (void)state;
    struct pipe_ends ends = used();
    pipe_share(on(2), also_on(2), ends.in);
    uint64_t asked = ask_large(on(1), ends.out);
    struct crewi_pipe_item item = claim(on(2), ends.in), wrong = item;
    wrong.place.ticket += 17;
    fake_expect_refusal(on(2), ask_next(on(2), ends.in, &wrong), CREW_EPROTO, "no such message");
    fake_expect_refusal(also_on(2), ask_next(also_on(2), ends.in, &item), CREW_EPROTO,
                        "no such message");
    wrong = item;
    wrong.source = 3;
    fake_expect_refusal(on(2), ask_next(on(2), ends.in, &wrong), CREW_EPROTO, "no such message");
    wrong.source = FAKE_RANKS;
    fake_expect_refusal(on(2), ask_next(on(2), ends.in, &wrong), CREW_EPROTO, "no such message");
    struct crewi_pipe_large_note note = note_of(ends.out, &item);
    fake_expect_refusal(on(1), ask_more(on(1), &note), CREW_EPROTO, "no such message");
    done(also_on(2), ends.in, &item); /* not the one who receives it */
    done(on(2), ends.in, &wrong);
    fake_expect_parked(on(1), asked);
    done(on(2), ends.in, &item);
    done(on(2), ends.in, &item);
    fake_expect_reply(on(1), asked, NULL, 0);
}

static void a_second_request_for_a_block_is_refused(void **state)
{
    struct crewi_pipe_item item;
    uint64_t next;
    (void)state;
    struct pipe_ends ends = used();
    begin_blocks(ends, ask_large(on(1), ends.out), &item, &next);
    fake_expect_refusal(on(2), ask_next(on(2), ends.in, &item), CREW_EPROTO, "no such message");
    fake_expect_parked(on(2), next);
    done(on(2), ends.in, &item);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIPE_TEST(a_send_lasts_until_it_was_received_on_one_rank),
        PIPE_TEST(a_send_lasts_until_it_was_received_elsewhere),
        PIPE_TEST(several_at_a_time_stay_apart),
        PIPE_TEST(it_moves_with_the_stream),
        PIPE_TEST(it_counts_little_and_waits_for_room),
        PIPE_TEST(nobody_receives_it_in_time),
        PIPE_TEST(no_time_and_no_receiver),
        PIPE_TEST(one_that_was_begun_is_waited_for),
        PIPE_TEST(a_recall_comes_too_late),
        PIPE_TEST(a_recall_finds_it_on_another_rank),
        PIPE_TEST(the_sender_ends_before_it_is_received),
        PIPE_TEST(the_sender_closes_before_it_is_received),
        PIPE_TEST(the_sender_ends_after_the_claim),
        PIPE_TEST(a_truncated_one_moves_with_the_stream),
        PIPE_TEST(the_receiver_ends_after_the_claim),
        PIPE_TEST(the_last_reader_ends_after_the_claim),
        PIPE_TEST(a_completion_is_overtaken_by_the_end),
        PIPE_TEST(no_reader_is_left),
        PIPE_TEST(one_was_received_and_one_was_not),
        PIPE_TEST(the_deadline_comes_when_there_are_no_readers),
        PIPE_TEST(all_of_it_comes_in_blocks_between_ranks),
        PIPE_TEST(all_of_it_comes_in_blocks_on_one_rank),
        PIPE_TEST(the_sender_ends_in_the_middle),
        PIPE_TEST(the_sender_ends_while_the_receiver_waits),
        PIPE_TEST(the_receiver_ends_in_the_middle),
        PIPE_TEST(the_receiver_has_had_enough),
        PIPE_TEST(the_receiver_closes_while_it_waits),
        PIPE_TEST(a_handle_is_the_receivers_when_it_is_done),
        PIPE_TEST(a_handle_moves_with_its_large_message),
        PIPE_TEST(a_handle_is_dropped_when_the_message_was_not_taken),
        PIPE_TEST(a_handle_is_dropped_at_the_deadline),
        PIPE_TEST(a_handle_is_dropped_with_a_truncated_message),
        PIPE_TEST(a_handle_is_dropped_when_the_receiver_ends),
        PIPE_TEST(a_handle_is_dropped_when_no_reader_is_left),
        PIPE_TEST(blocks_that_were_not_wanted_are_dropped),
        PIPE_TEST(requests_for_messages_that_are_not_there),
        PIPE_TEST(a_second_request_for_a_block_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
