/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/sync_agent.h"

#include "base/error.h"
#include "sync/sync_home.h"

#include <stdlib.h>
#include <string.h>

static void from_client(struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_sync_head *head = message->data;
    if (message->size != sizeof *head || message->op > CREWI_SYNC_LAST_OP) {
        crewi_engine_refuse_malformed(engine, message, "operation 0 to %d with a head of %zu bytes",
                                      CREWI_SYNC_LAST_OP, sizeof *head);
        return;
    }
    uint64_t id = head->id;
    if (message->op == CREWI_SYNC_CLOSE &&
        crewi_handle_is_closed(crewi_handle_find(engine, id), message->origin.process)) {
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        return;
    }
    const struct crewi_handle *handle = crewi_handle_use(engine, message, id);
    if (!handle)
        return;
    if (message->op == CREWI_SYNC_OPEN) {
        crewi_engine_reply(engine, &message->origin, handle->agent,
                           sizeof(struct crewi_sync_description));
    } else if (message->op == CREWI_SYNC_CLOSE) {
        crewi_handle_close(engine, id, message->origin.process);
        crewi_engine_reply(engine, &message->origin, NULL, 0);
    } else {
        struct crewi_frame *frame = *message->frame;
        *message->frame = NULL;
        crewi_handle_pass_on(engine, id, frame, crewi_sync_home_request);
    }
}

static void from_engine(struct crewi_engine *engine, const struct crewi_message *message)
{
    const struct crewi_sync_head *head = message->data;
    uint8_t op = message->op - CREWI_ENGINE_OPS;
    if (message->size != sizeof *head || crewi_id_kind(head->id) != CREWI_KIND_SYNC)
        crewi_engine_refuse_malformed(
            engine, message, "the id of a lock or the like in a head of %zu bytes", sizeof *head);
    else if (message->op == CREWI_SYNC_RELEASED)
        crewi_sync_home_released(engine, head->id, (uint64_t)head->value);
    else if (op >= CREWI_SYNC_ACQUIRE && op <= CREWI_SYNC_LAST_OP)
        crewi_sync_home_request(engine, message, op);
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    if (object)
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "it is asked through the own rank");
    else if (message->op >= CREWI_ENGINE_OPS)
        from_engine(engine, message);
    else if (message->op == CREWI_SYNC_CREATE)
        crewi_sync_create(engine, message);
    else
        from_client(engine, message);
}

static crew_status attach(struct crewi_engine *engine, struct crewi_handle *handle,
                          const void *description, size_t size)
{
    struct crewi_sync_description *about = malloc(sizeof *about);
    (void)engine;
    if (!about || size != sizeof *about) {
        free(about);
        return crewi_error_memory();
    }
    memcpy(about, description, sizeof *about);
    handle->agent = about;
    return CREW_OK;
}

static void detach(struct crewi_engine *engine, struct crewi_handle *handle)
{
    (void)engine;
    free(handle->agent);
}

static void released(struct crewi_engine *engine, struct crewi_handle *handle, uint64_t process)
{
    struct crewi_sync_head head = {.id = handle->id, .value = (int64_t)process};
    struct crewi_outgoing note = {.kind = CREWI_KIND_SYNC,
                                  .op = CREWI_SYNC_RELEASED,
                                  .rank = crewi_id_home(handle->id),
                                  .head = &head,
                                  .head_size = sizeof head};
    crewi_engine_must_tell(engine, &note);
}

const struct crewi_kind crewi_sync_kind = {
    .name = "object",
    .request = request,
    .destroy = crewi_sync_destroy,
    .is_shared = true,
    .describe = crewi_sync_describe,
    .attach = attach,
    .detach = detach,
    .released = released,
    .unreferenced = crewi_sync_unreferenced,
};
