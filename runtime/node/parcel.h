/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Parcels: bytes too large to be passed on through rings, which processes of one host share.
 *
 * The sender writes them once, into a memfd that nobody can change any more (sealed), and passes on
 * where it is: a process id, a descriptor there, and a cookie (cookie.h). A receiver opens it and
 * keeps the bytes that way without having them in its memory; who needs them maps them, as a copy
 * of its own that shares the pages that it does not write.
 *
 * A parcel may come from a child that lies: only a memfd with all seals is taken, so neither can
 * its size change under a mapping, nor is any other file opened for it.
 */
#ifndef CREWI_NODE_PARCEL_H
#define CREWI_NODE_PARCEL_H

#include "node/cookie.h"

#include <crew/status.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct crewi_parcel {
    uint64_t size; /* 0: there is none */
    struct crewi_memfd_place memfd;
};

/** Writes the bytes, which are at least one, into a new one that is this process's own.
 * ::CREW_ESYSTEM */
crew_status crewi_parcel_create(struct crewi_parcel *parcel, const void *data, size_t size);

/** The same of pieces, one behind the other, each with zeros behind it up to a multiple of 16
 * bytes; at least one has a byte. */
crew_status crewi_parcel_gather(struct crewi_parcel *parcel, const struct iovec *pieces,
                                size_t count);

/** Makes somebody else's parcel this process's own, too; the other may close its own then.
 * ::CREW_ESYSTEM it cannot be opened; ::CREW_EPROTO it is none, or another one */
crew_status crewi_parcel_take(struct crewi_parcel *parcel);

/** Maps a private copy, aligned to a page, to be given back with munmap(); the parcel may be
 * anybody's. Errors as above. */
crew_status crewi_parcel_map(const struct crewi_parcel *parcel, void **memory);

/** The same of one that is this process's own, for which nothing has to be opened. ::CREW_ESYSTEM
 */
crew_status crewi_parcel_map_own(const struct crewi_parcel *parcel, void **memory);

/** Closes one that is this process's own; fine when there is none. */
void crewi_parcel_close(struct crewi_parcel *parcel);

#endif
