/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists in a block: a head, the slots, and what is in them. Other processes may write nonsense
 * there, so what is read is checked each time. */
#include <crew/shareable_list.h>

#include "base/error.h"

#include <string.h>

#define MAGIC UINT64_C(0x7473696c77657263) /* "crewlist" */
#define LEAST_ROOM 8

struct head {
    uint64_t magic, count;
};

struct slot {
    uint64_t offset; /* of its bytes in the block */
    uint64_t room;   /* how many it has */
    uint64_t size;   /* of these, those of a string or bytes */
    uint64_t type;
};

/* What an item is as bytes. */
struct content {
    const void *data;
    uint64_t size;
    union {
        bool boolean;
        int64_t integer;
        double number;
    } value;
};

static crew_status read_item(const char *call, const crew_any *item, struct content *content)
{
    switch (item->type) {
    case CREW_ANY_NIL:
        *content = (struct content){0};
        return CREW_OK;
    case CREW_ANY_BOOL:
        content->value.boolean = item->boolean;
        content->size = sizeof content->value.boolean;
        break;
    case CREW_ANY_INT:
        content->value.integer = item->integer;
        content->size = sizeof content->value.integer;
        break;
    case CREW_ANY_DOUBLE:
        content->value.number = item->number;
        content->size = sizeof content->value.number;
        break;
    case CREW_ANY_STRING:
    case CREW_ANY_BYTES:
        content->data = item->type == CREW_ANY_STRING ? item->string.data : item->bytes.data;
        content->size = crew_any_length(*item);
        if (!content->data && content->size)
            return crewi_error(CREW_EINVAL, "%s: a %s of %llu bytes at NULL", call,
                               crew_any_type_name(item->type), (unsigned long long)content->size);
        return CREW_OK;
    default:
        return crewi_error(CREW_EINVAL, "%s: a shareable list cannot have a %s", call,
                           crew_any_type_name(item->type));
    }
    content->data = &content->value;
    return CREW_OK;
}

static uint64_t room_for(const crew_any *item)
{
    bool has_length = item->type == CREW_ANY_STRING || item->type == CREW_ANY_BYTES;
    uint64_t length = has_length ? crew_any_length(*item) : 0;
    return length > LEAST_ROOM ? (length + 7) & ~(uint64_t)7 : LEAST_ROOM;
}

static void write_slot(unsigned char *data, struct slot *slot, const crew_any *item,
                       const struct content *content)
{
    if (content->size)
        memcpy(data + slot->offset, content->data, content->size);
    slot->size = content->size;
    slot->type = item->type;
}

/* Creating */

static crew_status measure(const char *call, const crew_any *items, int64_t count, uint64_t *size)
{
    if (count < 0)
        return crewi_error(CREW_EINVAL, "%s: a count of %lld", call, (long long)count);
    if (!items && count)
        return crewi_error(CREW_EINVAL, "%s: items is NULL", call);
    *size = sizeof(struct head);
    for (int64_t i = 0; i < count; i++) {
        struct content content;
        crew_status status = read_item(call, &items[i], &content);
        if (status)
            return status;
        *size += sizeof(struct slot) + room_for(&items[i]);
    }
    return CREW_OK;
}

static void fill(const crew_shareable_list *list, const crew_any *items)
{
    unsigned char *data = list->block.data;
    struct head *head = list->block.data;
    struct slot *slots = (struct slot *)(head + 1);
    uint64_t at = sizeof *head + (uint64_t)list->count * sizeof *slots;
    for (int64_t i = 0; i < list->count; i++) {
        struct content content;
        slots[i] = (struct slot){.offset = at, .room = room_for(&items[i])};
        if (!read_item("", &items[i], &content))
            write_slot(data, &slots[i], &items[i], &content);
        at += slots[i].room;
    }
    head->count = (uint64_t)list->count;
    __atomic_store_n(&head->magic, MAGIC, __ATOMIC_RELEASE); /* now it is one */
}

crew_status crew_shareable_list_create(crew_shareable_list *list, const crew_any *items,
                                       int64_t count, const char *name)
{
    static const char call[] = "crew_shareable_list_create";
    crew_shareable_list made = {.count = count};
    uint64_t size;
    if (!list)
        return crewi_error(CREW_EINVAL, "%s: list is NULL", call);
    crew_status status = measure(call, items, count, &size);
    if (!status)
        status = crew_shared_memory_create(&made.block, name, (int64_t)size);
    if (status)
        return status;
    fill(&made, items);
    *list = made;
    return CREW_OK;
}

static bool is_list(const crew_shared_memory *block)
{
    const struct head *head = block->data;
    return block->size >= sizeof *head &&
           __atomic_load_n(&head->magic, __ATOMIC_ACQUIRE) == MAGIC &&
           head->count <= (block->size - sizeof *head) / sizeof(struct slot);
}

crew_status crew_shareable_list_attach(crew_shareable_list *list, const char *name)
{
    crew_shareable_list made = {.count = 0};
    if (!list)
        return crewi_error(CREW_EINVAL, "crew_shareable_list_attach: list is NULL");
    crew_status status = crew_shared_memory_attach(&made.block, name);
    if (status)
        return status;
    if (!is_list(&made.block)) {
        crew_shared_memory_close(&made.block);
        return crewi_error(CREW_EINVAL, "block \"%s\" is no shareable list", name);
    }
    made.count = (int64_t)((const struct head *)made.block.data)->count;
    *list = made;
    return CREW_OK;
}

crew_status crew_shareable_list_close(crew_shareable_list *list)
{
    return crew_shared_memory_close(list ? &list->block : NULL);
}

/* Items */

/* The slot, and a copy of what it says, which has been checked. */
static crew_status find(const char *call, const crew_shareable_list *list, int64_t index,
                        struct slot **found, struct slot *about)
{
    if (!list)
        return crewi_error(CREW_EINVAL, "%s: list is NULL", call);
    if (!list->block.data)
        return crewi_error(CREW_ECLOSED, "%s: the list is closed", call);
    int64_t at = index < 0 ? index + list->count : index;
    if (at < 0 || at >= list->count)
        return crewi_error(CREW_EDOMAIN, "%s: index %lld of \"%s\", which has %lld items", call,
                           (long long)index, list->block.name, (long long)list->count);
    *found = (struct slot *)((struct head *)list->block.data + 1) + at;
    *about = *(volatile struct slot *)*found;
    if (about->offset <= list->block.size && about->room <= list->block.size - about->offset &&
        about->size <= about->room)
        return CREW_OK;
    return crewi_error(CREW_EPROTO, "somebody has written nonsense over list \"%s\"",
                       list->block.name);
}

crew_status crew_shareable_list_get(const crew_shareable_list *list, int64_t index, crew_any *item)
{
    static const char call[] = "crew_shareable_list_get";
    struct slot *slot, about;
    crew_any value = crew_nil();
    crew_status status = find(call, list, index, &slot, &about);
    if (status)
        return status;
    if (!item)
        return crewi_error(CREW_EINVAL, "%s: item is NULL", call);
    const char *data = (const char *)list->block.data + about.offset;
    value.type = (crew_any_type)about.type;
    if (about.type == CREW_ANY_STRING)
        value = crew_string_sized(data, about.size);
    else if (about.type == CREW_ANY_BYTES)
        value = crew_bytes(data, about.size);
    else if (about.type == CREW_ANY_BOOL)
        value.boolean = *data != 0;
    else if (about.type == CREW_ANY_INT && about.room >= sizeof value.integer)
        memcpy(&value.integer, data, sizeof value.integer);
    else if (about.type == CREW_ANY_DOUBLE && about.room >= sizeof value.number)
        memcpy(&value.number, data, sizeof value.number);
    else if (about.type != CREW_ANY_NIL)
        return crewi_error(CREW_EPROTO, "somebody has written nonsense over list \"%s\"",
                           list->block.name);
    return crew_any_copy(item, value);
}

crew_status crew_shareable_list_set(const crew_shareable_list *list, int64_t index, crew_any item)
{
    static const char call[] = "crew_shareable_list_set";
    struct slot *slot, about;
    struct content content;
    crew_status status = find(call, list, index, &slot, &about);
    if (!status)
        status = read_item(call, &item, &content);
    if (status)
        return status;
    if (content.size > about.room)
        return crewi_error(CREW_ETOOSMALL,
                           "%s: a %s of %llu bytes, and item %lld of \"%s\" has room for %llu",
                           call, crew_any_type_name(item.type), (unsigned long long)content.size,
                           (long long)index, list->block.name, (unsigned long long)about.room);
    memcpy((char *)list->block.data + about.offset, content.size ? content.data : "", content.size);
    slot->size = content.size;
    slot->type = item.type;
    return CREW_OK;
}
