/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/futex.h"

#include "base/clock.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

void crewi_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t mask, int64_t deadline_ns)
{
    struct timespec deadline = {0};
    if (deadline_ns != CREWI_FOREVER)
        deadline = crewi_timespec(deadline_ns);
    syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected,
            deadline_ns == CREWI_FOREVER ? NULL : &deadline, NULL, mask);
}

void crewi_futex_wake(_Atomic uint32_t *word, int count, uint32_t mask)
{
    syscall(SYS_futex, word, FUTEX_WAKE_BITSET, count, NULL, NULL, mask);
}
