/* SPDX-License-Identifier: BSD-3-Clause */
/* Counted handles, with a toy of a kind: an object that counts how often it was used. A client's
 * call has the id in front; what a rank counts goes home with weight. */
#include "base/clock.h"
#include "engine/handles.h"
#include "fake_job.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define KIND 5
#define OTHER_KIND 6

enum toy_op { TOY_CREATE = 1, TOY_USE };

struct toy {
    struct crewi_shared shared;
    uint64_t uses; /* that came back with weight */
};

struct toy_agent {
    uint64_t uses, reported;
    int released;
};

static struct fake_job *job;
static struct fake_client clients[FAKE_RANKS][2];
static int gone;           /* objects that nobody had any more */
static uint64_t gone_uses; /* of the last one */
static uint32_t toy_ranks; /* ranks that were told what it is */

static struct fake_client *on(uint32_t rank)
{
    return &clients[rank][0];
}

static struct fake_client *also_on(uint32_t rank)
{
    return &clients[rank][1];
}

/* The kind */

static void create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct toy *toy = calloc(1, sizeof *toy);
    assert_non_null(toy);
    toy->shared.object.id = crewi_engine_new_id(engine, KIND);
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
    toy_ranks++;
    return CREW_OK;
}

static void detach(struct crewi_engine *engine, struct crewi_handle *handle)
{
    (void)engine;
    free(handle->agent);
    toy_ranks--;
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
    gone++;
    gone_uses = ((struct toy *)shared)->uses;
    crewi_shared_remove(engine, shared);
    free(shared);
}

static void destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    (void)engine;
    free(((struct crewi_shared *)object)->attached);
    free(object);
}

static const struct crewi_kind kind = {.name = "toy",
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
static const struct crewi_kind plain_kind = {.name = "plain toy",
                                             .request = request,
                                             .destroy = destroy,
                                             .is_shared = true,
                                             .describe = describe,
                                             .attach = attach,
                                             .detach = detach,
                                             .unreferenced = unreferenced};

static int begin(void **state)
{
    (void)state;
    job = fake_job_create(FAKE_RANKS);
    gone = 0;
    gone_uses = toy_ranks = 0;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        fake_engine(job, rank)->kinds[KIND] = &kind;
        fake_engine(job, rank)->kinds[OTHER_KIND] = &plain_kind;
        for (int i = 0; i < 2; i++)
            fake_client_begin(&clients[rank][i], job, rank);
    }
    return 0;
}

static void end_clients(void)
{
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        for (int i = 0; i < 2; i++)
            if (clients[rank][i].attached)
                fake_client_end(&clients[rank][i]);
}

/* All clients end, and nothing is left. */
static int end(void **state)
{
    (void)state;
    end_clients();
    fake_job_run(job);
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        assert_int_equal(fake_engine(job, rank)->objects.count, 0);
        assert_int_equal(fake_engine(job, rank)->handles.count, 0);
    }
    assert_int_equal(toy_ranks, 0);
    fake_job_destroy(job);
    return 0;
}

static int end_in_the_middle(void **state)
{
    (void)state;
    end_clients();
    fake_job_destroy(job);
    assert_int_equal(toy_ranks, 0);
    return 0;
}

/* What clients do */

static struct crewi_engine *engine_of(const struct fake_client *client)
{
    return &client->rank->loop.engine;
}

static uint64_t make(struct fake_client *client)
{
    struct fake_call call = {.kind = KIND, .op = TOY_CREATE, .rank = engine_of(client)->rank};
    uint64_t id;
    fake_call(client, &call, &id, sizeof id);
    return id;
}

static uint64_t ask_use(struct fake_client *client, uint64_t id)
{
    struct fake_call call = {.kind = KIND,
                             .op = TOY_USE,
                             .rank = engine_of(client)->rank,
                             .head = &id,
                             .head_size = sizeof id};
    return fake_ask(client, &call);
}

static void use(struct fake_client *client, uint64_t id)
{
    fake_expect_reply(client, ask_use(client, id), NULL, 0);
}

static bool close_copy(struct fake_client *client, uint64_t id)
{
    bool was_open = crewi_handle_close(engine_of(client), id, client->base.process);
    fake_job_run(job);
    return was_open;
}

static crew_status take(struct fake_client *client, const void *data, size_t size,
                        struct crewi_shares *shares)
{
    return crewi_shares_take(engine_of(client), client->base.process, data, size, shares);
}

static struct crewi_shares take_one(struct fake_client *client, uint64_t id)
{
    struct crewi_shares shares;
    assert_int_equal(take(client, &id, sizeof id, &shares), CREW_OK);
    assert_int_equal(shares.count, 1);
    assert_int_equal(shares.list[0].id, id);
    return shares;
}

static void hand_over(struct fake_client *client, struct crewi_shares *shares)
{
    crewi_shares_hand_over(engine_of(client), client->base.process, shares->list, shares->count);
    crewi_shares_free(shares);
}

static void pass(struct fake_client *from, struct fake_client *to, uint64_t id)
{
    struct crewi_shares shares = take_one(from, id);
    hand_over(to, &shares);
}

static const struct crewi_shared *shared_of(uint64_t id)
{
    return (struct crewi_shared *)crewi_engine_find(fake_engine(job, crewi_id_home(id)), id);
}

static struct crewi_holder *holder_of(const struct fake_client *client, uint64_t id)
{
    const struct crewi_handle *handle = crewi_handle_find(engine_of(client), id);
    struct crewi_holder *holder = handle ? handle->holders : NULL;
    while (holder && holder->process != client->base.process)
        holder = holder->next;
    return holder;
}

static uint64_t weight_of(const struct fake_client *client, uint64_t id)
{
    const struct crewi_holder *holder = holder_of(client, id);
    return holder ? holder->weight : 0;
}

static uint64_t weight_of_all(uint64_t id)
{
    uint64_t sum = 0;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        for (int i = 0; i < 2; i++)
            sum += weight_of(&clients[rank][i], id);
    return sum;
}

/* Gives most of a client's weight back: it can be passed on only so often from then on. */
static void leave_weight(struct fake_client *client, uint64_t id, uint64_t weight)
{
    struct crewi_holder *holder = holder_of(client, id);
    struct crewi_share most = {id, holder->weight - weight};
    holder->weight = weight;
    crewi_shares_drop(engine_of(client), &most, 1);
    fake_job_run(job);
}

/* Weight */

static void the_creator_has_all_weight(void **state)
{
    (void)state;
    uint64_t id = make(on(1));
    assert_non_null(shared_of(id));
    assert_int_equal(weight_of(on(1), id), shared_of(id)->lent);
    use(on(1), id);
    assert_true(close_copy(on(1), id));
    assert_int_equal(gone, 1);
    assert_int_equal(gone_uses, 1);
    assert_null(crewi_handle_find(fake_engine(job, 1), id));
}

static void weight_is_divided_among_ranks(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    uint64_t lent = shared_of(id)->lent, carried = job->carried;
    pass(on(0), on(1), id);
    pass(on(1), on(2), id);
    fake_job_run(job);
    assert_int_equal(job->carried, carried); /* the home hears nothing of it */
    assert_int_equal(weight_of_all(id), lent);
    pass(on(2), also_on(2), id); /* they have so little that they ask for more */
    pass(on(2), on(3), id);
    use(on(3), id);
    use(also_on(2), id);
    fake_job_run(job);
    assert_true(shared_of(id)->lent > lent);
    assert_int_equal(weight_of_all(id), shared_of(id)->lent);
    static const uint32_t order[] = {0, 2, 1, 3};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(gone, 0);
        assert_true(close_copy(on(order[i]), id));
        assert_int_equal(weight_of_all(id), gone ? 0 : shared_of(id)->lent);
    }
    assert_int_equal(gone, 0);
    assert_true(close_copy(also_on(2), id));
    assert_int_equal(gone, 1);
    assert_int_equal(gone_uses, 2);
}

static void a_copy_that_comes_back_adds_to_the_first(void **state)
{
    (void)state;
    uint64_t id = make(on(0)), lent = shared_of(id)->lent;
    pass(on(0), on(1), id);
    pass(on(1), on(0), id);
    assert_int_equal(weight_of_all(id), lent);
    close_copy(on(1), id);
    close_copy(on(0), id);
    assert_int_equal(gone, 1);
}

static void closed_copies_are_refused(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    pass(on(0), on(1), id);
    use(on(1), id);
    assert_true(close_copy(on(1), id));
    assert_false(close_copy(on(1), id));
    assert_false(close_copy(also_on(1), id)); /* it never had one */
    fake_expect_refusal(on(1), ask_use(on(1), id), CREW_ECLOSED, "has closed this toy");
    assert_false(close_copy(on(1), id));
    use(on(0), id);
    close_copy(on(0), id);
    assert_int_equal(gone_uses, 2);
}

static void a_closed_copy_may_be_given_again(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    pass(on(0), on(1), id);
    use(on(1), id);
    *crewi_handle_mark(crewi_handle_find(fake_engine(job, 1), id), on(1)->base.process) = 7;
    pass(on(0), on(1), id);
    assert_int_equal(holder_of(on(1), id)->mark, 7);
    close_copy(on(1), id);
    pass(on(0), on(1), id);
    assert_int_equal(holder_of(on(1), id)->mark, 0);
    use(on(1), id);
}

static void the_end_of_a_process_gives_all_back(void **state)
{
    (void)state;
    uint64_t first = make(on(0)), second = make(on(3));
    pass(on(0), on(1), first);
    pass(on(3), on(1), second);
    use(on(1), second);
    close_copy(on(0), first);
    close_copy(on(3), second);
    assert_int_equal(gone, 0);
    fake_client_end(on(1));
    fake_job_run(job);
    assert_int_equal(gone, 2);
}

static void the_kind_hears_of_releases(void **state)
{
    (void)state;
    uint64_t id = make(on(1));
    pass(on(1), also_on(1), id);
    const struct crewi_handle *handle = crewi_handle_find(fake_engine(job, 1), id);
    const struct toy_agent *agent = handle->agent;
    assert_true(crewi_handle_is_held(handle));
    pass(on(1), on(0), id);
    close_copy(on(1), id);
    assert_int_equal(agent->released, 1);
    assert_true(crewi_handle_is_held(handle));
    fake_client_end(also_on(1));
    fake_job_run(job);
    assert_int_equal(agent->released, 2);
    assert_false(crewi_handle_is_held(handle));
    fake_client_end(on(1)); /* closed before */
    fake_job_run(job);
    assert_int_equal(agent->released, 2);
}

static void marks_are_of_one_process(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    struct crewi_handle *handle = crewi_handle_find(fake_engine(job, 0), id);
    pass(on(0), also_on(0), id);
    *crewi_handle_mark(handle, on(0)->base.process) = 5;
    assert_int_equal(*crewi_handle_mark(handle, on(0)->base.process), 5);
    assert_int_equal(*crewi_handle_mark(handle, also_on(0)->base.process), 0);
    assert_null(crewi_handle_mark(handle, on(1)->base.process));
}

/* A kind without count_out, came_back and released. */
static void what_a_kind_may_leave_out(void **state)
{
    (void)state;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++)
        fake_engine(job, rank)->kinds[KIND] = &plain_kind;
    uint64_t id = make(on(0));
    pass(on(0), on(1), id);
    use(on(1), id);
    close_copy(on(0), id);
    assert_int_equal(gone, 0);
    close_copy(on(1), id);
    assert_int_equal(gone, 1);
    assert_int_equal(gone_uses, 0);
}

/* Attaching */

static void a_handle_that_nobody_passed_on(void **state)
{
    (void)state;
    uint64_t id = make(on(0)), lent = shared_of(id)->lent;
    use(on(1), id);
    assert_int_equal(shared_of(id)->lent, lent + weight_of(on(1), id));
    assert_true(weight_of(on(1), id) > 0);
    use(also_on(0), id); /* on the home's rank too */
    assert_true(weight_of(also_on(0), id) > 0);
    close_copy(on(0), id);
    use(on(1), id);
    close_copy(on(1), id);
    assert_int_equal(gone, 0);
    close_copy(also_on(0), id);
    assert_int_equal(gone, 1);
    assert_int_equal(gone_uses, 3);
}

static void many_ask_before_the_rank_is_attached(void **state)
{
    uint64_t asked[6];
    (void)state;
    uint64_t id = make(on(0));
    pass(on(0), on(1), id); /* one was given it, the other one was not */
    for (int i = 0; i < 6; i++)
        asked[i] = ask_use(i % 2 ? on(1) : also_on(1), id);
    for (int i = 0; i < 6; i++)
        fake_expect_reply(i % 2 ? on(1) : also_on(1), asked[i], NULL, 0);
    assert_int_equal(weight_of_all(id), shared_of(id)->lent);
}

static void an_object_that_is_gone(void **state)
{
    uint64_t asked[4];
    (void)state;
    uint64_t id = make(on(0));
    use(on(1), id);
    close_copy(on(0), id);
    close_copy(on(1), id);
    assert_int_equal(gone, 1);
    struct fake_client *askers[] = {on(1), also_on(1), on(2), on(0)};
    for (int i = 0; i < 4; i++)
        asked[i] = ask_use(askers[i], id);
    for (int i = 0; i < 4; i++)
        fake_expect_refusal(askers[i], asked[i], CREW_ECLOSED, "this toy is closed");
}

static void an_object_that_never_was(void **state)
{
    uint64_t asked[4];
    (void)state;
    uint64_t id = make(on(0)) + 1000;
    struct fake_client *askers[] = {on(1), also_on(1), on(1), on(0)};
    for (int i = 0; i < 4; i++)
        asked[i] = ask_use(askers[i], id);
    for (int i = 0; i < 4; i++)
        fake_expect_refusal(askers[i], asked[i], CREW_ENOENT, "there never was such a toy");
}

static void handles_of_other_kinds(void **state)
{
    (void)state;
    const uint64_t wrong[] = {0, (uint64_t)OTHER_KIND << 60 | 1, (uint64_t)9 << 60 | 1,
                              (uint64_t)KIND << 60 | (uint64_t)FAKE_RANKS << 40 | 1};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        fake_expect_refusal(on(1), ask_use(on(1), wrong[i]), CREW_EINVAL, "another kind");
}

/* Its last copy is closed while another process's first use is on its way home. */
static void an_object_goes_while_requests_are_pending(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    pass(on(0), on(1), id);
    use(on(1), id);
    uint64_t late = ask_use(also_on(1), id), later = ask_use(also_on(1), id);
    struct crewi_engine *engine = fake_engine(job, 1);
    crewi_engine_run(engine, job->now_ns);
    struct crewi_frames asks = {0};
    struct crewi_frame *ask;
    crewi_frames_init(&asks);
    while ((ask = crewi_frames_pop(&job->ranks[0].wire))) {
        assert_int_equal(ask->header.op, CREWI_OP_ATTACH);
        crewi_frames_push(&asks, ask);
    }
    close_copy(on(0), id);
    close_copy(on(1), id);
    assert_int_equal(gone, 1);
    assert_non_null(crewi_handle_find(engine, id));
    fake_expect_parked(also_on(1), late);
    while ((ask = crewi_frames_pop(&asks)))
        crewi_frames_push(&job->ranks[0].wire, ask);
    fake_expect_refusal(also_on(1), late, CREW_ECLOSED, "this toy is closed");
    fake_expect_refusal(also_on(1), later, CREW_ECLOSED, "this toy is closed");
}

static void one_who_asked_has_ended(void **state)
{
    (void)state;
    uint64_t id = make(on(0)), lent = shared_of(id)->lent;
    ask_use(on(1), id);
    crewi_engine_run(fake_engine(job, 1), job->now_ns);
    uint64_t asked = ask_use(also_on(1), id);
    fake_client_end(on(1));
    fake_expect_reply(also_on(1), asked, NULL, 0);
    assert_int_equal(shared_of(id)->lent, lent + weight_of(also_on(1), id));
}

/* Its request comes once more when its end has been handled. */
static void one_who_asked_ended_when_the_answer_came(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    ask_use(on(1), id);
    crewi_engine_run(fake_engine(job, 1), job->now_ns);
    crewi_engine_accept(fake_engine(job, 0), crewi_frames_pop(&job->ranks[0].wire));
    crewi_engine_run(fake_engine(job, 0), job->now_ns);
    crewi_engine_accept(fake_engine(job, 1), crewi_frames_pop(&job->ranks[1].wire));
    fake_client_end(on(1));
    fake_job_run(job);
    assert_int_equal(shared_of(id)->lent, weight_of(on(0), id));
    assert_null(crewi_handle_find(fake_engine(job, 1), id)->pending.first);
}

/* Passing on */

static void handles_are_found_in_every_word(void **state)
{
    uint64_t words[12] = {0};
    struct crewi_shares shares;
    (void)state;
    uint64_t id = make(on(0)), other = make(on(0)), foreign = make(also_on(0));
    words[0] = id;
    words[3] = foreign; /* not held by the sender */
    words[5] = id + 1000;
    words[6] = other;
    words[7] = on(0)->base.process;
    words[11] = id;
    assert_int_equal(take(on(0), words, sizeof words, &shares), CREW_OK);
    assert_int_equal(shares.count, 3);
    assert_int_equal(shares.list[0].id, id);
    assert_int_equal(shares.list[1].id, other);
    assert_int_equal(shares.list[2].id, id);
    assert_int_equal(weight_of(on(0), id) + shares.list[0].weight + shares.list[2].weight,
                     shared_of(id)->lent);
    hand_over(on(1), &shares);
    close_copy(on(0), id);
    close_copy(on(0), other);
    assert_int_equal(gone, 0);
    close_copy(on(1), id); /* both shares are one copy */
    close_copy(on(1), other);
    assert_int_equal(gone, 2);
}

static void nothing_is_found_where_nothing_is(void **state)
{
    unsigned char bytes[64] = {0};
    struct crewi_shares shares;
    (void)state;
    uint64_t id = make(on(0));
    memcpy(bytes + 4, &id, sizeof id); /* not aligned */
    memcpy(bytes + 32, &id, 7);
    assert_int_equal(take(on(0), bytes, sizeof bytes, &shares), CREW_OK);
    assert_int_equal(shares.count, 0);
    assert_null(shares.list);
    assert_int_equal(take(on(0), &id, 7, &shares), CREW_OK);
    assert_int_equal(shares.count, 0);
    assert_int_equal(take(on(0), NULL, 0, &shares), CREW_OK);
    assert_int_equal(shares.count, 0);
    close_copy(on(0), id);
}

static void handles_are_found_up_to_a_limit(void **state)
{
    static uint64_t words[CREWI_SCAN_SIZE / 8 + 1];
    struct crewi_shares shares;
    (void)state;
    uint64_t id = make(on(0));
    memset(words, 0, sizeof words);
    words[CREWI_SCAN_SIZE / 8 - 1] = words[CREWI_SCAN_SIZE / 8] = id;
    assert_int_equal(take(on(0), words, sizeof words, &shares), CREW_OK);
    assert_int_equal(shares.count, 1);
    hand_over(on(0), &shares);
}

static void words_that_look_like_handles(void **state)
{
    uint64_t found[4], words[] = {1,
                                  (uint64_t)CREWI_KIND_PIPE << 60 | 2,
                                  3,
                                  (uint64_t)CREWI_KIND_PIPE << 60 | (uint64_t)FAKE_RANKS << 40,
                                  (uint64_t)CREWI_KIND_PROCESS << 60 | 5,
                                  (uint64_t)CREWI_KIND_QUEUE << 60 | (uint64_t)1 << 40 | 6};
    (void)state;
    assert_int_equal(crewi_handles_look(words, sizeof words, found, 4), 2);
    assert_int_equal(found[0], words[1]);
    assert_int_equal(found[1], words[5]);
    assert_int_equal(crewi_handles_look(words, sizeof words, found, 1), 1);
    assert_int_equal(crewi_handles_look(words, sizeof words - 1, found, 4), 1);
    assert_int_equal(crewi_handles_look(NULL, 0, found, 4), 0);
}

static void closed_copies_are_not_passed_on(void **state)
{
    struct crewi_shares shares;
    (void)state;
    uint64_t id = make(on(0));
    pass(on(0), on(1), id);
    close_copy(on(0), id);
    assert_int_equal(take(on(0), &id, sizeof id, &shares), CREW_OK);
    assert_int_equal(shares.count, 0);
}

static void a_share_under_way_keeps_the_object(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    struct crewi_shares shares = take_one(on(0), id);
    close_copy(on(0), id);
    assert_int_equal(gone, 0);
    hand_over(on(2), &shares);
    use(on(2), id);
    close_copy(on(2), id);
    assert_int_equal(gone, 1);
}

static void a_dropped_share_goes_home(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    struct crewi_shares shares = take_one(on(0), id);
    close_copy(on(0), id);
    crewi_shares_drop(fake_engine(job, 3), shares.list, shares.count); /* where nobody knows it */
    crewi_shares_free(&shares);
    assert_int_equal(gone, 0);
    fake_job_run(job);
    assert_int_equal(gone, 1);
}

static void shares_of_nothing_are_ignored(void **state)
{
    const struct crewi_share list[] = {{0, 5}, {on(0)->base.process, 5}, {UINT64_MAX, 5}};
    (void)state;
    crewi_shares_hand_over(fake_engine(job, 0), on(0)->base.process, list, 3);
    crewi_shares_drop(fake_engine(job, 0), list, 3);
    fake_job_run(job);
    assert_int_equal(fake_engine(job, 0)->handles.count, 0);
}

static void who_runs_low_asks_for_more(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    pass(on(0), on(1), id);
    leave_weight(on(1), id, 5);
    struct crewi_shares shares = take_one(on(1), id);
    assert_int_equal(weight_of(on(1), id), 3); /* where little is left, half of it goes along */
    fake_job_run(job);
    assert_true(weight_of(on(1), id) > 1000000);
    assert_int_equal(weight_of_all(id) + shares.list[0].weight, shared_of(id)->lent);
    hand_over(on(2), &shares);
    use(on(1), id);
    use(on(2), id);
}

/* The answer comes when the copy is closed, or its process has ended. */
static void more_weight_comes_too_late(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct fake_client *client = i ? on(1) : also_on(1);
        uint64_t id = make(on(0));
        pass(on(0), client, id);
        leave_weight(client, id, 5);
        struct crewi_shares shares = take_one(client, id);
        if (i)
            fake_client_end(client);
        else
            crewi_handle_close(fake_engine(job, 1), id, client->base.process);
        fake_job_run(job);
        assert_int_equal(weight_of_all(id) + shares.list[0].weight, shared_of(id)->lent);
        hand_over(on(0), &shares);
        close_copy(on(0), id);
        assert_int_equal(gone, i + 1);
    }
}

static void too_many_copies_at_a_time(void **state)
{
    struct crewi_shares shares;
    (void)state;
    uint64_t id = make(on(0)), other = make(on(0)), weight = weight_of(on(0), other);
    leave_weight(on(0), id, 3);
    uint64_t words[] = {other, id, id, other, id, id};
    assert_int_equal(take(on(0), words, sizeof words, &shares), CREW_ESTATE);
    assert_non_null(strstr(crew_error_message(), "too many copies"));
    assert_int_equal(shares.count, 0);
    assert_null(shares.list);
    assert_int_equal(weight_of(on(0), id), 3);
    assert_int_equal(weight_of(on(0), other), weight);
    fake_job_run(job); /* it has asked for more */
    assert_int_equal(take(on(0), words, sizeof words, &shares), CREW_OK);
    assert_int_equal(shares.count, 6);
    hand_over(on(1), &shares);
}

static void the_last_of_all_weight_is_not_passed_on(void **state)
{
    struct crewi_shares shares;
    (void)state;
    uint64_t id = make(on(0));
    leave_weight(on(0), id, 1);
    assert_int_equal(take(on(0), &id, sizeof id, &shares), CREW_ESTATE);
    assert_int_equal(weight_of(on(0), id), 1);
    use(on(0), id);
    close_copy(on(0), id);
    assert_int_equal(gone, 1);
}

/* Thousands of copies, and copies of copies. */
static void a_long_chain_and_a_wide_one(void **state)
{
    struct crewi_shares shares[500];
    (void)state;
    uint64_t id = make(on(0));
    for (int i = 0; i < 500; i++)
        shares[i] = take_one(on(0), id);
    for (int i = 0; i < 500; i++)
        hand_over(&clients[i % FAKE_RANKS][i / FAKE_RANKS % 2], &shares[i]);
    for (uint32_t i = 0; i < 200; i++) {
        pass(on(i % FAKE_RANKS), on((i + 1) % FAKE_RANKS), id);
        fake_job_run(job);
    }
    assert_int_equal(weight_of_all(id), shared_of(id)->lent);
}

/* Orders of messages */

/* The weight of three ranks comes home in any order, with an attachment in between. */
static void weight_comes_home_in_any_order(void **state)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    (void)state;
    for (int round = 0; round < 6; round++) {
        struct crewi_frame *late[3];
        uint64_t id = make(on(0));
        for (uint32_t rank = 1; rank < 4; rank++) {
            pass(on(0), on(rank), id);
            use(on(rank), id);
        }
        close_copy(on(0), id);
        for (uint32_t rank = 1; rank < 4; rank++) {
            crewi_handle_close(fake_engine(job, rank), id, on(rank)->base.process);
            late[rank - 1] = crewi_frames_pop(&job->ranks[0].wire);
            assert_int_equal(late[rank - 1]->header.op, CREWI_OP_GIVE_BACK);
        }
        for (int i = 0; i < 3; i++) {
            assert_int_equal(gone, round);
            crewi_frames_push(&job->ranks[0].wire, late[orders[round][i]]);
            fake_job_run(job);
        }
        assert_int_equal(gone, round + 1);
        assert_int_equal(gone_uses, 3);
    }
}

/* A rank that never attached is told as well: it remembers who has closed it. */
static void weight_comes_home_before_the_rank_attaches(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    pass(on(0), on(1), id);
    close_copy(on(1), id);
    fake_expect_refusal(on(1), ask_use(on(1), id), CREW_ECLOSED, "has closed this toy");
    close_copy(on(0), id);
    assert_null(crewi_handle_find(fake_engine(job, 1), id));
    fake_expect_refusal(on(1), ask_use(on(1), id), CREW_ECLOSED, "this toy is closed");
}

/* Deliveries */

static void those_who_hold_it_are_told_to_ask_again(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    pass(on(0), on(1), id);
    pass(on(0), also_on(0), id);
    use(on(1), id);
    crewi_handle_stop_posts(fake_engine(job, 0), crewi_handle_find(fake_engine(job, 0), id));
    fake_job_run(job);
    for (int i = 0; i < 2; i++) {
        struct crewi_frame *stop = fake_delivery(&clients[0][i]);
        assert_non_null(stop);
        assert_int_equal(stop->header.op, CREWI_OP_STOP_POSTS);
        assert_int_equal(stop->header.kind, KIND);
        assert_int_equal(stop->header.object, id);
        crewi_frame_destroy(stop);
    }
    assert_null(fake_delivery(on(1)));
    close_copy(also_on(0), id);
    crewi_handle_stop_posts(fake_engine(job, 0), crewi_handle_find(fake_engine(job, 0), id));
    fake_job_run(job);
    crewi_frame_destroy(fake_delivery(on(0)));
    assert_null(fake_delivery(also_on(0)));
}

/* What cannot be */

static void say(uint32_t rank, uint8_t op, const void *note, size_t size)
{
    struct crewi_outgoing out = {
        .kind = KIND, .op = op, .rank = rank, .head = note, .head_size = size};
    assert_int_equal(crewi_engine_tell(fake_engine(job, rank), &out), CREW_OK);
    fake_job_run(job);
}

static void notes_that_cannot_be(void **state)
{
    (void)state;
    uint64_t id = make(on(0)), lent = shared_of(id)->lent;
    for (int op = CREWI_OP_ATTACH; op <= CREWI_OP_GONE; op++) {
        struct crewi_handle_note note = {.id = id, .weight = lent, .rank = FAKE_RANKS};
        say(0, (uint8_t)op, &note, sizeof note); /* a rank that there is not */
        note.rank = 1;
        say(0, (uint8_t)op, &note, sizeof note - 1);
        say(0, (uint8_t)op, NULL, 0);
        note.id = (uint64_t)OTHER_KIND << 60 | 1;
        say(0, (uint8_t)op, &note, sizeof note);
        note.id = (uint64_t)KIND << 60 | (uint64_t)FAKE_RANKS << 40 | 1;
        say(0, (uint8_t)op, &note, sizeof note);
    }
    assert_int_equal(shared_of(id)->lent, lent);
    use(on(0), id);
}

static void weight_that_was_never_lent(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    struct crewi_handle_note note = {.id = id, .weight = shared_of(id)->lent + 1, .rank = 1};
    say(0, CREWI_OP_GIVE_BACK, &note, sizeof note);
    note.id += 1000;
    say(0, CREWI_OP_GIVE_BACK, &note, sizeof note);
    assert_int_equal(gone, 0);
    use(on(0), id);
}

static void answers_that_nobody_waits_for(void **state)
{
    (void)state;
    uint64_t id = make(on(0)), lent = shared_of(id)->lent;
    struct crewi_handle_note note = {.id = id, .status = CREW_ECLOSED};
    say(1, CREWI_OP_ATTACHED, &note, sizeof note);
    say(1, CREWI_OP_GONE, &note, sizeof note);
    use(on(1), id);
    say(1, CREWI_OP_ATTACHED, &note, sizeof note);
    use(on(1), id);
    struct crewi_share share = {id, 1000}; /* weight for a rank that knows nothing goes home */
    holder_of(on(0), id)->weight -= share.weight;
    note = (struct crewi_handle_note){.id = id, .weight = share.weight, .process = 77};
    say(2, CREWI_OP_ATTACHED, &note, sizeof note);
    assert_int_equal(shared_of(id)->lent, lent - 1000 + weight_of(on(1), id));
}

static void a_client_that_asks_another_rank(void **state)
{
    (void)state;
    uint64_t id = make(on(0));
    struct fake_call call = {
        .kind = KIND, .op = TOY_USE, .rank = 2, .head = &id, .head_size = sizeof id};
    fake_call_refused(on(1), &call, CREW_EPROTO, "on another rank");
    assert_null(crewi_handle_find(fake_engine(job, 2), id));
}

static void the_job_ends_with_everything_there(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        uint64_t id = make(on((uint32_t)i % FAKE_RANKS));
        use(on(1), id);
        pass(on(1), on(3), id);
        ask_use(also_on(2), id);
        crewi_engine_run(fake_engine(job, 2), job->now_ns);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_creator_has_all_weight),
        TEST(weight_is_divided_among_ranks),
        TEST(a_copy_that_comes_back_adds_to_the_first),
        TEST(closed_copies_are_refused),
        TEST(a_closed_copy_may_be_given_again),
        TEST(the_end_of_a_process_gives_all_back),
        TEST(the_kind_hears_of_releases),
        TEST(marks_are_of_one_process),
        TEST(what_a_kind_may_leave_out),
        TEST(a_handle_that_nobody_passed_on),
        TEST(many_ask_before_the_rank_is_attached),
        TEST(an_object_that_is_gone),
        TEST(an_object_that_never_was),
        TEST(handles_of_other_kinds),
        TEST(an_object_goes_while_requests_are_pending),
        TEST(one_who_asked_has_ended),
        TEST(one_who_asked_ended_when_the_answer_came),
        TEST(handles_are_found_in_every_word),
        TEST(nothing_is_found_where_nothing_is),
        TEST(handles_are_found_up_to_a_limit),
        TEST(words_that_look_like_handles),
        TEST(closed_copies_are_not_passed_on),
        TEST(a_share_under_way_keeps_the_object),
        TEST(a_dropped_share_goes_home),
        TEST(shares_of_nothing_are_ignored),
        TEST(who_runs_low_asks_for_more),
        TEST(more_weight_comes_too_late),
        TEST(too_many_copies_at_a_time),
        TEST(the_last_of_all_weight_is_not_passed_on),
        TEST(a_long_chain_and_a_wide_one),
        TEST(weight_comes_home_in_any_order),
        TEST(weight_comes_home_before_the_rank_attaches),
        TEST(those_who_hold_it_are_told_to_ask_again),
        TEST(notes_that_cannot_be),
        TEST(weight_that_was_never_lent),
        TEST(answers_that_nobody_waits_for),
        TEST(a_client_that_asks_another_rank),
        cmocka_unit_test_setup_teardown(the_job_ends_with_everything_there, begin,
                                        end_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
