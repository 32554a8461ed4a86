/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * CREW_CHECK=pointers: refuses what looks like a pointer in data for another process.
 */
#ifndef CREWI_BASE_POINTERS_H
#define CREWI_BASE_POINTERS_H

#include "base/options.h"

#include <crew/status.h>
#include <stddef.h>

/** Looks for words that are addresses of memory of this process, at every multiple of 8 bytes of
 * each element. Addresses below 4 GiB are taken for numbers. ::CREW_EINVAL names the element, the
 * offset in it and the memory; ::CREW_ESYSTEM the memory cannot be looked up
 *
 * @param call  the public function that was given the data
 * @param what  an element: "item"; the number follows if there are several
 */
crew_status crewi_pointers_find(const char *call, const char *what, const void *elements,
                                size_t count, size_t size);

/** The same if it was asked for. */
static inline crew_status crewi_check_pointers(const char *call, const char *what,
                                               const void *elements, size_t count, size_t size)
{
    return crewi_options.check == CREWI_CHECK_POINTERS
               ? crewi_pointers_find(call, what, elements, count, size)
               : CREW_OK;
}

#endif
