/* SPDX-License-Identifier: BSD-3-Clause */
/* Random things happen to several pipes at a time, and messages between ranks come in every order
 * that MPI allows: in order from each rank, and in any order from different ones. Nothing is lost,
 * nothing comes twice, each sender's messages stay in order, and at the end nothing is left. */
#include "pipe_job.h"
#include "unit.h"

#include <string.h>

#define PIPES 3
#define ACTORS (FAKE_RANKS * PIPE_CLIENTS)
#define OPEN_REQUESTS 8
#define STEPS 600

/* What travels: whose it is, and its number. */
struct parcel {
    uint32_t pipe, sender;
    uint64_t number;
};

struct asked {
    uint64_t request;
    uint32_t pipe;
    bool receives, sends; /* or something else */
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
static uint64_t last_received[PIPES][ACTORS][ACTORS]; /* by sender and receiver */
static bool may_die;

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

static void check_parcel(struct actor *receiver, uint32_t pipe, const struct crewi_frame *reply)
{
    struct parcel parcel;
    assert_true(reply->header.size >= sizeof(struct crewi_pipe_item) + sizeof parcel);
    memcpy(&parcel, reply->payload + sizeof(struct crewi_pipe_item), sizeof parcel);
    assert_int_equal(parcel.pipe, pipe);
    assert_in_range(parcel.sender, 0, ACTORS - 1);
    uint64_t *last = &last_received[pipe][parcel.sender][receiver - actors];
    assert_true(parcel.number >= *last);
    *last = parcel.number + 1;
    received_count[pipe]++;
}

static void hear_reply(struct actor *actor, const struct asked *asked,
                       const struct crewi_frame *reply)
{
    int status = reply->header.status;
    if (status == CREW_OK && asked->receives)
        check_parcel(actor, asked->pipe, reply);
    if (status && asked->sends)
        sent_count[asked->pipe]--;
    if (!status && asked->sends)
        actor->may_post[asked->pipe] = true;
    assert_true(status == CREW_OK || status == CREW_EOF || status == CREW_ETIMEDOUT ||
                status == CREW_ECLOSED || status == CREW_EPIPE);
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
            hear_reply(actor, &actor->asked[i], reply);
            actor->asked[i] = actor->asked[--actor->asked_count];
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

/* Bytes that nobody sees make some of them too large for what room there is. */
static void act_send(struct actor *actor, uint32_t pipe, bool post)
{
    static unsigned char data[2000];
    struct parcel parcel = {pipe, (uint32_t)(actor - actors), actor->sent[pipe]++};
    uint64_t size = sizeof parcel + (below(4) ? below(100) : below(sizeof data - sizeof parcel));
    memcpy(data, &parcel, sizeof parcel);
    sent_count[pipe]++;
    if (post)
        pipe_post(actor->client, ends[pipe].out, data, size);
    else
        remember(actor, (struct asked){.request = pipe_ask_send(actor->client, ends[pipe].out, data,
                                                                size, CREWI_FOREVER),
                                       .pipe = pipe,
                                       .sends = true});
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

static bool is_last(uint32_t pipe, bool reading)
{
    int count = 0;
    for (int i = 0; i < ACTORS; i++)
        if (actors[i].alive)
            count += reading ? actors[i].reads[pipe] : actors[i].writes[pipe];
    return count == 1;
}

static void act_close(struct actor *actor, uint32_t pipe, bool reading)
{
    uint64_t end = reading ? ends[pipe].in : ends[pipe].out;
    hear(actor);
    for (int i = 0; i < actor->asked_count; i++)
        if (actor->asked[i].pipe == pipe)
            return;
    remember(actor, (struct asked){.request = pipe_ask(actor->client, CREWI_PIPE_CLOSE, end, 0),
                                   .pipe = pipe});
    if (reading)
        actor->reads[pipe] = false;
    else
        actor->writes[pipe] = actor->may_post[pipe] = false;
}

/* As in an argument. */
static void act_share(struct actor *actor, uint32_t pipe, bool reading)
{
    struct actor *to = &actors[below(ACTORS)];
    if (!to->alive || to == actor)
        return;
    pipe_share(actor->client, to->client, reading ? ends[pipe].in : ends[pipe].out);
    if (reading)
        to->reads[pipe] = true;
    else
        to->writes[pipe] = true;
}

static void act_die(struct actor *actor)
{
    for (uint32_t pipe = 0; pipe < PIPES; pipe++)
        if ((actor->reads[pipe] && is_last(pipe, true)) ||
            (actor->writes[pipe] && is_last(pipe, false)))
            return;
    fake_client_end(actor->client);
    actor->alive = false;
}

static void act(struct actor *actor)
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
    else if (what < 98 && !is_last(pipe, reading))
        act_close(actor, pipe, reading);
    else if (what == 99 && may_die)
        act_die(actor);
}

/* The end: all that was sent is received. */

static void close_all(bool reading)
{
    for (int i = 0; i < ACTORS; i++)
        for (uint32_t pipe = 0; pipe < PIPES; pipe++)
            if (actors[i].alive && (reading ? actors[i].reads[pipe] : actors[i].writes[pipe]))
                pipe_ask(actors[i].client, CREWI_PIPE_CLOSE,
                         reading ? ends[pipe].in : ends[pipe].out, 0);
}

static struct actor *a_reader(uint32_t pipe)
{
    for (uint64_t i = below(ACTORS);; i = (i + 1) % ACTORS)
        if (actors[i].alive && actors[i].reads[pipe])
            return &actors[i];
}

static void receive_the_rest(uint32_t pipe)
{
    for (int turns = 0;; turns++) {
        struct actor *reader = a_reader(pipe);
        hear_all();
        uint64_t asked = pipe_ask_receive(reader->client, ends[pipe].in);
        assert_true(turns < 10000);
        fake_job_run(pipe_job);
        struct crewi_frame *reply = fake_reply(reader->client, asked);
        assert_non_null(reply);
        hear_all();
        int status = reply->header.status;
        if (!status)
            check_parcel(reader, pipe, reply);
        crewi_frame_destroy(reply);
        if (!status)
            continue;
        assert_int_equal(status, CREW_EOF);
        return;
    }
}

static void prepare(void)
{
    memset(actors, 0, sizeof actors);
    memset(sent_count, 0, sizeof sent_count);
    memset(received_count, 0, sizeof received_count);
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
    seed = with_seed;
    may_die = deaths;
    pipe_begin(&none);
    prepare();
    for (int i = 0; i < STEPS; i++) {
        act(&actors[below(ACTORS)]);
        carry_some();
        if (!below(20))
            pipe_job->now_ns += CREWI_SECOND / 2;
    }
    close_all(false);
    while (fake_job_step(pipe_job, &seed))
        ;
    hear_all();
    for (uint32_t pipe = 0; pipe < PIPES; pipe++) {
        receive_the_rest(pipe);
        if (!deaths)
            assert_int_equal(received_count[pipe], sent_count[pipe]);
    }
    close_all(true);
    while (fake_job_step(pipe_job, &seed))
        ;
    pipe_end(&none);
}

static void nothing_is_lost_in_any_order(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 300; i++) {
        print_message("seed %llu\n", (unsigned long long)i);
        live(i, false);
    }
}

static void nothing_is_left_when_processes_die(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 300; i++) {
        print_message("seed %llu\n", (unsigned long long)i);
        live(i, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_in_any_order),
        cmocka_unit_test(nothing_is_left_when_processes_die),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
