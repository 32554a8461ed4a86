/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Lists in a block of shared memory, as Python's multiprocessing.shared_memory.ShareableList.
 *
 * A shareable list has as many items as it was made with. Each is nil, a bool, an int, a double, a
 * string or bytes, in a slot of its own, and may be replaced by one of another type. A slot has
 * room for what was in it first, at least 8 bytes; strings and bytes get up to the next multiple of
 * 8.
 *
 * It lies in a block of <crew/shared_memory.h>, whose rules are its own: others of the host attach
 * it by its name, closing it leaves it, unlinking the name ends it. Reading and writing cost no
 * message. Nothing here says who may write when: a slot that is read while another process writes
 * it gives either value or a mixture.
 *
 * @code
 * crew_shareable_list row;
 * crew_any items[] = {crew_string("total"), crew_int(0), crew_nil()};
 * crew_shareable_list_create(&row, items, 3, "row");
 * crew_shareable_list_set(&row, 1, crew_double(2.5));
 * @endcode
 *
 * All calls may be made from the main process, from any process, and from a task. They may also
 * return ::CREW_ECLOSED when the list is closed, ::CREW_EINVAL for a pointer that is NULL where
 * there has to be one, ::CREW_EPROTO when another process has written nonsense over the list, and
 * ::CREW_ENOMEM.
 */
#ifndef CREW_SHAREABLE_LIST_H
#define CREW_SHAREABLE_LIST_H

#include <crew/any.h>
#include <crew/shared_memory.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A list, as one process has it: copies of the struct are the same one. For another process, send
 * the name. */
typedef struct crew_shareable_list {
    crew_shared_memory block; /**< block.name is the list's. Python: shm */
    int64_t count;            /**< how many items it has. Python: len(list) */
} crew_shareable_list;

/**
 * Makes a list with copies of @p count items. Python: ShareableList(items, name=).
 *
 * @param items  may be NULL with a count of 0
 * @param name   NULL: one that no block has
 * @return as crew_shared_memory_create(); ::CREW_EINVAL a negative count, an item of another type
 */
CREW_API crew_status crew_shareable_list_create(crew_shareable_list *list, const crew_any *items,
                                                int64_t count, const char *name);

/** Attaches the list of that name. Python: ShareableList(name=). ::CREW_EINVAL that block is no
 * list; otherwise as crew_shared_memory_attach() */
CREW_API crew_status crew_shareable_list_attach(crew_shareable_list *list, const char *name);

/** Gets a copy of an item, to be cleared with crew_any_clear(); -1 is the last one. ::CREW_EDOMAIN
 * there is no such index. Python: list[index]. */
CREW_API crew_status crew_shareable_list_get(const crew_shareable_list *list, int64_t index,
                                             crew_any *item);

/** Puts another item, of any of the types, in the place of one. ::CREW_EDOMAIN there is no such
 * index; ::CREW_ETOOSMALL a string or bytes of more than its slot has room for: nothing was
 * written; ::CREW_EINVAL an item of another type. Python: list[index] = item. */
CREW_API crew_status crew_shareable_list_set(const crew_shareable_list *list, int64_t index,
                                             crew_any item);

/** Ends the caller's use of it, and leaves the list. Name and count stay in the struct. Fine when
 * it is closed. As crew_shared_memory_close(). Python: list.shm.close. */
CREW_API crew_status crew_shareable_list_close(crew_shareable_list *list);

#ifdef __cplusplus
}
#endif

#endif
