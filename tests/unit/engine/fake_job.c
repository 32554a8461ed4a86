/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_job.h"

#include "base/clock.h"
#include "base/error.h"
#include "node/job.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The network */

static struct fake_rank *rank_of(const struct crewi_transport *transport)
{
    return (struct fake_rank *)((char *)(uintptr_t)transport -
                                offsetof(struct fake_rank, transport));
}

static crew_status fake_send(struct crewi_transport *transport, uint32_t rank,
                             struct crewi_frame *frame)
{
    struct fake_job *job = rank_of(transport)->job;
    assert_true(rank < job->rank_count && rank != transport->rank);
    assert_int_equal(frame->header.target_rank, rank);
    frame->can_wait = transport->rank; /* nobody looks at that here: see fake_job_step() */
    crewi_frames_push(&job->ranks[rank].wire, frame);
    job->carried++;
    return CREW_OK;
}

static crew_status fake_scatter(struct crewi_transport *transport, struct crewi_frames *for_rank)
{
    struct fake_job *job = rank_of(transport)->job;
    if (!job->can_scatter || transport->rank != 0)
        return CREW_ENOTSUP;
    for (uint32_t rank = 1; rank < job->rank_count; rank++) {
        struct crewi_frame *frame;
        while ((frame = crewi_frames_pop(&for_rank[rank]))) {
            fake_send(transport, rank, frame);
            job->scattered++;
        }
    }
    return CREW_OK;
}

/* The root's own payload first, then those of the others. */
static struct crewi_frame *join_frames(struct crewi_frame **frames, uint32_t count, uint32_t root)
{
    uint64_t size = 0;
    for (uint32_t rank = 0; rank < count; rank++) {
        assert_int_equal(frames[rank]->header.target_rank, root);
        assert_int_equal(frames[rank]->header.size % 16, 0);
        size += frames[rank]->header.size;
    }
    struct crewi_frame *whole = crewi_frame_create(size);
    assert_non_null(whole);
    whole->header = frames[root]->header;
    whole->header.size = size;
    memcpy(whole->payload, frames[root]->payload, frames[root]->header.size);
    uint64_t at = frames[root]->header.size;
    for (uint32_t rank = 0; rank < count; rank++) {
        if (rank != root) {
            memcpy(whole->payload + at, frames[rank]->payload, frames[rank]->header.size);
            at += frames[rank]->header.size;
        }
        crewi_frame_destroy(rank == root ? NULL : frames[rank]);
    }
    crewi_frame_destroy(frames[root]);
    return whole;
}

static crew_status fake_gather(struct crewi_transport *transport, uint32_t root,
                               struct crewi_frame *frame)
{
    struct fake_rank *rank = rank_of(transport);
    struct fake_job *job = rank->job;
    if (job->rank_count == 1)
        return CREW_ENOTSUP;
    struct crewi_frame **frames = job->gathers[rank->gathers++ % FAKE_GATHERS];
    assert_null(frames[transport->rank]);
    frames[transport->rank] = frame;
    for (uint32_t i = 0; i < job->rank_count; i++)
        if (!frames[i])
            return CREW_OK;
    crewi_frames_push(&job->ranks[root].wire, join_frames(frames, job->rank_count, root));
    memset(frames, 0, job->rank_count * sizeof(struct crewi_frame *));
    return CREW_OK;
}

static crew_status fake_attach(struct crewi_transport *transport, void *memory, size_t size,
                               uint64_t *address)
{
    struct fake_rank *rank = rank_of(transport);
    assert_true(size > 0);
    if (rank->job->attach_status)
        return crewi_error(rank->job->attach_status, "it cannot be attached");
    rank->attached++;
    *address = (uintptr_t)memory;
    return CREW_OK;
}

static void fake_detach(struct crewi_transport *transport, void *memory)
{
    assert_non_null(memory);
    assert_true(rank_of(transport)->attached-- > 0);
}

static crew_status fake_get(struct crewi_transport *transport, const struct crewi_get *get)
{
    struct fake_rank *rank = rank_of(transport);
    assert_true(rank->job->ranks[get->rank].attached > 0);
    if (rank->job->get_status)
        return crewi_error(rank->job->get_status, "it cannot be read");
    rank->job->gets++;
    memcpy(get->memory, (const void *)(uintptr_t)get->address, get->size);
    crewi_frames_push(&rank->wire, get->done);
    return CREW_OK;
}

static const struct crewi_transport_ops fake_ops = {
    .send = fake_send,
    .scatter = fake_scatter,
    .gather = fake_gather,
    .attach = fake_attach,
    .detach = fake_detach,
    .get = fake_get,
};

/* The host */

static void keep(struct crewi_endpoint *endpoint, struct crewi_frame *frame)
{
    crewi_frames_push(&((struct fake_client *)endpoint)->arrived, frame);
}

static void attach(struct fake_client *client, struct fake_rank *rank, uint64_t process)
{
    *client = (struct fake_client){
        .base = {.process = process, .deliver = keep}, .rank = rank, .attached = true};
    crewi_frames_init(&client->arrived);
    assert_int_equal(crewi_engine_attach(&rank->loop.engine, &client->base, &client->slot),
                     CREW_OK);
}

/* A place that nobody had, or that of one who has ended. */
static struct fake_child *free_child(struct fake_rank *rank)
{
    if (rank->child_count < FAKE_CHILDREN)
        return &rank->children[rank->child_count++];
    for (int i = 0; i < FAKE_CHILDREN; i++)
        if (!rank->children[i].client.attached)
            return &rank->children[i];
    fail_msg("too many children");
    return NULL;
}

static crew_status fake_spawn(void *host, const struct crewi_spawn *spawn, uint32_t *slot)
{
    struct fake_rank *rank = host;
    if (rank->spawn_status) {
        crewi_frame_destroy(spawn->start);
        return crewi_error(rank->spawn_status, "the host cannot do it");
    }
    struct fake_child *child = free_child(rank);
    *child = (struct fake_child){.process = spawn->process,
                                 .core = spawn->core,
                                 .inside = spawn->inside,
                                 .start = spawn->start};
    snprintf(child->name, sizeof child->name, "%s", spawn->name);
    attach(&child->client, rank, spawn->process);
    child->client.base.claims = rank->job->children_claim ? &child->claims : NULL;
    *slot = child->client.slot;
    return CREW_OK;
}

static crew_status fake_signal(void *host, uint32_t slot, int signal)
{
    struct fake_rank *rank = host;
    for (int i = 0; i < rank->child_count; i++) {
        struct fake_child *child = &rank->children[i];
        if (!child->client.attached || child->client.slot != slot)
            continue;
        child->signal = signal;
        child->signals++;
        return CREW_OK;
    }
    fail_msg("a signal for a slot that nobody has");
    return CREW_ESYSTEM;
}

static void fake_drain(void *host)
{
    struct fake_rank *rank = host;
    struct crewi_frame *frame;
    while ((frame = crewi_frames_pop(&rank->unread)))
        assert_int_equal(
            crewi_engine_accept_from(&rank->loop.engine, frame->header.origin.slot, frame),
            CREW_OK);
}

static int64_t fake_cpu(void *host)
{
    return ((const struct fake_rank *)host)->job->cpu_ns;
}

static const struct crewi_host_ops fake_host = {
    .spawn = fake_spawn, .signal = fake_signal, .drain = fake_drain, .cpu_ns = fake_cpu};

/* The job */

static void publish(uint32_t rank_count)
{
    struct crewi_job *facts = calloc(1, sizeof *facts + rank_count * sizeof *facts->ranks);
    int fd;
    assert_non_null(facts);
    *facts = (struct crewi_job){.rank_count = (int)rank_count,
                                .host_count = (int)rank_count,
                                .cpu_count = 2 * (int)rank_count,
                                .host_rank_count = 1,
                                .host_cpu_count = 2};
    for (uint32_t i = 0; i < rank_count; i++) {
        struct crewi_job_rank *rank = &facts->ranks[i];
        snprintf(rank->host, sizeof rank->host, "node%u", i);
        rank->host_index = (int)i;
        rank->memory_index = (int)i;
        rank->cpu_count = 2;
        rank->cores.bits[0] = 3;
    }
    assert_int_equal(crewi_job_create(&fd), CREW_OK);
    assert_int_equal(crewi_job_publish(fd, facts), CREW_OK);
    close(fd);
    free(facts);
}

struct fake_job *fake_job_create(uint32_t rank_count)
{
    struct fake_job *job = calloc(1, sizeof *job);
    assert_non_null(job);
    *job = (struct fake_job){.rank_count = rank_count, .now_ns = FAKE_START_NS};
    publish(rank_count);
    for (uint32_t i = 0; i < rank_count; i++) {
        struct fake_rank *rank = &job->ranks[i];
        rank->job = job;
        rank->transport =
            (struct crewi_transport){.ops = &fake_ops, .rank = i, .rank_count = rank_count};
        crewi_frames_init(&rank->wire);
        crewi_frames_init(&rank->unread);
        crewi_engine_init(&rank->loop.engine, &rank->transport);
        rank->loop.engine.now_ns = job->now_ns;
        rank->loop.engine.host_ops = &fake_host;
        rank->loop.engine.host = rank;
    }
    return job;
}

static void drop_child(struct fake_child *child)
{
    if (child->client.attached)
        fake_client_end(&child->client);
    crewi_frame_destroy(child->start);
    child->start = NULL;
}

void fake_job_destroy(struct fake_job *job)
{
    for (uint32_t i = 0; i < job->rank_count; i++) {
        struct fake_rank *rank = &job->ranks[i];
        for (int child = 0; child < rank->child_count; child++)
            drop_child(&rank->children[child]);
    }
    for (uint32_t i = 0; i < job->rank_count; i++) {
        crewi_frames_clear(&job->ranks[i].wire);
        crewi_frames_clear(&job->ranks[i].unread);
        crewi_engine_fini(&job->ranks[i].loop.engine);
    }
    for (size_t i = 0; i < FAKE_GATHERS; i++)
        for (size_t rank = 0; rank < FAKE_RANKS; rank++)
            crewi_frame_destroy(job->gathers[i][rank]);
    crewi_job_detach();
    free(job);
}

void fake_job_open_window(struct fake_job *job)
{
    static const int hosts[FAKE_RANKS] = {0, 1, 2, 3};
    for (uint32_t i = 0; i < job->rank_count; i++) {
        job->ranks[i].transport.host_of_rank = hosts;
        job->ranks[i].transport.has_window = true;
    }
}

static bool run_rank(struct fake_rank *rank)
{
    struct crewi_frame *frame;
    while ((frame = crewi_frames_pop(&rank->wire))) {
        assert_int_equal(crewi_header_check(&frame->header), CREW_OK);
        crewi_engine_accept(&rank->loop.engine, frame);
    }
    return crewi_engine_run(&rank->loop.engine, rank->job->now_ns);
}

void fake_job_run(struct fake_job *job)
{
    bool any = true;
    for (int turns = 0; any; turns++) {
        assert_true(turns < 10000);
        any = false;
        for (uint32_t i = 0; i < job->rank_count; i++)
            any |= run_rank(&job->ranks[i]);
    }
}

/* The first one of that source. */
static struct crewi_frame *take_from(struct crewi_frames *wire, uint64_t source)
{
    struct crewi_frames others;
    struct crewi_frame *frame, *found = NULL;
    crewi_frames_init(&others);
    while ((frame = crewi_frames_pop(wire))) {
        if (!found && frame->can_wait == source)
            found = frame;
        else
            crewi_frames_push(&others, frame);
    }
    while ((frame = crewi_frames_pop(&others)))
        crewi_frames_push(wire, frame);
    return found;
}

static bool step_rank(struct fake_rank *rank, uint64_t *seed)
{
    uint64_t first = unit_random_below(seed, FAKE_RANKS + 1);
    for (uint64_t i = first; i <= first + FAKE_RANKS; i++) {
        uint64_t source = i % (FAKE_RANKS + 1);
        struct crewi_frame *frame = source < FAKE_RANKS ? take_from(&rank->wire, source) : NULL;
        if (frame)
            crewi_engine_accept(&rank->loop.engine, frame);
        if (frame ||
            (source == FAKE_RANKS && crewi_engine_run(&rank->loop.engine, rank->job->now_ns)))
            return true;
    }
    return false;
}

bool fake_job_step(struct fake_job *job, uint64_t *seed)
{
    uint64_t first = unit_random_below(seed, job->rank_count);
    for (uint32_t i = 0; i < job->rank_count; i++)
        if (step_rank(&job->ranks[(first + i) % job->rank_count], seed))
            return true;
    return false;
}

void fake_job_pass_time(struct fake_job *job, int64_t duration_ns)
{
    job->now_ns += duration_ns;
    fake_job_run(job);
}

/* Clients */

void fake_client_begin(struct fake_client *client, struct fake_job *job, uint32_t rank)
{
    attach(client, &job->ranks[rank],
           crewi_engine_new_id(fake_engine(job, rank), CREWI_KIND_PROCESS));
}

void fake_client_end(struct fake_client *client)
{
    crewi_engine_detach(&client->rank->loop.engine, client->slot);
    crewi_frames_clear(&client->arrived);
    client->attached = false;
}

static struct crewi_frame *frame_of(const struct fake_call *call, enum crewi_frame_type type)
{
    struct crewi_frame *frame = crewi_frame_create(call->head_size + call->body_size);
    assert_non_null(frame);
    frame->header.type = type;
    frame->header.kind = call->kind;
    frame->header.op = call->op;
    frame->header.object = call->object;
    frame->header.target_rank = call->rank;
    frame->header.timeout_ns = call->timeout_ns;
    if (call->head_size)
        memcpy(frame->payload, call->head, call->head_size);
    if (call->body_size)
        memcpy(frame->payload + call->head_size, call->body, call->body_size);
    return frame;
}

uint64_t fake_ask(struct fake_client *client, const struct fake_call *call)
{
    struct crewi_frame *frame = frame_of(call, CREWI_REQUEST);
    uint64_t request = frame->header.origin.request = ++client->last_request;
    assert_int_equal(crewi_engine_accept_from(&client->rank->loop.engine, client->slot, frame),
                     CREW_OK);
    return request;
}

void fake_tell(struct fake_client *client, const struct fake_call *call)
{
    struct crewi_frame *frame = frame_of(call, CREWI_NOTE);
    assert_int_equal(crewi_engine_accept_from(&client->rank->loop.engine, client->slot, frame),
                     CREW_OK);
}

uint64_t fake_ask_unread(struct fake_client *client, const struct fake_call *call)
{
    struct crewi_frame *frame = frame_of(call, CREWI_REQUEST);
    uint64_t request = frame->header.origin.request = ++client->last_request;
    frame->header.origin.slot = client->slot;
    crewi_frames_push(&client->rank->unread, frame);
    return request;
}

void fake_tell_unread(struct fake_client *client, const struct fake_call *call)
{
    struct crewi_frame *frame = frame_of(call, CREWI_NOTE);
    frame->header.origin.slot = client->slot;
    crewi_frames_push(&client->rank->unread, frame);
}

/* Takes the first frame that arrived and is of a type, and of a request unless that is 0. */
static struct crewi_frame *take(struct fake_client *client, enum crewi_frame_type type,
                                uint64_t request)
{
    struct crewi_frames kept;
    struct crewi_frame *frame, *found = NULL;
    crewi_frames_init(&kept);
    while ((frame = crewi_frames_pop(&client->arrived))) {
        bool fits =
            frame->header.type == type && (!request || frame->header.origin.request == request);
        if (fits && !found)
            found = frame;
        else
            crewi_frames_push(&kept, frame);
    }
    crewi_frames_init(&client->arrived);
    while ((frame = crewi_frames_pop(&kept)))
        crewi_frames_push(&client->arrived, frame);
    return found;
}

struct crewi_frame *fake_reply(struct fake_client *client, uint64_t request)
{
    return take(client, CREWI_REPLY, request);
}

struct crewi_frame *fake_delivery(struct fake_client *client)
{
    return take(client, CREWI_DELIVERY, 0);
}

void fake_expect_parked(struct fake_client *client, uint64_t request)
{
    fake_job_run(client->rank->job);
    assert_null(fake_reply(client, request));
}

/* The one reply to a request. */
static struct crewi_frame *only_reply(struct fake_client *client, uint64_t request)
{
    fake_job_run(client->rank->job);
    struct crewi_frame *frame = fake_reply(client, request);
    assert_non_null(frame);
    assert_int_equal(frame->header.origin.process, client->base.process);
    assert_null(fake_reply(client, request));
    return frame;
}

void fake_expect_reply(struct fake_client *client, uint64_t request, void *data, size_t size)
{
    struct crewi_frame *frame = only_reply(client, request);
    if (frame->header.status)
        print_error("refused with %d: %.*s\n", frame->header.status, (int)frame->header.size,
                    (const char *)frame->payload);
    assert_int_equal(frame->header.status, CREW_OK);
    assert_int_equal(frame->header.size, size);
    if (data)
        memcpy(data, frame->payload, size);
    crewi_frame_destroy(frame);
}

void fake_expect_refusal(struct fake_client *client, uint64_t request, crew_status status,
                         const char *text)
{
    char reason[CREWI_ERROR_SIZE];
    struct crewi_frame *frame = only_reply(client, request);
    assert_in_range(frame->header.size, 0, sizeof reason - 1);
    memcpy(reason, frame->payload, frame->header.size);
    reason[frame->header.size] = '\0';
    if (!strstr(reason, text))
        print_error("the reason is \"%s\", and not \"%s\"\n", reason, text);
    assert_int_equal(frame->header.status, status);
    assert_non_null(strstr(reason, text));
    crewi_frame_destroy(frame);
}

void fake_call(struct fake_client *client, const struct fake_call *call, void *data, size_t size)
{
    fake_expect_reply(client, fake_ask(client, call), data, size);
}

void fake_call_refused(struct fake_client *client, const struct fake_call *call, crew_status status,
                       const char *text)
{
    fake_expect_refusal(client, fake_ask(client, call), status, text);
}

/* Children */

struct fake_child *fake_find_child(struct fake_job *job, uint64_t process)
{
    for (uint32_t i = 0; i < job->rank_count; i++)
        for (int child = 0; child < job->ranks[i].child_count; child++)
            if (job->ranks[i].children[child].process == process)
                return &job->ranks[i].children[child];
    fail_msg("no rank was asked for process %llx", (unsigned long long)process);
    return NULL;
}

static void say(struct fake_child *child, uint8_t op, const struct crewi_child_note *note,
                const void *draft)
{
    struct fake_rank *rank = child->client.rank;
    struct crewi_outgoing out = {
        .kind = CREWI_KIND_PROCESS,
        .op = op,
        .rank = rank->loop.engine.rank,
        .head = note,
        .head_size = sizeof *note,
        .body = draft,
        .body_size = note->draft_size,
    };
    assert_int_equal(crewi_engine_tell(&rank->loop.engine, &out), CREW_OK);
    fake_job_run(rank->job);
}

void fake_child_started(struct fake_child *child, int pid)
{
    struct crewi_child_note note = {.process = child->process, .pid = pid};
    child->pid = pid;
    say(child, CREWI_OP_CHILD_STARTED, &note, NULL);
}

void fake_child_failed(struct fake_child *child, int code)
{
    struct crewi_child_note note = {.process = child->process, .value = code};
    drop_child(child);
    say(child, CREWI_OP_CHILD_FAILED, &note, NULL);
}

void fake_child_ended(struct fake_child *child, int wait_status)
{
    fake_child_ended_with(child, wait_status, NULL, 0, 0);
}

void fake_child_ended_with(struct fake_child *child, int wait_status, const void *draft,
                           uint32_t size, uint64_t progress)
{
    struct crewi_child_note note = {.process = child->process,
                                    .pid = child->pid,
                                    .value = wait_status,
                                    .draft_progress = progress,
                                    .draft_size = size,
                                    .cause = child->cause};
    drop_child(child);
    say(child, CREWI_OP_CHILD_ENDED, &note, draft);
}
