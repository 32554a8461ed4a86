/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzz_job.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "channel/pipe_channel.h"
#include "channel/queue_agent.h"
#include "engine/handles.h"
#include "pool/pool_home.h"
#include "process/process.h"
#include "shapes.h"
#include "shared/array_agent.h"
#include "shared/container_agent.h"
#include "shared/shared_memory.h"
#include "team/gang.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define STEP_LIMIT 300
#define CHILD_LIMIT 24 /* on a rank at a time */

/* What a map may take: a larger one is allowed, and takes what it takes. */
#define RESULT_LIMIT 65536

static crew_status add_pool(struct crewi_loop *loop)
{
    loop->engine.kinds[CREWI_KIND_POOL] = &crewi_pool_kind;
    loop->engine.kinds[CREWI_KIND_RESULT] = &crewi_result_kind;
    return CREW_OK;
}

static crew_status add_queue(struct crewi_loop *loop)
{
    loop->engine.kinds[CREWI_KIND_QUEUE] = &crewi_queue_kind;
    return CREW_OK;
}

static crew_status add_container(struct crewi_loop *loop)
{
    loop->engine.kinds[CREWI_KIND_CONTAINER] = &crewi_container_kind;
    return CREW_OK;
}

static crew_status add_array(struct crewi_loop *loop)
{
    loop->engine.kinds[CREWI_KIND_ARRAY] = &crewi_array_kind;
    return CREW_OK;
}

static void drop_blocks(struct crewi_loop *loop)
{
    crewi_shared_memory_fini(&loop->engine);
}

static crew_status add_team(struct crewi_loop *loop)
{
    loop->engine.kinds[CREWI_KIND_TEAM] = &crewi_team_kind;
    return CREW_OK;
}

static void drop_gangs(struct crewi_loop *loop)
{
    crewi_gangs_fini(&loop->engine);
}

static crew_status add_pipe(struct crewi_loop *loop)
{
    return crewi_pipes_init(&loop->engine);
}

static void drop_pipe(struct crewi_loop *loop)
{
    crewi_pipes_fini(&loop->engine);
}

/* The kinds, as crew_run() registers them, and as it lets them go. */
static const struct {
    crew_status (*init)(struct crewi_loop *loop);
    void (*fini)(struct crewi_loop *loop);
} kinds[] = {
    {crewi_processes_init, crewi_processes_fini},
    {add_pool, NULL},
    {add_pipe, drop_pipe},
    {add_queue, NULL},
    {add_container, NULL},
    {add_array, drop_blocks},
    {add_team, drop_gangs},
};

#define KINDS (sizeof kinds / sizeof *kinds)

/* Nobody reads it; that it can be worded is what matters. */
void __wrap_crewi_log(int level, const char *format, ...);
void __wrap_crewi_log(int level, const char *format, ...)
{
    char line[1024];
    va_list args;
    (void)level;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
}

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_job: %s\n", what);
    abort();
}

/* The network, the clients and the host are those of the fake job; but what goes out is read as a
 * network would, and there is an end to what the host takes. */

static const struct fuzz_job *current;
static const struct crewi_transport_ops *fake_network;
static const struct crewi_host_ops *fake_host;
static void (*fake_deliver)(struct crewi_endpoint *endpoint, struct crewi_frame *frame);

static void read_all(const struct crewi_frame *frame)
{
    unsigned char all = 0;
    for (uint64_t i = 0; i < frame->header.size; i++)
        all |= frame->payload[i];
    *(volatile unsigned char *)&all;
}

static crew_status read_and_send(struct crewi_transport *transport, uint32_t rank,
                                 struct crewi_frame *frame)
{
    read_all(frame);
    return fake_network->send(transport, rank, frame);
}

static crew_status scatter(struct crewi_transport *transport, struct crewi_frames *for_rank)
{
    return fake_network->scatter(transport, for_rank);
}

static crew_status gather(struct crewi_transport *transport, uint32_t root,
                          struct crewi_frame *frame)
{
    struct fake_job *job = current->fake;
    read_all(frame);
    require(root < FUZZ_JOB_RANKS, "a gather to nowhere");
    if (!current->ranks_lie)
        return fake_network->gather(transport, root, frame);
    /* Not all ranks take part then, so nobody waits for the others. */
    if (root == transport->rank)
        crewi_frames_push(&job->ranks[root].wire, frame);
    else
        crewi_frame_destroy(frame);
    return CREW_OK;
}

/* Teams on several ranks cannot be started: those on one need no MPI. */
static crew_status group_create(struct crewi_transport *transport, const int *ranks, int count,
                                struct crewi_group **group)
{
    (void)group;
    for (int i = 0; i < count; i++)
        require(ranks[i] >= 0 && (uint32_t)ranks[i] < transport->rank_count, "a group of nobody");
    return crewi_error(CREW_EMPI, "there are no communicators");
}

static const struct crewi_transport_ops network = {
    .send = read_and_send, .scatter = scatter, .gather = gather, .group_create = group_create};

static void read_and_deliver(struct crewi_endpoint *endpoint, struct crewi_frame *frame)
{
    read_all(frame);
    fake_deliver(endpoint, frame);
}

static void begin_client(struct fake_client *client, struct fake_job *job, uint32_t rank)
{
    fake_client_begin(client, job, rank);
    fake_deliver = client->base.deliver;
    client->base.deliver = read_and_deliver;
}

static crew_status limited_spawn(void *host, const struct crewi_spawn *spawn, uint32_t *slot)
{
    struct fake_rank *rank = host;
    int live = 0;
    read_all(spawn->start);
    for (int i = 0; i < rank->child_count; i++)
        live += rank->children[i].client.attached;
    if (live >= CHILD_LIMIT) {
        crewi_frame_destroy(spawn->start);
        return crewi_error(CREW_ESTATE, "too many processes");
    }
    crew_status status = fake_host->spawn(host, spawn, slot);
    if (!status)
        rank->loop.engine.endpoints[*slot]->deliver = read_and_deliver;
    return status;
}

/* A signal for what is no child is for a thread inside the rank, or for nobody. */
static crew_status any_signal(void *host, uint32_t slot, int number)
{
    const struct fake_rank *rank = host;
    for (int i = 0; i < rank->child_count; i++)
        if (rank->children[i].client.attached && rank->children[i].client.slot == slot)
            return fake_host->signal(host, slot, number);
    return CREW_OK;
}

static const struct crewi_host_ops limited_host = {.spawn = limited_spawn, .signal = any_signal};

/* A job takes longer to make than most inputs do, so there is one, and a copy of how it was. */
static struct fake_job *fresh_job(void)
{
    static struct fake_job *made, *fresh;
    if (!made) {
        made = fake_job_create(FUZZ_JOB_RANKS);
        made->children_claim = true;
        fresh = malloc(sizeof *fresh);
        require(fresh && crewi_modules_load() == CREW_OK, "no memory");
        memcpy(fresh, made, sizeof *fresh);
    }
    memcpy(made, fresh, sizeof *made);
    return made;
}

void fuzz_job_begin(struct fuzz_job *job, struct fuzz_input *input)
{
    *job = (struct fuzz_job){.fake = fresh_job(), .input = input};
    current = job;
    for (uint32_t rank = 0; rank < FUZZ_JOB_RANKS; rank++) {
        struct crewi_engine *engine = fake_engine(job->fake, rank);
        fake_host = engine->host_ops;
        engine->host_ops = &limited_host;
        fake_network = engine->transport->ops;
        engine->transport->ops = &network;
        for (size_t i = 0; i < KINDS; i++)
            require(kinds[i].init(&job->fake->ranks[rank].loop) == CREW_OK, "no memory");
        begin_client(&job->roots[rank], job->fake, rank);
    }
}

/* As fake_job_destroy(), but for the job itself. */
static void end_children(struct fake_rank *rank)
{
    for (int i = 0; i < rank->child_count; i++) {
        struct fake_child *child = &rank->children[i];
        if (child->client.attached)
            fake_client_end(&child->client);
        crewi_frame_destroy(child->start);
    }
}

void fuzz_job_end(struct fuzz_job *job)
{
    for (uint32_t rank = 0; rank < FUZZ_JOB_RANKS; rank++)
        fake_client_end(&job->roots[rank]);
    fake_job_run(job->fake);
    for (uint32_t rank = 0; rank < FUZZ_JOB_RANKS; rank++)
        for (size_t i = KINDS; i-- > 0;)
            if (kinds[i].fini)
                kinds[i].fini(&job->fake->ranks[rank].loop);
    for (uint32_t rank = 0; rank < FUZZ_JOB_RANKS; rank++)
        end_children(&job->fake->ranks[rank]);
    for (uint32_t rank = 0; rank < FUZZ_JOB_RANKS; rank++) {
        crewi_frames_clear(&job->fake->ranks[rank].wire);
        for (int i = 0; i < FAKE_GATHERS; i++)
            crewi_frame_destroy(job->fake->gathers[i][rank]);
        crewi_engine_fini(fake_engine(job->fake, rank));
    }
}

/* Choices */

/* The n-th id from the largest one down: kinds come in their order, what is new comes first. */
static uint64_t nth_of_table(const struct crewi_table *table, size_t n)
{
    uint64_t id = 0, below = UINT64_MAX;
    do {
        id = 0;
        for (size_t i = 0; i < table->room; i++)
            if (table->entries[i].id > id && table->entries[i].id < below)
                id = table->entries[i].id;
        below = id;
    } while (n-- > 0);
    return id;
}

uint64_t fuzz_job_id(struct fuzz_job *job)
{
    uint8_t choice = fuzz_u8(job->input);
    const struct crewi_engine *engine = fake_engine(job->fake, choice % FUZZ_JOB_RANKS);
    const struct crewi_table *table = choice & 0x40 ? &engine->handles : &engine->objects;
    uint64_t id = table->count ? nth_of_table(table, fuzz_u8(job->input) % table->count) : 0;
    if (!(choice & 0x80))
        return id;
    switch (choice >> 4 & 3) {
    case 0:
        return id + (uint64_t)(int64_t)(int8_t)fuzz_u8(job->input);
    case 1:
        return id ^ (uint64_t)fuzz_u8(job->input) << (fuzz_u8(job->input) % 64);
    case 2:
        return job->roots[fuzz_u8(job->input) % FUZZ_JOB_RANKS].base.process;
    default:
        return fuzz_u64(job->input);
    }
}

/* A child that is there; NULL: a root instead. */
static struct fake_child *choose_child(struct fuzz_job *job)
{
    uint8_t choice = fuzz_u8(job->input);
    struct fake_rank *rank = &job->fake->ranks[choice % FUZZ_JOB_RANKS];
    if (choice & 0x80 || !rank->child_count)
        return NULL;
    struct fake_child *child = &rank->children[choice / FUZZ_JOB_RANKS % rank->child_count];
    return child->client.attached ? child : NULL;
}

static int64_t choose_timeout(struct fuzz_input *input)
{
    uint8_t choice = fuzz_u8(input);
    if (choice < 0x40)
        return 0;
    if (choice < 0x80)
        return CREWI_FOREVER;
    return choice < 0xc0 ? (int64_t)1 << (choice % 63) : (int64_t)fuzz_u64(input);
}

/* Messages */

/* The input's own bytes behind the payload, and over it. */
static size_t change_payload(struct fuzz_input *input, unsigned char *payload, size_t size)
{
    uint8_t choice = fuzz_u8(input);
    if (choice & 1) {
        size_t more = fuzz_u8(input);
        fuzz_read(input, payload + size, more);
        size += more;
    }
    for (int changes = choice >> 1 & 3; changes > 0; changes--) {
        size_t at = fuzz_u16(input), bytes = (size_t)1 << (fuzz_u8(input) % 4);
        if (at + bytes <= size)
            fuzz_read(input, payload + at, bytes);
    }
    if (choice & 8) /* cut off */
        size -= fuzz_u16(input) % (size + 1);
    return size;
}

/* Sizes that are allowed, and would only take long. */
static void tame(const struct crewi_header *header, unsigned char *payload, size_t size)
{
    struct crewi_pool_submission submission;
    struct crewi_pool_spec spec;
    if (header->kind == CREWI_KIND_POOL && header->op == CREWI_POOL_SUBMIT &&
        size >= sizeof submission) {
        memcpy(&submission, payload, sizeof submission);
        if (submission.result_size <= CREWI_FRAME_LIMIT)
            submission.result_size %= RESULT_LIMIT;
        memcpy(payload, &submission, sizeof submission);
    }
    if (header->kind == CREWI_KIND_POOL && header->op == CREWI_POOL_CREATE && size >= sizeof spec) {
        memcpy(&spec, payload, sizeof spec);
        spec.workers %= 2 * CHILD_LIMIT * FUZZ_JOB_RANKS;
        memcpy(payload, &spec, sizeof spec);
    }
}

static struct crewi_frame *make_frame(struct fuzz_job *job, struct fake_client *client)
{
    static unsigned char payload[SHAPE_ROOM];
    struct fuzz_input *input = job->input;
    uint8_t type = fuzz_u8(input), kind = fuzz_u8(input) % 32;
    struct crewi_header header = {.version = CREWI_FRAME_VERSION,
                                  .type = type & 0x80 ? type : CREWI_REQUEST + type % 2,
                                  .op = fuzz_u8(input)};
    header.object = type & 0x40 ? fuzz_job_id(job) : 0;
    header.kind = kind ? kind : (uint8_t)crewi_id_kind(header.object);
    header.target_rank = fuzz_u8(input);
    header.timeout_ns = choose_timeout(input);
    size_t size = shape_payload(job, client, header.kind, header.op, payload);
    size = change_payload(input, payload, size);
    tame(&header, payload, size);
    struct crewi_frame *frame = crewi_frame_create(size);
    require(frame != NULL, "no memory");
    header.size = size;
    frame->header = header;
    if (size)
        memcpy(frame->payload, payload, size);
    return frame;
}

/* A child that sends what it may not is killed, and so is a root, which comes again. */
static void send_from_child(struct fuzz_job *job)
{
    struct fake_child *child = choose_child(job);
    struct fake_client *client = child ? &child->client : &job->roots[fuzz_u8(job->input) % 3];
    struct crewi_frame *frame = make_frame(job, client);
    frame->header.origin.request = ++client->last_request;
    if (crewi_engine_accept_from(&client->rank->loop.engine, client->slot, frame) == CREW_OK)
        return;
    uint32_t rank = client->rank->loop.engine.rank;
    if (child) {
        fake_child_ended(child, FAKE_SIGNAL(SIGKILL));
        return;
    }
    fake_client_end(client);
    begin_client(client, job->fake, rank);
}

/* The transport has found out that the header can be, and nothing else. */
static void send_from_rank(struct fuzz_job *job)
{
    struct fuzz_input *input = job->input;
    uint32_t to = fuzz_u8(input) % FUZZ_JOB_RANKS;
    uint8_t who = fuzz_u8(input);
    struct crewi_frame *frame = make_frame(job, NULL);
    struct crewi_origin *origin = &frame->header.origin;
    const struct fake_client *root = &job->roots[who % FUZZ_JOB_RANKS];
    *origin = (struct crewi_origin){
        .rank = who % FUZZ_JOB_RANKS, .slot = root->slot, .process = root->base.process};
    if (who & 0x80)
        fuzz_read(input, origin, sizeof *origin);
    if (who & 0x40)
        origin->process = fuzz_job_id(job);
    if (who & 0x20)
        origin->request = fuzz_u8(input);
    frame->header.status = who & 0x10 ? -(int32_t)fuzz_u8(input) : 0;
    frame->header.type =
        (uint8_t)(CREWI_REQUEST + (uint8_t)(frame->header.type - CREWI_REQUEST) % CREWI_SHUTDOWN);
    frame->header.target_rank = to;
    require(crewi_header_check(&frame->header) == CREW_OK, "the header cannot be");
    crewi_engine_accept(fake_engine(job->fake, to), frame);
}

/* The fork server */

static void start_or_fail(struct fuzz_job *job)
{
    struct fake_child *child = choose_child(job);
    uint8_t choice = fuzz_u8(job->input);
    if (!child || child->pid)
        return;
    if (choice & 0x80)
        fake_child_failed(child, choice & 0x7f);
    else
        fake_child_started(child, 1 + choice);
}

static void end_child(struct fuzz_job *job)
{
    static unsigned char draft[SHAPE_ROOM];
    struct fake_child *child = choose_child(job);
    int status = fuzz_u8(job->input) & 1 ? FAKE_EXIT(fuzz_u8(job->input)) : FAKE_SIGNAL(SIGKILL);
    uint64_t progress = 0;
    size_t size = 0;
    if (!child || !child->pid)
        return;
    if (fuzz_u8(job->input) & 1) {
        size = shape_draft(job, &child->client, draft, &progress);
        size = change_payload(job->input, draft, size);
    }
    size = size < CREWI_PORT_DRAFT_SIZE ? size : CREWI_PORT_DRAFT_SIZE;
    fake_child_ended_with(child, status, draft, (uint32_t)size, progress);
}

static void restart_root(struct fuzz_job *job)
{
    uint32_t rank = fuzz_u8(job->input) % FUZZ_JOB_RANKS;
    fake_client_end(&job->roots[rank]);
    begin_client(&job->roots[rank], job->fake, rank);
}

static void toggle_spawns(struct fuzz_job *job)
{
    uint8_t choice = fuzz_u8(job->input);
    struct fake_rank *rank = &job->fake->ranks[choice % FUZZ_JOB_RANKS];
    rank->spawn_status = choice & 0x80 ? CREW_ESYSTEM : choice & 0x40 ? CREW_ESTATE : CREW_OK;
}

static void step(struct fuzz_job *job)
{
    switch (fuzz_u8(job->input) % 16) {
    case 0:
        fake_job_run(job->fake);
        break;
    case 1:
        fake_job_pass_time(job->fake, (int64_t)1 << (fuzz_u8(job->input) % 40));
        break;
    case 2:
    case 3:
        start_or_fail(job);
        break;
    case 4:
    case 5:
        end_child(job);
        break;
    case 6:
        restart_root(job);
        break;
    case 7:
        toggle_spawns(job);
        break;
    case 8:
    case 9:
    case 10:
    case 11:
        if (job->ranks_lie) {
            send_from_rank(job);
            break;
        }
        send_from_child(job);
        break;
    default:
        send_from_child(job);
    }
}

void fuzz_job_play(struct fuzz_job *job)
{
    for (int i = 0; i < STEP_LIMIT && job->input->left; i++)
        step(job);
    fake_job_run(job->fake);
}

/* A process is made, started, and ends. */
static void check_rank(struct fuzz_job *job, uint32_t rank)
{
    struct fake_client client;
    struct crewi_process_spec spec = shape_process_spec();
    struct fake_call call = {.kind = CREWI_KIND_PROCESS,
                             .op = CREWI_PROCESS_CREATE,
                             .rank = rank,
                             .head = &spec,
                             .head_size = sizeof spec};
    uint64_t id = 0;
    job->fake->ranks[rank].spawn_status = CREW_OK;
    spec.place = CREW_PLACE_RANK;
    spec.rank = (int32_t)rank;
    begin_client(&client, job->fake, rank);
    fake_call(&client, &call, &id, sizeof id);
    call = (struct fake_call){.kind = CREWI_KIND_PROCESS, .op = CREWI_PROCESS_START, .object = id};
    uint64_t request = fake_ask(&client, &call);
    fake_job_run(job->fake);
    struct crewi_frame *refusal = fake_reply(&client, request);
    if (!refusal) { /* there is room for one more */
        struct fake_child *child = fake_find_child(job->fake, id);
        fake_child_started(child, 1);
        fake_expect_reply(&client, request, NULL, 0);
        fake_child_ended(child, 0);
    }
    crewi_frame_destroy(refusal);
    fake_client_end(&client);
}

void fuzz_job_check(struct fuzz_job *job)
{
    for (uint32_t rank = 0; rank < FUZZ_JOB_RANKS; rank++)
        check_rank(job, rank);
}
