/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects at home: begin and end, what goes in and out, and answers. */
#include "shared/container_home.h"

#include "base/error.h"
#include "shared/any_pack.h"
#include "shared/container_shares.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE sizeof(struct crewi_container_head)

const char *const crewi_container_names[CREWI_CONTAINER_TYPES] = {[CREWI_LIST] = "list",
                                                                  [CREWI_DICT] = "dict",
                                                                  [CREWI_SET] = "set",
                                                                  [CREWI_NAMESPACE] = "namespace"};

/* Handles in values */

/* Words that are no handle of anybody's are counted as well: it does no harm. */
static crew_status count_words(void *context, const uint64_t *words, size_t count)
{
    struct crewi_table *handles = context;
    for (size_t i = 0; i < count; i++) {
        if (!crewi_id_kind(words[i]))
            continue;
        uintptr_t times = (uintptr_t)crewi_table_take(handles, words[i]);
        /* Where one was taken out there is room for one. */
        crew_status status = crewi_table_add(handles, words[i], (void *)(times + 1));
        if (status)
            return status;
    }
    return CREW_OK;
}

static crew_status discount_words(void *context, const uint64_t *words, size_t count)
{
    const struct crewi_container_request *request = context;
    struct crewi_container *container = request->container;
    for (size_t i = 0; i < count; i++) {
        uintptr_t times = (uintptr_t)crewi_table_take(&container->handles, words[i]);
        if (times > 1 && !crewi_table_add(&container->handles, words[i], (void *)(times - 1)))
            continue;
        if (times)
            crewi_handle_close(request->engine, words[i], container->shared.object.id);
    }
    return CREW_OK;
}

struct crewi_cell *crewi_container_cell(struct crewi_container_request *request,
                                        const unsigned char **values)
{
    uint64_t size = crewi_packed_length(*values);
    struct crewi_cell *cell = crewi_cell_create(*values, size);
    *values += size;
    if (!cell || (cell->has_handles &&
                  crewi_packed_handles(cell->data, count_words, &request->container->handles))) {
        free(cell);
        crewi_engine_refuse(request->engine, &request->message->origin, CREW_ENOMEM,
                            "out of memory");
        return NULL;
    }
    cell->version = ++request->container->last_version;
    return cell;
}

struct crewi_cell **crewi_container_cells(struct crewi_container_request *request,
                                          const unsigned char *values, uint64_t count)
{
    struct crewi_cell **cells = calloc(count + 1, sizeof(struct crewi_cell *));
    if (!cells) {
        crewi_engine_refuse(request->engine, &request->message->origin, CREW_ENOMEM,
                            "out of memory");
        return NULL;
    }
    for (uint64_t i = 0; i < count; i++) {
        cells[i] = crewi_container_cell(request, &values);
        if (cells[i])
            continue;
        while (i > 0)
            crewi_container_drop(request, cells[--i]);
        free(cells);
        return NULL;
    }
    return cells;
}

void crewi_container_drop(struct crewi_container_request *request, struct crewi_cell *cell)
{
    if (cell && cell->has_handles)
        crewi_packed_handles(cell->data, discount_words, request);
    free(cell);
}

/* Bounds */

uint64_t crewi_container_cost(const struct crewi_cell *cell)
{
    return cell ? CREWI_CELL_COST + cell->size : 0;
}

static uint64_t count_items(const struct crewi_container *container)
{
    return container->type == CREWI_LIST ? container->list.count : container->table.count;
}

bool crewi_container_has_room(struct crewi_container_request *request, uint64_t items,
                              uint64_t bytes, uint64_t less)
{
    const struct crewi_container *container = request->container;
    const struct crewi_origin *origin = &request->message->origin;
    uint64_t count = count_items(container);
    const char *type = crewi_container_names[container->type];
    if (items && container->max_items && count + items > container->max_items)
        crewi_engine_refuse(request->engine, origin, CREW_EFULL,
                            "%s \"%s\" is full: %" PRIu64 " items, and %" PRIu64
                            " more would be over its bound of %" PRIu64,
                            type, container->name, count, items, container->max_items);
    else if (container->bytes - less + bytes > container->max_bytes)
        crewi_engine_refuse(
            request->engine, origin, CREW_EFULL,
            "%s \"%s\" is full: %" PRIu64 " bytes would be over its bound of %" PRIu64, type,
            container->name, container->bytes - less + bytes, container->max_bytes);
    else
        return true;
    return false;
}

/* Operands */

bool crewi_container_operand(struct crewi_container_request *request, const unsigned char *packed,
                             crew_any *value)
{
    *value = crewi_packed_view(packed);
    if (!crewi_any_is_nested(value->type) || !crewi_packed_read(packed, value))
        return true;
    crewi_engine_refuse(request->engine, &request->message->origin, CREW_ENOMEM, "out of memory");
    return false;
}

static bool is_integer(const crew_any *value)
{
    return value->type == CREW_ANY_INT || value->type == CREW_ANY_BOOL;
}

/* An int when both are. */
static crew_status add(const crew_any *value, const crew_any *delta, crew_any *sum)
{
    const crew_any *both[2] = {value, delta};
    double numbers[2];
    int64_t integers[2], total;
    for (int i = 0; i < 2; i++)
        if (crew_any_to_double(*both[i], &numbers[i]))
            return crewi_error(CREW_EINVAL, "%s is no number, but of the type %s",
                               i ? "what is to be added" : "the value",
                               crew_any_type_name(both[i]->type));
    if (!is_integer(value) || !is_integer(delta)) {
        *sum = crew_double(numbers[0] + numbers[1]);
        return CREW_OK;
    }
    crew_any_to_int(*value, &integers[0]);
    crew_any_to_int(*delta, &integers[1]);
    if (__builtin_add_overflow(integers[0], integers[1], &total))
        return crewi_error(CREW_EDOMAIN, "%" PRId64 " and %" PRId64 " are more than 64 bits",
                           integers[0], integers[1]);
    *sum = crew_int(total);
    return CREW_OK;
}

struct crewi_cell *crewi_container_sum(struct crewi_container_request *request,
                                       const struct crewi_cell *cell, const unsigned char *delta)
{
    crew_any value = cell ? crewi_packed_view(cell->data) : crew_int(0);
    crew_any operand = crewi_packed_view(delta), sum;
    unsigned char packed[2 * sizeof(uint64_t)];
    const unsigned char *at = packed;
    crew_status status = add(&value, &operand, &sum);
    if (status) {
        crewi_engine_refuse(request->engine, &request->message->origin, status, "%s \"%s\": %s",
                            crewi_container_names[request->container->type],
                            request->container->name, crew_error_message());
        return NULL;
    }
    crewi_any_write(&sum, packed);
    return crewi_container_cell(request, &at);
}

/* Answers */

void crewi_container_done(const struct crewi_container_request *request, uint64_t number)
{
    struct crewi_container_head head = {.id = request->head->id, .number = number};
    crewi_engine_reply(request->engine, &request->message->origin, &head, sizeof head);
}

/* For the one who gets these cells; none for one who only looks at them. */
static crew_status take_shares(const struct crewi_container_request *request,
                               struct crewi_cell *const *cells, uint64_t count,
                               struct crewi_shares *shares)
{
    struct crewi_handle_words words = {0};
    crew_status status = CREW_OK;
    if (request->head->flags & CREWI_CONTAINER_LOOK)
        count = 0;
    for (uint64_t i = 0; i < count && !status; i++)
        if (cells[i]->has_handles)
            status = crewi_packed_handles(cells[i]->data, crewi_handle_words_add, &words);
    return crewi_handle_words_take(request->engine, request->container->shared.object.id, &words,
                                   status, shares);
}

/* One whose reply has handles in it hears of it from its rank, which counts them. */
static void send_reply(const struct crewi_container_request *request, struct crewi_frame *frame)
{
    struct crewi_header *header = &frame->header;
    const struct crewi_container_head *head = (const void *)frame->payload;
    if (!head->share_count) {
        crewi_engine_reply_frame(request->engine, &request->message->origin, frame);
        return;
    }
    header->type = CREWI_REQUEST;
    header->kind = CREWI_KIND_CONTAINER;
    header->op = CREWI_CONTAINER_HANDOVER;
    header->target_rank = request->message->origin.rank;
    header->origin = request->message->origin;
    crewi_engine_send(request->engine, frame);
}

/* With a list or dict around the cells unless the type is nil. */
static bool give(const struct crewi_container_request *request, struct crewi_container_head head,
                 crew_any_type type, struct crewi_cell *const *cells, uint64_t count)
{
    struct crewi_shares shares;
    uint64_t around = type ? (uint64_t)type | (type == CREW_ANY_DICT ? count / 2 : count) << 8 : 0;
    uint64_t size = HEAD_SIZE + (type ? sizeof around : 0);
    crew_status status = take_shares(request, cells, count, &shares);
    for (uint64_t i = 0; i < count; i++)
        size += cells[i]->size;
    struct crewi_frame *frame =
        status ? NULL : crewi_frame_create(size + shares.count * sizeof *shares.list);
    if (!frame) {
        crewi_shares_drop(request->engine, shares.list, shares.count);
        crewi_shares_free(&shares);
        if (!status)
            status = crewi_error_memory();
        crewi_engine_refuse_error(request->engine, &request->message->origin, status);
        return false;
    }
    unsigned char *at = frame->payload;
    head.count = 1;
    head.share_count = (uint32_t)shares.count;
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    if (type)
        memcpy(at, &around, sizeof around);
    at += type ? sizeof around : 0;
    for (uint64_t i = 0; i < count; i++) {
        memcpy(at, cells[i]->data, cells[i]->size);
        at += cells[i]->size;
    }
    if (shares.count)
        memcpy(at, shares.list, shares.count * sizeof *shares.list);
    crewi_shares_free(&shares);
    send_reply(request, frame);
    return true;
}

bool crewi_container_give(const struct crewi_container_request *request, uint64_t number,
                          struct crewi_cell *cell)
{
    struct crewi_container_head head = {
        .id = request->head->id, .number = number, .version = cell->version};
    return give(request, head, CREW_ANY_NIL, &cell, 1);
}

bool crewi_container_give_all(const struct crewi_container_request *request, crew_any_type type,
                              struct crewi_cell *const *cells, uint64_t count)
{
    struct crewi_container_head head = {.id = request->head->id};
    return give(request, head, type, cells, count);
}

/* Begin and end */

static bool is_sound(const struct crewi_container_spec *spec)
{
    return memchr(spec->name, '\0', sizeof spec->name) && spec->type >= CREWI_LIST &&
           spec->type < CREWI_CONTAINER_TYPES && spec->max_bytes > 0 &&
           spec->max_bytes <= CREWI_CONTAINER_BYTES_LIMIT;
}

static crew_status make(struct crewi_engine *engine, const struct crewi_container_spec *spec,
                        uint64_t process, uint64_t *id)
{
    struct crewi_container *container = calloc(1, sizeof *container);
    if (!container)
        return crewi_error_memory();
    *id = container->shared.object.id = crewi_engine_new_id(engine, CREWI_KIND_CONTAINER);
    container->type = (enum crewi_container_type)spec->type;
    container->max_items = spec->max_items;
    container->max_bytes = spec->max_bytes;
    if (*spec->name)
        snprintf(container->name, sizeof container->name, "%s", spec->name);
    else
        snprintf(container->name, sizeof container->name, "%s-%" PRIu64,
                 crewi_container_names[container->type], *id & CREWI_NUMBER_MASK);
    crew_status status = crewi_shared_add(engine, &container->shared, process);
    if (status)
        free(container);
    return status;
}

void crewi_container_create(struct crewi_engine *engine, const struct crewi_message *message)
{
    struct crewi_container_spec spec = {.type = 0};
    uint64_t id;
    if (message->size == sizeof spec)
        memcpy(&spec, message->data, sizeof spec);
    if (!is_sound(&spec)) {
        crewi_engine_refuse_malformed(engine, message, "a type of object and its name, %zu bytes",
                                      sizeof spec);
        return;
    }
    crew_status status = make(engine, &spec, message->origin.process, &id);
    if (status)
        crewi_engine_refuse_error(engine, &message->origin, status);
    else
        crewi_engine_reply(engine, &message->origin, &id, sizeof id);
}

size_t crewi_container_describe(struct crewi_engine *engine, struct crewi_shared *shared,
                                void *room)
{
    (void)engine;
    (void)shared;
    (void)room;
    return 0;
}

static void free_container(struct crewi_container *container)
{
    struct crewi_pair *pair;
    for (uint64_t i = 0; i < container->list.count; i++)
        free(*crewi_cells_at(&container->list, i));
    for (uint64_t at = 0; (pair = crewi_pairs_next(&container->table, &at));) {
        free(pair->key);
        free(pair->value);
    }
    crewi_cells_fini(&container->list);
    crewi_pairs_fini(&container->table);
    crewi_table_fini(&container->handles);
    free(container->shared.attached);
    free(container);
}

void crewi_container_unreferenced(struct crewi_engine *engine, struct crewi_shared *shared)
{
    struct crewi_container *container = (struct crewi_container *)shared;
    if (container->handles.count)
        crewi_handles_client_gone(engine, shared->object.id);
    crewi_shared_remove(engine, shared);
    free_container(container);
}

void crewi_container_destroy(struct crewi_engine *engine, struct crewi_object *object)
{
    (void)engine;
    free_container((struct crewi_container *)object);
}

/* Requests */

static void clear(struct crewi_container_request *request)
{
    struct crewi_container *container = request->container;
    struct crewi_pair *pair;
    for (uint64_t i = 0; i < container->list.count; i++)
        crewi_container_drop(request, *crewi_cells_at(&container->list, i));
    for (uint64_t at = 0; (pair = crewi_pairs_next(&container->table, &at));) {
        crewi_container_drop(request, pair->key);
        crewi_container_drop(request, pair->value);
    }
    crewi_cells_fini(&container->list);
    crewi_pairs_fini(&container->table);
    container->bytes = 0;
    crewi_container_done(request, 0);
}

/* A list's operations are between these, those of all else behind. */
static bool fits_type(enum crewi_container_type type, uint8_t op)
{
    bool of_lists = op >= CREWI_LIST_INSERT && op <= CREWI_LIST_ADD;
    if (op <= CREWI_CONTAINER_CLEAR)
        return true;
    return of_lists == (type == CREWI_LIST);
}

/* The object holds what came with the request, as long as that is in a value. */
static void keep_shares(const struct crewi_container_request *request,
                        const struct crewi_share *shares, uint32_t count)
{
    crewi_shares_hand_over(request->engine, request->container->shared.object.id, shares, count);
}

static void drop_what_was_not_kept(const struct crewi_container_request *request,
                                   const struct crewi_share *shares, uint32_t count)
{
    const struct crewi_container *container = request->container;
    for (uint32_t i = 0; i < count; i++)
        if (!crewi_table_find(&container->handles, shares[i].id))
            crewi_handle_close(request->engine, shares[i].id, container->shared.object.id);
}

static void answer(struct crewi_container_request *request, uint8_t op)
{
    if (op == CREWI_CONTAINER_LENGTH)
        crewi_container_done(request, count_items(request->container));
    else if (op == CREWI_CONTAINER_CLEAR)
        clear(request);
    else if (request->container->type == CREWI_LIST)
        crewi_list_request(request, op);
    else
        crewi_dict_request(request, op);
}

static const char *name_of_type(uint8_t type)
{
    return type >= CREWI_LIST && type < CREWI_CONTAINER_TYPES ? crewi_container_names[type] : "?";
}

void crewi_container_home_request(struct crewi_engine *engine, const struct crewi_message *message,
                                  uint8_t op)
{
    const unsigned char *data = message->data;
    const struct crewi_container_head *head = message->data;
    const struct crewi_share *shares =
        (const void *)(data + message->size - head->share_count * sizeof *shares);
    uint32_t share_count = head->share_count;
    struct crewi_container *container =
        crewi_id_kind(head->id) == CREWI_KIND_CONTAINER
            ? (struct crewi_container *)crewi_engine_find(engine, head->id)
            : NULL;
    struct crewi_container_request request = {.engine = engine,
                                              .container = container,
                                              .message = message,
                                              .head = head,
                                              .values = data + HEAD_SIZE};
    if (!container) {
        crewi_shares_drop(engine, shares, share_count);
        crewi_engine_refuse(engine, &message->origin, CREW_ECLOSED,
                            "this object is closed: all copies of it are");
        return;
    }
    if (container->type != head->type || !fits_type(container->type, op)) {
        crewi_shares_drop(engine, shares, share_count);
        crewi_engine_refuse(engine, &message->origin, CREW_EINVAL,
                            "a %s was expected, \"%s\" is a %s", name_of_type(head->type),
                            container->name, crewi_container_names[container->type]);
        return;
    }
    keep_shares(&request, shares, share_count);
    answer(&request, op);
    drop_what_was_not_kept(&request, shares, share_count);
}
