/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/limits.h"

#include "base/clock.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LOOK_NS (20 * CREWI_MILLISECOND)

/* What a child may map beyond twice its limit: stacks of threads and arenas that are hardly
 * touched.
 */
#define DATA_SLACK ((uint64_t)256 << 20)

static uint64_t page_size(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Pages, from statm: resident, and what RLIMIT_DATA counts (with the stack). */
static bool read_statm(const char *path, uint64_t *resident, uint64_t *data)
{
    unsigned long long fields[6];
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    int found = fscanf(file, "%llu %llu %llu %llu %llu %llu", &fields[0], &fields[1], &fields[2],
                       &fields[3], &fields[4], &fields[5]);
    fclose(file);
    if (found != 6)
        return false;
    *resident = fields[1];
    *data = fields[5];
    return true;
}

static void lower(int resource, uint64_t value)
{
    struct rlimit now;
    if (getrlimit(resource, &now) || now.rlim_cur <= value)
        return;
    now.rlim_cur = value;
    if (now.rlim_max > value)
        now.rlim_max = value;
    setrlimit(resource, &now);
}

void crewi_limits_apply(const struct crewi_limits *limits)
{
    uint64_t resident, data;
    /* On top of what it has now: a sanitizer has terabytes mapped. */
    if (limits->memory && limits->memory < UINT64_MAX / 8 &&
        read_statm("/proc/self/statm", &resident, &data))
        lower(RLIMIT_DATA, data * page_size() + 2 * limits->memory + DATA_SLACK);
    if (limits->cpu_ns)
        lower(RLIMIT_CPU, (uint64_t)(limits->cpu_ns / CREWI_SECOND) + 2);
}

static bool is_over_memory(uint64_t memory, pid_t pid)
{
    char path[32];
    uint64_t resident, data;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    return read_statm(path, &resident, &data) && resident * page_size() > memory;
}

static bool is_over_cpu(int64_t cpu_ns, pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    return clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &used) == 0 &&
           used.tv_sec * CREWI_SECOND + used.tv_nsec > cpu_ns;
}

crew_end_cause crewi_limits_check(const struct crewi_limits *limits, pid_t pid, int64_t age_ns)
{
    if (limits->memory && is_over_memory(limits->memory, pid))
        return CREW_END_MEMORY_LIMIT;
    if (limits->cpu_ns && is_over_cpu(limits->cpu_ns, pid))
        return CREW_END_CPU_LIMIT;
    if (limits->wall_ns && age_ns >= limits->wall_ns)
        return CREW_END_WALL_LIMIT;
    return CREW_END_NONE;
}

int64_t crewi_limits_next(const struct crewi_limits *limits, int64_t age_ns)
{
    int64_t next_ns = limits->memory || limits->cpu_ns ? LOOK_NS : INT64_MAX;
    if (limits->wall_ns && limits->wall_ns - age_ns < next_ns)
        next_ns = limits->wall_ns > age_ns ? limits->wall_ns - age_ns : 0;
    return next_ns;
}
