/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the ranks tell each other at the start: build, host, cores, doorbell.
 */
#ifndef CREWI_START_HELLO_H
#define CREWI_START_HELLO_H

#include "affinity/affinity.h"
#include "node/bell.h"
#include "transport/transport.h"

#include <sys/types.h>

/** What a rank has to offer, and what is wrong with it. */
struct crewi_hello {
    const struct crewi_affinity *affinity;
    const struct crewi_bell *bell;
    int bell_fd, job_fd;
    const char *trouble; /* why this rank cannot go on; "" when it can */
};

/** What it learns for itself. */
struct crewi_hello_answer {
    struct crewi_bell **peer_bells; /* by rank; NULL when doorbells are off, or some rank could not
                                       attach one */
    pid_t first_pid; /* of the first rank whose descriptors it reaches; may be its own */
};

/**
 * Exchanges it, checks that all ranks can go on and run the same build, publishes the job
 * (node/job.h), and attaches the doorbells of the node's ranks. Which ranks reach each other's
 * memory and descriptors is tried out with these doorbells: containers may have one host name and
 * the same process ids. Blocks until all ranks are there.
 *
 * @return ::CREW_ESTATE or ::CREW_EBUILD on every rank when one has trouble or runs another build;
 * only rank 0 has the reason then, the others an empty one
 */
crew_status crewi_hello(struct crewi_transport *transport, const struct crewi_hello *hello,
                        struct crewi_hello_answer *answer);

/** Detaches the doorbells; NULL is fine. */
void crewi_hello_fini(struct crewi_bell **peer_bells);

#endif
