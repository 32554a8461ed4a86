/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/loan.h"

#include "node/cookie.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* At a time: the kernel looks for signals in between. */
#define READ_SIZE ((size_t)1 << 30)

static void let_others_read(void)
{
    static _Atomic int done; /* for which process: what it forks has to ask again */
    if (atomic_exchange(&done, (int)getpid()) != (int)getpid())
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
}

uint64_t crewi_loan_cookie(void)
{
    let_others_read();
    return crewi_cookie_new();
}

struct crewi_loan crewi_loan_make(const void *memory, const _Atomic uint64_t *cookie)
{
    return (struct crewi_loan){.address = (uint64_t)(uintptr_t)memory,
                               .cookie_address = (uint64_t)(uintptr_t)cookie,
                               .cookie = atomic_load(cookie),
                               .pid = (int32_t)getpid()};
}

/* A process that is gone, or has no such memory any more, says so in two ways. All else is somebody
 * who does not let us, with whatever number a filter of system calls likes. */
static crew_status read_at(pid_t pid, uint64_t address, char *buffer, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t part = size - at < READ_SIZE ? size - at : READ_SIZE;
        struct iovec local = {buffer + at, part},
                     remote = {(void *)(uintptr_t)(address + at), part};
        ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 || errno == ESRCH || errno == EFAULT ? CREW_ETRUNC : CREW_ENOTSUP;
        at += (size_t)got;
    }
    return CREW_OK;
}

crew_status crewi_loan_read(const struct crewi_loan *loan, uint64_t offset, void *buffer,
                            size_t size)
{
    return read_at(loan->pid, loan->address + offset, buffer, size);
}

crew_status crewi_loan_check(const struct crewi_loan *loan)
{
    uint64_t cookie = 0;
    crew_status status = read_at(loan->pid, loan->cookie_address, (char *)&cookie, sizeof cookie);
    return status ? status : cookie == loan->cookie ? CREW_OK : CREW_ETRUNC;
}
