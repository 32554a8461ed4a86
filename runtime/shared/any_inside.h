/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the files about values share.
 */
#ifndef CREWI_SHARED_ANY_INSIDE_H
#define CREWI_SHARED_ANY_INSIDE_H

#include <crew/any.h>

/** How many of the bytes are UTF-8, from the first one on. */
size_t crewi_utf8_length(const char *text, size_t size);

/** Whether Python's repr shows a character as it is. */
bool crewi_is_printable(uint32_t character);

/** Whether a value has what its size says it has; of a list or dict, nothing is known of what is in
 * it. */
bool crewi_any_has_content(const crew_any *value);

/** Makes room in an owned list for that many items. ::CREW_ENOMEM */
crew_status crewi_any_list_reserve(crew_any *list, size_t count);

/** Sets an entry of an owned dict, and owns both. ::CREW_ENOMEM */
crew_status crewi_any_dict_take(crew_any *dict, crew_any key, crew_any value);

/** All items of a list as those of a set, and all entries of a dict as those of a namespace, in the
 * words of Python's repr: of a namespace in order, without names that begin with "_"; to be freed.
 * ::CREW_ENOMEM */
crew_status crewi_any_format_set(const crew_any *items, char **text);
crew_status crewi_any_format_namespace(const crew_any *items, char **text);

/** Writes and frees a text, unless making it has failed with @p status. ::CREW_ESYSTEM */
crew_status crewi_any_write_text(crew_status status, char *text, FILE *stream);

#endif
