/* SPDX-License-Identifier: BSD-3-Clause */
/* Pipes: their ends go from process to process, in letters and through other pipes, so that several
 * on several ranks have them; messages large and small; ends that close or die with their holders.
 */
#include "base/clock.h"
#include "channel/pipe_channel.h"
#include "pipe_user.h"
#include "sim_scenarios.h"

#include <stdlib.h>

#define MOST_WORDS 4
/* As runtime/engine/post.c has it. */
#define POSTS_AT_ONCE 32
#define POSTED_AT_ONCE 65536
#define MOST_RESTS 12
#define MOST_ENDED 6

/* What it asks */

void pipe_ask(struct pipe_user *user, enum pipe_doing doing, const struct crewi_call *call)
{
    user->doing = doing;
    user->is_waiting = call->timeout_ns == CREWI_FOREVER;
    sim_client_ask(&user->base, call);
    if (user->is_waiting) /* see close_meanwhile() */
        sim_client_wake(&user->base, 10 * user->base.job->weather.think_ns);
}

struct crewi_call pipe_call(const struct pipe_user *user, uint8_t op, const void *head,
                            size_t head_size)
{
    return (struct crewi_call){.kind = CREWI_KIND_PIPE,
                               .op = op,
                               .rank = user->base.rank->engine.rank,
                               .head = head,
                               .head_size = head_size};
}

void pipe_user_gets(struct pipe_user *user, uint64_t ends)
{
    for (uint32_t end = 0; end < PIPE_ENDS; end++) {
        if (!(ends >> end & 1) || user->uses[end].holds)
            continue;
        user->uses[end] = (struct pipe_use){.holds = true};
        pipes_hold(pipes_of(user->base.job), end);
    }
}

static void let_go(struct pipe_user *user, uint32_t end)
{
    if (user->uses[end].holds)
        pipes_let_go(pipes_of(user->base.job), end);
    user->uses[end].holds = false;
}

/* Mostly short ones: who waits for ever does nothing else. */
static int64_t choose_timeout(struct pipe_user *user)
{
    static const int64_t timeouts_ns[] = {0, 0, 5000, 20000, 100000, 1000000};
    if (sim_chance(&user->base.random, 60))
        return CREWI_FOREVER;
    return timeouts_ns[sim_below(&user->base.random, 6)];
}

/* One of the ends that it may do that with; false when there is none. */
static bool choose_end(struct pipe_user *user, bool to_send)
{
    const struct pipes *pipes = pipes_of(user->base.job);
    uint32_t fits[PIPE_ENDS], count = 0;
    for (uint32_t end = 0; end < pipes->end_count; end++)
        if (user->uses[end].holds &&
            (to_send ? pipes->ends[end].sends
                     : pipes->ends[end].receives && !user->uses[end].is_shut))
            fits[count++] = end;
    if (count)
        user->end = fits[sim_below(&user->base.random, count)];
    return count > 0;
}

/* One that it does not have and another one does. */
static bool choose_unseen(struct pipe_user *user, bool to_send)
{
    const struct pipes *pipes = pipes_of(user->base.job);
    if (!pipes->end_count)
        return false;
    uint32_t end = (uint32_t)sim_below(&user->base.random, pipes->end_count);
    const struct mouth *mouth = &pipes->ends[end];
    if (user->uses[end].holds || !mouth->held || !(to_send ? mouth->sends : mouth->receives))
        return false;
    user->end = end;
    user->uses[end] = (struct pipe_use){.holds = false};
    user->is_unseen = true;
    return true;
}

static void create(struct pipe_user *user)
{
    struct sim_random *random = &user->base.random;
    struct crewi_pipe_settings settings = {.capacity = sim_between(random, 100, 4000),
                                           .duplex = sim_chance(random, 500)};
    struct crewi_call call = pipe_call(user, CREWI_PIPE_CREATE, &settings, sizeof settings);
    user->duplex = settings.duplex;
    user->capacity = settings.capacity;
    pipe_ask(user, PIPE_CREATES, &call);
}

/* Some that it holds. Pipes whose ends are under way in each other never end, so an end goes
 * through pipes that are older. */
static size_t choose_words(struct pipe_user *user, uint32_t first, uint64_t *words, uint64_t *ends)
{
    const struct pipes *pipes = pipes_of(user->base.job);
    size_t count = 0;
    *ends = 0;
    for (uint32_t end = first; end < pipes->end_count && count < MOST_WORDS; end++) {
        if (!user->uses[end].holds || !sim_chance(&user->base.random, 600))
            continue;
        words[count++] = pipes->ends[end].id;
        *ends |= (uint64_t)1 << end;
    }
    return count;
}

/* Whether crewi_post() would not wait for the answer. */
static bool may_post(struct pipe_use *use, uint64_t size)
{
    if (!use->may_post || use->posts >= POSTS_AT_ONCE || use->posted + size > POSTED_AT_ONCE)
        return false;
    use->posts++;
    use->posted += size;
    return true;
}

static void send(struct pipe_user *user, bool is_large)
{
    struct pipes *pipes = pipes_of(user->base.job);
    struct sim_random *random = &user->base.random;
    unsigned char body[PIPE_MOST_COST] = {0};
    uint64_t words[MOST_WORDS] = {0};
    struct bottle bottle = {.is_large = is_large,
                            .stream = pipes_other(user->end),
                            .sender = user->base.number,
                            .source = user->base.rank->engine.rank};
    struct bottle_label label = {.stream = bottle.stream};
    size_t count =
        sim_chance(random, 200) ? choose_words(user, (user->end | 1) + 1, words, &bottle.ends) : 0;
    uint64_t size = sizeof label + sizeof words;
    size += is_large ? CREWI_PIPE_INLINE_SIZE + sim_below(random, 300000)
                     : sim_below(random, PIPE_MOST_COST - CREWI_PIPE_ITEM_COST - size);
    bottle.size = size;
    bottle.cost = CREWI_PIPE_ITEM_COST + (is_large ? 0 : size);
    user->number = label.number = pipes_send(pipes, &bottle);
    user->sent = 0;
    struct crewi_pipe_item item = {.end = pipes->ends[user->end].id,
                                   .size = size,
                                   .what = is_large ? CREWI_PIPE_LARGE : CREWI_PIPE_INLINE};
    if (is_large)
        item.place.address = user->number; /* what the receiver knows it by */
    struct crewi_call call = pipe_call(user, CREWI_PIPE_SEND, &item, sizeof item);
    memcpy(body, &label, sizeof label);
    memcpy(body + sizeof label, words, sizeof words);
    call.body = is_large ? (const void *)words : body;
    call.body_size = is_large ? count * sizeof *words : size;
    call.timeout_ns = sim_chance(random, 300) ? CREWI_FOREVER : choose_timeout(user);
    if (!is_large && call.timeout_ns == CREWI_FOREVER &&
        may_post(&user->uses[user->end], sizeof item + size)) {
        pipes->bottles[user->number].state = BOTTLE_IN;
        sim_client_tell(&user->base, &call);
        sim_client_think(&user->base);
        return;
    }
    pipe_ask(user, PIPE_SENDS, &call);
}

static void receive(struct pipe_user *user, int64_t timeout_ns)
{
    struct mouth *end = &pipes_of(user->base.job)->ends[user->end];
    struct crewi_call call = pipe_call(user, CREWI_PIPE_RECEIVE, &end->id, sizeof end->id);
    call.timeout_ns = timeout_ns;
    end->wanted++;
    user->drains = pipes_of(user->base.job)->drains;
    pipe_ask(user, PIPE_RECEIVES, &call);
}

static void wait_for(struct pipe_user *user)
{
    uint64_t id = pipes_of(user->base.job)->ends[user->end].id;
    struct crewi_call call = pipe_call(user, CREWI_OP_WAIT, &id, sizeof id);
    call.timeout_ns = choose_timeout(user);
    pipe_ask(user, PIPE_WAITS, &call);
    if (call.timeout_ns != CREWI_FOREVER)
        return;
    uint64_t request = user->base.last_request, range[3] = {id, request, request};
    struct crewi_call forget = pipe_call(user, CREWI_OP_FORGET_WAITS, range, sizeof range);
    sim_client_tell(&user->base, &forget);
    sim_client_forget(&user->base, request, request);
    user->doing = PIPE_IDLE;
    sim_client_think(&user->base);
}

static void close_end(struct pipe_user *user, uint32_t end)
{
    uint64_t id = pipes_of(user->base.job)->ends[end].id;
    struct crewi_call call = pipe_call(user, CREWI_PIPE_CLOSE, &id, sizeof id);
    let_go(user, end);
    user->uses[end].may_post = user->uses[pipes_other(end)].may_post = false;
    pipe_ask(user, PIPE_CLOSES, &call);
}

static void shut(struct pipe_user *user)
{
    const struct mouth *end = &pipes_of(user->base.job)->ends[user->end];
    struct crewi_call call = pipe_call(user, CREWI_PIPE_SHUT, &end->id, sizeof end->id);
    user->uses[user->end].is_shut = true;
    if (!end->sends)
        let_go(user, user->end);
    pipe_ask(user, PIPE_CLOSES, &call);
}

static void take(struct pipe_user *user)
{
    struct crewi_call call = {
        .kind = TOY_KIND, .op = TOY_TAKE, .rank = user->base.rank->engine.rank};
    user->number = 0;
    pipe_ask(user, PIPE_TAKES, &call);
}

static void pass(struct pipe_user *user)
{
    struct sim_job *job = user->base.job;
    const struct sim_client *to = job->clients[sim_below(&user->base.random, job->client_count)];
    uint64_t words[MOST_WORDS], ends;
    size_t count = choose_words(user, 0, words, &ends);
    if (!count) { /* it has none, or wants to keep them */
        take(user);
        return;
    }
    struct toy_letter letter = {.process = to->base.process, .rank = to->rank->engine.rank};
    letter.number = user->number = pipes_letter(pipes_of(job), ends, letter.process);
    struct crewi_call call = {.kind = TOY_KIND,
                              .op = TOY_PASS,
                              .rank = user->base.rank->engine.rank,
                              .head = &letter,
                              .head_size = sizeof letter,
                              .body = words,
                              .body_size = count * sizeof *words};
    pipe_ask(user, PIPE_PASSES, &call);
}

static void do_something(struct pipe_user *user)
{
    struct sim_random *random = &user->base.random;
    uint64_t choice = sim_below(random, 1000);
    bool may_create = pipes_of(user->base.job)->end_count < PIPE_ENDS;
    /* At first ends have to go round. */
    if (user->base.steps + 15 > user->base.job->steps && sim_chance(random, 700))
        pass(user);
    else if (choice < 350 && choose_end(user, true))
        send(user, sim_chance(random, 60));
    else if (choice < 700 && choose_end(user, false))
        receive(user, choose_timeout(user));
    else if (choice < 730 && choose_end(user, false))
        wait_for(user);
    else if (choice < 738 && choose_end(user, sim_chance(random, 500)))
        close_end(user, user->end);
    else if (choice < 741 && choose_end(user, false))
        shut(user);
    else if (choice < 746 && choose_unseen(user, true))
        send(user, sim_chance(random, 60));
    else if (choice < 751 && choose_unseen(user, false))
        receive(user, choose_timeout(user));
    else if (choice < 840)
        pass(user);
    else if (choice < 850 && may_create)
        create(user);
    else if (choice < 980)
        take(user);
    else
        sim_client_wake(&user->base, 20 * user->base.job->weather.think_ns);
}

/* Empties the ends that it can receive at, one after the other. */
static void drain(struct pipe_user *user)
{
    const struct pipes *pipes = pipes_of(user->base.job);
    for (; user->to_drain < pipes->end_count; user->to_drain++) {
        const struct pipe_use *use = &user->uses[user->to_drain];
        if (!use->holds || use->is_shut || !pipes->ends[user->to_drain].receives)
            continue;
        user->end = user->to_drain;
        receive(user, 0);
        return;
    }
}

/* Another thread of the process closes the end at which one waits. */
static void close_meanwhile(struct pipe_user *user)
{
    struct pipes *pipes = pipes_of(user->base.job);
    struct bottle *bottle = user->doing == PIPE_SENDS ? &pipes->bottles[user->number] : NULL;
    uint64_t id = pipes->ends[user->end].id;
    struct crewi_call call = pipe_call(user, CREWI_PIPE_CLOSE, &id, sizeof id);
    if (user->closing || user->is_unseen || !user->uses[user->end].holds)
        return;
    if (bottle && bottle->is_large) {
        bottle->is_cut = true;
        pipes->ends[bottle->stream].cuts++;
    }
    let_go(user, user->end);
    user->uses[user->end].may_post = user->uses[pipes_other(user->end)].may_post = false;
    sim_client_ask(&user->base, &call);
    user->closing = user->base.last_request;
}

static void act(struct sim_client *client)
{
    struct pipe_user *user = (struct pipe_user *)client;
    bool may_close = user->doing == PIPE_RECEIVES || user->doing == PIPE_SENDS;
    if (user->doing == PIPE_READS) {
        pipe_large_read(user);
    } else if (user->doing) {
        if (user->is_waiting && may_close && sim_chance(&client->random, 300))
            close_meanwhile(user);
    } else if (pipes_of(client->job)->drains) {
        drain(user);
    } else if (client->steps) {
        client->steps--;
        do_something(user);
    } else if (sim_chance(&client->random, 300)) {
        sim_client_end(client);
    }
}

/* What it hears */

static void unexpected(const struct pipe_user *user, const struct crewi_frame *frame)
{
    sim_violation(user->base.job, "client %u, doing %d at end %u, is told %d: %.*s",
                  user->base.number, user->doing, user->end, frame->header.status,
                  (int)frame->header.size, (const char *)frame->payload);
}

static void hear_created(struct pipe_user *user, const struct crewi_frame *frame)
{
    struct pipes *pipes = pipes_of(user->base.job);
    uint64_t ids[2];
    memcpy(ids, frame->payload, sizeof ids);
    if (pipes->end_count + 2 > PIPE_ENDS) /* others were faster: it is closed with the client */
        return;
    pipes_created(pipes, ids, user->duplex, user->capacity);
    pipe_user_gets(user, (uint64_t)3 << (pipes->end_count - 2));
}

static void hear_sent(struct pipe_user *user, const struct crewi_frame *frame)
{
    struct pipes *pipes = pipes_of(user->base.job);
    int status = frame->header.status;
    const struct bottle *bottle = &pipes->bottles[user->number];
    if (bottle->is_large && !pipe_large_sent(user, frame))
        return;
    /* Of a large one that was being received as its end was closed nobody knows. */
    if (!bottle->is_large || status != CREW_ECLOSED)
        pipes_sent(pipes, user->number, status);
    if (status == CREW_EPIPE)
        pipes_gone(pipes, pipes_other(user->end));
    else if (status && status != CREW_ETIMEDOUT && status != CREW_ESTATE &&
             !(status == CREW_ECLOSED && !user->uses[user->end].holds))
        unexpected(user, frame);
    if (!status && user->uses[user->end].holds && !bottle->is_large)
        user->uses[user->end] = (struct pipe_use){
            .holds = true, .is_shut = user->uses[user->end].is_shut, .may_post = true};
}

static void hear_message(struct pipe_user *user, const struct crewi_frame *frame)
{
    struct pipes *pipes = pipes_of(user->base.job);
    struct crewi_pipe_item item;
    struct bottle_label label;
    memcpy(&item, frame->payload, sizeof item);
    bool is_large = item.what == CREWI_PIPE_LARGE;
    if (is_large)
        label = (struct bottle_label){.stream = user->end, .number = item.place.address};
    else
        memcpy(&label, frame->payload + sizeof item, sizeof label);
    const struct bottle *bottle =
        label.stream == user->end
            ? pipes_received(pipes, label.number, user->end, user->base.number)
            : NULL;
    pipes->drained++;
    if (!bottle || item.size != bottle->size ||
        frame->header.size != sizeof item + (is_large ? 0 : item.size)) {
        sim_violation(user->base.job, "client %u gets a message of the wrong size or stream",
                      user->base.number);
        return;
    }
    user->number = label.number;
    if (is_large)
        pipe_large_begin(user, &item);
    else
        pipe_user_gets(user, bottle->ends);
}

static void hear_received(struct pipe_user *user, const struct crewi_frame *frame)
{
    struct pipes *pipes = pipes_of(user->base.job);
    struct mouth *end = &pipes->ends[user->end];
    end->wanted--;
    if (pipes->drains && !user->drains) /* it has waited until now */
        user->to_drain = 0;
    switch (frame->header.status) {
    case CREW_OK:
        hear_message(user, frame);
        break;
    case CREW_EOF:
        pipes_gone(pipes, pipes_other(user->end));
        user->to_drain += user->drains;
        break;
    case CREW_ETIMEDOUT:
        user->to_drain += user->drains;
        break;
    case CREW_ETRUNC:
        if (++end->truncs > end->cuts)
            sim_violation(user->base.job, "a message is cut off, and its sender has not ended");
        break;
    default:
        if (frame->header.status != CREW_ECLOSED || user->uses[user->end].holds)
            unexpected(user, frame);
    }
}

static void hear_letter(struct pipe_user *user, const struct crewi_frame *frame)
{
    struct toy_letter letter;
    if (frame->header.status == CREW_EEMPTY)
        return;
    memcpy(&letter, frame->payload, sizeof letter);
    struct pipe_letter *known = &pipes_of(user->base.job)->letters[letter.number - 1];
    known->state = PIPE_LETTER_DONE;
    pipe_user_gets(user, known->ends);
}

/* It has the end, or it never was, or is gone. */
static void hear_unseen(struct pipe_user *user, enum pipe_doing did,
                        const struct crewi_frame *frame)
{
    int status = frame->header.status;
    user->is_unseen = false;
    if (status != CREW_ECLOSED && status != CREW_ENOENT)
        pipe_user_gets(user, (uint64_t)1 << user->end);
    else if (did == PIPE_SENDS)
        pipes_sent(pipes_of(user->base.job), user->number, status);
    else
        pipes_of(user->base.job)->ends[user->end].wanted--;
}

static void hear_reply(struct pipe_user *user, enum pipe_doing did, const struct crewi_frame *frame)
{
    if (user->is_unseen) {
        hear_unseen(user, did, frame);
        if (!user->uses[user->end].holds)
            return;
    }
    switch (did) {
    case PIPE_CREATES:
        hear_created(user, frame);
        break;
    case PIPE_SENDS:
    case PIPE_SENDS_BLOCKS:
        hear_sent(user, frame);
        break;
    case PIPE_RECEIVES:
        hear_received(user, frame);
        break;
    case PIPE_RECEIVES_BLOCKS:
        pipe_large_block(user, frame);
        break;
    case PIPE_TAKES:
        hear_letter(user, frame);
        break;
    case PIPE_PASSES:
        if (frame->header.status && frame->header.status != CREW_ESTATE)
            unexpected(user, frame);
        break;
    default:
        if (frame->header.status)
            unexpected(user, frame);
    }
}

static void stop_posts(struct pipe_user *user, uint64_t id)
{
    for (uint32_t end = 0; end < pipes_of(user->base.job)->end_count; end++)
        if (pipes_of(user->base.job)->ends[end].id == id)
            user->uses[end].may_post = false;
}

static void hear(struct sim_client *client, const struct crewi_frame *frame)
{
    struct pipe_user *user = (struct pipe_user *)client;
    enum pipe_doing did = user->doing;
    if (frame->header.type == CREWI_DELIVERY) {
        stop_posts(user, frame->header.object);
        return;
    }
    if (frame->header.origin.request == user->closing) {
        user->closing = 0;
        if (frame->header.status)
            unexpected(user, frame);
        return;
    }
    user->doing = PIPE_IDLE;
    user->is_waiting = false;
    hear_reply(user, did, frame);
    if (!user->doing)
        sim_client_think(client);
}

static void ended(struct sim_client *client)
{
    struct pipe_user *user = (struct pipe_user *)client;
    struct pipes *pipes = pipes_of(client->job);
    struct mouth *end = &pipes->ends[user->end];
    for (uint32_t i = 0; i < PIPE_ENDS; i++)
        let_go(user, i);
    if (user->doing == PIPE_RECEIVES) {
        end->wanted--;
        end->may_be_lost++;
    }
    if ((user->doing == PIPE_SENDS || user->doing == PIPE_SENDS_BLOCKS) &&
        pipes->bottles[user->number].is_large) {
        pipes->bottles[user->number].is_cut = true;
        pipes->ends[pipes->bottles[user->number].stream].cuts++;
    }
    if (user->doing == PIPE_TAKES && user->number)
        pipes->letters[user->number - 1].state = PIPE_LETTER_DONE;
}

/* Letters */

static void not_created(struct sim_job *job, uint64_t id)
{
    sim_violation(job, "a toy %llx in a scenario of pipes", (unsigned long long)id);
}

static void letter_lost(struct sim_job *job, uint64_t number)
{
    pipes_of(job)->letters[number - 1].state = PIPE_LETTER_DONE;
}

static void letter_taken(struct sim_job *job, uint64_t number, uint64_t process)
{
    struct pipe_user *user = (struct pipe_user *)sim_client_find(job, process);
    pipes_of(job)->letters[number - 1].state = user ? PIPE_LETTER_TAKEN : PIPE_LETTER_DONE;
    if (user)
        user->number = number;
}

static const struct toy_watcher watcher = {
    .created = not_created,
    .unreferenced = not_created,
    .lost = letter_lost,
    .taken = letter_taken,
};

/* The scenario */

static void begin(struct sim_job *job)
{
    struct pipes *pipes = sim_alloc(sizeof *pipes);
    pipes->job = job;
    job->state = pipes;
    toy_begin(job, &watcher);
    for (uint32_t i = 0; i < job->rank_count; i++)
        if (crewi_pipes_init(&job->ranks[i].engine))
            abort();
    for (uint32_t i = 0; i < job->client_target && i < PIPE_USERS; i++) {
        struct sim_client *client =
            sim_client_create(job, (uint32_t)sim_below(&job->random, job->rank_count), 0);
        if (i < PIPE_ENDS / 2 - 1)
            create((struct pipe_user *)client);
    }
}

/* Whoever waits for ever has to have a reason. */
static void check_waiting(struct pipe_user *user, uint64_t alive)
{
    const struct pipes *pipes = pipes_of(user->base.job);
    uint32_t other = pipes_other(user->end);
    bool sends = user->doing == PIPE_SENDS;
    bool other_is_there = alive >> other & 1;
    uint64_t least, most;
    pipes_count(pipes, sends ? other : user->end, &least, &most);
    if (!user->is_waiting || user->doing == PIPE_IDLE)
        return;
    if (!sends && user->doing != PIPE_RECEIVES)
        sim_violation(pipes->job, "client %u was never answered, doing %d", user->base.number,
                      user->doing);
    else if (!other_is_there)
        sim_violation(pipes->job, "client %u waits at end %u, and the other end is gone",
                      user->base.number, user->end);
    else if (!sends && least)
        sim_violation(pipes->job, "client %u waits for a message, and there are %llu",
                      user->base.number, (unsigned long long)least);
    else if (sends && most < 2 && !pipes->bottles[user->number].is_large)
        sim_violation(pipes->job, "client %u waits for room at end %u, and nothing is under way",
                      user->base.number, user->end);
}

static bool drain_all(struct sim_job *job)
{
    bool any = false;
    pipes_of(job)->drains = true;
    pipes_of(job)->drained = 0;
    for (uint32_t i = 0; i < job->client_count; i++) {
        struct pipe_user *user = (struct pipe_user *)job->clients[i];
        if (user->base.ended || user->doing)
            continue;
        user->to_drain = 0;
        sim_client_think(&user->base);
        any = true;
    }
    return any;
}

/* What nobody has received, although somebody looked. */
static void check_streams(struct sim_job *job)
{
    const struct pipes *pipes = pipes_of(job);
    for (uint32_t i = 0; i < job->client_count; i++) {
        const struct pipe_user *user = (const struct pipe_user *)job->clients[i];
        for (uint32_t end = 0; end < pipes->end_count && !user->base.ended; end++) {
            uint64_t least, most;
            const struct pipe_use *use = &user->uses[end];
            if (!use->holds || use->is_shut || user->doing || !pipes->ends[end].receives)
                continue;
            pipes_count(pipes, end, &least, &most);
            if (least)
                sim_violation(job, "%llu messages for end %u are lost", (unsigned long long)least,
                              end);
        }
    }
}

/* One after the other, so that those who wait are told what has gone; at first of those only who
 * wait and would do more. */
static bool end_one(struct sim_job *job, bool with_steps)
{
    uint32_t first = (uint32_t)sim_below(&job->random, job->client_count);
    for (uint32_t i = 0; i < job->client_count; i++) {
        struct sim_client *client = job->clients[(first + i) % job->client_count];
        if (client->ended || (with_steps && !client->steps))
            continue;
        sim_client_end(client);
        return true;
    }
    return false;
}

static bool at_rest(struct sim_job *job)
{
    struct pipes *pipes = pipes_of(job);
    uint64_t unseen = 0;
    for (uint32_t i = 0; i < job->client_count; i++)
        if (!job->clients[i]->ended && ((struct pipe_user *)job->clients[i])->is_unseen)
            unseen |= (uint64_t)1 << ((struct pipe_user *)job->clients[i])->end;
    uint64_t alive = pipes_alive(pipes, unseen);
    for (uint32_t i = 0; i < job->client_count && !job->broken; i++)
        if (!job->clients[i]->ended)
            check_waiting((struct pipe_user *)job->clients[i], alive);
    if (job->broken || job->failed)
        return false;
    if (pipes->ended++ < MOST_ENDED && end_one(job, true))
        return true;
    if ((pipes->rests++ == 0 || (pipes->drained && pipes->rests < MOST_RESTS)) && drain_all(job))
        return true;
    if (!pipes->drained)
        check_streams(job);
    return end_one(job, false);
}

static void finish(struct sim_job *job)
{
    (void)job;
}

static void destroy(struct sim_job *job)
{
    toy_end(job);
    for (uint32_t i = 0; i < job->rank_count; i++)
        crewi_pipes_fini(&job->ranks[i].engine);
    pipes_fini(pipes_of(job));
    free(job->state);
}

static const char *op_name(uint8_t kind, uint8_t op)
{
    static const char *const clients[] = {"?",    "create", "send", "receive", "close",
                                          "shut", "next",   "done", "block",   "more"};
    static const char *const engines[] = {
        "ITEM",         "CREDIT", "HURRY",      "FETCH",   "MOVE",  "HELD",
        "HOLDS",        "STATE",  "STATE_ITEM", "ARRIVED", "MOVED", "END",
        "READERS_GONE", "CHECK",  "COMPLETE",   "PULL",    "PIECE", "CUT"};
    if (kind != CREWI_KIND_PIPE)
        return toy_op_name(kind, op);
    if (op >= CREWI_OP_ATTACH)
        return toy_op_name(TOY_KIND, op);
    if (op == CREWI_OP_WAIT || op == CREWI_OP_FORGET_WAITS)
        return op == CREWI_OP_WAIT ? "wait" : "forget";
    if (op <= CREWI_PIPE_MORE)
        return clients[op];
    return op >= CREWI_PIPE_ITEM && op <= CREWI_PIPE_CUT ? engines[op - CREWI_PIPE_ITEM] : NULL;
}

static const struct sim_plant plants[] = {
    {"lost-reply", SIM_PLANT_DROP, CREWI_REPLY, 0, 0},
    {"lost-item", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_PIPE_ITEM},
    {"double-item", SIM_PLANT_DOUBLE, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_PIPE_ITEM},
    {"lost-credit", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_PIPE_CREDIT},
    {"lost-fetch", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_PIPE_FETCH},
    {"lost-state-item", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_PIPE_STATE_ITEM},
    {"lost-arrived", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_PIPE_ARRIVED},
    {"lost-end", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_PIPE_END},
    {"lost-complete", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_PIPE_COMPLETE},
    {"lost-give-back", SIM_PLANT_DROP, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_OP_GIVE_BACK},
    {"double-give-back", SIM_PLANT_DOUBLE, CREWI_NOTE, CREWI_KIND_PIPE, CREWI_OP_GIVE_BACK},
    {.name = NULL},
};

const struct sim_scenario sim_pipes_scenario = {
    .name = "pipes",
    .about = "ends go from process to process, and messages through them",
    .ranks = 5,
    .clients = 10,
    .steps = 150,
    .most_events = 2000,
    .client_size = sizeof(struct pipe_user),
    .plants = plants,
    .begin = begin,
    .act = act,
    .hear = hear,
    .ended = ended,
    .at_rest = at_rest,
    .finish = finish,
    .destroy = destroy,
    .op_name = op_name,
};
