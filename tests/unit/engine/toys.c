/* SPDX-License-Identifier: BSD-3-Clause */
#include "toys.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

struct fake_job *toy_job;
struct fake_client toy_clients[FAKE_RANKS][2];
int toys_gone;
uint64_t toys_gone_uses;

static uint32_t attached_ranks; /* for all toys */

struct toy {
    struct crewi_shared shared;
    uint64_t uses; /* that came back with weight */
};

/* The kind */

static void create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct toy *toy = calloc(1, sizeof *toy);
    assert_non_null(toy);
    toy->shared.object.id = crewi_engine_new_id(engine, TOY_KIND);
    assert_int_equal(crewi_shared_add(engine, &toy->shared, message->origin.process), CREW_OK);
    crewi_engine_reply(engine, &message->origin, &toy->shared.object.id, sizeof(uint64_t));
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    uint64_t id;
    (void)object;
    if (message->op == TOY_CREATE) {
        create(engine, message);
        return;
    }
    memcpy(&id, message->data, sizeof id);
    struct crewi_handle *handle = crewi_handle_use(engine, message, id);
    if (!handle)
        return;
    assert_true(handle->attached);
    assert_true(crewi_handle_is_open(handle, message->origin.process));
    ((struct toy_agent *)handle->agent)->uses++;
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static size_t describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room)
{
    assert_ptr_equal(crewi_engine_find(engine, shared->object.id), shared);
    memcpy(room, "a toy", 5);
    return 5;
}

static crew_status attach(struct crewi_engine *engine, struct crewi_handle *handle,
                          const void *description, size_t size)
{
    (void)engine;
    assert_int_equal(size, 5);
    assert_memory_equal(description, "a toy", 5);
    assert_null(handle->agent);
    handle->agent = calloc(1, sizeof(struct toy_agent));
    assert_non_null(handle->agent);
    attached_ranks++;
    return CREW_OK;
}

static void detach(struct crewi_engine *engine, struct crewi_handle *handle)
{
    (void)engine;
    free(handle->agent);
    attached_ranks--;
}

static void released(struct crewi_engine *engine, struct crewi_handle *handle, uint64_t process)
{
    (void)engine;
    assert_false(crewi_handle_is_open(handle, process));
    ((struct toy_agent *)handle->agent)->released++;
}

static uint64_t count_out(struct crewi_engine *engine, struct crewi_handle *handle)
{
    struct toy_agent *agent = handle->agent;
    uint64_t since = agent->uses - agent->reported;
    (void)engine;
    agent->reported = agent->uses;
    return since;
}

static void came_back(struct crewi_engine *engine, struct crewi_shared *shared, uint64_t extra)
{
    (void)engine;
    ((struct toy *)shared)->uses += extra;
}

static void unreferenced(struct crewi_engine *engine, struct crewi_shared *shared)
{
    toys_gone++;
    toys_gone_uses = ((struct toy *)shared)->uses;
    crewi_shared_remove(engine, shared);
    free(shared);
}

static void destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    (void)engine;
    free(((struct crewi_shared *)object)->attached);
    free(object);
}

static const struct crewi_kind toy_kind = {.name = "toy",
                                           .request = request,
                                           .destroy = destroy,
                                           .is_shared = true,
                                           .describe = describe,
                                           .attach = attach,
                                           .detach = detach,
                                           .released = released,
                                           .count_out = count_out,
                                           .came_back = came_back,
                                           .unreferenced = unreferenced};

/* The same with nothing that may be left out. */
const struct crewi_kind toy_plain_kind = {.name = "plain toy",
                                          .request = request,
                                          .destroy = destroy,
                                          .is_shared = true,
                                          .describe = describe,
                                          .attach = attach,
                                          .detach = detach,
                                          .unreferenced = unreferenced};

int toys_begin(void **state)
{
    (void)state;
    toy_job = fake_job_create(FAKE_RANKS);
    toys_gone = 0;
    toys_gone_uses = attached_ranks = 0;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        fake_engine(toy_job, rank)->kinds[TOY_KIND] = &toy_kind;
        fake_engine(toy_job, rank)->kinds[TOY_OTHER_KIND] = &toy_plain_kind;
        for (int i = 0; i < 2; i++)
            fake_client_begin(&toy_clients[rank][i], toy_job, rank);
    }
    return 0;
}

static void end_clients(void)
{
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        for (int i = 0; i < 2; i++)
            if (toy_clients[rank][i].attached)
                fake_client_end(&toy_clients[rank][i]);
}

/* All clients end, and nothing is left. */
int toys_end(void **state)
{
    (void)state;
    end_clients();
    fake_job_run(toy_job);
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        assert_int_equal(fake_engine(toy_job, rank)->objects.count, 0);
        assert_int_equal(fake_engine(toy_job, rank)->handles.count, 0);
    }
    assert_int_equal(attached_ranks, 0);
    fake_job_destroy(toy_job);
    return 0;
}

int toys_end_in_the_middle(void **state)
{
    (void)state;
    end_clients();
    fake_job_destroy(toy_job);
    assert_int_equal(attached_ranks, 0);
    return 0;
}

/* What clients do */

static struct crewi_engine *engine_of(const struct fake_client *client)
{
    return &client->rank->loop.engine;
}

uint64_t toy_make(struct fake_client *client)
{
    struct fake_call call = {.kind = TOY_KIND, .op = TOY_CREATE, .rank = engine_of(client)->rank};
    uint64_t id;
    fake_call(client, &call, &id, sizeof id);
    return id;
}

uint64_t toy_ask_use(struct fake_client *client, uint64_t id)
{
    struct fake_call call = {.kind = TOY_KIND,
                             .op = TOY_USE,
                             .rank = engine_of(client)->rank,
                             .head = &id,
                             .head_size = sizeof id};
    return fake_ask(client, &call);
}

void toy_use(struct fake_client *client, uint64_t id)
{
    fake_expect_reply(client, toy_ask_use(client, id), NULL, 0);
}

bool toy_close(struct fake_client *client, uint64_t id)
{
    bool was_open = crewi_handle_close(engine_of(client), id, client->base.process);
    fake_job_run(toy_job);
    return was_open;
}

crew_status toy_take(struct fake_client *client, const void *data, size_t size,
                     struct crewi_shares *shares)
{
    return crewi_shares_take(engine_of(client), client->base.process, data, size, shares);
}

struct crewi_shares toy_take_one(struct fake_client *client, uint64_t id)
{
    struct crewi_shares shares;
    assert_int_equal(toy_take(client, &id, sizeof id, &shares), CREW_OK);
    assert_int_equal(shares.count, 1);
    assert_int_equal(shares.list[0].id, id);
    return shares;
}

void toy_hand_over(struct fake_client *client, struct crewi_shares *shares)
{
    crewi_shares_hand_over(engine_of(client), client->base.process, shares->list, shares->count);
    crewi_shares_free(shares);
}

void toy_pass(struct fake_client *from, struct fake_client *to, uint64_t id)
{
    struct crewi_shares shares = toy_take_one(from, id);
    toy_hand_over(to, &shares);
}

const struct crewi_shared *toy_shared(uint64_t id)
{
    return (struct crewi_shared *)crewi_engine_find(fake_engine(toy_job, crewi_id_home(id)), id);
}

struct crewi_holder *toy_holder(const struct fake_client *client, uint64_t id)
{
    const struct crewi_handle *handle = crewi_handle_find(engine_of(client), id);
    struct crewi_holder *holder = handle ? handle->holders : NULL;
    while (holder && holder->process != client->base.process)
        holder = holder->next;
    return holder;
}

uint64_t toy_weight(const struct fake_client *client, uint64_t id)
{
    const struct crewi_holder *holder = toy_holder(client, id);
    return holder ? holder->weight : 0;
}

uint64_t toy_weight_of_all(uint64_t id)
{
    uint64_t sum = 0;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        for (int i = 0; i < 2; i++)
            sum += toy_weight(&toy_clients[rank][i], id);
    return sum;
}

/* Gives most of a client's weight back: it can be passed on only so often from then on. */
void toy_leave_weight(struct fake_client *client, uint64_t id, uint64_t weight)
{
    struct crewi_holder *holder = toy_holder(client, id);
    struct crewi_share most = {id, holder->weight - weight};
    holder->weight = weight;
    crewi_shares_drop(engine_of(client), &most, 1);
    fake_job_run(toy_job);
}
