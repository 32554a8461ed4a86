/* SPDX-License-Identifier: BSD-3-Clause */
/* A dict, set or namespace at its home: its requests. A set is a dict whose keys have no values, a
 * namespace one whose keys are strings. */
#include "base/error.h"
#include "shared/any_pack.h"
#include "shared/container_home.h"

#include <stdlib.h>

/* How much of a key is shown in a reason. */
#define KEY_WORDS 60

static void refuse_memory(const struct crewi_container_request *request)
{
    crewi_engine_refuse(request->engine, &request->message->origin, CREW_ENOMEM, "out of memory");
}

static const char *name_of(const struct crewi_container_request *request)
{
    return crewi_container_names[request->container->type];
}

/* Whether they can be keys; @p with_values: each has a value behind it. */
static bool check_keys(const struct crewi_container_request *request, bool with_values)
{
    const struct crewi_container *container = request->container;
    const unsigned char *at = request->values;
    uint64_t step = with_values ? 2 : 1;
    for (uint64_t i = 0; i < request->head->count; i++) {
        crew_any_type type = crewi_packed_type(at);
        at += crewi_packed_length(at);
        if (i % step)
            continue;
        if (crewi_any_is_nested(type) ||
            (container->type == CREWI_NAMESPACE && type != CREW_ANY_STRING)) {
            crewi_engine_refuse(request->engine, &request->message->origin, CREW_EINVAL,
                                "%s \"%s\": a %s cannot be %s", name_of(request), container->name,
                                crew_any_type_name(type),
                                container->type == CREWI_SET         ? "in it"
                                : container->type == CREWI_NAMESPACE ? "a name"
                                                                     : "a key");
            return false;
        }
    }
    return true;
}

static struct crewi_pair *look(const struct crewi_container_request *request)
{
    crew_any key = crewi_packed_view(request->values);
    return crewi_pairs_find(&request->container->table, &key);
}

static void answer_missing(const struct crewi_container_request *request)
{
    char *text = NULL;
    if (request->head->flags & CREWI_CONTAINER_OR_NOTHING) {
        crewi_container_done(request, 0);
        return;
    }
    if (crew_any_format(crewi_packed_view(request->values), &text)) {
        refuse_memory(request);
        return;
    }
    crewi_engine_refuse(request->engine, &request->message->origin, CREW_ENOENT,
                        "%s \"%s\" has no %s %.*s%s", name_of(request), request->container->name,
                        request->container->type == CREWI_SET ? "item" : "key", KEY_WORDS, text,
                        strlen(text) > KEY_WORDS ? "..." : "");
    free(text);
}

static const unsigned char *second_value(const struct crewi_container_request *request)
{
    return request->values + crewi_packed_length(request->values);
}

static uint64_t cost_of(const struct crewi_pair *pair)
{
    return crewi_container_cost(pair->key) + crewi_container_cost(pair->value);
}

static void get(struct crewi_container_request *request)
{
    const struct crewi_pair *pair = look(request);
    if (pair)
        crewi_container_give(request, 1, pair->value);
    else
        answer_missing(request);
}

/* Puts a value in the place of one. False: refused. Owns the cell. */
static bool replace(struct crewi_container_request *request, struct crewi_pair *pair,
                    struct crewi_cell *value)
{
    uint64_t old = crewi_container_cost(pair->value);
    if (!crewi_container_has_room(request, 0, crewi_container_cost(value), old)) {
        crewi_container_drop(request, value);
        return false;
    }
    request->container->bytes += crewi_container_cost(value) - old;
    crewi_container_drop(request, pair->value);
    pair->value = value;
    return true;
}

/* Adds the key that the request begins with. False: refused. Owns the value. */
static bool add_pair(struct crewi_container_request *request, struct crewi_cell *value)
{
    struct crewi_container *container = request->container;
    const unsigned char *at = request->values;
    struct crewi_cell *key = crewi_container_cell(request, &at);
    uint64_t bytes = crewi_container_cost(key) + crewi_container_cost(value);
    bool fits = key && crewi_container_has_room(request, 1, bytes, 0);
    if (fits && crewi_pairs_reserve(&container->table, 1)) {
        refuse_memory(request);
        fits = false;
    }
    if (!fits) {
        crewi_container_drop(request, key);
        crewi_container_drop(request, value);
        return false;
    }
    crewi_pairs_add(&container->table, key, value);
    container->bytes += bytes;
    return true;
}

static bool put(struct crewi_container_request *request, struct crewi_pair *pair,
                struct crewi_cell *value)
{
    return pair ? replace(request, pair, value) : add_pair(request, value);
}

static void set(struct crewi_container_request *request)
{
    struct crewi_pair *pair = look(request);
    const unsigned char *at = second_value(request);
    if ((request->head->flags & CREWI_CONTAINER_IF_VERSION) &&
        request->head->version != (pair ? pair->value->version : 0)) {
        if (pair)
            crewi_container_give(request, 0, pair->value);
        else
            crewi_container_done(request, 0);
        return;
    }
    struct crewi_cell *value = crewi_container_cell(request, &at);
    if (value && put(request, pair, value))
        crewi_container_done(request, 1);
}

static void set_default(struct crewi_container_request *request)
{
    const struct crewi_pair *pair = look(request);
    const unsigned char *at = second_value(request);
    if (pair) {
        crewi_container_give(request, 1, pair->value);
        return;
    }
    struct crewi_cell *value = crewi_container_cell(request, &at);
    if (value && add_pair(request, value))
        crewi_container_done(request, 0);
}

/* Updates: all or nothing, so all is made ready first */

/* A key that comes twice counts twice: no client of ours sends that. */
static bool has_room_for_all(struct crewi_container_request *request,
                             struct crewi_cell *const *cells, uint64_t step)
{
    uint64_t items = 0, bytes = 0, less = 0;
    for (uint64_t i = 0; i < request->head->count; i += step) {
        crew_any key = crewi_packed_view(cells[i]->data);
        const struct crewi_pair *pair = crewi_pairs_find(&request->container->table, &key);
        items += !pair;
        bytes += pair ? 0 : crewi_container_cost(cells[i]);
        bytes += step > 1 ? crewi_container_cost(cells[i + 1]) : 0;
        less += pair ? crewi_container_cost(pair->value) : 0;
    }
    uint64_t kept = request->container->bytes;
    return crewi_container_has_room(request, items, bytes, less < kept ? less : kept);
}

/* True when the key is new. Owns both. */
static bool update_one(struct crewi_container_request *request, struct crewi_cell *key,
                       struct crewi_cell *value)
{
    struct crewi_container *container = request->container;
    crew_any view = crewi_packed_view(key->data);
    struct crewi_pair *pair = crewi_pairs_find(&container->table, &view);
    if (!pair) {
        crewi_pairs_add(&container->table, key, value);
        container->bytes += crewi_container_cost(key) + crewi_container_cost(value);
        return true;
    }
    container->bytes += crewi_container_cost(value) - crewi_container_cost(pair->value);
    crewi_container_drop(request, key);
    crewi_container_drop(request, pair->value);
    pair->value = value;
    return false;
}

static void update(struct crewi_container_request *request)
{
    struct crewi_container *container = request->container;
    uint64_t count = request->head->count, step = container->type == CREWI_SET ? 1 : 2, added = 0;
    struct crewi_cell **cells = crewi_container_cells(request, request->values, count);
    if (!cells)
        return;
    bool fits = has_room_for_all(request, cells, step);
    if (fits && crewi_pairs_reserve(&container->table, count / step)) {
        refuse_memory(request);
        fits = false;
    }
    for (uint64_t i = 0; i < count && fits; i += step)
        added += update_one(request, cells[i], step > 1 ? cells[i + 1] : NULL);
    for (uint64_t i = 0; i < count && !fits; i++)
        crewi_container_drop(request, cells[i]);
    free(cells);
    if (fits)
        crewi_container_done(request, added);
}

/* Taking out */

static void drop_pair(struct crewi_container_request *request, struct crewi_pair *pair)
{
    struct crewi_pair taken = crewi_pairs_take(&request->container->table, pair);
    request->container->bytes -= cost_of(&taken);
    crewi_container_drop(request, taken.key);
    crewi_container_drop(request, taken.value);
}

static void take(struct crewi_container_request *request)
{
    struct crewi_pair *pair = look(request);
    if (!pair) {
        answer_missing(request);
        return;
    }
    if (!(request->head->flags & CREWI_CONTAINER_GIVE))
        crewi_container_done(request, 1);
    else if (!crewi_container_give(request, 1, pair->value ? pair->value : pair->key))
        return;
    drop_pair(request, pair);
}

static void take_last(struct crewi_container_request *request)
{
    struct crewi_pair *pair = crewi_pairs_last(&request->container->table);
    if (!pair) {
        crewi_engine_refuse(request->engine, &request->message->origin, CREW_EEMPTY,
                            "%s \"%s\" is empty", name_of(request), request->container->name);
        return;
    }
    struct crewi_cell *both[2] = {pair->key, pair->value};
    bool given = pair->value ? crewi_container_give_all(request, CREW_ANY_LIST, both, 2)
                             : crewi_container_give(request, 1, pair->key);
    if (given)
        drop_pair(request, pair);
}

static void has(struct crewi_container_request *request)
{
    crewi_container_done(request, look(request) != NULL);
}

static void get_all(struct crewi_container_request *request)
{
    const struct crewi_pairs *table = &request->container->table;
    bool keys = request->head->flags & CREWI_CONTAINER_KEYS;
    bool values =
        (request->head->flags & CREWI_CONTAINER_VALUES) && request->container->type != CREWI_SET;
    struct crewi_cell **cells = calloc(2 * table->count + 1, sizeof(struct crewi_cell *));
    uint64_t count = 0;
    if (!cells) {
        refuse_memory(request);
        return;
    }
    const struct crewi_pair *pair;
    for (uint64_t at = 0; (pair = crewi_pairs_next(table, &at));) {
        if (keys)
            cells[count++] = pair->key;
        if (values)
            cells[count++] = pair->value;
    }
    crewi_container_give_all(request, keys && values ? CREW_ANY_DICT : CREW_ANY_LIST, cells, count);
    free(cells);
}

/* A new key has what was added to it. */
static void add(struct crewi_container_request *request)
{
    struct crewi_pair *pair = look(request);
    struct crewi_cell *sum =
        crewi_container_sum(request, pair ? pair->value : NULL, second_value(request));
    if (!sum)
        return;
    if (!pair) {
        if (add_pair(request, sum))
            crewi_container_done(request, 0);
    } else if (crewi_container_has_room(request, 0, crewi_container_cost(sum),
                                        crewi_container_cost(pair->value)) &&
               crewi_container_give(request, 1, sum)) {
        replace(request, pair, sum);
    } else {
        crewi_container_drop(request, sum);
    }
}

/* What is asked of a set has no value behind its key, and is for all, or for sets alone. */
static bool suits_set(uint8_t op)
{
    return op == CREWI_DICT_UPDATE || op >= CREWI_DICT_TAKE;
}

void crewi_dict_request(struct crewi_container_request *request, uint8_t op)
{
    static const struct {
        void (*answer)(struct crewi_container_request *request);
        bool has_value; /* behind each key */
    } requests[] = {
        [CREWI_DICT_GET - CREWI_DICT_GET] = {get, false},
        [CREWI_DICT_SET - CREWI_DICT_GET] = {set, true},
        [CREWI_DICT_DEFAULT - CREWI_DICT_GET] = {set_default, true},
        [CREWI_DICT_UPDATE - CREWI_DICT_GET] = {update, true},
        [CREWI_DICT_TAKE - CREWI_DICT_GET] = {take, false},
        [CREWI_DICT_TAKE_LAST - CREWI_DICT_GET] = {take_last, false},
        [CREWI_DICT_HAS - CREWI_DICT_GET] = {has, false},
        [CREWI_DICT_ALL - CREWI_DICT_GET] = {get_all, false},
        [CREWI_DICT_ADD - CREWI_DICT_GET] = {add, true},
    };
    bool is_set = request->container->type == CREWI_SET;
    if (is_set && (!suits_set(op) || op == CREWI_DICT_ADD))
        crewi_engine_refuse_malformed(request->engine, request->message,
                                      "an operation that a set has");
    else if (!is_set && op == CREWI_DICT_UPDATE && request->head->count % 2)
        crewi_engine_refuse(request->engine, &request->message->origin, CREW_EPROTO,
                            "a key without a value");
    else if (check_keys(request, requests[op - CREWI_DICT_GET].has_value && !is_set))
        requests[op - CREWI_DICT_GET].answer(request);
}
