/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Function references: how a function travels between processes.
 *
 * Address space layouts differ between ranks, so an address is sent as the GNU build id of its
 * module (the program, or a shared library) and the offset in it. The receiver looks the build id
 * up among its own modules and checks that the offset lies in code. A reference to anything that
 * the receiver does not have is an error, never a jump into the unknown.
 *
 * Both sides use the list of modules that crewi_modules_load() took before the fork server was
 * forked: those are in every process of the rank, at the same addresses.
 */
#ifndef CREWI_BASE_FUNCREF_H
#define CREWI_BASE_FUNCREF_H

#include <crew/status.h>
#include <stdint.h>

#define CREWI_BUILD_ID_SIZE 20

struct crewi_funcref {
    uint8_t build_id[CREWI_BUILD_ID_SIZE]; /* shorter ids are padded with 0 */
    uint32_t reserved;
    uint64_t offset;
};

typedef void crewi_function(void);

/** Takes the list of the modules that are loaded now. */
crew_status crewi_modules_load(void);

/** Drops it. */
void crewi_modules_unload(void);

/** The build id of the program itself; ::CREW_EBUILD when it was linked without one. */
crew_status crewi_program_build_id(uint8_t build_id[CREWI_BUILD_ID_SIZE]);

/** ::CREW_EBUILD: in no module that was loaded when the program began, or in one without a build
 * id. */
crew_status crewi_funcref_make(struct crewi_funcref *ref, crewi_function *function);

/** ::CREW_EBUILD: no module has that build id, or the offset is not in its code. */
crew_status crewi_funcref_resolve(const struct crewi_funcref *ref, crewi_function **function);

/** The build id in hex digits, for messages. */
void crewi_build_id_text(const uint8_t build_id[CREWI_BUILD_ID_SIZE],
                         char text[2 * CREWI_BUILD_ID_SIZE + 1]);

#endif
