/* SPDX-License-Identifier: BSD-3-Clause */
/* Locks, semaphores, conditions, events and barriers: users on many ranks, some of which share a
 * host with the home and use the word themselves, as runtime/sync does it; between their look at
 * the word and their message to the home anything may happen, their own end too. An object has a
 * keeper, who does nothing but hold it. */
#include "base/clock.h"
#include "sim_scenarios.h"
#include "sync/sync_agent.h"
#include "sync/sync_home.h"
#include "sync_model.h"
#include "sync_plants.h"

#include <stdlib.h>
#include <string.h>

#define MOST_PARTIES 4
#define ARG_SIZE 64

/* What a client knows of an object. */
struct use {
    bool open, has_closed;
    bool on_host;   /* it uses the word itself */
    uint32_t depth; /* of a lock that it believes to have */
    /* As in a crewi_sync_record */
    uint64_t conditions;
    bool has_told;
};

/* A message that is to come after a look at the word. */
struct intention {
    uint8_t op; /* 0: none */
    bool note;
    int64_t timeout_ns;
    struct crewi_sync_head head;
};

struct user {
    struct sim_client base; /* first */
    bool keeps;             /* the object of its own number */
    struct use uses[SYNC_THINGS];
    struct intention later;
    uint8_t doing;      /* the operation that it waits for; 0: none */
    uint32_t at;        /* which object */
    uint32_t depth;     /* before a wait for a condition */
    uint64_t condition; /* that it notifies */
    bool acts;          /* it runs the action of a barrier */
    uint64_t trip;      /* of that action */
    uint32_t to_make;   /* conditions, of a keeper */
};

static struct sync_model *model_of(const struct user *user)
{
    return user->base.job->state;
}

static struct sync_thing *thing_of(const struct user *user)
{
    return &model_of(user)->things[user->at];
}

static struct use *use_of(struct user *user)
{
    return &user->uses[user->at];
}

static bool is_lock(const struct sync_thing *thing)
{
    return thing->type == CREWI_SYNC_LOCK || thing->type == CREWI_SYNC_RLOCK;
}

/* What it asks */

static int64_t choose_timeout(struct user *user)
{
    static const int64_t timeouts_ns[] = {0,       5000,          20000,         200000,
                                          1000000, CREWI_FOREVER, CREWI_FOREVER, CREWI_FOREVER};
    return timeouts_ns[sim_below(&user->base.random, 8)];
}

static void send(struct user *user)
{
    struct intention what = user->later;
    user->later.op = 0;
    struct crewi_call call = {.kind = CREWI_KIND_SYNC,
                              .op = what.op,
                              .rank = user->base.rank->engine.rank,
                              .timeout_ns = what.timeout_ns,
                              .head = &what.head,
                              .head_size = sizeof what.head};
    if (what.note) {
        sim_client_tell(&user->base, &call);
        sim_client_think(&user->base);
        return;
    }
    user->doing = what.op;
    sim_client_ask(&user->base, &call);
    if (what.op == CREWI_SYNC_RELEASE_AND_WAIT) /* in time it wants the lock, and may wait for it */
        user->base.requests[user->base.request_count - 1].is_timed = false;
}

/* Now, or a little later: it may have ended by then, or others have been faster. */
static void intend(struct user *user, uint8_t op, bool note, const struct crewi_sync_head *head,
                   int64_t timeout_ns)
{
    user->later =
        (struct intention){.op = op, .note = note, .timeout_ns = timeout_ns, .head = *head};
    user->later.head.id = thing_of(user)->id;
    uint64_t choice = use_of(user)->on_host ? sim_below(&user->base.random, 1000) : 999;
    if (choice < 20 && user->base.job->weather.deaths_per_mille)
        sim_client_end(&user->base);
    else if (choice < 700)
        sim_client_think(&user->base);
    else
        send(user);
}

static void ask(struct user *user, uint8_t op, int64_t timeout_ns)
{
    struct crewi_sync_head head = {0};
    intend(user, op, false, &head, timeout_ns);
}

static void think(struct user *user)
{
    sim_client_think(&user->base);
}

/* Locks */

static void enter(struct user *user, uint32_t depth)
{
    use_of(user)->depth = depth;
    sync_model_enter(thing_of(user), &user->base);
}

static void leave(struct user *user)
{
    use_of(user)->depth = 0;
    sync_model_leave(thing_of(user), &user->base);
}

static void acquire(struct user *user)
{
    struct sync_thing *thing = thing_of(user);
    int64_t timeout_ns = choose_timeout(user);
    enum crewi_word_result result = CREWI_WORD_ASK;
    if (thing->type == CREWI_SYNC_RLOCK && use_of(user)->depth) {
        use_of(user)->depth++;
        think(user);
        return;
    }
    if (use_of(user)->on_host)
        result = sync_model_lock(thing, &user->base);
    if (result == CREWI_WORD_DONE || result == CREWI_WORD_DONE_OWNER_DIED)
        enter(user, 1);
    else if (!use_of(user)->on_host || timeout_ns > 0) {
        ask(user, CREWI_SYNC_ACQUIRE, timeout_ns);
        return;
    }
    think(user);
}

static void release(struct user *user)
{
    struct crewi_sync_head head = {0};
    enum crewi_word_result result = CREWI_WORD_NO;
    struct use *use = use_of(user);
    bool own = use->depth, on_host = use->on_host;
    if (use->depth > 1) {
        use->depth--;
        think(user);
        return;
    }
    leave(user);
    /* A release by the word would be ahead of what it has told. */
    if (on_host && use->has_told)
        on_host = sync_is_planted(model_of(user), SYNC_RELEASE_OVERTAKES, true);
    use->has_told = false;
    if (on_host && own)
        result = sync_model_unlock(thing_of(user), user->base.base.process);
    bool is_note = result == CREWI_WORD_ASK;
    if (on_host && result == CREWI_WORD_NO)
        result = sync_model_unlock(thing_of(user), 0);
    if (!on_host || result == CREWI_WORD_ASK)
        intend(user, CREWI_SYNC_RELEASE, is_note, &head, 0);
    else
        think(user);
}

/* One of them is used most, so that there is somebody to notify. */
static uint64_t choose_condition(struct sim_random *random)
{
    return sim_chance(random, 600) ? 1 : sim_between(random, 1, SYNC_CONDITIONS);
}

static void wait_for_condition(struct user *user)
{
    struct crewi_sync_head head = {.id = thing_of(user)->id,
                                   .number = choose_condition(&user->base.random)};
    user->depth = use_of(user)->depth;
    use_of(user)->has_told = false;
    leave(user);
    user->later = (struct intention){
        .op = CREWI_SYNC_RELEASE_AND_WAIT, .timeout_ns = choose_timeout(user), .head = head};
    send(user);
}

/* As tell_home() of condition.c */
static void notify(struct user *user)
{
    static const int64_t counts[] = {1, 1, 2, 3, INT64_MAX};
    struct sim_random *random = &user->base.random;
    struct use *use = use_of(user);
    struct crewi_sync_head head = {.id = thing_of(user)->id,
                                   .number = choose_condition(random),
                                   .value =
                                       counts[sim_below(random, sizeof counts / sizeof *counts)]};
    bool is_note =
        use->depth && thing_of(user)->type == CREWI_SYNC_RLOCK && head.number <= use->conditions;
    use->has_told |= is_note;
    user->later = (struct intention){.op = CREWI_SYNC_NOTIFY, .note = is_note, .head = head};
    user->condition = head.number;
    send(user);
}

static void use_own_lock(struct user *user, uint64_t choice)
{
    bool recursive = thing_of(user)->type == CREWI_SYNC_RLOCK;
    if (recursive && choice < 300)
        acquire(user);
    else if (choice < 500)
        wait_for_condition(user);
    else if (choice < 780)
        notify(user);
    else
        release(user);
}

static void use_lock(struct user *user, uint64_t choice)
{
    bool recursive = thing_of(user)->type == CREWI_SYNC_RLOCK;
    if (choice < 20)
        ask(user, CREWI_SYNC_VALUE, 0);
    else if (use_of(user)->depth)
        use_own_lock(user, choice);
    else if (choice < 50 && !recursive)
        release(user); /* somebody else's, or a free one */
    else if (choice < 60)
        notify(user); /* it is not to */
    else
        acquire(user);
}

/* Semaphores */

static void use_semaphore(struct user *user, uint64_t choice)
{
    struct sync_thing *thing = thing_of(user);
    int64_t timeout_ns = choose_timeout(user);
    enum crewi_word_result result = CREWI_WORD_ASK;
    bool on_host = use_of(user)->on_host;
    bool takes = choice < 520;
    if (choice < 30) {
        ask(user, CREWI_SYNC_VALUE, 0);
        return;
    }
    if (on_host)
        result = takes ? sync_model_take(thing) : sync_model_give(thing);
    if (result == CREWI_WORD_DONE || (on_host && takes && timeout_ns <= 0) ||
        (!takes && result == CREWI_WORD_NO))
        think(user);
    else if (takes)
        ask(user, CREWI_SYNC_ACQUIRE, timeout_ns);
    else
        ask(user, CREWI_SYNC_RELEASE, 0);
}

/* Events */

static void set_event(struct user *user)
{
    struct crewi_sync_head head = {0};
    if (!use_of(user)->on_host)
        ask(user, CREWI_SYNC_SET, 0);
    else if (sync_model_set(thing_of(user), &user->base) == CREWI_WORD_ASK)
        intend(user, CREWI_SYNC_SET, true, &head, 0);
    else
        think(user);
}

static void clear_event(struct user *user)
{
    if (use_of(user)->on_host && sync_model_clear(thing_of(user)) == CREWI_WORD_DONE)
        think(user);
    else
        ask(user, CREWI_SYNC_CLEAR, 0);
}

static void wait_for_event(struct user *user)
{
    int64_t timeout_ns = choose_timeout(user);
    if (use_of(user)->on_host && (sync_model_is_set(thing_of(user)) || timeout_ns <= 0))
        think(user);
    else
        ask(user, CREWI_SYNC_WAIT, timeout_ns);
}

static void use_event(struct user *user, uint64_t choice)
{
    if (choice < 50)
        ask(user, CREWI_SYNC_VALUE, 0);
    else if (choice < 200)
        set_event(user);
    else if (choice < 500)
        clear_event(user);
    else
        wait_for_event(user);
}

/* Barriers */

static void use_barrier(struct user *user, uint64_t choice)
{
    if (choice < 50)
        ask(user, CREWI_SYNC_STATE, 0);
    else if (choice < 100)
        ask(user, CREWI_SYNC_ABORT, 0);
    else if (choice < 250)
        ask(user, CREWI_SYNC_RESET, 0);
    else
        ask(user, CREWI_SYNC_ARRIVE,
            sim_chance(&user->base.random, 700) ? CREWI_FOREVER : choose_timeout(user));
}

static void end_action(struct user *user)
{
    struct crewi_sync_head head = {.number = user->trip};
    user->acts = false;
    if (sim_chance(&user->base.random, 100))
        head.value = CREW_EFAILED;
    user->later = (struct intention){.op = CREWI_SYNC_ACTION_DONE, .head = head};
    user->later.head.id = thing_of(user)->id;
    send(user);
}

/* Its program */

static void use_thing(struct user *user)
{
    uint64_t choice = sim_below(&user->base.random, 1000);
    switch (thing_of(user)->type) {
    case CREWI_SYNC_SEMAPHORE:
        use_semaphore(user, choice);
        break;
    case CREWI_SYNC_EVENT:
        use_event(user, choice);
        break;
    case CREWI_SYNC_BARRIER:
        use_barrier(user, choice);
        break;
    default:
        use_lock(user, choice);
    }
}

/* One that it has a lock of, if it has any. */
static bool choose_held(struct user *user)
{
    for (uint32_t i = 0; i < model_of(user)->thing_count; i++) {
        if (!user->uses[i].depth)
            continue;
        user->at = i;
        return true;
    }
    return false;
}

static void do_something(struct user *user)
{
    struct sim_random *random = &user->base.random;
    user->at = (uint32_t)sim_below(random, model_of(user)->thing_count);
    if (sim_chance(random, 600))
        choose_held(user);
    struct use *use = use_of(user);
    if (!thing_of(user)->id) /* not created yet */
        think(user);
    else if (!use->open && !use->has_closed)
        ask(user, CREWI_SYNC_OPEN, 0);
    else if (use->has_closed || (!use->depth && sim_chance(random, 10)))
        ask(user, CREWI_SYNC_CLOSE, 0);
    else if (sim_chance(random, 30))
        sim_client_wake(&user->base, 20 * user->base.job->weather.think_ns);
    else
        use_thing(user);
}

static void make_condition(struct user *keeper)
{
    keeper->to_make--;
    ask(keeper, CREWI_SYNC_CONDITION, 0);
}

static void act(struct sim_client *client)
{
    struct user *user = (struct user *)client;
    if (user->later.op)
        send(user);
    else if (user->doing)
        return;
    else if (user->acts)
        end_action(user);
    else if (user->keeps) {
        if (user->to_make)
            make_condition(user);
    } else if (client->steps) {
        client->steps--;
        do_something(user);
    } else if (choose_held(user) && sim_chance(&client->random, 800)) {
        release(user);
    } else if (sim_chance(&client->random, 500)) {
        sim_client_end(client);
    }
}

/* What it hears */

static void hear_opened(struct user *user)
{
    const struct sim_job *job = user->base.job;
    uint32_t home = thing_of(user)->home;
    struct use *use = use_of(user);
    use->open = true;
    use->on_host = job->host_of_rank[home] == job->host_of_rank[user->base.rank->engine.rank] &&
                   sim_chance(&user->base.random, 800);
}

static void hear_created(struct user *keeper, const struct crewi_frame *frame)
{
    struct sync_thing *thing = thing_of(keeper);
    struct crewi_sync_description about;
    memcpy(&about, frame->payload, sizeof about);
    thing->id = about.id;
    thing->home = crewi_id_home(about.id);
    thing->word = crewi_sync_find(&keeper->base.rank->engine, about.id)->word;
    use_of(keeper)->open = true;
    keeper->to_make = is_lock(thing) ? SYNC_CONDITIONS : 0;
}

/* All that has_lock of condition.c says. */
static void hear_waited(struct user *user, int status)
{
    if (status == CREW_OK || status == CREW_ETIMEDOUT || status == CREW_EOWNERDEAD ||
        status == CREW_ENOENT)
        enter(user, user->depth);
    else if (thing_of(user)->type == CREWI_SYNC_RLOCK)
        sim_violation(user->base.job, "client %u loses its rlock in a wait: %d", user->base.number,
                      status);
}

static void hear_arrived(struct user *user, const struct crewi_frame *frame)
{
    struct crewi_sync_arrival arrival;
    if (frame->header.status)
        return;
    memcpy(&arrival, frame->payload, sizeof arrival);
    user->acts = arrival.has_action;
    user->trip = arrival.trip;
}

/* Whether the object was not there for it. */
static bool hear_closed(struct user *user, uint8_t op, int status)
{
    const struct use *use = use_of(user);
    bool says_gone = status == CREW_ECLOSED || status == CREW_ENOENT;
    bool unknown = op == CREWI_SYNC_RELEASE_AND_WAIT || op == CREWI_SYNC_NOTIFY;
    if (says_gone && use->open && !(status == CREW_ENOENT && unknown))
        sim_violation(user->base.job, "client %u is told that its object is gone",
                      user->base.number);
    return says_gone;
}

static void hear(struct sim_client *client, const struct crewi_frame *frame)
{
    struct user *user = (struct user *)client;
    int status = frame->header.status;
    uint8_t op = user->doing;
    user->doing = 0;
    bool gone = op != CREWI_SYNC_CREATE && hear_closed(user, op, status);
    if (op == CREWI_SYNC_CREATE && !status)
        hear_created(user, frame);
    else if (op == CREWI_SYNC_OPEN && !status)
        hear_opened(user);
    else if (op == CREWI_SYNC_OPEN && gone)
        use_of(user)->has_closed = true; /* and not asked for again */
    else if (op == CREWI_SYNC_CLOSE)
        *use_of(user) = (struct use){.has_closed = true};
    else if (op == CREWI_SYNC_ACQUIRE && is_lock(thing_of(user)) &&
             (!status || status == CREW_EOWNERDEAD))
        enter(user, 1);
    else if (op == CREWI_SYNC_NOTIFY && !status && use_of(user)->conditions < user->condition)
        use_of(user)->conditions = user->condition;
    else if (op == CREWI_SYNC_RELEASE_AND_WAIT)
        hear_waited(user, status);
    else if (op == CREWI_SYNC_ARRIVE)
        hear_arrived(user, frame);
    think(user);
}

static void ended(struct sim_client *client)
{
    struct user *user = (struct user *)client;
    for (uint32_t i = 0; i < model_of(user)->thing_count; i++)
        sync_model_leave(&model_of(user)->things[i], client);
}

/* The scenario */

static void choose_spec(struct sim_random *random, struct crewi_sync_spec *spec)
{
    static const int64_t limits_ns[] = {CREWI_FOREVER, CREWI_FOREVER, 30000, 300000};
    spec->type = (uint32_t)sim_between(random, CREWI_SYNC_LOCK, CREWI_SYNC_BARRIER);
    if (spec->type == CREWI_SYNC_SEMAPHORE) {
        spec->value = (int64_t)sim_below(random, 4);
        spec->limit = sim_chance(random, 500) ? spec->value : CREW_SEMAPHORE_LIMIT;
    } else if (spec->type == CREWI_SYNC_BARRIER) {
        spec->value = (int64_t)sim_between(random, 1, MOST_PARTIES);
        spec->timeout_ns = limits_ns[sim_below(random, 4)];
        spec->has_action = sim_chance(random, 500);
        spec->arg_size = spec->has_action ? (uint32_t)sim_below(random, ARG_SIZE) : 0;
    }
}

static void create_thing(struct user *keeper, uint32_t number)
{
    static const unsigned char arg[ARG_SIZE];
    struct sync_model *model = model_of(keeper);
    struct crewi_sync_spec spec = {0};
    choose_spec(&keeper->base.random, &spec);
    model->things[number] = (struct sync_thing){.model = model,
                                                .type = spec.type,
                                                .value = (uint64_t)spec.value,
                                                .limit = (uint64_t)spec.limit,
                                                .parties = (uint32_t)spec.value,
                                                .has_action = spec.has_action,
                                                .timeout_ns = spec.timeout_ns};
    keeper->keeps = true;
    keeper->at = number;
    keeper->doing = CREWI_SYNC_CREATE;
    struct crewi_call call = {.kind = CREWI_KIND_SYNC,
                              .op = CREWI_SYNC_CREATE,
                              .rank = keeper->base.rank->engine.rank,
                              .head = &spec,
                              .head_size = sizeof spec,
                              .body = arg,
                              .body_size = spec.arg_size};
    sim_client_ask(&keeper->base, &call);
}

static void begin(struct sim_job *job)
{
    struct sync_model *model = sim_alloc(sizeof *model);
    job->state = model;
    model->job = job;
    job->network.until_plant /= 4; /* some of what can go wrong is rare in one job */
    sim_job_set_kind(job, CREWI_KIND_SYNC, &crewi_sync_kind);
    model->thing_count = (uint32_t)sim_between(&job->random, 1, SYNC_THINGS);
    for (uint32_t i = 0; i < model->thing_count + job->client_target && i < SYNC_USERS; i++) {
        struct sim_client *client =
            sim_client_create(job, (uint32_t)sim_below(&job->random, job->rank_count), 0);
        if (i < model->thing_count)
            create_thing((struct user *)client, i);
    }
}

/* Those who wait for nothing; then one who does, and whoever waited for it may go on. */
static bool end_some(struct sim_job *job)
{
    struct sim_client *waiting = NULL;
    bool any = false;
    for (uint32_t i = 0; i < job->client_count; i++) {
        struct sim_client *client = job->clients[i];
        if (client->ended || ((struct user *)client)->keeps)
            continue;
        if (client->request_count) {
            waiting = client;
            continue;
        }
        sim_client_end(client);
        any = true;
    }
    if (!any && waiting)
        sim_client_end(waiting);
    return any || waiting;
}

static bool at_rest(struct sim_job *job)
{
    struct sync_model *model = job->state;
    if (!job->broken)
        sync_model_check_waiting(model);
    return end_some(job);
}

static void finish(struct sim_job *job)
{
    const struct sync_model *model = job->state;
    if (model->blocks)
        sim_violation(job, "%zu blocks of memory are left", model->blocks);
}

static void destroy(struct sim_job *job)
{
    free(job->state);
}

static const char *op_name(uint8_t kind, uint8_t op)
{
    static const char *const names[] = {
        "?",      "create", "open",        "close", "acquire",   "release",
        "value",  "set",    "clear",       "wait",  "condition", "release_and_wait",
        "notify", "arrive", "action_done", "reset", "abort",     "state"};
    uint8_t asked = op & (CREWI_ENGINE_OPS - 1); /* at home it is a twin of the client's */
    if (kind != CREWI_KIND_SYNC)
        return NULL;
    if (op == CREWI_SYNC_RELEASED)
        return "RELEASED";
    return op <= CREWI_ENGINE_OPS + CREWI_SYNC_LAST_OP && asked <= CREWI_SYNC_LAST_OP ? names[asked]
                                                                                      : NULL;
}

const struct sim_scenario sim_sync_scenario = {
    .name = "sync",
    .about = "users of locks, semaphores, conditions, events and barriers",
    .ranks = 5,
    .clients = 12,
    .steps = 100,
    .most_events = 1000,
    .client_size = sizeof(struct user),
    .plants = sync_plants,
    .begin = begin,
    .act = act,
    .hear = hear,
    .ended = ended,
    .at_rest = at_rest,
    .finish = finish,
    .destroy = destroy,
    .op_name = op_name,
};
