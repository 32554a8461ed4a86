/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/container_agent.h"

#include "base/error.h"
#include "shared/any_pack.h"
#include "shared/container_home.h"
#include "shared/container_shares.h"

#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_container_head)
#define ANY_NUMBER UINT32_MAX

/* Checks */

/* How many values an operation comes with. */
static uint32_t values_of(uint8_t op)
{
    switch (op) {
    case CREWI_LIST_INSERT:
    case CREWI_DICT_UPDATE:
        return ANY_NUMBER;
    case CREWI_DICT_SET:
    case CREWI_DICT_DEFAULT:
    case CREWI_DICT_ADD:
        return 2;
    case CREWI_LIST_SET:
    case CREWI_LIST_FIND:
    case CREWI_LIST_COUNT:
    case CREWI_LIST_REMOVE:
    case CREWI_LIST_ADD:
    case CREWI_DICT_GET:
    case CREWI_DICT_TAKE:
    case CREWI_DICT_HAS:
        return 1;
    default:
        return 0;
    }
}

/* Whether so many packed values fill exactly these bytes. */
static bool are_values(const unsigned char *at, uint64_t size, uint32_t count)
{
    if (count > size / sizeof(uint64_t))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t length = crewi_packed_size(at, size);
        if (!length)
            return false;
        at += length;
        size -= length;
    }
    return size == 0;
}

/* A request has what its operation says; shares are behind it between engines only. */
static bool is_sound(uint8_t op, const struct crewi_message *message, bool with_shares)
{
    const struct crewi_container_head *head = message->data;
    uint32_t count = values_of(op);
    if (op <= CREWI_CONTAINER_CREATE || op >= CREWI_CONTAINER_OPS || message->size < HEAD_SIZE)
        return false;
    uint64_t size = message->size - HEAD_SIZE;
    uint64_t shares = head->share_count * sizeof(struct crewi_share);
    if ((count != ANY_NUMBER && head->count != count) || (shares && !with_shares) || shares > size)
        return false;
    return are_values((const unsigned char *)message->data + HEAD_SIZE, size - shares, head->count);
}

/* Passing on */

/* The same with shares behind it; NULL: there is no memory. */
static struct crewi_frame *add_shares(const struct crewi_frame *frame,
                                      const struct crewi_shares *shares)
{
    uint64_t size = frame->header.size;
    struct crewi_frame *grown = crewi_frame_create(size + shares->count * sizeof *shares->list);
    if (!grown)
        return NULL;
    uint64_t whole = grown->header.size;
    grown->header = frame->header;
    grown->header.size = whole;
    memcpy(grown->payload, frame->payload, size);
    memcpy(grown->payload + size, shares->list, shares->count * sizeof *shares->list);
    struct crewi_container_head *head = (void *)grown->payload;
    head->share_count = (uint32_t)shares->count;
    return grown;
}

/* Whether what the operation brings may stay in the object. */
static bool keeps_values(uint8_t op)
{
    return op == CREWI_LIST_INSERT || op == CREWI_LIST_SET || op == CREWI_DICT_SET ||
           op == CREWI_DICT_DEFAULT || op == CREWI_DICT_UPDATE;
}

static crew_status take_shares(struct crewi_engine *engine, const struct crewi_message *message,
                               struct crewi_shares *shares)
{
    const struct crewi_container_head *head = message->data;
    const unsigned char *at = (const unsigned char *)message->data + HEAD_SIZE;
    struct crewi_handle_words words = {0};
    crew_status status = CREW_OK;
    for (uint32_t i = 0; i < head->count && !status; i++) {
        status = crewi_packed_handles(at, crewi_handle_words_add, &words);
        at += crewi_packed_length(at);
    }
    return crewi_handle_words_take(engine, message->origin.process, &words, status, shares);
}

static void pass_on(struct crewi_engine *engine, const struct crewi_message *message, uint64_t id)
{
    struct crewi_shares shares = {0};
    struct crewi_frame *frame = *message->frame;
    crew_status status =
        keeps_values(message->op) ? take_shares(engine, message, &shares) : CREW_OK;
    if (status) {
        crewi_engine_refuse_error(engine, &message->origin, status);
        return;
    }
    if (shares.count) {
        frame = add_shares(frame, &shares);
        if (!frame) {
            crewi_shares_put_back(engine, message->origin.process, &shares);
            crewi_engine_refuse(engine, &message->origin, CREW_ENOMEM, "out of memory");
        }
        crewi_shares_free(&shares);
    } else {
        *message->frame = NULL;
    }
    if (frame)
        crewi_handle_pass_on(engine, id, frame, crewi_container_home_request);
}

static void close_copy(struct crewi_engine *engine, const struct crewi_message *message,
                       uint64_t id)
{
    crewi_handle_close(engine, id, message->origin.process);
    crewi_engine_reply(engine, &message->origin, NULL, 0);
}

static void from_client(struct crewi_engine *engine, const struct crewi_message *message)
{
    if (!is_sound(message->op, message, false)) {
        crewi_engine_refuse_malformed(
            engine, message, "a head of %zu bytes and as many values as it says", HEAD_SIZE);
        return;
    }
    uint64_t id = *(const uint64_t *)message->data;
    bool closes = message->op == CREWI_CONTAINER_CLOSE;
    if (closes && crewi_handle_is_closed(crewi_handle_find(engine, id), message->origin.process)) {
        crewi_engine_reply(engine, &message->origin, NULL, 0);
        return;
    }
    if (!crewi_handle_use(engine, message, id))
        return;
    if (closes)
        close_copy(engine, message, id);
    else
        pass_on(engine, message, id);
}

/* Between engines */

/* The reply of one that gets handles: its process has them now, if it is still there. */
static void hear_handover(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_frame *frame = *message->frame;
    struct crewi_container_head *head = (void *)frame->payload;
    uint32_t count = head->share_count;
    const struct crewi_share *shares =
        (const void *)(frame->payload + frame->header.size - count * sizeof *shares);
    *message->frame = NULL;
    if (crewi_engine_is_there(engine, &message->origin))
        crewi_shares_hand_over(engine, message->origin.process, shares, count);
    else
        crewi_shares_drop(engine, shares, count);
    head->share_count = 0;
    frame->header.size -= count * sizeof *shares;
    crewi_engine_reply_frame(engine, &message->origin, frame);
}

static bool can_be(const struct crewi_message *message)
{
    const struct crewi_container_head *head = message->data;
    if (message->size < HEAD_SIZE || crewi_id_kind(head->id) != CREWI_KIND_CONTAINER)
        return false;
    if (message->op != CREWI_CONTAINER_HANDOVER)
        return message->op < CREWI_CONTAINER_HANDOVER &&
               is_sound(message->op - CREWI_ENGINE_OPS, message, true);
    return message->size % sizeof(uint64_t) == 0 &&
           head->share_count <= (message->size - HEAD_SIZE) / sizeof(struct crewi_share);
}

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    if (message->op >= CREWI_ENGINE_OPS && !can_be(message))
        crewi_engine_refuse_malformed(engine, message,
                                      "a head of %zu bytes and as many values or shares as it says",
                                      HEAD_SIZE);
    else if (object)
        crewi_engine_refuse(engine, &message->origin, CREW_EPROTO,
                            "objects are asked through the own rank");
    else if (!message->origin.request)
        return; /* no client says something without a question */
    else if (message->op == CREWI_CONTAINER_HANDOVER)
        hear_handover(engine, message);
    else if (message->op >= CREWI_ENGINE_OPS)
        crewi_container_home_request(engine, message, message->op - CREWI_ENGINE_OPS);
    else if (message->op == CREWI_CONTAINER_CREATE)
        crewi_container_create(engine, message);
    else
        from_client(engine, message);
}

/* A rank keeps nothing for an object. */
static crew_status attach(struct crewi_engine *engine, struct crewi_handle *handle,
                          const void *description, size_t size)
{
    (void)engine;
    (void)handle;
    (void)description;
    return size ? crewi_error(CREW_EPROTO, "a description of %zu bytes", size) : CREW_OK;
}

const struct crewi_kind crewi_container_kind = {
    .name = "object",
    .request = request,
    .destroy = crewi_container_destroy,
    .is_shared = true,
    .describe = crewi_container_describe,
    .attach = attach,
    .unreferenced = crewi_container_unreferenced,
};
