/* SPDX-License-Identifier: BSD-3-Clause */
/* Random things happen to several pipes at a time, and messages between ranks come in every order
 * that MPI allows: in order from each rank, and in any order from different ones. Messages are
 * small and large, and carry ends of the same pipes. Nothing is lost, nothing comes twice, each
 * sender's messages stay in order, and at the end nothing is left. */
#include "pipe_job.h"
#include "unit.h"

#include <string.h>

#define PIPES 3
#define ACTORS (FAKE_RANKS * PIPE_CLIENTS)
#define OPEN_REQUESTS 8
#define STEPS 600

/* What travels: whose it is, its number, and an end of a pipe, or 0. */
struct parcel {
    uint32_t pipe, sender;
    uint64_t number, handle;
};

struct asked {
    uint64_t request;
    uint32_t pipe;
    bool receives, sends, closes; /* or something else */
    bool reading;                 /* what it closes */
};

struct actor {
    struct fake_client *client;
    bool alive;
    bool reads[PIPES], writes[PIPES];
    struct asked asked[OPEN_REQUESTS];
    int asked_count;
    uint64_t sent[PIPES]; /* the next number */
    bool may_post[PIPES]; /* a send was answered */
};

static uint64_t seed;
static struct pipe_ends ends[PIPES];
static struct actor actors[ACTORS];
static uint64_t sent_count[PIPES], received_count[PIPES];
static uint64_t unsure_count[PIPES]; /* large ones whose sender closed: received, or not */
static uint64_t last_received[PIPES][ACTORS][ACTORS]; /* by sender and receiver */

static uint64_t below(uint64_t limit)
{
    return unit_random_below(&seed, limit);
}

/* The network: see fake_job.h */

static void carry_some(void)
{
    uint64_t turns = below(6);
    for (uint64_t i = 0; i < turns; i++)
        fake_job_step(pipe_job, &seed);
}

/* What was answered */

static struct parcel parcel_of(const struct crewi_frame *reply)
{
    struct crewi_pipe_item item;
    struct parcel parcel;
    assert_true(reply->header.size >= sizeof item);
    memcpy(&item, reply->payload, sizeof item);
    if (item.what == CREWI_PIPE_LARGE) /* in place of its address */
        return (struct parcel){.pipe = (uint32_t)item.place.address >> 16,
                               .sender = (uint32_t)item.place.address & 0xffff,
                               .number = item.place.cookie_address,
                               .handle = item.place.cookie};
    assert_true(reply->header.size >= sizeof item + sizeof parcel);
    memcpy(&parcel, reply->payload + sizeof item, sizeof parcel);
    return parcel;
}

static bool *flag_of(struct actor *actor, uint64_t handle)
{
    for (uint32_t pipe = 0; pipe < PIPES; pipe++) {
        if (handle == ends[pipe].in)
            return &actor->reads[pipe];
        if (handle == ends[pipe].out)
            return &actor->writes[pipe];
    }
    fail_msg("a handle of no pipe");
    return NULL;
}

static bool is_closing(const struct actor *actor)
{
    for (int i = 0; i < actor->asked_count; i++)
        if (actor->asked[i].closes)
            return true;
    return false;
}

/* A large one is taken, or not; then its handle is not either. */
static bool finish_large(struct actor *receiver, uint32_t pipe, const struct crewi_frame *reply)
{
    struct crewi_pipe_item item;
    memcpy(&item, reply->payload, sizeof item);
    if (item.what != CREWI_PIPE_LARGE)
        return true;
    bool takes = !is_closing(receiver) && below(3);
    struct crewi_pipe_large_note note = {.end = ends[pipe].in,
                                         .ticket = item.place.ticket,
                                         .source = item.source,
                                         .status = takes ? CREW_OK : CREW_ETOOSMALL};
    struct fake_call done = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_PIPE_DONE,
                             .rank = (uint32_t)(receiver - actors) / PIPE_CLIENTS,
                             .head = &note,
                             .head_size = sizeof note};
    fake_tell(receiver->client, &done);
    return takes;
}

static void check_parcel(struct actor *receiver, uint32_t pipe, const struct crewi_frame *reply)
{
    struct parcel parcel = parcel_of(reply);
    assert_int_equal(parcel.pipe, pipe);
    assert_in_range(parcel.sender, 0, ACTORS - 1);
    uint64_t *last = &last_received[pipe][parcel.sender][receiver - actors];
    assert_true(parcel.number >= *last);
    *last = parcel.number + 1;
    received_count[pipe]++;
    if (finish_large(receiver, pipe, reply) && parcel.handle)
        *flag_of(receiver, parcel.handle) = true;
}

static void hear_reply(struct actor *actor, const struct asked *asked,
                       const struct crewi_frame *reply)
{
    int status = reply->header.status;
    if (status == CREW_OK && asked->receives)
        check_parcel(actor, asked->pipe, reply);
    if (status && asked->sends)
        sent_count[asked->pipe]--;
    if (status == CREW_ECLOSED && asked->sends)
        unsure_count[asked->pipe]++;
    if (!status && asked->sends)
        actor->may_post[asked->pipe] = true;
    if (asked->closes)
        *(asked->reading ? &actor->reads[asked->pipe] : &actor->writes[asked->pipe]) = false;
    assert_true(status == CREW_OK || status == CREW_EOF || status == CREW_ETIMEDOUT ||
                (status == CREW_ECLOSED && asked->sends) ||
                (status == CREW_ETRUNC && asked->receives));
}

/* In the order in which it came. */
static void hear(struct actor *actor)
{
    struct crewi_frame *reply;
    while ((reply = crewi_frames_pop(&actor->client->arrived))) {
        int i = 0;
        while (i < actor->asked_count && actor->asked[i].request != reply->header.origin.request)
            i++;
        if (i < actor->asked_count) {
            struct asked asked = actor->asked[i];
            actor->asked[i] = actor->asked[--actor->asked_count];
            hear_reply(actor, &asked, reply);
        }
        crewi_frame_destroy(reply);
    }
}

static void hear_all(void)
{
    for (int i = 0; i < ACTORS; i++)
        if (actors[i].alive)
            hear(&actors[i]);
}

static void remember(struct actor *actor, struct asked asked)
{
    actor->asked[actor->asked_count++] = asked;
}

/* What is done. There is no order between calls of a process that it does not wait for. */

static bool is_asking(const struct actor *actor, uint32_t pipe)
{
    for (int i = 0; i < actor->asked_count; i++)
        if (actor->asked[i].pipe == pipe && (actor->asked[i].receives || actor->asked[i].sends))
            return true;
    return false;
}

static int64_t some_time(void)
{
    static const int64_t times[] = {0, CREWI_SECOND, CREWI_FOREVER};
    return times[below(3)];
}

/* An end that it has a copy of, or 0. */
static uint64_t some_handle(struct actor *actor)
{
    uint32_t pipe = (uint32_t)below(PIPES);
    bool reading = below(2);
    if (below(3) || !(reading ? actor->reads[pipe] : actor->writes[pipe]))
        return 0;
    return reading ? ends[pipe].in : ends[pipe].out;
}

static uint64_t ask_large(struct actor *actor, const struct parcel *parcel)
{
    struct crewi_pipe_item item = {.end = ends[parcel->pipe].out,
                                   .size = CREWI_PIPE_INLINE_SIZE + 1,
                                   .what = CREWI_PIPE_LARGE,
                                   .place = {.address = parcel->pipe << 16 | parcel->sender,
                                             .cookie_address = parcel->number,
                                             .cookie = parcel->handle}};
    struct fake_call call = {.kind = CREWI_KIND_PIPE,
                             .op = CREWI_PIPE_SEND,
                             .rank = parcel->sender / PIPE_CLIENTS,
                             .timeout_ns = some_time(),
                             .head = &item,
                             .head_size = sizeof item,
                             .body = &parcel->handle,
                             .body_size = parcel->handle ? sizeof parcel->handle : 0};
    return fake_ask(actor->client, &call);
}

/* Bytes that nobody sees make some of them too large for what room there is. */
static void act_send(struct actor *actor, uint32_t pipe, bool post)
{
    static unsigned char data[2000];
    struct parcel parcel = {pipe, (uint32_t)(actor - actors), actor->sent[pipe]++,
                            some_handle(actor)};
    uint64_t size = sizeof parcel + (below(4) ? below(100) : below(sizeof data - sizeof parcel));
    memcpy(data, &parcel, sizeof parcel);
    sent_count[pipe]++;
    if (post) {
        pipe_post(actor->client, ends[pipe].out, data, size);
        return;
    }
    uint64_t request = below(4) ? pipe_ask_send(actor->client, ends[pipe].out, data, size,
                                                below(4) ? CREWI_FOREVER : some_time())
                                : ask_large(actor, &parcel);
    remember(actor, (struct asked){.request = request, .pipe = pipe, .sends = true});
}

static void act_receive(struct actor *actor, uint32_t pipe)
{
    bool receives = below(4) > 0;
    uint8_t op = receives ? CREWI_PIPE_RECEIVE : CREWI_OP_WAIT;
    remember(actor,
             (struct asked){.request = pipe_ask(actor->client, op, ends[pipe].in, some_time()),
                            .pipe = pipe,
                            .receives = receives});
}

/* Nobody else is known to have a copy for certain. */
static bool is_last(const struct actor *actor, uint32_t pipe, bool reading)
{
    for (int i = 0; i < ACTORS; i++)
        if (actors[i].alive && &actors[i] != actor && !is_closing(&actors[i]) &&
            (reading ? actors[i].reads[pipe] : actors[i].writes[pipe]))
            return false;
    return true;
}

static void ask_close(struct actor *actor, uint32_t pipe, bool reading)
{
    uint64_t end = reading ? ends[pipe].in : ends[pipe].out;
    remember(actor, (struct asked){.request = pipe_ask(actor->client, CREWI_PIPE_CLOSE, end, 0),
                                   .pipe = pipe,
                                   .closes = true,
                                   .reading = reading});
    if (reading)
        actor->reads[pipe] = false;
    else
        actor->writes[pipe] = actor->may_post[pipe] = false;
}

/* Not under calls of its own: a handle in a message that waits would not go along. */
static void act_close(struct actor *actor, uint32_t pipe, bool reading)
{
    for (int i = 0; i < actor->asked_count; i++)
        if (actor->asked[i].sends || actor->asked[i].pipe == pipe)
            return;
    ask_close(actor, pipe, reading);
}

/* As in an argument. */
static void act_share(struct actor *actor, uint32_t pipe, bool reading)
{
    struct actor *to = &actors[below(ACTORS)];
    uint64_t end = reading ? ends[pipe].in : ends[pipe].out;
    if (!to->alive || to == actor || is_closing(to) || is_closing(actor))
        return;
    pipe_share(actor->client, to->client, end);
    *flag_of(to, end) = true;
}

static void act_die(struct actor *actor)
{
    for (uint32_t pipe = 0; pipe < PIPES; pipe++)
        if (is_last(actor, pipe, true) || is_last(actor, pipe, false))
            return;
    fake_client_end(actor->client);
    actor->alive = false;
}

static void act(struct actor *actor, bool may_die)
{
    uint32_t pipe = (uint32_t)below(PIPES);
    uint64_t what = below(100);
    bool reading = below(2);
    bool can = reading ? actor->reads[pipe] : actor->writes[pipe];
    hear(actor);
    if (!actor->alive || !can || actor->asked_count >= OPEN_REQUESTS - 1 ||
        (what < 80 && is_asking(actor, pipe)))
        return;
    if (what < 80 && reading)
        act_receive(actor, pipe);
    else if (what < 80)
        act_send(actor, pipe, actor->may_post[pipe] && below(2));
    else if (what < 92)
        act_share(actor, pipe, reading);
    else if (what < 98 && !is_last(actor, pipe, reading))
        act_close(actor, pipe, reading);
    else if (what == 99 && may_die)
        act_die(actor);
}

/* The end: all that was sent is received. */

static void settle(void)
{
    while (fake_job_step(pipe_job, &seed))
        ;
    hear_all();
}

static bool close_all(bool reading)
{
    bool any = false;
    for (int i = 0; i < ACTORS; i++)
        for (uint32_t pipe = 0; pipe < PIPES; pipe++)
            if (actors[i].alive && (reading ? actors[i].reads[pipe] : actors[i].writes[pipe])) {
                ask_close(&actors[i], pipe, reading);
                any = true;
            }
    settle();
    return any;
}

static struct actor *a_reader(uint32_t pipe)
{
    for (uint64_t i = below(ACTORS), turns = 0; turns < ACTORS; i = (i + 1) % ACTORS, turns++)
        if (actors[i].alive && actors[i].reads[pipe])
            return &actors[i];
    fail_msg("nobody reads pipe %u", pipe);
    return NULL;
}

/* Everything that is there; true at the end of the stream. */
static bool receive_all(uint32_t pipe)
{
    for (int turns = 0; turns < 10000; turns++) {
        struct actor *reader = a_reader(pipe);
        uint64_t asked = pipe_ask(reader->client, CREWI_PIPE_RECEIVE, ends[pipe].in, 0);
        fake_job_run(pipe_job);
        struct crewi_frame *reply = fake_reply(reader->client, asked);
        assert_non_null(reply);
        hear_all();
        int status = reply->header.status;
        if (!status)
            check_parcel(reader, pipe, reply);
        crewi_frame_destroy(reply);
        if (status == CREW_EOF)
            return true;
        if (status && status != CREW_ETRUNC) {
            assert_int_equal(status, CREW_ETIMEDOUT);
            return false;
        }
    }
    fail_msg("the messages have no end");
    return false;
}

/* An end that sends may come out of any message, and is closed then. */
static void receive_the_rest(void)
{
    bool over[PIPES] = {false}, all = false;
    for (int rounds = 0; !all; rounds++) {
        assert_true(rounds < 100);
        all = !close_all(false);
        for (uint32_t pipe = 0; pipe < PIPES; pipe++) {
            over[pipe] = over[pipe] || receive_all(pipe);
            all &= over[pipe];
        }
    }
}

static void prepare(void)
{
    memset(actors, 0, sizeof actors);
    memset(sent_count, 0, sizeof sent_count);
    memset(received_count, 0, sizeof received_count);
    memset(unsure_count, 0, sizeof unsure_count);
    memset(last_received, 0, sizeof last_received);
    for (uint32_t i = 0; i < ACTORS; i++) {
        actors[i].client = &pipe_clients[i / PIPE_CLIENTS][i % PIPE_CLIENTS];
        actors[i].alive = true;
    }
    for (uint32_t pipe = 0; pipe < PIPES; pipe++) {
        struct actor *maker = &actors[below(ACTORS)];
        ends[pipe] = pipe_make(maker->client, 200 + below(3000), false);
        maker->reads[pipe] = maker->writes[pipe] = true;
    }
}

static void live(uint64_t with_seed, bool deaths)
{
    void *none = NULL;
    print_message("seed %llu\n", (unsigned long long)with_seed);
    seed = with_seed;
    pipe_begin(&none);
    prepare();
    for (int i = 0; i < STEPS; i++) {
        act(&actors[below(ACTORS)], deaths);
        carry_some();
        if (!below(20))
            pipe_job->now_ns += CREWI_SECOND / 2;
    }
    settle();
    receive_the_rest();
    for (uint32_t pipe = 0; pipe < PIPES && !deaths; pipe++)
        assert_in_range(received_count[pipe], sent_count[pipe],
                        sent_count[pipe] + unsure_count[pipe]);
    close_all(true);
    pipe_end(&none);
}

static void nothing_is_lost_in_any_order(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 300; i++)
        live(i, false);
}

static void nothing_is_left_when_processes_die(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 300; i++)
        live(i, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_in_any_order),
        cmocka_unit_test(nothing_is_left_when_processes_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
