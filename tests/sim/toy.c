/* SPDX-License-Identifier: BSD-3-Clause */
#include "toy.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

struct toy {
    struct crewi_shared base; /* first */
    uint64_t uses;            /* as the ranks have said */
};

/* What a rank knows of an object. */
struct agent {
    uint64_t uses; /* that the home has not heard of */
};

/* A letter that lies on its receiver's rank. */
struct parcel {
    struct parcel *next;
    struct toy_letter letter;
    struct crewi_shares shares;
    size_t size;
    unsigned char words[];
};

struct mailbox {
    struct parcel *first, **last;
};

static const struct toy_watcher *watching;
static uint64_t uses_of_all;

/* The object */

static size_t describe(struct crewi_engine *engine, struct crewi_shared *shared, void *room)
{
    (void)engine;
    memcpy(room, &shared->object.id, sizeof shared->object.id);
    return sizeof shared->object.id;
}

static crew_status attach(struct crewi_engine *engine, struct crewi_handle *handle,
                          const void *description, size_t size)
{
    uint64_t id = 0;
    (void)engine;
    if (size == sizeof id)
        memcpy(&id, description, sizeof id);
    if (id != handle->id)
        sim_violation(sim_job_current(), "a rank is attached to %llx and told of %llx",
                      (unsigned long long)handle->id, (unsigned long long)id);
    handle->agent = sim_alloc(sizeof(struct agent));
    return CREW_OK;
}

static void detach(struct crewi_engine *engine, struct crewi_handle *handle)
{
    (void)engine;
    free(handle->agent);
}

static uint64_t count_out(struct crewi_engine *engine, struct crewi_handle *handle)
{
    struct agent *agent = handle->agent;
    uint64_t uses = agent->uses;
    (void)engine;
    agent->uses = 0;
    return uses;
}

static void came_back(struct crewi_engine *engine, struct crewi_shared *shared, uint64_t extra)
{
    (void)engine;
    ((struct toy *)shared)->uses += extra;
}

static void unreferenced(struct crewi_engine *engine, struct crewi_shared *shared)
{
    struct sim_job *job = sim_job_current();
    watching->unreferenced(job, shared->object.id);
    uses_of_all -= ((struct toy *)shared)->uses;
    crewi_shared_remove(engine, shared);
    free(shared);
}

static void destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    (void)engine;
    free(((struct crewi_shared *)object)->attached);
    free(object);
}

/* What clients ask */

static void create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct toy *toy = sim_alloc(sizeof *toy);
    uint64_t id = toy->base.object.id = crewi_engine_new_id(engine, TOY_KIND);
    if (crewi_shared_add(engine, &toy->base, message->origin.process))
        abort();
    watching->created(sim_job_current(), id);
    crewi_engine_reply(engine, &message->origin, &id, sizeof id);
}

static void use(struct crewi_engine *engine, const struct crewi_message *message, uint64_t id)
{
    struct crewi_handle *handle = crewi_handle_use(engine, message, id);
    if (!handle)
        return;
    if (handle->agent) {
        ((struct agent *)handle->agent)->uses++;
        uses_of_all++;
    }
    struct crewi_frame *ask = sim_frame_copy(*message->frame);
    ask->header.op = TOY_ASK;
    ask->header.target_rank = crewi_id_home(id);
    crewi_engine_send(engine, ask);
}

static void close_handle(struct crewi_engine *engine, const struct crewi_message *message,
                         uint64_t id)
{
    if (crewi_handle_close(engine, id, message->origin.process))
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    else
        crewi_engine_refuse(engine, &message->origin, CREW_ECLOSED, "not open");
}

/* In a client's name, at home */
static void answer(struct crewi_engine *engine, const struct crewi_message *message, uint64_t id)
{
    if (crewi_engine_find(engine, id))
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    else
        crewi_engine_refuse(engine, &message->origin, CREW_ENOENT, "no such toy");
}

/* Letters */

static void pass(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct toy_letter letter;
    struct crewi_shares shares;
    memcpy(&letter, message->data, sizeof letter);
    const char *words = (const char *)message->data + sizeof letter;
    size_t size = message->size - sizeof letter;
    crew_status status = crewi_shares_take(engine, message->origin.process, words, size, &shares);
    if (status) {
        watching->lost(sim_job_current(), letter.number);
        crewi_engine_refuse_error(engine, &message->origin, status);
        return;
    }
    struct parcel parcel = {.letter = letter, .shares = shares, .size = size};
    size_t share_size = shares.count * sizeof *shares.list;
    char *body = sim_alloc(share_size + size + 1);
    if (share_size)
        memcpy(body, shares.list, share_size);
    memcpy(body + share_size, words, size);
    parcel.shares.list = NULL;
    struct crewi_outgoing note = {.kind = TOY_KIND,
                                  .op = TOY_CARRY,
                                  .rank = letter.rank,
                                  .head = &parcel,
                                  .head_size = sizeof parcel,
                                  .body = body,
                                  .body_size = share_size + size};
    if (crewi_engine_tell(engine, &note))
        abort();
    free(body);
    crewi_shares_free(&shares);
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static void take_out(struct mailbox *mailbox, struct parcel **link)
{
    struct parcel *parcel = *link;
    if (mailbox->last == &parcel->next)
        mailbox->last = link;
    *link = parcel->next;
}

static void lose(struct crewi_engine *engine, struct parcel *parcel)
{
    watching->lost(sim_job_current(), parcel->letter.number);
    crewi_shares_drop(engine, parcel->shares.list, parcel->shares.count);
    crewi_shares_free(&parcel->shares);
    free(parcel);
}

static void carry(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct mailbox *mailbox = engine->states[TOY_KIND];
    struct parcel sent;
    memcpy(&sent, message->data, sizeof sent);
    size_t share_size = sent.shares.count * sizeof(struct crewi_share);
    const char *body = (const char *)message->data + sizeof sent;
    struct parcel *parcel = sim_alloc(sizeof *parcel + sent.size);
    *parcel = (struct parcel){.letter = sent.letter, .size = sent.size};
    parcel->shares =
        (struct crewi_shares){.list = sim_alloc(share_size + 1), .count = sent.shares.count};
    memcpy(parcel->shares.list, body, share_size);
    memcpy(parcel->words, body + share_size, sent.size);
    bool starts = sent.letter.starts;
    if (starts ? !watching->start(sim_job_current(), engine->rank, &sent.letter)
               : !crewi_engine_has_client(engine, sent.letter.process, NULL)) {
        lose(engine, parcel);
        return;
    }
    if (!mailbox->first)
        mailbox->last = &mailbox->first;
    *mailbox->last = parcel;
    mailbox->last = &parcel->next;
}

static void take(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct mailbox *mailbox = engine->states[TOY_KIND];
    struct parcel **link = &mailbox->first, *parcel;
    while (*link && (*link)->letter.process != message->origin.process)
        link = &(*link)->next;
    if (!(parcel = *link)) {
        crewi_engine_refuse(engine, &message->origin, CREW_EEMPTY, "no letter");
        return;
    }
    take_out(mailbox, link);
    size_t size = sizeof parcel->letter + parcel->size;
    char *data = sim_alloc(size);
    memcpy(data, &parcel->letter, sizeof parcel->letter);
    memcpy(data + sizeof parcel->letter, parcel->words, parcel->size);
    watching->taken(sim_job_current(), parcel->letter.number, message->origin.process);
    crewi_shares_hand_over(engine, message->origin.process, parcel->shares.list,
                           parcel->shares.count);
    crewi_engine_reply(engine, &message->origin, data, size);
    free(data);
    crewi_shares_free(&parcel->shares);
    free(parcel);
}

static void client_gone(struct crewi_engine *engine, uint64_t process)
{
    struct mailbox *mailbox = engine->states[TOY_KIND];
    struct parcel **link = &mailbox->first, *parcel;
    while ((parcel = *link)) {
        if (parcel->letter.process != process) {
            link = &parcel->next;
            continue;
        }
        take_out(mailbox, link);
        lose(engine, parcel);
    }
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    uint64_t id = 0;
    (void)object;
    if (message->size >= sizeof id)
        memcpy(&id, message->data, sizeof id);
    switch (message->op) {
    case TOY_CREATE:
        create(engine, message);
        break;
    case TOY_USE:
        use(engine, message, id);
        break;
    case TOY_CLOSE:
        close_handle(engine, message, id);
        break;
    case TOY_PASS:
        pass(engine, message);
        break;
    case TOY_TAKE:
        take(engine, message);
        break;
    case TOY_CARRY:
        carry(engine, message);
        break;
    default:
        answer(engine, message, id);
    }
}

static const struct crewi_kind toy_kind = {
    .name = "toy",
    .request = request,
    .client_gone = client_gone,
    .destroy = destroy,
    .is_shared = true,
    .describe = describe,
    .attach = attach,
    .detach = detach,
    .count_out = count_out,
    .came_back = came_back,
    .unreferenced = unreferenced,
};

void toy_begin(struct sim_job *job, const struct toy_watcher *watcher)
{
    watching = watcher;
    uses_of_all = 0;
    sim_job_set_kind(job, TOY_KIND, &toy_kind);
    for (uint32_t i = 0; i < job->rank_count; i++)
        job->ranks[i].engine.states[TOY_KIND] = sim_alloc(sizeof(struct mailbox));
}

void toy_end(struct sim_job *job)
{
    for (uint32_t i = 0; i < job->rank_count; i++) {
        struct mailbox *mailbox = job->ranks[i].engine.states[TOY_KIND];
        for (struct parcel *parcel; mailbox && (parcel = mailbox->first);) {
            mailbox->first = parcel->next;
            crewi_shares_free(&parcel->shares);
            free(parcel);
        }
        free(mailbox);
    }
}

uint64_t toy_uses_unheard(void)
{
    return uses_of_all;
}

const char *toy_op_name(uint8_t kind, uint8_t op)
{
    static const struct {
        uint8_t op;
        const char *name;
    } names[] = {{TOY_CREATE, "create"},
                 {TOY_USE, "use"},
                 {TOY_CLOSE, "close"},
                 {TOY_PASS, "pass"},
                 {TOY_TAKE, "take"},
                 {TOY_CARRY, "carry"},
                 {TOY_ASK, "ask"},
                 {CREWI_OP_ATTACH, "ATTACH"},
                 {CREWI_OP_ATTACHED, "ATTACHED"},
                 {CREWI_OP_GIVE_BACK, "GIVE_BACK"},
                 {CREWI_OP_GONE, "GONE"}};
    for (size_t i = 0; kind == TOY_KIND && i < sizeof names / sizeof *names; i++)
        if (names[i].op == op)
            return names[i].name;
    return NULL;
}
