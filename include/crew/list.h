/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Lists that several processes share, as Python's Manager().list().
 *
 * The items are values of <crew/any.h>. They are kept by one rank, that of the process which
 * created the list, and every call is a message there and back: it is done as a whole or not at
 * all, and is seen by every later call, wherever that is made. What a call gets is a copy: to
 * change an item, set it, or change it in one go with crew_list_add() or crew_list_update_with().
 * An item that is the handle of another object stands for that object, and keeps it from being
 * gone. A process that gets such an item has the handle, too, and closes it when it is done; one
 * that prints the list or updates an item with a function does not get it.
 *
 * Indexes are Python's: -1 is the last one. A list is a plain value and is passed on as a
 * connection of a pipe is (<crew/pipe.h>); it is gone, with its items, when every process that has
 * a copy has closed it or has ended, and no object has one.
 *
 * @code
 * crew_list results;
 * crew_list_create(&results, NULL);
 * ...
 * crew_list_append(results, crew_string("done"));
 * ...
 * crew_any items;
 * crew_list_items(results, &items);
 * crew_any_print(items, stdout);
 * crew_any_clear(&items);
 * @endcode
 *
 * All calls may be made from the main process, from any process, and from a task. They wait for a
 * message there and back and for nothing else, but for close, which is done on the caller's rank.
 * They may also return ::CREW_ESTATE outside crew_run(), ::CREW_ECLOSED when the caller has closed
 * the list, or it is gone with all its copies, ::CREW_ENOENT for one that never was, ::CREW_EINVAL
 * for a handle of another kind, a value that is none (crew_any_pack()) or an output that is NULL,
 * and ::CREW_ENOMEM. Values that they set are the caller's, to be cleared with crew_any_clear().
 */
#ifndef CREW_LIST_H
#define CREW_LIST_H

#include <crew/any.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A list. 0 is none. */
typedef struct crew_list {
    uint64_t id;
} crew_list;

/** As the end of a slice: the end of the list. As an index to insert at: behind the last item. */
#define CREW_END INT64_MAX

/** Makes an empty list on the caller's rank. ::CREW_EINVAL a name that is empty or longer than
 * ::CREW_NAME_SIZE - 1, or more than 1 GiB. Python: Manager().list(). */
CREW_API crew_status crew_list_create(crew_list *list, const crew_container_attr *attr);

/** Ends the caller's use of it, for all its threads. Closing it again does no harm. Python: del. */
CREW_API crew_status crew_list_close(crew_list list);

/** Adds an item behind the others. ::CREW_EFULL it has as many items or bytes as it may have.
 * Python: append. */
CREW_API crew_status crew_list_append(crew_list list, crew_any item);

/** Adds all items of a list value, or none. ::CREW_EFULL; ::CREW_EINVAL items is no list. Python:
 * extend. */
CREW_API crew_status crew_list_extend(crew_list list, crew_any items);

/** Adds an item in front of the one at @p index; an index beyond an end is that end. ::CREW_EFULL.
 * Python: insert. */
CREW_API crew_status crew_list_insert(crew_list list, int64_t index, crew_any item);

/** Gets a copy of an item. ::CREW_EDOMAIN there is no such index. Python: list[index]. */
CREW_API crew_status crew_list_get(crew_list list, int64_t index, crew_any *item);

/** Puts another item in the place of one. ::CREW_EDOMAIN; ::CREW_EFULL. Python: list[index] = item.
 */
CREW_API crew_status crew_list_set(crew_list list, int64_t index, crew_any item);

/** Takes an item out. ::CREW_EDOMAIN. Python: del list[index]. */
CREW_API crew_status crew_list_delete(crew_list list, int64_t index);

/** Takes an item out and gets it. ::CREW_EEMPTY there are none; ::CREW_EDOMAIN. Python: pop(index).
 */
CREW_API crew_status crew_list_pop(crew_list list, int64_t index, crew_any *item);

/** Gets the items from @p start to before @p stop as a list value. Indexes beyond an end are that
 * end. Python: list[start:stop]. */
CREW_API crew_status crew_list_slice(crew_list list, int64_t start, int64_t stop, crew_any *items);

/** Gets all items as a list value, as they are at one moment: to go through them. Python: list[:].
 */
CREW_API crew_status crew_list_items(crew_list list, crew_any *items);

/** Takes the first item out that equals @p item. ::CREW_ENOENT there is none. Python: remove. */
CREW_API crew_status crew_list_remove(crew_list list, crew_any item);

/** The index of the first item that equals @p item. ::CREW_ENOENT there is none. Python: index. */
CREW_API crew_status crew_list_index(crew_list list, crew_any item, size_t *index);

/** How many items equal @p item. Python: count. */
CREW_API crew_status crew_list_count(crew_list list, crew_any item, size_t *count);

/** Whether an item equals @p item. Python: item in list. */
CREW_API crew_status crew_list_contains(crew_list list, crew_any item, bool *contains);

/** How many items there are. Python: len. */
CREW_API crew_status crew_list_length(crew_list list, size_t *length);

/** Turns the order round. Python: reverse. */
CREW_API crew_status crew_list_reverse(crew_list list);

/** Sorts the items, equal ones in the order that they have; the rank that keeps the list does
 * nothing else meanwhile. ::CREW_EINVAL two of them have no order (crew_any_compare()). Python:
 * sort(reverse=descending). */
CREW_API crew_status crew_list_sort(crew_list list, bool descending);

/** Takes all items out. Python: clear. */
CREW_API crew_status crew_list_clear(crew_list list);

/**
 * Adds to a number, in one go: no other call comes between. Python has no counterpart.
 * @param delta   an int or double
 * @param result  set to the sum, an int when both are; may be NULL
 * @return ::CREW_EDOMAIN no such index, or the sum of two ints has more than 64 bits; ::CREW_EINVAL
 * one of both is no number
 */
CREW_API crew_status crew_list_add(crew_list list, int64_t index, crew_any delta, crew_any *result);

/** Sets an item to what @p function makes of it, in the calling process; called again when another
 * process has changed it meanwhile, so that no change is lost. ::CREW_EDOMAIN; ::CREW_EFULL; what
 * the function returns. */
CREW_API crew_status crew_list_update_with(crew_list list, int64_t index,
                                           crew_update_function *function, void *arg);

/** Prints all items as Python does: [1, 'two']. ::CREW_ESYSTEM the stream cannot be written to */
CREW_API crew_status crew_list_print(crew_list list, FILE *stream);

#ifdef __cplusplus
}
#endif

#endif
