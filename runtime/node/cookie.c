/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/cookie.h"

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/error.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* What there is without random numbers: early at boot, or in a sandbox. */
static uint64_t make_up(void)
{
    static _Atomic uint64_t last;
    return (uint64_t)crewi_now_ns() ^ (uint64_t)getpid() << 40 ^
           (atomic_fetch_add(&last, 1) + 1) * 0x9e3779b97f4a7c15u;
}

uint64_t crewi_cookie_new(void)
{
    uint64_t cookie = 0;
    if (getrandom(&cookie, sizeof cookie, GRND_NONBLOCK) != (ssize_t)sizeof cookie)
        cookie = make_up();
    return cookie ? cookie : 1;
}

void crewi_cookie_name(char name[CREWI_COOKIE_NAME], const char *what, uint64_t cookie)
{
    snprintf(name, CREWI_COOKIE_NAME, "%s-%016llx", what, (unsigned long long)cookie);
}

/* Whether a link of /proc leads to a memfd with that cookie. -1: it cannot be read. */
static int has_cookie(const char *link, uint64_t cookie)
{
    char target[2 * CREWI_COOKIE_NAME], mark[CREWI_COOKIE_NAME];
    ssize_t size = readlink(link, target, sizeof target - 1);
    if (size < 0)
        return -1;
    target[size] = '\0';
    crewi_cookie_name(mark, "", cookie);
    return strncmp(target, "/memfd:", 7) == 0 && strstr(target, mark);
}

static crew_status another(const struct crewi_memfd_place *place)
{
    return crewi_error(CREW_EPROTO, "descriptor %d of process %d is not what it was or should be",
                       place->fd, place->pid);
}

/* What is there may be anybody's: it is not opened before it is known, since that alone may do
 * something; and looked at once more then, as the descriptor's number may have been used again. */
crew_status crewi_cookie_open(const struct crewi_memfd_place *place, int flags, int *fd)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", place->pid, place->fd);
    int found = has_cookie(link, place->cookie);
    if (found == 0)
        return another(place);
    int opened =
        found < 0 ? -1 : crewi_descriptor_move_up(open(link, flags | O_CLOEXEC | O_NONBLOCK));
    if (opened < 0)
        return crewi_error_errno("open %s", link);
    snprintf(link, sizeof link, "/proc/self/fd/%d", opened);
    if (has_cookie(link, place->cookie) != 1) {
        close(opened);
        return another(place);
    }
    *fd = opened;
    return CREW_OK;
}
