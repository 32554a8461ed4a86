/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles of objects that do nothing go from process to process, in letters and in arguments, and
 * are closed or die with their holders. The object is to be unreferenced exactly when nobody has
 * one. */
#include "base/clock.h"
#include "copies.h"
#include "sim_client.h"
#include "sim_scenarios.h"
#include "toy.h"

#include <stdlib.h>
#include <string.h>

#define MOST_HELD 12
#define MOST_WORDS 8
#define MOST_TRIES 40

struct holder {
    struct sim_client base; /* first */
    uint64_t held[MOST_HELD];
    size_t held_count;
    struct crewi_table closed; /* ids that it once closed */
    uint8_t doing;             /* a toy_op, while it waits for the reply */
    uint64_t subject;          /* the id that it is about */
    uint64_t taking;           /* a letter that is on its way to it from its rank */
    uint64_t again;            /* more letters of the same */
    struct toy_letter letter;
    uint64_t words[MOST_WORDS];
    size_t word_count;
    unsigned tries;
};

/* What clients like to do, in a thousand. */
struct habits {
    unsigned create, use, pass, take, close, unseen, start;
    unsigned burst; /* letters of the same handle, one after the other, at most */
    bool chain;     /* what was taken is passed on at once */
};

struct world {
    struct copies copies; /* first */
    const struct habits *habits;
    unsigned rounds;
};

static struct world *world_of(const struct sim_job *job)
{
    return job->state;
}

/* What it holds */

static bool holds(const struct holder *holder, uint64_t id)
{
    for (size_t i = 0; i < holder->held_count; i++)
        if (holder->held[i] == id)
            return true;
    return false;
}

static void hold(struct holder *holder, uint64_t id)
{
    struct sim_job *job = holder->base.job;
    struct copies_object *object = copies_find(&world_of(job)->copies, id);
    if (holds(holder, id))
        return;
    if (object->gone)
        sim_violation(job, "client %u gets %llx, which is gone", holder->base.number,
                      (unsigned long long)id);
    holder->held[holder->held_count++] = id;
    object->held++;
}

static void let_go(struct holder *holder, size_t at)
{
    struct copies *copies = &world_of(holder->base.job)->copies;
    copies_find(copies, holder->held[at])->held--;
    holder->held[at] = holder->held[--holder->held_count];
}

/* What it asks */

static void ask(struct holder *holder, uint8_t op, const void *head, size_t head_size,
                const void *body, size_t body_size)
{
    struct crewi_call call = {.kind = TOY_KIND,
                              .op = op,
                              .rank = holder->base.rank->engine.rank,
                              .head = head,
                              .body = body,
                              .head_size = head_size,
                              .body_size = body_size};
    holder->doing = op;
    sim_client_ask(&holder->base, &call);
}

static void ask_about(struct holder *holder, uint8_t op, uint64_t id)
{
    holder->subject = id;
    ask(holder, op, &id, sizeof id, NULL, 0);
}

/* Some that it holds, some that it does not, and what is no handle. */
static void choose_words(struct holder *holder)
{
    struct sim_random *random = &holder->base.random;
    const struct copies *copies = &world_of(holder->base.job)->copies;
    holder->word_count = sim_between(random, 1, MOST_WORDS);
    for (size_t i = 0; i < holder->word_count; i++) {
        uint64_t choice = sim_below(random, 10);
        holder->words[i] = sim_random_next(random);
        if (choice < 5 && holder->held_count)
            holder->words[i] = holder->held[sim_below(random, holder->held_count)];
        else if (choice < 6 && copies->object_count)
            holder->words[i] = copies->objects[sim_below(random, copies->object_count)]->id;
    }
}

static void send_letter(struct holder *holder)
{
    struct copies *copies = &world_of(holder->base.job)->copies;
    uint64_t ids[MOST_WORDS];
    size_t count = 0;
    for (size_t i = 0; i < holder->word_count; i++)
        if (holds(holder, holder->words[i]))
            ids[count++] = holder->words[i];
    holder->letter.number = copies_send(copies, ids, count);
    ask(holder, TOY_PASS, &holder->letter, sizeof holder->letter, holder->words,
        holder->word_count * sizeof *holder->words);
}

static void begin_letter(struct holder *holder, bool starts)
{
    struct sim_job *job = holder->base.job;
    struct sim_random *random = &holder->base.random;
    if (starts) {
        uint64_t process = crewi_engine_new_id(&holder->base.rank->engine, CREWI_KIND_PROCESS);
        holder->letter = (struct toy_letter){
            .process = process, .rank = (uint32_t)sim_below(random, job->rank_count), .starts = 1};
    } else {
        const struct sim_client *to = job->clients[sim_below(random, job->client_count)];
        holder->letter =
            (struct toy_letter){.process = to->base.process, .rank = to->rank->engine.rank};
        holder->again = sim_below(random, world_of(job)->habits->burst + 1);
    }
    holder->tries = 0;
    send_letter(holder);
}

static void use_unseen(struct holder *holder)
{
    const struct copies *copies = &world_of(holder->base.job)->copies;
    const struct copies_object *object =
        copies->objects[sim_below(&holder->base.random, copies->object_count)];
    ask_about(holder, TOY_USE, object->id);
}

/* Of those that there are in one's habits: a number below their sum decides. */
static void do_something(struct holder *holder, const struct habits *habits)
{
    struct sim_random *random = &holder->base.random;
    const struct copies *copies = &world_of(holder->base.job)->copies;
    uint64_t choice = sim_below(random, 1000), at = 0;
    bool has_any = holder->held_count > 0;
    if (choice < (at += habits->create) && holder->held_count < MOST_HELD - MOST_WORDS) {
        ask(holder, TOY_CREATE, NULL, 0, NULL, 0);
    } else if (choice < (at += habits->use) && has_any) {
        ask_about(holder, TOY_USE, holder->held[sim_below(random, holder->held_count)]);
    } else if (choice < (at += habits->pass) && has_any) {
        choose_words(holder);
        begin_letter(holder, false);
    } else if (choice < (at += habits->close) && has_any) {
        size_t which = sim_below(random, holder->held_count);
        uint64_t id = holder->held[which];
        let_go(holder, which);
        if (!crewi_table_find(&holder->closed, id) && crewi_table_add(&holder->closed, id, holder))
            abort();
        ask_about(holder, TOY_CLOSE, id);
    } else if (choice < (at += habits->unseen) && copies->object_count &&
               holder->held_count < MOST_HELD) {
        use_unseen(holder);
    } else if (choice < (at += habits->start) && has_any) {
        choose_words(holder);
        begin_letter(holder, true);
    } else if (holder->held_count < MOST_HELD - MOST_WORDS) {
        ask(holder, TOY_TAKE, NULL, 0, NULL, 0);
    } else {
        sim_client_think(&holder->base);
    }
}

static void act(struct sim_client *client)
{
    struct holder *holder = (struct holder *)client;
    if (holder->doing) /* it goes on with the reply */
        return;
    if (holder->tries || holder->again) {
        send_letter(holder);
        return;
    }
    if (client->steps) {
        client->steps--;
        do_something(holder, world_of(client->job)->habits);
        return;
    }
    if (sim_chance(&client->random, 500))
        sim_client_end(client);
}

/* What it hears */

static void hear_use(struct holder *holder, const struct crewi_frame *frame)
{
    struct sim_job *job = holder->base.job;
    uint64_t id = holder->subject;
    bool is_gone = copies_find(&world_of(job)->copies, id)->gone;
    int status = frame->header.status;
    if (status == CREW_OK)
        hold(holder, id);
    else if (holds(holder, id) || status != CREW_ECLOSED ||
             (!is_gone && !crewi_table_find(&holder->closed, id)))
        sim_violation(job, "client %u is told %d about %llx, which it %s", holder->base.number,
                      status, (unsigned long long)id,
                      holds(holder, id) ? "holds" : "does not hold");
}

static void hear_letter(struct holder *holder, const struct crewi_frame *frame)
{
    struct copies *copies = &world_of(holder->base.job)->copies;
    struct toy_letter head;
    if (frame->header.status == CREW_EEMPTY)
        return;
    memcpy(&head, frame->payload, sizeof head);
    struct copies_letter *letter = copies_move(copies, head.number, LETTER_TAKEN, LETTER_RECEIVED);
    holder->taking = 0;
    for (size_t i = 0; letter && i < letter->count; i++)
        hold(holder, letter->ids[i]);
    if (world_of(holder->base.job)->habits->chain && letter && letter->count) {
        holder->word_count = 1;
        holder->words[0] = letter->ids[0];
        holder->letter.starts = 0;
        begin_letter(holder, false);
        holder->again = 0;
    }
}

/* A handle of which too many copies were made can be copied again soon. */
static void hear_pass(struct holder *holder, const struct crewi_frame *frame)
{
    struct sim_job *job = holder->base.job;
    if (frame->header.status == CREW_OK) {
        holder->again -= holder->again > 0;
        holder->tries = 0;
        return;
    }
    if (frame->header.status != CREW_ESTATE)
        sim_violation(job, "a letter is refused with %d: %.*s", frame->header.status,
                      (int)frame->header.size, (const char *)frame->payload);
    if (++holder->tries == MOST_TRIES && !job->broken)
        sim_violation(job, "client %u cannot pass a handle on, however often it tries",
                      holder->base.number);
    if (holder->tries == MOST_TRIES)
        holder->again = holder->tries = 0;
    sim_client_wake(&holder->base, holder->tries * CREWI_MILLISECOND);
}

static void hear(struct sim_client *client, const struct crewi_frame *frame)
{
    struct holder *holder = (struct holder *)client;
    uint8_t heard = holder->doing;
    holder->doing = 0;
    if (heard == TOY_CREATE) {
        uint64_t id;
        memcpy(&id, frame->payload, sizeof id);
        hold(holder, id);
    } else if (heard == TOY_USE) {
        hear_use(holder, frame);
    } else if (heard == TOY_TAKE) {
        hear_letter(holder, frame);
    } else if (heard == TOY_PASS) {
        hear_pass(holder, frame);
    } else if (heard == TOY_CLOSE && frame->header.status) {
        sim_violation(client->job, "client %u cannot close %llx", client->number,
                      (unsigned long long)holder->subject);
    }
    if (!holder->doing && !holder->tries)
        sim_client_think(client);
}

static void ended(struct sim_client *client)
{
    struct holder *holder = (struct holder *)client;
    while (holder->held_count)
        let_go(holder, 0);
    if (holder->taking)
        copies_move(&world_of(client->job)->copies, holder->taking, LETTER_TAKEN, LETTER_LOST);
    crewi_table_fini(&holder->closed);
}

/* What the toys say */

static void toy_created(struct sim_job *job, uint64_t id)
{
    copies_created(&world_of(job)->copies, id);
}

static void toy_unreferenced(struct sim_job *job, uint64_t id)
{
    copies_unreferenced(&world_of(job)->copies, id);
}

static void letter_lost(struct sim_job *job, uint64_t number)
{
    copies_move(&world_of(job)->copies, number, LETTER_UNDER_WAY, LETTER_LOST);
}

static void letter_taken(struct sim_job *job, uint64_t number, uint64_t process)
{
    struct holder *holder = (struct holder *)sim_client_find(job, process);
    copies_move(&world_of(job)->copies, number, LETTER_UNDER_WAY,
                holder ? LETTER_TAKEN : LETTER_LOST);
    if (holder)
        holder->taking = number;
}

static bool start_process(struct sim_job *job, uint32_t rank, const struct toy_letter *letter)
{
    struct sim_client *client = sim_client_create(job, rank, letter->process);
    if (!client)
        return false;
    client->steps = (uint32_t)sim_below(&client->random, job->steps / 2 + 1);
    ask((struct holder *)client, TOY_TAKE, NULL, 0, NULL, 0);
    return true;
}

static const struct toy_watcher watcher = {
    .created = toy_created,
    .unreferenced = toy_unreferenced,
    .lost = letter_lost,
    .taken = letter_taken,
    .start = start_process,
};

/* The scenario */

static void begin_with(struct sim_job *job, const struct habits *habits)
{
    struct world *world = sim_alloc(sizeof *world);
    *world = (struct world){.copies = {.job = job}, .habits = habits};
    job->state = world;
    toy_begin(job, &watcher);
    for (uint32_t i = 0; i < job->client_target; i++)
        sim_client_create(job, (uint32_t)sim_below(&job->random, job->rank_count), 0);
}

/* Those that are still there do a little more twice: so letters are taken that came late. */
static bool at_rest(struct sim_job *job)
{
    bool any = false;
    if (world_of(job)->rounds++ == 2)
        return false;
    for (uint32_t i = 0; i < job->client_count; i++) {
        struct sim_client *client = job->clients[i];
        if (client->ended || client->request_count)
            continue;
        client->steps = 4;
        sim_client_think(client);
        any = true;
    }
    return any;
}

static void finish(struct sim_job *job)
{
    copies_check_end(&world_of(job)->copies);
    if (toy_uses_unheard())
        sim_violation(job, "%llu uses were counted out and did not come back",
                      (unsigned long long)toy_uses_unheard());
}

static void destroy(struct sim_job *job)
{
    for (uint32_t i = 0; i < job->client_count; i++)
        crewi_table_fini(&((struct holder *)job->clients[i])->closed);
    toy_end(job);
    copies_fini(&world_of(job)->copies);
    free(job->state);
}

static void begin(struct sim_job *job)
{
    static const struct habits habits = {
        .create = 100,
        .use = 200,
        .pass = 200,
        .take = 200,
        .close = 150,
        .unseen = 60,
        .start = 20,
    };
    begin_with(job, &habits);
}

/* Nothing but copies: from one holder very many, and from one to the next to the next. */
static void begin_copies(struct sim_job *job)
{
    static const struct habits bursts = {
        .create = 50, .use = 50, .pass = 500, .take = 300, .close = 30, .burst = 3000};
    static const struct habits chains = {
        .create = 50, .use = 50, .pass = 200, .take = 600, .close = 30, .chain = true};
    begin_with(job, sim_chance(&job->random, 500) ? &bursts : &chains);
}

static const struct sim_plant plants[] = {
    {"lost-give-back", SIM_PLANT_DROP, CREWI_NOTE, TOY_KIND, CREWI_OP_GIVE_BACK},
    {"lost-attach", SIM_PLANT_DROP, CREWI_NOTE, TOY_KIND, CREWI_OP_ATTACH},
    {"lost-attached", SIM_PLANT_DROP, CREWI_NOTE, TOY_KIND, CREWI_OP_ATTACHED},
    {"lost-gone", SIM_PLANT_DROP, CREWI_NOTE, TOY_KIND, CREWI_OP_GONE},
    {"lost-letter", SIM_PLANT_DROP, CREWI_NOTE, TOY_KIND, TOY_CARRY},
    {"lost-reply", SIM_PLANT_DROP, CREWI_REPLY, 0, 0},
    {"double-give-back", SIM_PLANT_DOUBLE, CREWI_NOTE, TOY_KIND, CREWI_OP_GIVE_BACK},
    {"double-letter", SIM_PLANT_DOUBLE, CREWI_NOTE, TOY_KIND, TOY_CARRY},
    {"double-reply", SIM_PLANT_DOUBLE, CREWI_REPLY, 0, 0},
    {.name = NULL},
};

const struct sim_scenario sim_handles_scenario = {
    .name = "handles",
    .about = "handles are passed on, closed, and die with their holders",
    .ranks = 6,
    .clients = 20,
    .steps = 120,
    .most_events = 1000,
    .client_size = sizeof(struct holder),
    .plants = plants,
    .begin = begin,
    .act = act,
    .hear = hear,
    .ended = ended,
    .at_rest = at_rest,
    .finish = finish,
    .destroy = destroy,
    .op_name = toy_op_name,
};

const struct sim_scenario sim_copies_scenario = {
    .name = "copies",
    .about = "so many copies are made that weights run low",
    .ranks = 4,
    .clients = 8,
    .steps = 40,
    .most_events = 20000,
    .client_size = sizeof(struct holder),
    .plants = plants,
    .begin = begin_copies,
    .act = act,
    .hear = hear,
    .ended = ended,
    .at_rest = at_rest,
    .finish = finish,
    .destroy = destroy,
    .op_name = toy_op_name,
};
