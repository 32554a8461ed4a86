/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/stack.h"

#define GAP_SIZE 131072

/* The compiler has to take it that somebody uses the gap before and after the call, so it is there
 * during the call. */
__attribute__((noinline)) int crewi_stack_call_apart(int (*function)(void *context), void *context)
{
    unsigned char gap[GAP_SIZE];
    __asm__ volatile("" : : "r"(gap) : "memory");
    int result = function(context);
    __asm__ volatile("" : : "r"(gap) : "memory");
    return result;
}
