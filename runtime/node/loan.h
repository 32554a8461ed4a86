/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Loans: memory of a process that others on its host read where it is (process_vm_readv), with no
 * copy on the way.
 *
 * Beside the memory there is a *cookie*, a number that nobody else has. The lender clears it before
 * it uses the memory for something else. A reader looks at it last: as long as it is there, so were
 * the bytes, and it was that process.
 *
 * The kernel may let a process read at first and refuse it later: so whoever takes a loan has a
 * way to get the bytes in messages.
 */
#ifndef CREWI_NODE_LOAN_H
#define CREWI_NODE_LOAN_H

#include <crew/status.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct crewi_loan {
    uint64_t address;
    uint64_t cookie_address, cookie;
    int32_t pid; /* 0: there is none */
    uint32_t reserved;
};

/** A number for a cookie of the calling process, which lets others read its memory from now on,
 * where the kernel asks about that. Never 0. */
uint64_t crewi_loan_cookie(void);

/** Lends what is at that address under a cookie that is set. */
struct crewi_loan crewi_loan_make(const void *memory, const _Atomic uint64_t *cookie);

/** Reads a part of it. No error is worded: ::CREW_ENOTSUP the kernel does not let us; ::CREW_ETRUNC
 * it is not there any more. */
crew_status crewi_loan_read(const struct crewi_loan *loan, uint64_t offset, void *buffer,
                            size_t size);

/** Whether what was read until now was what was lent. Statuses as above. */
crew_status crewi_loan_check(const struct crewi_loan *loan);

#endif
