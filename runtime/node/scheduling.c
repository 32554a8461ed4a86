/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/scheduling.h"

#include <linux/sched.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's struct sched_attr, which <sched.h> of glibc 2.36 does not have. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

#define SHORT_SLICE_NS 100000 /* the least that the kernel takes */
#define LONG_SLICE_NS 10000000

static void ask_for_slices(uint64_t slice_ns, uint64_t flags)
{
    struct attributes attributes = {.size = sizeof attributes};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) ||
        attributes.policy != SCHED_NORMAL)
        return;
    attributes.flags = flags;
    attributes.runtime = slice_ns;
    attributes.deadline = attributes.period = 0;
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void crewi_scheduling_prefer_latency(void)
{
    ask_for_slices(SHORT_SLICE_NS, SCHED_FLAG_RESET_ON_FORK);
}

void crewi_scheduling_prefer_throughput(void)
{
    ask_for_slices(LONG_SLICE_NS, 0);
}
