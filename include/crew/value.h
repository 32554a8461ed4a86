/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Single values that processes share, as Python's multiprocessing.Value: arrays of one element
 * (<crew/array.h>), where everything is said that is not said here.
 *
 * @code
 * crew_value done;
 * crew_value_create(&done, CREW_INT64, NULL, NULL);
 * ...
 * crew_value_add_int64(done, 1);
 * ...
 * int64_t count;
 * crew_value_get_int64(done, &count);
 * @endcode
 */
#ifndef CREW_VALUE_H
#define CREW_VALUE_H

#include <crew/array.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A value. An id of 0 is none. */
typedef struct crew_value {
    uint64_t id;
    crew_rlock lock; /**< its lock */
} crew_value;

/** The same as an array, of length 1: for all calls that there are. */
static inline crew_array crew_value_array(crew_value value)
{
    crew_array array = {value.id, value.lock};
    return array;
}

/**
 * Makes a value on the caller's rank. Python: Value(type, initial, lock=).
 *
 * @param initial  what it is at first; NULL: zero
 * @return as crew_array_create()
 */
CREW_API crew_status crew_value_create(crew_value *value, crew_datatype type, const void *initial,
                                       const crew_array_attr *attr);

/** Its type. */
static inline crew_status crew_value_type(crew_value value, crew_datatype *type)
{
    return crew_array_type(crew_value_array(value), type);
}

/** As crew_array_exchange(). */
static inline crew_status crew_value_exchange(crew_value value, crew_datatype type,
                                              const void *desired, void *before)
{
    return crew_array_exchange(crew_value_array(value), type, 0, desired, before);
}

/** As crew_array_compare_exchange(). */
static inline crew_status crew_value_compare_exchange(crew_value value, crew_datatype type,
                                                      void *expected, const void *desired,
                                                      bool *exchanged)
{
    return crew_array_compare_exchange(crew_value_array(value), type, 0, expected, desired,
                                       exchanged);
}

/** As crew_array_acquire(). Python: value.get_lock().acquire(). */
static inline crew_status crew_value_acquire(crew_value value, double timeout_s)
{
    return crew_array_acquire(crew_value_array(value), timeout_s);
}

/** As crew_array_release(). */
static inline crew_status crew_value_release(crew_value value)
{
    return crew_array_release(crew_value_array(value));
}

/** As crew_array_close(). */
static inline crew_status crew_value_close(crew_value value)
{
    return crew_array_close(crew_value_array(value));
}

/* Typed: crew_value_get_int64(value, &number), crew_value_set_double(value, 0.5),
 * crew_value_add_int32(value, 1), and crew_value_fetch_add_int32(value, 1, &before), for each name
 * of CREW_DATATYPE_TABLE. CREW_EINVAL when the value is of another type. Python: value.value. */

#define CREW_VALUE_TYPED(constant, name, ctype)                                                    \
    static inline crew_status crew_value_get_##name(crew_value value, ctype *number)               \
    {                                                                                              \
        return crew_array_get(crew_value_array(value), CREW_##constant, 0, number);                \
    }                                                                                              \
    static inline crew_status crew_value_set_##name(crew_value value, ctype number)                \
    {                                                                                              \
        return crew_array_set(crew_value_array(value), CREW_##constant, 0, &number);               \
    }                                                                                              \
    static inline crew_status crew_value_add_##name(crew_value value, ctype number)                \
    {                                                                                              \
        return crew_array_fetch_add(crew_value_array(value), CREW_##constant, 0, &number, NULL);   \
    }                                                                                              \
    static inline crew_status crew_value_fetch_add_##name(crew_value value, ctype number,          \
                                                          ctype *before)                           \
    {                                                                                              \
        return crew_array_fetch_add(crew_value_array(value), CREW_##constant, 0, &number, before); \
    }
CREW_DATATYPE_TABLE(CREW_VALUE_TYPED)
#undef CREW_VALUE_TYPED

#ifdef __cplusplus
}
#endif

#endif
