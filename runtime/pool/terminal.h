/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A line on the terminal that is drawn again and again, and is ended whatever ends the program, as
 * long as that can be noticed.
 */
#ifndef CREWI_POOL_TERMINAL_H
#define CREWI_POOL_TERMINAL_H

/** The columns of the terminal that stderr of the calling process goes to, itself or by way of
 * mpirun; 0: none. */
int crewi_terminal_columns(void);

/** Draws the line of the process, in place of what was drawn before. */
void crewi_terminal_draw(const char *line);

/** Ends the line if one was drawn. May be called from a signal handler. */
void crewi_terminal_end_line(void);

#endif
