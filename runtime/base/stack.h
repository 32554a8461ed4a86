/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Calls whose stack stays as it was for a while after they have returned.
 *
 * The function of a process may return with a map under way whose items and results are arrays of
 * its own. Until the engine has let go of that memory nothing else may be put there.
 */
#ifndef CREWI_BASE_STACK_H
#define CREWI_BASE_STACK_H

/**
 * Calls the function a good way down the stack. What the caller calls next runs above that, so it
 * leaves alone what the function had on the stack, as long as it does not go down by more than 128
 * KiB. Returns what the function does.
 */
int crewi_stack_call_apart(int (*function)(void *context), void *context);

#endif
