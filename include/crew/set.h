/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Sets that several processes share.
 *
 * Items are values of <crew/any.h>, but no lists and dicts; 1, 1.0 and true are the same one. They
 * are in the order in which they came. All that <crew/list.h> says of lists holds for sets: one
 * rank keeps it, calls are done as a whole, what is got is a copy, handles in it keep their
 * objects, and it is gone with its last copy.
 *
 * @code
 * crew_set seen;
 * bool is_new;
 * crew_set_create(&seen, NULL);
 * ...
 * if (crew_set_add(seen, crew_string(url), &is_new) == CREW_OK && is_new)
 *     fetch(url);
 * @endcode
 *
 * All calls may also return what those of <crew/list.h> may.
 */
#ifndef CREW_SET_H
#define CREW_SET_H

#include <crew/any.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A set. 0 is none. */
typedef struct crew_set {
    uint64_t id;
} crew_set;

/** Makes an empty set on the caller's rank. As crew_list_create(). Python: set(), in a manager. */
CREW_API crew_status crew_set_create(crew_set *set, const crew_container_attr *attr);

/** Ends the caller's use of it, for all its threads. Closing it again does no harm. Python: del. */
CREW_API crew_status crew_set_close(crew_set set);

/**
 * Adds an item, unless it is there already. Python: add.
 * @param added  set to whether it was not there; may be NULL
 * @return ::CREW_EFULL it has as many items or bytes as it may have; ::CREW_EINVAL the item is a
 * list or a dict: the same of all calls with an item
 */
CREW_API crew_status crew_set_add(crew_set set, crew_any item, bool *added);

/** Takes an item out, if it is there. Python: discard. */
CREW_API crew_status crew_set_discard(crew_set set, crew_any item);

/** Takes an item out. ::CREW_ENOENT it is not there. Python: remove. */
CREW_API crew_status crew_set_remove(crew_set set, crew_any item);

/** Takes the item out that came last, and gets it. ::CREW_EEMPTY there are none. Python: pop. */
CREW_API crew_status crew_set_pop(crew_set set, crew_any *item);

/** Whether an item is there. Python: item in set. */
CREW_API crew_status crew_set_contains(crew_set set, crew_any item, bool *contains);

/** How many items there are. Python: len. */
CREW_API crew_status crew_set_length(crew_set set, size_t *length);

/** Adds all items of a list value, or none. ::CREW_EFULL; ::CREW_EINVAL items is no list. Python:
 * update. */
CREW_API crew_status crew_set_update(crew_set set, crew_any items);

/** Gets all items as a list value, as they are at one moment. Python: copy. */
CREW_API crew_status crew_set_items(crew_set set, crew_any *items);

/** Takes all items out. Python: clear. */
CREW_API crew_status crew_set_clear(crew_set set);

/** Prints all items as Python does: {1, 'two'}, and set() for none. ::CREW_ESYSTEM the stream
 * cannot be written to */
CREW_API crew_status crew_set_print(crew_set set, FILE *stream);

#ifdef __cplusplus
}
#endif

#endif
