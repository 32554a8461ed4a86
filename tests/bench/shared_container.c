/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists and dicts, which nobody else uses meanwhile.
 *
 *   append               an integer to a list, which is empty before each block
 *   dict_set  dict_get   an integer by a string, of which there are KEYS
 */
#include "shared.h"

#include <stdio.h>

#define KEYS 100

struct keys {
    char names[KEYS][16];
};

static void name_keys(struct keys *keys)
{
    for (int i = 0; i < KEYS; i++)
        snprintf(keys->names[i], sizeof keys->names[i], "key-%d", i);
}

static bool append(const struct bench_side *side, long count)
{
    const crew_list list = side->handles.list;
    size_t length = 0;
    bool done = bench_good(crew_list_clear(list));
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_list_append(list, crew_int(i)));
    return done && bench_good(crew_list_length(list, &length)) &&
           (length == (size_t)count || bench_wrong("items are missing, or too many"));
}

static bool set_values(const struct bench_side *side, long count)
{
    struct keys keys;
    bool done = true;
    name_keys(&keys);
    for (long i = 0; i < count && done; i++)
        done = bench_good(
            crew_dict_set(side->handles.dict, crew_string(keys.names[i % KEYS]), crew_int(i)));
    return done;
}

static bool get_values(const struct bench_side *side, long count)
{
    struct keys keys;
    bool done = set_values(side, KEYS);
    name_keys(&keys);
    for (long i = 0; i < count && done; i++) {
        crew_any value;
        int64_t number = -1;
        done = bench_good(
            crew_dict_get(side->handles.dict, crew_string(keys.names[i % KEYS]), &value));
        if (done && (crew_any_to_int(value, &number) || number != i % KEYS))
            done = bench_wrong("a value is not what was set");
        if (done)
            crew_any_clear(&value);
    }
    return done;
}

static int measure_append(void *arg)
{
    return shared_measure(arg, append, 1);
}

static int measure_set(void *arg)
{
    return shared_measure(arg, set_values, 1);
}

static int measure_get(void *arg)
{
    return shared_measure(arg, get_values, 1);
}

static crew_status make(struct bench_side *sides, int count)
{
    struct bench_handles *handles = &sides[0].handles;
    crew_status status = crew_list_create(&handles->list, NULL);
    if (!status)
        status = crew_dict_create(&handles->dict, NULL);
    return shared_hand_out(sides, count, status);
}

static void close_both(struct bench_side *side)
{
    crew_list_close(side->handles.list);
    crew_dict_close(side->handles.dict);
}

const struct bench_mode shared_container_modes[] = {
    {"append", NULL, make, close_both, NULL, measure_append, NULL, false},
    {"dict_set", NULL, make, close_both, NULL, measure_set, NULL, false},
    {"dict_get", NULL, make, close_both, NULL, measure_get, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
