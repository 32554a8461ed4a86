/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The cores of this host, and who may use which: the only part that knows hwloc.
 *
 * A core is named by its logical index (hwloc's), a set of cores by bits of those. What a rank may
 * use is what the launcher left it: the cores that its CPU affinity mask touches.
 */
#ifndef CREWI_AFFINITY_AFFINITY_H
#define CREWI_AFFINITY_AFFINITY_H

#include <crew/status.h>
#include <stdint.h>

/** Cores that a host can have here. */
#define CREWI_CORE_LIMIT 1024

struct crewi_cores {
    uint64_t bits[CREWI_CORE_LIMIT / 64];
};

struct crewi_affinity;

/** Reads the topology of this host. ::CREW_ESYSTEM */
crew_status crewi_affinity_create(struct crewi_affinity **affinity);

/** The same from hwloc's synthetic description ("package:2 core:4 pu:2"), with every core allowed:
 * for tests. */
crew_status crewi_affinity_create_synthetic(struct crewi_affinity **affinity,
                                            const char *description);

/** NULL is fine. */
void crewi_affinity_destroy(struct crewi_affinity *affinity);

/** The cores that this process may use. */
void crewi_affinity_allowed(const struct crewi_affinity *affinity, struct crewi_cores *cores);

/** The processing units of a core, as the kernel numbers them; none for a core that there is not.
 * @p cpus has @p words words. */
void crewi_affinity_core_cpus(const struct crewi_affinity *affinity, int core, uint64_t *cpus,
                              int words);

int crewi_cores_count(const struct crewi_cores *cores);

/** The index of the @p n-th core of the set (from 0), or -1. */
int crewi_cores_nth(const struct crewi_cores *cores, int n);

#endif
