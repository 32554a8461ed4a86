/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Values as bytes, in messages and in the objects that hold them.
 *
 * All is in words of 8 bytes, so that handles are found where messages are searched for them. A
 * value begins with a word whose low byte is its type; what is above it is the size of what follows
 * in bytes, or the number of values that follow: of a list its items, of a dict a key and a value
 * for each entry. Of a bool it is the bool. Strings have a NUL behind them. What fills up the last
 * word is zero.
 */
#ifndef CREWI_SHARED_ANY_PACK_H
#define CREWI_SHARED_ANY_PACK_H

#include <crew/any.h>
#include <stdbool.h>
#include <stdint.h>

/** The largest packed value. */
#define CREWI_PACKED_LIMIT ((uint64_t)CREW_ANY_SIZE_LIMIT)

/** The bytes that a value takes. ::CREW_EINVAL it is none, or too large; the reason names @p what.
 */
crew_status crewi_any_measure(const char *what, const crew_any *value, uint64_t *size);

/** Writes one that was measured, and returns the end. */
unsigned char *crewi_any_write(const crew_any *value, unsigned char *room);

/** The bytes of the packed value that @p size bytes begin with; 0 when they begin with none. */
uint64_t crewi_packed_size(const void *data, uint64_t size);

/** What it is. It has been checked, as for all that follow. */
crew_any_type crewi_packed_type(const void *data);

/** The bytes that it takes, without a look at what is in it unless it is a list or a dict. */
uint64_t crewi_packed_length(const void *data);

/** A value that borrows from the bytes. Of a list or dict only the type is right: these have to be
 * unpacked. */
crew_any crewi_packed_view(const void *data);

/** An owned value. ::CREW_ENOMEM */
crew_status crewi_packed_read(const void *data, crew_any *value);

/** Whether it is a list or a dict, and so no key. */
static inline bool crewi_any_is_nested(crew_any_type type)
{
    return type == CREW_ANY_LIST || type == CREW_ANY_DICT;
}

/** Calls @p visit for each handle in it; stops when that is not ::CREW_OK, and returns it. */
crew_status crewi_packed_handles(const void *data,
                                 crew_status (*visit)(void *context, const uint64_t *words,
                                                      size_t count),
                                 void *context);

#endif
