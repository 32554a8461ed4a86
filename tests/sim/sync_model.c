/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync_model.h"

#include "base/clock.h"

#include <string.h>

struct sync_thing *sync_model_find(struct sync_model *model, uint64_t id)
{
    for (uint32_t i = 0; i < model->thing_count; i++)
        if (model->things[i].id == id && id)
            return &model->things[i];
    return NULL;
}

static uint64_t bit_of(const struct sim_client *client)
{
    return (uint64_t)1 << client->number;
}

static bool is_lock(const struct sync_thing *thing)
{
    return thing->type == CREWI_SYNC_LOCK || thing->type == CREWI_SYNC_RLOCK;
}

/* Lines */

size_t sync_line_find(const struct sync_line *line, uint32_t user)
{
    size_t place = 0;
    while (place < line->count && line->at[place].user != user)
        place++;
    return place;
}

void sync_line_add(struct sync_line *line, uint32_t user, int64_t deadline_ns)
{
    line->at[line->count++] = (struct sync_waiter){.user = user, .deadline_ns = deadline_ns};
}

struct sync_waiter sync_line_remove(struct sync_line *line, size_t place)
{
    struct sync_waiter waiter = line->at[place];
    line->count--;
    memmove(&line->at[place], &line->at[place + 1], (line->count - place) * sizeof line->at[place]);
    return waiter;
}

static void leave_line(struct sync_line *line, uint32_t user)
{
    size_t place = sync_line_find(line, user);
    if (place < line->count)
        sync_line_remove(line, place);
}

/* The word */

static uint64_t word_that_is_right(const struct sync_thing *thing)
{
    uint64_t queued = thing->line.count ? CREWI_WORD_QUEUED : 0;
    if (is_lock(thing))
        return crewi_word_owner(thing->owner) | queued |
               (thing->owner_died ? CREWI_WORD_OWNER_DIED : 0);
    if (thing->type == CREWI_SYNC_SEMAPHORE)
        return thing->value | queued;
    return thing->type == CREWI_SYNC_EVENT ? queued | thing->is_set : 0;
}

/* Before and after a step of the home, and before each use on the host. */
static void check_word(struct sync_thing *thing)
{
    uint64_t right = word_that_is_right(thing);
    if (!thing->word || atomic_load(thing->word) == right)
        return;
    sim_violation(thing->model->job, "the word of %llx is %llx, and should be %llx",
                  (unsigned long long)thing->id, (unsigned long long)atomic_load(thing->word),
                  (unsigned long long)right);
}

/* Steps of the home of a lock */

static void free_lock(struct sync_thing *thing)
{
    thing->owner = 0;
    thing->inside = NULL;
}

static void lock_released(struct sync_thing *thing, const struct sim_client *client,
                          const struct crewi_message *message, struct sync_asked *asked)
{
    asked->expected = thing->owner ? CREW_OK : CREW_ESTATE;
    if (message->origin.request || thing->owner == client->base.process)
        free_lock(thing); /* a note that comes when somebody else has it has nothing to say */
}

static void condition_asked(struct sync_thing *thing, const struct sim_client *client,
                            const struct crewi_message *message, struct sync_asked *asked)
{
    const struct crewi_sync_head *head = message->data;
    if (head->number < 1 || head->number > thing->condition_count) {
        asked->expected = CREW_ENOENT;
        return;
    }
    struct sync_line *condition = &thing->conditions[head->number - 1];
    if (thing->owner != client->base.process) {
        asked->expected = CREW_EPERM;
        if (!message->origin.request)
            sim_violation(thing->model->job, "client %u notifies, and does not have its rlock",
                          client->number);
    } else if (asked->op == CREWI_SYNC_NOTIFY) {
        uint64_t count = head->value > 0 ? (uint64_t)head->value : 0;
        thing->notified = condition;
        thing->notify = thing->model->handled;
        thing->to_notify = count < condition->count ? count : condition->count;
    } else {
        asked->waits = true;
        sync_line_add(condition, client->number,
                      crewi_deadline_ns(thing->model->job->now_ns, message->timeout_ns));
        condition->at[condition->count - 1].since = thing->model->handled;
        free_lock(thing);
    }
}

void sync_model_enqueued(struct sync_thing *thing, const struct sim_client *client,
                         crew_status status)
{
    struct sim_job *job = thing->model->job;
    struct sync_line *condition = thing->conditions;
    uint32_t user = client->number;
    while (condition < thing->conditions + SYNC_CONDITIONS &&
           sync_line_find(condition, user) == condition->count)
        condition++;
    if (condition == thing->conditions + SYNC_CONDITIONS) {
        sim_violation(job, "client %u is woken, and waits for no condition", user);
        return;
    }
    size_t place = sync_line_find(condition, user);
    struct sync_waiter waiter = sync_line_remove(condition, place);
    waiter.timed_out = status == CREW_ETIMEDOUT;
    if (waiter.timed_out)
        sync_model_check_late(thing, client, waiter.deadline_ns);
    waiter.deadline_ns = CREWI_FOREVER;
    waiter.notified_by = waiter.timed_out ? NULL : condition;
    waiter.notified = thing->notify;
    if (!waiter.timed_out && (condition != thing->notified || !thing->to_notify || place))
        sim_violation(job, "client %u is woken, and it is not its turn", user);
    thing->to_notify -= !waiter.timed_out;
    thing->line.at[thing->line.count++] = waiter;
}

static void lock_granted(struct sync_thing *thing, const struct sim_client *client,
                         const struct sync_waiter *waiter, crew_status status)
{
    struct sim_job *job = thing->model->job;
    crew_status right = waiter->timed_out ? CREW_ETIMEDOUT : CREW_OK;
    if (thing->owner)
        sim_violation(job, "client %u is given a lock that %llx has", client->number,
                      (unsigned long long)thing->owner);
    if (thing->owner_died)
        right = CREW_EOWNERDEAD;
    if (status != right)
        sim_violation(job, "client %u is given a lock with %d instead of %d", client->number,
                      status, right);
    thing->owner = client->base.process;
    thing->told_death = thing->owner_died;
    thing->owner_died = false;
}

/* One that waits is answered */

void sync_model_check_late(struct sync_thing *thing, const struct sim_client *client,
                           int64_t deadline_ns)
{
    const struct sim_job *job = thing->model->job;
    int64_t paused_ns = job->ranks[thing->home].paused_until_ns;
    if (job->now_ns < deadline_ns)
        sim_violation(thing->model->job, "client %u is too late before its time", client->number);
    if (job->now_ns > deadline_ns && job->now_ns > paused_ns)
        sim_violation(thing->model->job, "client %u is told %lld ns after its time", client->number,
                      (long long)(job->now_ns - deadline_ns));
}

static bool is_late_in_vain(const struct sync_thing *thing)
{
    if (thing->type == CREWI_SYNC_SEMAPHORE)
        return thing->value;
    if (thing->type == CREWI_SYNC_EVENT)
        return thing->is_set && !thing->setters;
    return !thing->owner;
}

static void waiter_late(struct sync_thing *thing, const struct sim_client *client, size_t place)
{
    struct sync_waiter waiter = sync_line_remove(&thing->line, place);
    sync_model_check_late(thing, client, waiter.deadline_ns);
    if (is_late_in_vain(thing))
        sim_violation(thing->model->job, "client %u is too late for what is there", client->number);
}

static void waiter_served(struct sync_thing *thing, const struct sim_client *client, size_t place,
                          crew_status status)
{
    struct sim_job *job = thing->model->job;
    struct sync_waiter waiter = sync_line_remove(&thing->line, place);
    if (place && thing->type != CREWI_SYNC_EVENT)
        sim_violation(job, "client %u is served, and %zu came before it", client->number, place);
    if (thing->gone & bit_of(client))
        sim_violation(job, "client %u is served, and has ended", client->number);
    if (is_lock(thing)) {
        lock_granted(thing, client, &waiter, status);
        return;
    }
    if (status)
        sim_violation(job, "client %u is told %d", client->number, status);
    if (thing->type == CREWI_SYNC_EVENT && !thing->is_set)
        sim_violation(job, "client %u is woken by an event that is not set", client->number);
    if (thing->type == CREWI_SYNC_SEMAPHORE && !thing->value)
        sim_violation(job, "client %u is given one of a semaphore that is 0", client->number);
    thing->value -= thing->type == CREWI_SYNC_SEMAPHORE && thing->value;
}

static void waiter_answered(struct sync_thing *thing, const struct sim_client *client,
                            crew_status status)
{
    size_t place = sync_line_find(&thing->line, client->number);
    if (status == CREW_ECLOSED && thing->gone & bit_of(client))
        return;
    if (place == thing->line.count)
        sim_violation(thing->model->job, "client %u is answered with %d, and its turn is not",
                      client->number, status);
    else if (status == CREW_ETIMEDOUT && !thing->line.at[place].timed_out)
        waiter_late(thing, client, place);
    else
        waiter_served(thing, client, place, status);
}

static void check_value(struct sync_thing *thing, const void *data, size_t size)
{
    uint64_t value, right = word_that_is_right(thing) & ~CREWI_WORD_QUEUED;
    memcpy(&value, data, size < sizeof value ? size : sizeof value);
    if (size != sizeof value || value != right)
        sim_violation(thing->model->job, "the value of %llx is told as %llx, and is %llx",
                      (unsigned long long)thing->id, (unsigned long long)value,
                      (unsigned long long)right);
}

/* Those who waited while it was set have been woken before. */
static void event_cleared(struct sync_thing *thing)
{
    if (thing->is_set && thing->line.count)
        sim_violation(thing->model->job, "an event is cleared before client %u is woken",
                      thing->line.at[0].user);
    thing->is_set = false;
}

void sync_model_answer(struct sync_thing *thing, const struct sim_client *client,
                       crew_status status, const void *data, size_t size)
{
    struct sync_asked *asked = &thing->model->asked[client->number];
    struct sync_asked was = *asked;
    if (thing->type == CREWI_SYNC_BARRIER) {
        sync_barrier_answer(thing, client, status, data, size);
        *asked = (struct sync_asked){0};
        return;
    }
    *asked = (struct sync_asked){0};
    if (was.waits) {
        waiter_answered(thing, client, status);
        return;
    }
    if (status != was.expected)
        sim_violation(thing->model->job, "client %u is told %d instead of %d", client->number,
                      status, was.expected);
    if (was.op == CREWI_SYNC_VALUE)
        check_value(thing, data, size);
    if (was.op == CREWI_SYNC_CLEAR)
        event_cleared(thing);
    if (was.op == CREWI_SYNC_CONDITION)
        thing->condition_count++;
}

/* Steps of a home */

static void wait_in_line(struct sync_thing *thing, const struct sim_client *client,
                         const struct crewi_message *message, struct sync_asked *asked)
{
    asked->waits = true;
    sync_line_add(&thing->line, client->number,
                  crewi_deadline_ns(thing->model->job->now_ns, message->timeout_ns));
}

static void semaphore_released(struct sync_thing *thing, struct sync_asked *asked)
{
    if (thing->value >= thing->limit)
        asked->expected = CREW_ESTATE;
    else
        thing->value++;
}

static void event_set(struct sync_thing *thing, const struct sim_client *client,
                      const struct crewi_message *message)
{
    if (message->origin.request)
        thing->is_set = true;
    else
        thing->setters &= ~bit_of(client);
}

void sync_model_request(struct sync_thing *thing, const struct sim_client *client,
                        const struct crewi_message *message, uint8_t op)
{
    struct sync_asked note, *asked = &note;
    check_word(thing);
    thing->model->handled++;
    if (thing->setters & bit_of(client) && (op != CREWI_SYNC_SET || message->origin.request))
        sim_violation(thing->model->job, "client %u has set an event, and its note has not come",
                      client->number);
    if (message->origin.request)
        asked = &thing->model->asked[client->number];
    *asked = (struct sync_asked){.thing = thing, .request = message->origin.request, .op = op};
    if (thing->type == CREWI_SYNC_BARRIER)
        sync_barrier_request(thing, client, message, op);
    else if (op == CREWI_SYNC_ACQUIRE || op == CREWI_SYNC_WAIT)
        wait_in_line(thing, client, message, asked);
    else if (op == CREWI_SYNC_RELEASE && is_lock(thing))
        lock_released(thing, client, message, asked);
    else if (op == CREWI_SYNC_RELEASE)
        semaphore_released(thing, asked);
    else if (op == CREWI_SYNC_RELEASE_AND_WAIT || op == CREWI_SYNC_NOTIFY)
        condition_asked(thing, client, message, asked);
    else if (op == CREWI_SYNC_SET)
        event_set(thing, client, message);
}

/* One that was notified, and did not get the lock: the notify is for the next one of those that
 * waited then. */
static void hand_notify_on(struct sync_thing *thing, const struct sim_client *client)
{
    size_t place = sync_line_find(&thing->line, client->number);
    if (place == thing->line.count || !thing->line.at[place].notified_by)
        return;
    thing->notified = thing->line.at[place].notified_by;
    thing->notify = thing->line.at[place].notified;
    thing->to_notify = thing->notified->count && thing->notified->at[0].since < thing->notify;
}

void sync_model_released(struct sync_thing *thing, const struct sim_client *client)
{
    check_word(thing);
    thing->model->handled++;
    thing->gone |= bit_of(client);
    thing->setters &= ~bit_of(client);
    if (thing->type == CREWI_SYNC_BARRIER) {
        sync_barrier_released(thing, client);
        return;
    }
    for (uint32_t i = 0; i < SYNC_CONDITIONS; i++)
        leave_line(&thing->conditions[i], client->number);
    hand_notify_on(thing, client);
    leave_line(&thing->line, client->number);
    if (!is_lock(thing) || thing->owner != client->base.process)
        return;
    free_lock(thing);
    thing->owner_died = true;
}

void sync_model_settled(struct sync_thing *thing)
{
    struct sim_job *job = thing->model->job;
    if (thing->to_notify)
        sim_violation(job, "a notify has woken %llu too few", (unsigned long long)thing->to_notify);
    thing->notified = NULL;
    if (is_lock(thing) && !thing->owner && thing->line.count)
        sim_violation(job, "a lock is free, and client %u waits for it", thing->line.at[0].user);
    if (thing->type == CREWI_SYNC_SEMAPHORE && thing->value && thing->line.count)
        sim_violation(job, "a semaphore is %llu, and client %u waits for it",
                      (unsigned long long)thing->value, thing->line.at[0].user);
    if (thing->type == CREWI_SYNC_EVENT && thing->is_set && thing->line.count && !thing->setters)
        sim_violation(job, "an event is set, and client %u waits for it", thing->line.at[0].user);
    if (thing->type == CREWI_SYNC_BARRIER)
        sync_barrier_settled(thing);
    check_word(thing);
}

void sync_model_gone(struct sync_thing *thing)
{
    size_t waiting = thing->line.count;
    for (uint32_t i = 0; i < SYNC_CONDITIONS; i++)
        waiting += thing->conditions[i].count;
    if (waiting)
        sim_violation(thing->model->job, "%llx is gone, and %zu wait for it",
                      (unsigned long long)thing->id, waiting);
    thing->word = NULL;
}

/* On the host */

static void check_result(struct sync_thing *thing, enum crewi_word_result result,
                         enum crewi_word_result right)
{
    if (result != right)
        sim_violation(thing->model->job, "the word of %llx, used on the host, says %d and not %d",
                      (unsigned long long)thing->id, result, right);
    check_word(thing);
}

enum crewi_word_result sync_model_lock(struct sync_thing *thing, const struct sim_client *client)
{
    enum crewi_word_result right = CREWI_WORD_DONE;
    check_word(thing);
    if (thing->line.count)
        right = CREWI_WORD_ASK;
    else if (thing->owner)
        right = CREWI_WORD_NO;
    else if (thing->owner_died)
        right = CREWI_WORD_DONE_OWNER_DIED;
    enum crewi_word_result result = crewi_word_lock(thing->word, client->base.process);
    if (result == CREWI_WORD_DONE || result == CREWI_WORD_DONE_OWNER_DIED) {
        thing->owner = client->base.process;
        thing->owner_died = false;
    }
    check_result(thing, result, right);
    return result;
}

enum crewi_word_result sync_model_unlock(struct sync_thing *thing, uint64_t process)
{
    enum crewi_word_result right = thing->line.count ? CREWI_WORD_ASK : CREWI_WORD_DONE;
    check_word(thing);
    if (!thing->owner || (process && thing->owner != process))
        right = CREWI_WORD_NO;
    enum crewi_word_result result = crewi_word_unlock(thing->word, process);
    if (result == CREWI_WORD_DONE)
        free_lock(thing);
    check_result(thing, result, right);
    return result;
}

enum crewi_word_result sync_model_take(struct sync_thing *thing)
{
    enum crewi_word_result right = thing->value ? CREWI_WORD_DONE : CREWI_WORD_NO;
    check_word(thing);
    if (thing->line.count)
        right = CREWI_WORD_ASK;
    enum crewi_word_result result = crewi_word_take(thing->word);
    thing->value -= result == CREWI_WORD_DONE;
    check_result(thing, result, right);
    return result;
}

enum crewi_word_result sync_model_give(struct sync_thing *thing)
{
    enum crewi_word_result right = thing->value < thing->limit ? CREWI_WORD_DONE : CREWI_WORD_NO;
    check_word(thing);
    if (thing->line.count)
        right = CREWI_WORD_ASK;
    enum crewi_word_result result = crewi_word_give(thing->word, thing->limit);
    thing->value += result == CREWI_WORD_DONE;
    check_result(thing, result, right);
    return result;
}

enum crewi_word_result sync_model_set(struct sync_thing *thing, const struct sim_client *client)
{
    enum crewi_word_result right = thing->line.count ? CREWI_WORD_ASK : CREWI_WORD_DONE;
    check_word(thing);
    enum crewi_word_result result = crewi_word_set(thing->word);
    thing->is_set = true;
    if (result == CREWI_WORD_ASK)
        thing->setters |= bit_of(client);
    check_result(thing, result, right);
    return result;
}

enum crewi_word_result sync_model_clear(struct sync_thing *thing)
{
    enum crewi_word_result right = thing->line.count ? CREWI_WORD_ASK : CREWI_WORD_DONE;
    check_word(thing);
    enum crewi_word_result result = crewi_word_clear(thing->word);
    if (result == CREWI_WORD_DONE)
        thing->is_set = false;
    check_result(thing, result, right);
    return result;
}

bool sync_model_is_set(struct sync_thing *thing)
{
    check_word(thing);
    return atomic_load(thing->word) & CREWI_WORD_SET;
}

/* What clients believe. Who hears late of a lock that somebody else has released meanwhile has
 * nothing any more. */

void sync_model_enter(struct sync_thing *thing, const struct sim_client *client)
{
    if (thing->owner != client->base.process)
        return;
    if (thing->inside && !thing->inside->ended)
        sim_violation(thing->model->job, "clients %u and %u have the same lock",
                      thing->inside->number, client->number);
    thing->inside = client;
}

void sync_model_leave(struct sync_thing *thing, const struct sim_client *client)
{
    if (thing->inside == client)
        thing->inside = NULL;
}

/* At rest */

/* By one who lives, and who believes so. */
static bool is_held(const struct sync_thing *thing)
{
    const struct sim_client *client = thing->inside;
    return client && client->base.process == thing->owner && !client->ended;
}

static bool has_reason(const struct sync_thing *thing)
{
    if (thing->type == CREWI_SYNC_SEMAPHORE)
        return !thing->value;
    if (thing->type == CREWI_SYNC_EVENT)
        return !thing->is_set;
    if (thing->type == CREWI_SYNC_BARRIER)
        return thing->line.count < thing->parties && !thing->in_action && !thing->broken;
    return is_held(thing);
}

/* Of a condition too. NULL: nobody. */
static const struct sync_waiter *find_waiter(const struct sync_thing *thing, uint32_t user,
                                             bool *for_condition)
{
    size_t place = sync_line_find(&thing->line, user);
    *for_condition = false;
    if (place < thing->line.count)
        return &thing->line.at[place];
    *for_condition = true;
    for (uint32_t i = 0; i < SYNC_CONDITIONS; i++) {
        place = sync_line_find(&thing->conditions[i], user);
        if (place < thing->conditions[i].count)
            return &thing->conditions[i].at[place];
    }
    return NULL;
}

static void check_user(struct sync_model *model, uint32_t user)
{
    const struct sync_thing *thing = model->asked[user].thing;
    bool for_condition;
    const struct sync_waiter *waiter = thing ? find_waiter(thing, user, &for_condition) : NULL;
    if (!waiter)
        sim_violation(model->job, "client %u waits, and no home knows of it", user);
    else if (waiter->deadline_ns != CREWI_FOREVER)
        sim_violation(model->job, "client %u waits for ever, and has a time limit", user);
    else if (!for_condition && !has_reason(thing))
        sim_violation(model->job, "client %u waits for %llx for no reason", user,
                      (unsigned long long)thing->id);
}

void sync_model_check_waiting(struct sync_model *model)
{
    for (uint32_t user = 0; user < model->job->client_count; user++) {
        const struct sim_client *client = model->job->clients[user];
        if (!client->ended && client->request_count)
            check_user(model, user);
    }
}
