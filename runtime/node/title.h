/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What `ps` and `top` show for a process: the kernel's short name (15 bytes) and the command line,
 * for which the memory of the program's arguments is written over.
 */
#ifndef CREWI_NODE_TITLE_H
#define CREWI_NODE_TITLE_H

#include <crew/status.h>

/**
 * Learns where the arguments lie, and returns a copy of them (a NULL-terminated array that is freed
 * at once with free()) for whoever still needs them; NULL when there is no memory.
 */
char **crewi_title_init(int argc, char **argv);

/** Shows @p text, cut to what fits, and its first word(s) as the short name. */
void crewi_title_set(const char *text);

#endif
