/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/bell.h"

#include "base/error.h"
#include "node/futex.h"
#include "node/memory.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static struct crewi_bell *map(int fd)
{
    void *page = mmap(NULL, sizeof(struct crewi_bell), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? NULL : page;
}

crew_status crewi_bell_create(struct crewi_bell **bell, int *fd)
{
    char name[CREWI_COOKIE_NAME];
    uint64_t cookie = crewi_cookie_new();
    crewi_cookie_name(name, "crew-bell", cookie);
    int made;
    crew_status status = crewi_memfd_create(name, sizeof **bell, &made);
    if (status)
        return status;
    struct crewi_bell *mapped = map(made);
    if (!mapped) {
        status = crewi_error_errno("map a doorbell");
        close(made);
        return status;
    }
    mapped->cookie = cookie;
    *bell = mapped;
    *fd = made;
    return CREW_OK;
}

struct crewi_memfd_place crewi_bell_place(const struct crewi_bell *bell, int fd)
{
    return (struct crewi_memfd_place){.cookie = bell->cookie, .pid = (int32_t)getpid(), .fd = fd};
}

crew_status crewi_bell_attach(struct crewi_bell **bell, const struct crewi_memfd_place *place)
{
    int opened;
    crew_status status = crewi_cookie_open(place, O_RDWR, &opened);
    if (status)
        return status;
    struct crewi_bell *mapped = map(opened);
    if (!mapped)
        status = crewi_error_errno("map the doorbell of process %d", place->pid);
    close(opened);
    if (!status)
        *bell = mapped;
    return status;
}

void crewi_bell_detach(struct crewi_bell *bell)
{
    if (bell)
        munmap(bell, sizeof *bell);
}

static void wake_service(struct crewi_bell *bell, uint32_t sleepers)
{
    if (sleepers & CREWI_BELL_SERVICE)
        crewi_futex_wake(&bell->rung, INT_MAX, CREWI_BELL_SERVICE);
    if (sleepers & CREWI_BELL_RELIEVED)
        crewi_futex_wake(&bell->driven, INT_MAX, CREWI_BELL_RELIEVED);
}

void crewi_bell_ring(struct crewi_bell *bell)
{
    atomic_store(&bell->rung, 1);
    uint32_t sleepers = atomic_load(&bell->sleepers);
    if (!sleepers)
        return;
    if (!atomic_load(&bell->driven))
        wake_service(bell, sleepers);
    else if (sleepers & CREWI_BELL_DRIVER)
        crewi_futex_wake(&bell->rung, 1, CREWI_BELL_DRIVER);
}

void crewi_bell_ring_rank(struct crewi_bell *bell, bool can_wait)
{
    atomic_store(&bell->rank_news, 1);
    if (!can_wait)
        crewi_bell_ring(bell);
}

void crewi_bell_ring_port(struct crewi_bell *bell, uint32_t slot)
{
    atomic_fetch_or(&bell->ports[slot / 64], (uint64_t)1 << (slot % 64));
    crewi_bell_ring(bell);
}

void crewi_bell_answer(struct crewi_bell *bell)
{
    atomic_exchange(&bell->rung, 0);
}

void crewi_bell_sleep(struct crewi_bell *bell, enum crewi_bell_sleeper who, int64_t deadline_ns)
{
    atomic_fetch_or(&bell->sleepers, who);
    if (atomic_load(&bell->rung) == 0)
        crewi_futex_wait(&bell->rung, 0, who, deadline_ns);
    atomic_fetch_and(&bell->sleepers, ~(uint32_t)who);
}

/* Not on `rung`, which may be 1 before and after: a wake between the look and the sleep would be
 * lost. */
void crewi_bell_sleep_while_driven(struct crewi_bell *bell, int64_t deadline_ns)
{
    atomic_fetch_or(&bell->sleepers, CREWI_BELL_RELIEVED);
    if (atomic_load(&bell->driven))
        crewi_futex_wait(&bell->driven, 1, CREWI_BELL_RELIEVED, deadline_ns);
    atomic_fetch_and(&bell->sleepers, ~(uint32_t)CREWI_BELL_RELIEVED);
}

void crewi_bell_begin_driving(struct crewi_bell *bell)
{
    atomic_store(&bell->driven, 1);
}

void crewi_bell_end_driving(struct crewi_bell *bell, bool needed)
{
    atomic_store(&bell->driven, 0);
    if (needed || atomic_load(&bell->rung))
        crewi_bell_wake_service(bell);
}

void crewi_bell_wake_service(struct crewi_bell *bell)
{
    atomic_store(&bell->rung, 1);
    wake_service(bell, atomic_load(&bell->sleepers));
}
