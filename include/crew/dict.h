/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Dicts that several processes share, as Python's Manager().dict().
 *
 * Keys and values are those of <crew/any.h>; a key is anything but a list or a dict, and 1, 1.0 and
 * true are the same one. The entries are in the order in which their keys came. All that
 * <crew/list.h> says of lists holds for dicts: one rank keeps it, calls are done as a whole, what
 * is got is a copy, handles in it keep their objects, and it is gone with its last copy.
 *
 * @code
 * crew_dict counts;
 * crew_dict_create(&counts, NULL);
 * ...
 * crew_dict_add(counts, crew_string("lines"), crew_int(1), NULL);
 * ...
 * crew_any lines;
 * if (crew_dict_get(counts, crew_string("lines"), &lines) == CREW_OK)
 *     printf("%lld\n", (long long)lines.integer);
 * crew_any_clear(&lines);
 * @endcode
 *
 * All calls may also return what those of <crew/list.h> may.
 */
#ifndef CREW_DICT_H
#define CREW_DICT_H

#include <crew/any.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A dict. 0 is none. */
typedef struct crew_dict {
    uint64_t id;
} crew_dict;

/** Makes an empty dict on the caller's rank. As crew_list_create(). Python: Manager().dict(). */
CREW_API crew_status crew_dict_create(crew_dict *dict, const crew_container_attr *attr);

/** Ends the caller's use of it, for all its threads. Closing it again does no harm. Python: del. */
CREW_API crew_status crew_dict_close(crew_dict dict);

/** Sets the value of a key. ::CREW_EFULL it has as many entries or bytes as it may have;
 * ::CREW_EINVAL the key is a list or a dict: the same of all calls with a key. Python: dict[key] =
 * value. */
CREW_API crew_status crew_dict_set(crew_dict dict, crew_any key, crew_any value);

/** Gets a copy of the value of a key. ::CREW_ENOENT there is no such key. Python: dict[key]. */
CREW_API crew_status crew_dict_get(crew_dict dict, crew_any key, crew_any *value);

/** The same, or a copy of @p otherwise when there is no such key. Python: get(key, otherwise). */
CREW_API crew_status crew_dict_get_default(crew_dict dict, crew_any key, crew_any otherwise,
                                           crew_any *value);

/** The same, and sets the key to @p otherwise when there is none. ::CREW_EFULL. Python: setdefault.
 */
CREW_API crew_status crew_dict_setdefault(crew_dict dict, crew_any key, crew_any otherwise,
                                          crew_any *value);

/** Takes an entry out. ::CREW_ENOENT. Python: del dict[key]. */
CREW_API crew_status crew_dict_delete(crew_dict dict, crew_any key);

/** Takes an entry out and gets its value. ::CREW_ENOENT. Python: pop(key). */
CREW_API crew_status crew_dict_pop(crew_dict dict, crew_any key, crew_any *value);

/** Takes the entry out whose key came last, and gets both. ::CREW_EEMPTY there are none. Python:
 * popitem. */
CREW_API crew_status crew_dict_popitem(crew_dict dict, crew_any *key, crew_any *value);

/** Whether there is such a key. Python: key in dict. */
CREW_API crew_status crew_dict_contains(crew_dict dict, crew_any key, bool *contains);

/** How many entries there are. Python: len. */
CREW_API crew_status crew_dict_length(crew_dict dict, size_t *length);

/** Gets all keys as a list value. Python: keys. */
CREW_API crew_status crew_dict_keys(crew_dict dict, crew_any *keys);

/** Gets all values as a list value. Python: values. */
CREW_API crew_status crew_dict_values(crew_dict dict, crew_any *values);

/** Gets all entries as a dict value, as they are at one moment: to go through them. Python: copy,
 * and items. */
CREW_API crew_status crew_dict_items(crew_dict dict, crew_any *items);

/** Sets all entries of a dict value, or none. ::CREW_EFULL; ::CREW_EINVAL entries is no dict.
 * Python: update. */
CREW_API crew_status crew_dict_update(crew_dict dict, crew_any entries);

/** Takes all entries out. Python: clear. */
CREW_API crew_status crew_dict_clear(crew_dict dict);

/**
 * Adds to the number of a key, in one go; a key that there is not begins with 0. Python has no
 * counterpart.
 * @param delta   an int or double
 * @param result  set to the sum, an int when both are; may be NULL
 * @return ::CREW_EDOMAIN the sum of two ints has more than 64 bits; ::CREW_EINVAL one of both is no
 * number; ::CREW_EFULL
 */
CREW_API crew_status crew_dict_add(crew_dict dict, crew_any key, crew_any delta, crew_any *result);

/** Sets the value of a key to what @p function makes of it, in the calling process: of NULL when
 * there is no such key. Called again when another process has changed it meanwhile, so that no
 * change is lost. ::CREW_EFULL; what the function returns. */
CREW_API crew_status crew_dict_update_with(crew_dict dict, crew_any key,
                                           crew_update_function *function, void *arg);

/** Prints all entries as Python does: {'a': 1}. ::CREW_ESYSTEM the stream cannot be written to */
CREW_API crew_status crew_dict_print(crew_dict dict, FILE *stream);

#ifdef __cplusplus
}
#endif

#endif
