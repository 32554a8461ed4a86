/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Namespaces that several processes share, as Python's Manager().Namespace(): values by name.
 *
 * Values are those of <crew/any.h>. Names are any strings that are not empty. All that
 * <crew/list.h> says of lists holds for namespaces: one rank keeps it, calls are done as a whole,
 * what is got is a copy, handles in it keep their objects, and it is gone with its last copy.
 *
 * @code
 * crew_namespace settings;
 * crew_namespace_create(&settings, NULL);
 * crew_namespace_set(settings, "level", crew_int(3));
 * @endcode
 *
 * All calls may also return what those of <crew/list.h> may, and ::CREW_EINVAL for a name that is
 * NULL, empty or not UTF-8.
 */
#ifndef CREW_NAMESPACE_H
#define CREW_NAMESPACE_H

#include <crew/any.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A namespace. 0 is none. */
typedef struct crew_namespace {
    uint64_t id;
} crew_namespace;

/** Makes an empty namespace on the caller's rank. As crew_list_create(). Python:
 * Manager().Namespace(). */
CREW_API crew_status crew_namespace_create(crew_namespace *space, const crew_container_attr *attr);

/** Ends the caller's use of it, for all its threads. Closing it again does no harm. Python: del. */
CREW_API crew_status crew_namespace_close(crew_namespace space);

/** Sets an attribute. ::CREW_EFULL it has as many attributes or bytes as it may have. Python:
 * space.name = value. */
CREW_API crew_status crew_namespace_set(crew_namespace space, const char *name, crew_any value);

/** Gets a copy of an attribute. ::CREW_ENOENT there is none of that name. Python: space.name. */
CREW_API crew_status crew_namespace_get(crew_namespace space, const char *name, crew_any *value);

/** Takes an attribute out. ::CREW_ENOENT. Python: del space.name. */
CREW_API crew_status crew_namespace_delete(crew_namespace space, const char *name);

/** Whether there is an attribute of that name. Python: hasattr. */
CREW_API crew_status crew_namespace_has(crew_namespace space, const char *name, bool *has);

/** Gets all attributes as a dict value, as they are at one moment. Python: vars. */
CREW_API crew_status crew_namespace_items(crew_namespace space, crew_any *items);

/** Prints the attributes as Python does, Namespace(level=3, name='x'): in order, without those
 * whose names begin with "_". ::CREW_ESYSTEM the stream cannot be written to */
CREW_API crew_status crew_namespace_print(crew_namespace space, FILE *stream);

#ifdef __cplusplus
}
#endif

#endif
