/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the process that has created a manager knows about it, inside this folder.
 */
#ifndef CREWI_MANAGER_MANAGER_CALL_H
#define CREWI_MANAGER_MANAGER_CALL_H

#include "manager/manager_protocol.h"

#include <crew/manager.h>

/** Whether its server may be asked, as far as the caller knows. ::CREW_ESTATE it has created it,
 * and not started; or outside crew_run() */
crew_status crewi_manager_is_ready(const char *call, crew_manager manager);

/** How its server has ended, in words to be put behind "has ended": "" for who has not created it,
 * or when that is not known within a second. */
void crewi_manager_word_end(crew_manager manager, char *text, size_t size);

/** The life of a server. */
crew_process_function crewi_manager_server;

#endif
