/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Settings from the environment, from the one table in options.def. Each has a fixed set of
 * choices; a field holds the index of the one that was taken.
 */
#ifndef CREWI_BASE_OPTIONS_H
#define CREWI_BASE_OPTIONS_H

#include <crew/status.h>

enum { CREWI_LOG_ERROR, CREWI_LOG_WARNING, CREWI_LOG_INFO, CREWI_LOG_DEBUG };
enum { CREWI_BIND_NONE, CREWI_BIND_CORE };
enum { CREWI_OUTPUT_PLAIN, CREWI_OUTPUT_PREFIX };
enum { CREWI_TRANSPORT_AUTO, CREWI_TRANSPORT_LOCAL, CREWI_TRANSPORT_MPI };
enum { CREWI_DOORBELL_ON, CREWI_DOORBELL_OFF };
enum { CREWI_CHECK_NONE, CREWI_CHECK_POINTERS };

struct crewi_options {
#define CREWI_OPTION(field, variable, preset, choices, text) int field;
#include "base/options.def"
#undef CREWI_OPTION
};

/** The settings of this process; defaults until crewi_options_load(). */
extern struct crewi_options crewi_options;

/** Reads the environment. ::CREW_EINVAL names the variable, its value and the choices; the others
 * are loaded then too. */
crew_status crewi_options_load(void);

#endif
