/* SPDX-License-Identifier: BSD-3-Clause */
/* Values: equal or not, their order, and their hash. */
#include <crew/any.h>

#include "base/error.h"
#include "shared/any_inside.h"
#include "shared/any_pack.h"

#include <math.h>

#define TWO_TO_63 9223372036854775808.0

static bool is_number(const crew_any *value)
{
    return value->type == CREW_ANY_BOOL || value->type == CREW_ANY_INT ||
           value->type == CREW_ANY_DOUBLE;
}

static int64_t integer_of(const crew_any *value)
{
    return value->type == CREW_ANY_BOOL ? value->boolean : value->integer;
}

/* Exact: a double has not all of the integers. @p number is no NaN. */
static int compare_mixed(int64_t integer, double number)
{
    if (number >= TWO_TO_63)
        return -1;
    if (number < -TWO_TO_63)
        return 1;
    int64_t whole = (int64_t)number;
    if (integer != whole)
        return integer < whole ? -1 : 1;
    double rest = number - (double)whole;
    return (rest < 0) - (rest > 0);
}

static bool is_nan(const crew_any *value)
{
    return value->type == CREW_ANY_DOUBLE && isnan(value->number);
}

static int compare_numbers(const crew_any *a, const crew_any *b)
{
    bool is_double = a->type == CREW_ANY_DOUBLE, other = b->type == CREW_ANY_DOUBLE;
    if (is_double && other)
        return (a->number > b->number) - (a->number < b->number);
    if (other)
        return compare_mixed(integer_of(a), b->number);
    if (is_double)
        return -compare_mixed(integer_of(b), a->number);
    return (integer_of(a) > integer_of(b)) - (integer_of(a) < integer_of(b));
}

static int compare_data(const crew_any_data *a, const crew_any_data *b)
{
    size_t common = a->size < b->size ? a->size : b->size;
    int order = common ? memcmp(a->data, b->data, common) : 0;
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static bool equal_items(const crew_any_items *a, const crew_any_items *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!crew_any_equal(a->items[i], b->items[i]))
            return false;
    return true;
}

static bool equal_entries(const crew_any *a, const crew_any *b)
{
    if (a->dict.count != b->dict.count)
        return false;
    for (size_t i = 0; i < a->dict.count; i++) {
        const crew_any *other = crew_any_dict_get(b, a->dict.entries[i].key);
        if (!other || !crew_any_equal(a->dict.entries[i].value, *other))
            return false;
    }
    return true;
}

bool crewi_any_has_content(const crew_any *value)
{
    switch (value->type) {
    case CREW_ANY_STRING:
    case CREW_ANY_BYTES:
        return value->string.data || !value->string.size;
    case CREW_ANY_HANDLE:
        return value->handle_size <= CREW_ANY_HANDLE_SIZE;
    case CREW_ANY_LIST:
        return value->list.items || !value->list.count;
    case CREW_ANY_DICT:
        return value->dict.entries || !value->dict.count;
    default:
        return true;
    }
}

static crew_status refuse_empty(const crew_any *value)
{
    return crewi_error(CREW_EINVAL, "a %s without its content", crew_any_type_name(value->type));
}

bool crew_any_equal(crew_any a, crew_any b)
{
    if (is_number(&a) && is_number(&b))
        return !is_nan(&a) && !is_nan(&b) && compare_numbers(&a, &b) == 0;
    if (a.type != b.type || !crewi_any_has_content(&a) || !crewi_any_has_content(&b))
        return false;
    switch (a.type) {
    case CREW_ANY_NIL:
        return true;
    case CREW_ANY_STRING:
    case CREW_ANY_BYTES:
        return compare_data(&a.string, &b.string) == 0;
    case CREW_ANY_HANDLE:
        return a.handle_size == b.handle_size && memcmp(a.handle, b.handle, a.handle_size) == 0;
    case CREW_ANY_LIST:
        return equal_items(&a.list, &b.list);
    case CREW_ANY_DICT:
        return equal_entries(&a, &b);
    default:
        return false;
    }
}

static crew_status compare(const crew_any *a, const crew_any *b, int *order);

/* By the first items that are not equal, as Python's; then the shorter one is less. */
static crew_status compare_items(const crew_any_items *a, const crew_any_items *b, int *order)
{
    for (size_t i = 0; i < a->count && i < b->count; i++)
        if (!crew_any_equal(a->items[i], b->items[i]))
            return compare(&a->items[i], &b->items[i], order);
    *order = (a->count > b->count) - (a->count < b->count);
    return CREW_OK;
}

static crew_status compare(const crew_any *a, const crew_any *b, int *order)
{
    if (!crewi_any_has_content(a) || !crewi_any_has_content(b))
        return refuse_empty(crewi_any_has_content(a) ? b : a);
    if (is_nan(a) || is_nan(b))
        return crewi_error(CREW_EINVAL, "a NaN has no place in an order");
    if (is_number(a) && is_number(b))
        *order = compare_numbers(a, b);
    else if (a->type == b->type && (a->type == CREW_ANY_STRING || a->type == CREW_ANY_BYTES))
        *order = compare_data(&a->string, &b->string);
    else if (a->type == b->type && a->type == CREW_ANY_LIST)
        return compare_items(&a->list, &b->list, order);
    else
        return crewi_error(CREW_EINVAL, "there is no order between values of the types %s and %s",
                           crew_any_type_name(a->type), crew_any_type_name(b->type));
    return CREW_OK;
}

crew_status crew_any_compare(crew_any a, crew_any b, int *order)
{
    int found = 0;
    if (!order)
        return crewi_error(CREW_EINVAL, "crew_any_compare: order is NULL");
    crew_status status = compare(&a, &b, &found);
    if (!status)
        *order = found;
    return status;
}

/* Hashes */

static uint64_t mix(uint64_t word)
{
    word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
    word = (word ^ word >> 27) * 0x94d049bb133111eb;
    return word ^ word >> 31;
}

static uint64_t hash_data(const void *data, size_t size)
{
    const unsigned char *at = data;
    uint64_t hash = mix(size + 1), word;
    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = mix(hash ^ word);
    }
    word = 0;
    if (size)
        memcpy(&word, at, size);
    return mix(hash ^ word);
}

/* A double that is a whole number has the hash of the int that equals it. */
static uint64_t hash_number(const crew_any *value)
{
    if (value->type != CREW_ANY_DOUBLE)
        return mix((uint64_t)integer_of(value));
    double number = value->number;
    if (number >= -TWO_TO_63 && number < TWO_TO_63 && number == (double)(int64_t)number)
        return mix((uint64_t)(int64_t)number);
    return hash_data(&number, sizeof number);
}

crew_status crew_any_hash(crew_any value, uint64_t *hash)
{
    if (!hash)
        return crewi_error(CREW_EINVAL, "crew_any_hash: hash is NULL");
    if (crewi_any_is_nested(value.type))
        return crewi_error(CREW_EINVAL, "a %s has no hash, as it may change",
                           crew_any_type_name(value.type));
    if (!crewi_any_has_content(&value))
        return refuse_empty(&value);
    if (is_number(&value))
        *hash = hash_number(&value);
    else if (value.type == CREW_ANY_STRING || value.type == CREW_ANY_BYTES)
        *hash = hash_data(value.string.data, value.string.size);
    else if (value.type == CREW_ANY_HANDLE)
        *hash = hash_data(value.handle, value.handle_size);
    else
        *hash = mix((uint64_t)value.type);
    return CREW_OK;
}
