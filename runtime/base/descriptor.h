/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Descriptors that are never one of the standard streams.
 *
 * The kernel gives out the lowest free number. Where the program runs with a standard stream
 * closed, or closes one itself, that is 0, 1 or 2, and the next printf() would write into whatever
 * libcrew has just opened. So crew_run() opens what is closed, and every descriptor that is kept is
 * moved up.
 */
#ifndef CREWI_BASE_DESCRIPTOR_H
#define CREWI_BASE_DESCRIPTOR_H

/** Opens /dev/null on each standard stream that is closed. Where there is none they stay closed. */
void crewi_descriptors_open_standard(void);

/** Moves a descriptor that has just been opened to 3 or above. Returns its new number; -1 with
 * errno when it cannot be moved (it is closed then), or @p fd was negative already. */
int crewi_descriptor_move_up(int fd);

/** The same for both of a pair, as of pipe2() and socketpair(). 0, or -1 with errno and both
 * closed. */
int crewi_descriptors_move_up(int fds[2]);

/** memfd_create(), with MFD_CLOEXEC, and moved up. */
int crewi_descriptor_create_memory(const char *name, unsigned flags);

#endif
