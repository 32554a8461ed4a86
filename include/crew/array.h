/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Arrays that processes share, as Python's multiprocessing.Array. <crew/value.h> has single values.
 *
 * An array is a fixed number of elements of one type, all zero at first. It lies in memory of the
 * host on which it was created: processes there read and write it without a message. Those of other
 * hosts ask the rank that keeps it, that of the process which created it; what they do is as if
 * they were there.
 *
 * **Elements.** One element is read and written whole: no reader ever sees half of a write. What
 * was written before a set is seen by who has read the new element. Additions, exchanges and
 * compare-exchanges are atomic, wherever the processes are. They are of the hardware, and agree
 * with what processes of the host do to the elements through crew_array_data() with C11's atomics.
 *
 * **Slices.** A slice is some elements in a row. It may be as long as the array and is not one
 * piece: others may see a part of a write, and a process that dies in a write leaves a part of it.
 * Where that matters, the users of an array take its lock.
 *
 * **The lock.** Every array comes with a recursive lock, for whatever its users agree upon; no call
 * here takes it by itself. (Python's takes it for each access, and the users have to take it
 * around what is more than one access, as here.) It can be left out, or be a lock that the program
 * has already.
 *
 * **Size.** Memory is taken where it is touched: of an array of 1 GiB in which one element was
 * written there is one page. Nothing large is ever copied as a whole for a part of it.
 *
 * Arrays are plain values and are passed on as a connection of a pipe is (<crew/pipe.h>): as the
 * whole struct, since array and lock are counted each for itself. An array is gone when every
 * process that has a copy has closed it or has ended.
 *
 * @code
 * crew_array counts;
 * crew_array_create(&counts, CREW_INT64, 26, NULL);
 * ...
 * crew_array_fetch_add(counts, letter - 'a', &(int64_t){1}, NULL);
 * ...
 * int64_t all[26];
 * crew_array_read(counts, 0, 26, all);
 * @endcode
 *
 * All calls may be made from the main process, from any process, and from a task, and may also
 * return ::CREW_ESTATE outside crew_run(), ::CREW_ECLOSED when the caller has closed the array, or
 * it is gone with all its copies, ::CREW_ENOENT for one that never was, ::CREW_EINVAL for a handle
 * of another kind and for a pointer that is NULL where there has to be one, ::CREW_EDOMAIN for
 * elements that are not in the array (indexes are from 0 on; there are no negative ones), and
 * ::CREW_ENOMEM. They do not block, but for the lock, and for the answer of another host.
 */
#ifndef CREW_ARRAY_H
#define CREW_ARRAY_H

#include <crew/datatype.h>
#include <crew/lock.h>
#include <crew/status.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An array. An id of 0 is none. */
typedef struct crew_array {
    uint64_t id;
    crew_rlock lock; /**< its lock; see crew_array_acquire() */
} crew_array;

/** Settings of an array; all zero are the defaults. At most one of the three locks may be said. */
typedef struct crew_array_attr {
    const char *name; /**< for error messages; NULL: "array-n" */
    bool no_lock;     /**< there is none. Python: RawArray, or lock=False */
    crew_lock lock;   /**< a lock of the program's; it stays the program's to close */
    crew_rlock rlock; /**< the same, a recursive one */
} crew_array_attr;

/**
 * Makes an array on the caller's rank, all zero. Python: Array(type, count, lock=).
 *
 * @param count  how many elements; 0 is fine
 * @return ::CREW_EINVAL array NULL, no type, a negative count, more than one lock, a name that is
 * empty or longer than ::CREW_NAME_SIZE - 1; ::CREW_ENOMEM, ::CREW_ESYSTEM there is no memory of
 * that size
 */
CREW_API crew_status crew_array_create(crew_array *array, crew_datatype type, int64_t count,
                                       const crew_array_attr *attr);

/** How many elements it has. Python: len(array). */
CREW_API crew_status crew_array_length(crew_array array, int64_t *count);

/** Their type. */
CREW_API crew_status crew_array_type(crew_array array, crew_datatype *type);

/* One element. In each of these, type is what the caller takes the elements for: CREW_EINVAL when
 * they are of another type, so that a pointer to the wrong thing is found out. */

/** Reads element @p index into @p value. Python: array[index]. MPI: MPI_Get. */
CREW_API crew_status crew_array_get(crew_array array, crew_datatype type, int64_t index,
                                    void *value);

/** Writes it. Python: array[index] = value. MPI: MPI_Put. */
CREW_API crew_status crew_array_set(crew_array array, crew_datatype type, int64_t index,
                                    const void *value);

/**
 * Adds to it, atomically. Integers wrap around. Python: array[index] += x under the lock. MPI:
 * MPI_Fetch_and_op with MPI_SUM.
 *
 * @param before  set to what it was; may be NULL
 * @return ::CREW_ENOTSUP elements of ::CREW_BOOL
 */
CREW_API crew_status crew_array_fetch_add(crew_array array, crew_datatype type, int64_t index,
                                          const void *addend, void *before);

/** Writes it and sets @p before to what it was, atomically. MPI: MPI_Fetch_and_op with MPI_REPLACE.
 */
CREW_API crew_status crew_array_exchange(crew_array array, crew_datatype type, int64_t index,
                                         const void *value, void *before);

/**
 * Writes @p desired if the element is as @p expected, atomically. Floating point numbers are
 * compared bit by bit. MPI: MPI_Compare_and_swap.
 *
 * @param expected  set to what the element was when it was something else
 * @param exchanged set to whether it was written
 */
CREW_API crew_status crew_array_compare_exchange(crew_array array, crew_datatype type,
                                                 int64_t index, void *expected, const void *desired,
                                                 bool *exchanged);

/* Slices */

/** Reads @p count elements from @p first on into @p values. Nothing is read when the array has
 * fewer. ::CREW_EINVAL a negative count. Python: array[first:first + count]. MPI: MPI_Rget. */
CREW_API crew_status crew_array_read(crew_array array, int64_t first, int64_t count, void *values);

/** Writes them. Nothing is written when the array has fewer. Python: array[first:first + count] =
 * values. MPI: MPI_Rput. */
CREW_API crew_status crew_array_write(crew_array array, int64_t first, int64_t count,
                                      const void *values);

/** Writes one value to all of them. Python: array[first:first + count] = [value] * count. */
CREW_API crew_status crew_array_fill(crew_array array, int64_t first, int64_t count,
                                     const void *value);

/**
 * Where the elements are, for who is on the array's host: to be read and written in place. The
 * pointer is the caller's process's own, aligned to 64 bytes, and valid until it closes the array.
 * Python: memoryview(array.get_obj()).
 * @return ::CREW_ENOTSUP the array is on another host
 */
CREW_API crew_status crew_array_data(crew_array array, void **data);

/* The lock */

/** Acquires the array's lock, whichever it is. Blocks while another has it. Python:
 * array.get_lock().acquire().
 * @return ::CREW_ENOTSUP it has none; otherwise as crew_rlock_acquire() or crew_lock_acquire() */
CREW_API crew_status crew_array_acquire(crew_array array, double timeout_s);

/** Releases it. ::CREW_ENOTSUP it has none; otherwise as crew_rlock_release() or
 * crew_lock_release(). */
CREW_API crew_status crew_array_release(crew_array array);

/** The array's recursive lock itself: the default one, or crew_array_attr::rlock. Python:
 * array.get_lock().
 * @return ::CREW_ENOTSUP it has none, or crew_array_attr::lock */
CREW_API crew_status crew_array_get_lock(crew_array array, crew_rlock *lock);

/** Ends the caller's use of the array and of its default lock, for all its threads, none of which
 * may be in a call of it. Closing it again does no harm. ::CREW_ESTATE the caller holds the default
 * lock. */
CREW_API crew_status crew_array_close(crew_array array);

/* One element, typed: crew_array_get_int64(array, index, &value), crew_array_set_double(array,
 * index, value), crew_array_add_int32(array, index, value) and so on for each name of
 * CREW_DATATYPE_TABLE. */

#define CREW_ARRAY_TYPED(constant, name, ctype)                                                    \
    static inline crew_status crew_array_get_##name(crew_array array, int64_t index, ctype *value) \
    {                                                                                              \
        return crew_array_get(array, CREW_##constant, index, value);                               \
    }                                                                                              \
    static inline crew_status crew_array_set_##name(crew_array array, int64_t index, ctype value)  \
    {                                                                                              \
        return crew_array_set(array, CREW_##constant, index, &value);                              \
    }                                                                                              \
    static inline crew_status crew_array_add_##name(crew_array array, int64_t index, ctype value)  \
    {                                                                                              \
        return crew_array_fetch_add(array, CREW_##constant, index, &value, NULL);                  \
    }
CREW_DATATYPE_TABLE(CREW_ARRAY_TYPED)
#undef CREW_ARRAY_TYPED

#ifdef __cplusplus
}
#endif

#endif
