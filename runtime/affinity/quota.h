/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The CPU quota of control groups: how much processor time a container may use, on however many
 * cores. (What cores these are is in the affinity mask.)
 */
#ifndef CREWI_AFFINITY_QUOTA_H
#define CREWI_AFFINITY_QUOTA_H

#include <stdint.h>

struct crewi_quota {
    uint64_t group; /* a hash of the name of the group that has it: two ranks may share one; 0: the
                       root of what this process sees, as in a container */
    int32_t cpus;   /* how many processors that much time is, rounded up; 0: there is no quota */
    int32_t reserved;
};

/** The narrowest quota of the groups that this process is in. */
struct crewi_quota crewi_quota_of_process(void);

/** The same, where the list of groups is that file and their folders are below that one: for
 * tests. */
struct crewi_quota crewi_quota_read(const char *list, const char *folder);

#endif
