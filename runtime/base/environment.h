/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The environment variables and the working directory of a process, and what a child gets of them.
 *
 * A child is forked by a server that was forked when crew_run() began. So that it finds what its
 * creator has set since, the creator's difference from that state travels to it. Each process notes
 * the state from which it counts; in a child that is the server's, so the difference that it passes
 * on has in it what it was given itself.
 *
 * What a launcher (mpirun, srun) has set for a rank is never a child's: an MPI program that a child
 * starts would take itself for that rank. Settings of MPI that are the user's stay.
 *
 * Not safe beside another thread's setenv(), as little as getenv() is.
 */
#ifndef CREWI_BASE_ENVIRONMENT_H
#define CREWI_BASE_ENVIRONMENT_H

#include <crew/status.h>
#include <stddef.h>

/** Notes the present state, instead of one that was noted before. ::CREW_ENOMEM */
crew_status crewi_environment_note(void);

/**
 * The difference from the noted state, in memory of malloc(): the working directory ("" when it is
 * the same, or has no path any more), then NAME=VALUE for what is new or another, and NAME for what
 * is gone; each with its NUL. NULL and 0 when there is none. ::CREW_ENOMEM
 */
crew_status crewi_environment_pack(char **packed, size_t *size);

/** Makes such a difference the state of this process. ::CREW_ESYSTEM the directory cannot be
 * entered;
 * ::CREW_EPROTO it is no such difference; ::CREW_ENOMEM. Nothing at all for a size of 0. */
crew_status crewi_environment_apply(const char *packed, size_t size);

/** Removes the launcher's variables, also from the noted state. Allocates nothing. */
void crewi_environment_drop_launcher(void);

#endif
