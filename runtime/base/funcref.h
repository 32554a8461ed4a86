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
 * forked: those are in every process of the rank, at the same addresses. A module that was loaded
 * later travels with the path of its file. The process that runs the function loads it, provided
 * that the file there has the same build id; a rank that only forwards it does not, for loading
 * runs constructors.
 */
#ifndef CREWI_BASE_FUNCREF_H
#define CREWI_BASE_FUNCREF_H

#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CREWI_BUILD_ID_SIZE 20

/** Room for the path of a module, with the NUL. */
#define CREWI_MODULE_PATH_SIZE 992

struct crewi_funcref {
    uint8_t build_id[CREWI_BUILD_ID_SIZE]; /* shorter ids are padded with 0 */
    uint32_t path_size;                    /* with the NUL; 0: every process has the module */
    uint64_t offset;
    char path[CREWI_MODULE_PATH_SIZE];
};

/** Bytes of a reference up to the path, for messages that carry the path elsewhere. */
#define CREWI_FUNCREF_HEAD_SIZE offsetof(struct crewi_funcref, path)

_Static_assert(CREWI_FUNCREF_HEAD_SIZE == 32, "the size is part of the protocol");
_Static_assert(sizeof(struct crewi_funcref) % 16 == 0, "what follows one is aligned");

typedef void crewi_function(void);

/** Takes the list of the modules that are loaded now. */
crew_status crewi_modules_load(void);

/** Drops it. */
void crewi_modules_unload(void);

/** The build id of the program itself; ::CREW_EBUILD when it was linked without one. */
crew_status crewi_program_build_id(uint8_t build_id[CREWI_BUILD_ID_SIZE]);

/** ::CREW_EBUILD: in no module, in one without a build id, or in one that was loaded later and
 * whose file cannot be named. */
crew_status crewi_funcref_make(struct crewi_funcref *ref, crewi_function *function);

/** Whether one that came from outside can be: its path ends. */
bool crewi_funcref_is_sound(const struct crewi_funcref *ref);

/**
 * Looks whether a process beside this one can run it, and loads nothing.
 * @param function  set to the address, the same in all processes; NULL when the module is to be
 * loaded there
 * @return ::CREW_EBUILD: no module has that build id and neither has the file, which may be
 * missing; or the offset is not in its code
 */
crew_status crewi_funcref_find(const struct crewi_funcref *ref, crewi_function **function);

/** The address here; loads the module if need be, for good. ::CREW_EBUILD as above, or it cannot be
 * loaded. */
crew_status crewi_funcref_resolve(const struct crewi_funcref *ref, crewi_function **function);

/** The build id in hex digits, for messages. */
void crewi_build_id_text(const uint8_t build_id[CREWI_BUILD_ID_SIZE],
                         char text[2 * CREWI_BUILD_ID_SIZE + 1]);

#endif
