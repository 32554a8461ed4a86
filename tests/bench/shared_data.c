/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values and arrays, which nobody else uses meanwhile.
 *
 *   value_get  value_set  value_add   one call
 *   value_locked                      acquire, get, set one more, release
 *   read:BYTES  write:BYTES           a slice of so many bytes, which is the whole array
 */
#include "shared.h"

#include <stdint.h>
#include <stdlib.h>

/* Values: each block leaves the last of its numbers, or what it added. */

static bool is_now(crew_value value, int64_t expected)
{
    int64_t now = 0;
    return bench_good(crew_value_get_int64(value, &now)) &&
           (now == expected || bench_wrong("a value is not what was set"));
}

static bool value_get(const struct bench_side *side, long count)
{
    const crew_value value = side->handles.value;
    int64_t sum = 0, number = 0;
    bool done = bench_good(crew_value_set_int64(value, 3));
    for (long i = 0; i < count && done; i++) {
        done = bench_good(crew_value_get_int64(value, &number));
        sum += number;
    }
    return done && (sum == 3 * count || bench_wrong("a value is not what was set"));
}

static bool value_set(const struct bench_side *side, long count)
{
    const crew_value value = side->handles.value;
    bool done = true;
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_value_set_int64(value, i));
    return done && is_now(value, count - 1);
}

static bool value_add(const struct bench_side *side, long count)
{
    const crew_value value = side->handles.value;
    bool done = bench_good(crew_value_set_int64(value, 0));
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_value_add_int64(value, 1));
    return done && is_now(value, count);
}

static bool add_locked(crew_value value)
{
    int64_t number = 0;
    return bench_good(crew_value_acquire(value, CREW_FOREVER)) &&
           bench_good(crew_value_get_int64(value, &number)) &&
           bench_good(crew_value_set_int64(value, number + 1)) &&
           bench_good(crew_value_release(value));
}

static bool value_locked(const struct bench_side *side, long count)
{
    const crew_value value = side->handles.value;
    bool done = bench_good(crew_value_set_int64(value, 0));
    for (long i = 0; i < count && done; i++)
        done = add_locked(value);
    return done && is_now(value, count);
}

static int measure_get(void *arg)
{
    return shared_measure(arg, value_get, 1);
}

static int measure_set(void *arg)
{
    return shared_measure(arg, value_set, 1);
}

static int measure_add(void *arg)
{
    return shared_measure(arg, value_add, 1);
}

static int measure_locked(void *arg)
{
    return shared_measure(arg, value_locked, 1);
}

/* Slices */

struct slice {
    const struct bench_side *side;
    char *buffer;
};

static bool read_slices(void *context, long count, double *seconds)
{
    const struct slice *slice = context;
    const crew_array array = slice->side->handles.array;
    const size_t size = slice->side->which.size;
    bench_stamp(slice->buffer, size, count);
    bool done = bench_good(crew_array_write(array, 0, (int64_t)size, slice->buffer));
    bench_stamp(slice->buffer, size, 0);
    const double begin = bench_clock();
    for (long i = 0; i < count && done; i++)
        done = bench_good(crew_array_read(array, 0, (int64_t)size, slice->buffer));
    *seconds = bench_clock() - begin;
    return done && (bench_stamp_is(slice->buffer, size, count) ||
                    bench_wrong("a slice is not what was written"));
}

static bool write_slices(void *context, long count, double *seconds)
{
    const struct slice *slice = context;
    const crew_array array = slice->side->handles.array;
    const size_t size = slice->side->which.size;
    bool done = true;
    const double begin = bench_clock();
    for (long i = 0; i < count && done; i++) {
        bench_stamp(slice->buffer, size, i);
        done = bench_good(crew_array_write(array, 0, (int64_t)size, slice->buffer));
    }
    *seconds = bench_clock() - begin;
    done = done && bench_good(crew_array_read(array, 0, (int64_t)size, slice->buffer));
    return done && (bench_stamp_is(slice->buffer, size, count - 1) ||
                    bench_wrong("a slice is not what was written"));
}

static int measure_slices(const struct bench_side *side, bench_block *block)
{
    struct slice slice = {side, bench_buffer(side->which.size)};
    if (!slice.buffer)
        return !bench_wrong("out of memory");
    const int exit_code = bench_report(side, block, &slice);
    free(slice.buffer);
    return exit_code;
}

static int measure_read(void *arg)
{
    return measure_slices(arg, read_slices);
}

static int measure_write(void *arg)
{
    return measure_slices(arg, write_slices);
}

/* The modes */

static crew_status make_value(struct bench_side *sides, int count)
{
    return shared_hand_out(sides, count,
                           crew_value_create(&sides[0].handles.value, CREW_INT64, NULL, NULL));
}

static void close_value(struct bench_side *side)
{
    crew_value_close(side->handles.value);
}

static crew_status make_array(struct bench_side *sides, int count)
{
    if (sides[0].which.size < sizeof(long)) {
        bench_wrong("a slice has 8 bytes or more");
        return CREW_EINVAL;
    }
    return shared_hand_out(
        sides, count,
        crew_array_create(&sides[0].handles.array, CREW_BYTE, (int64_t)sides[0].which.size, NULL));
}

static void close_array(struct bench_side *side)
{
    crew_array_close(side->handles.array);
}

const struct bench_mode shared_data_modes[] = {
    {"value_get", NULL, make_value, close_value, NULL, measure_get, NULL, false},
    {"value_set", NULL, make_value, close_value, NULL, measure_set, NULL, false},
    {"value_add", NULL, make_value, close_value, NULL, measure_add, NULL, false},
    {"value_locked", NULL, make_value, close_value, NULL, measure_locked, NULL, false},
    {"read", NULL, make_array, close_array, NULL, measure_read, NULL, false},
    {"write", NULL, make_array, close_array, NULL, measure_write, NULL, false},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL, false},
};
