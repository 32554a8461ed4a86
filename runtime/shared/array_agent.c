/* SPDX-License-Identifier: BSD-3-Clause */
/* The agent of an array: says what there is to know, and passes on what is asked of another host.
 */
#include "shared/array_agent.h"

#include "base/error.h"
#include "shared/array_transfer.h"
#include "shared/shared_memory.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_array_head)

void crewi_array_forward(struct crewi_engine *engine, uint64_t id, struct crewi_frame *frame)
{
    crewi_handle_pass_on(engine, id, frame, crewi_array_home_request);
}

static void pass_on(struct crewi_engine *engine, struct crewi_array_agent *agent,
                    const struct crewi_message *message)
{
    struct crewi_frame *frame = *message->frame;
    *message->frame = NULL;
    if (crewi_id_home(agent->id) == engine->rank || !crewi_array_transfer(engine, agent, frame))
        crewi_array_forward(engine, agent->id, frame);
}

static void close_copy(struct crewi_engine *engine, const struct crewi_message *message,
                       uint64_t id)
{
    crewi_handle_close(engine, id, message->origin.process);
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static void from_client(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_array_head head;
    uint8_t op = message->op;
    if (op < CREWI_ARRAY_OPEN || op > CREWI_ARRAY_UPDATE || message->size < HEAD_SIZE) {
        crewi_engine_refuse_malformed(engine, message,
                                      "operation %d to %d with a head of %zu bytes",
                                      CREWI_ARRAY_OPEN, CREWI_ARRAY_UPDATE, HEAD_SIZE);
        return;
    }
    memcpy(&head, message->data, sizeof head);
    const struct crewi_handle *handle = crewi_handle_use(engine, message, head.id);
    if (!handle)
        return;
    struct crewi_array_agent *agent = handle->agent;
    if (op == CREWI_ARRAY_OPEN)
        crewi_engine_reply(engine, &message->origin, &agent->about, sizeof agent->about);
    else if (op == CREWI_ARRAY_CLOSE)
        close_copy(engine, message, head.id);
    else
        pass_on(engine, agent, message);
}

static void from_agent(struct crewi_engine *engine, const struct crewi_message *message)
{
    uint8_t op = message->op - CREWI_ENGINE_OPS;
    if (op < CREWI_ARRAY_READ || op > CREWI_ARRAY_UPDATE || message->size < HEAD_SIZE)
        crewi_engine_refuse_malformed(
            engine, message, "operation %d to %d with a head of %zu bytes",
            CREWI_ENGINE_OPS + CREWI_ARRAY_READ, CREWI_ENGINE_OPS + CREWI_ARRAY_UPDATE, HEAD_SIZE);
    else
        crewi_array_home_request(engine, message, op);
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    if (object)
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "arrays are asked through the own rank");
    else if (message->op >= CREWI_ARRAY_LOCATE)
        crewi_array_transfer_note(engine, message);
    else if (message->op >= CREWI_ENGINE_OPS)
        from_agent(engine, message);
    else if (message->op == CREWI_ARRAY_CREATE)
        crewi_array_home_create(engine, message);
    else if (crewi_shared_memory_is_op(message->op))
        crewi_shared_memory_request(engine, message);
    else
        from_client(engine, message);
}

/* A process of this rank has ended. Of one inside the rank there may be something left. */
static void client_gone(struct crewi_engine *engine, uint64_t process)
{
    (void)engine;
    crewi_shared_memory_drop(process);
}

static crew_status attach(struct crewi_engine *engine, struct crewi_handle *handle,
                          const void *description, size_t size)
{
    (void)engine;
    struct crewi_array_agent *agent = calloc(1, sizeof *agent);
    if (!agent)
        return crewi_error_memory();
    if (size != sizeof agent->about) {
        free(agent);
        return crewi_error(CREW_EPROTO,
                           "malformed description of an array: %zu bytes, expected %zu", size,
                           sizeof agent->about);
    }
    agent->id = handle->id;
    memcpy(&agent->about, description, size);
    crewi_frames_init(&agent->waiting);
    handle->agent = agent;
    return CREW_OK;
}

static void detach(struct crewi_engine *engine, struct crewi_handle *handle)
{
    struct crewi_array_agent *agent = handle->agent;
    (void)engine;
    crewi_array_transfers_fini(agent);
    crewi_frames_clear(&agent->waiting);
    free(agent);
}

const struct crewi_kind crewi_array_kind = {
    .name = "array",
    .request = request,
    .client_gone = client_gone,
    .destroy = crewi_array_destroy,
    .is_shared = true,
    .describe = crewi_array_describe,
    .attach = attach,
    .detach = detach,
    .unreferenced = crewi_array_unreferenced,
};
