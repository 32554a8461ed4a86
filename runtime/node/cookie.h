/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Cookies: random numbers by which a process finds out that what it reaches is what was meant.
 *
 * A process id names another process in another pid namespace, and containers on one machine may
 * have the same host name and the same numbers all over. So nothing that is reached by a process id
 * is believed to be the right one before it has shown its cookie. A memfd has it in its name, which
 * nobody can change and which /proc/PID/fd/FD says; memory that is lent has it beside it (loan.h).
 */
#ifndef CREWI_NODE_COOKIE_H
#define CREWI_NODE_COOKIE_H

#include <crew/status.h>
#include <stdint.h>

/** A random number that nobody else has. Never 0. */
uint64_t crewi_cookie_new(void);

/** Room for the name of a memfd, with the NUL. */
#define CREWI_COOKIE_NAME 64

/** The name for a memfd with that cookie; @p what it is: "crew-arena". */
void crewi_cookie_name(char name[CREWI_COOKIE_NAME], const char *what, uint64_t cookie);

/** A memfd of another process. */
struct crewi_memfd_place {
    uint64_t cookie;
    int32_t pid, fd; /* the process, and the descriptor there */
};

/**
 * Opens it. No other file is ever opened instead.
 * @param flags  for open(): O_RDONLY or O_RDWR
 * @return ::CREW_ESYSTEM it cannot be: another host or pid namespace, no /proc, the kernel does not
 * let us; ::CREW_EPROTO it is not there: another one is in its place
 */
crew_status crewi_cookie_open(const struct crewi_memfd_place *place, int flags, int *fd);

#endif
