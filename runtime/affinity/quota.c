/* SPDX-License-Identifier: BSD-3-Clause */
#include "affinity/quota.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4096

/* FNV-1a. */
static uint64_t hash(const char *text)
{
    uint64_t value = 0xcbf29ce484222325u;
    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * 0x100000001b3u;
    return value;
}

/* The first words of a file, two at most; how many there are. */
static int read_words(const char *folder, const char *group, const char *file, char words[2][32])
{
    char path[PATH_SIZE];
    if (snprintf(path, sizeof path, "%s%s/%s", folder, group, file) >= (int)sizeof path)
        return 0;
    FILE *stream = fopen(path, "re");
    int count = stream ? fscanf(stream, "%31s %31s", words[0], words[1]) : 0;
    if (stream)
        fclose(stream);
    return count > 0 ? count : 0;
}

/* Microseconds of processor time in each period, of version 2 or 1. False: no quota. */
static bool read_group(const char *folder, const char *group, bool is_v2, double *quota,
                       double *period)
{
    char words[2][32] = {"", ""};
    if (is_v2) {
        if (read_words(folder, group, "cpu.max", words) != 2)
            return false;
        *quota = atof(words[0]); /* 0 of "max" */
        *period = atof(words[1]);
    } else {
        if (read_words(folder, group, "cpu.cfs_quota_us", words) < 1)
            return false;
        *quota = atof(words[0]); /* -1 for none */
        if (read_words(folder, group, "cpu.cfs_period_us", words) < 1)
            return false;
        *period = atof(words[0]);
    }
    return *quota > 0 && *period > 0;
}

static int32_t round_up(double cpus)
{
    if (cpus > INT32_MAX / 2)
        return INT32_MAX / 2;
    int32_t whole = (int32_t)cpus;
    return whole < cpus ? whole + 1 : whole;
}

/* A group is within those above it. In a container the path may be the host's, and the folder the
 * container's own: then only the last step, the folder itself, is there. */
static void narrow(struct crewi_quota *narrowest, const char *folder, const char *path, bool is_v2)
{
    char group[PATH_SIZE];
    if (snprintf(group, sizeof group, "%s", path) >= (int)sizeof group)
        return;
    for (;;) {
        double quota, period;
        size_t length = strlen(group);
        if (length && group[length - 1] == '/')
            group[length - 1] = '\0';
        if (read_group(folder, group, is_v2, &quota, &period)) {
            int32_t cpus = round_up(quota / period);
            if (!narrowest->cpus || cpus < narrowest->cpus)
                *narrowest = (struct crewi_quota){.group = *group ? hash(group) : 0, .cpus = cpus};
        }
        char *slash = strrchr(group, '/');
        if (!slash)
            return;
        *slash = '\0';
    }
}

static bool is_of_cpu(const char *controllers)
{
    for (const char *at = controllers; *at; at += strcspn(at, ","), at += *at == ',')
        if (strcspn(at, ",") == 3 && strncmp(at, "cpu", 3) == 0)
            return true;
    return false;
}

struct crewi_quota crewi_quota_read(const char *list, const char *folder)
{
    struct crewi_quota narrowest = {0};
    char line[PATH_SIZE], of_cpu[PATH_SIZE];
    FILE *stream = fopen(list, "re");
    while (stream && fgets(line, sizeof line, stream)) {
        char *controllers = strchr(line, ':'),
             *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        controllers++;
        if (!*controllers)
            narrow(&narrowest, folder, path, true);
        if (!is_of_cpu(controllers))
            continue;
        /* Each hierarchy of version 1 has a folder of its own, with a link for each controller. */
        snprintf(of_cpu, sizeof of_cpu, "%.*s/cpu", PATH_SIZE - 8, folder);
        narrow(&narrowest, of_cpu, path, false);
    }
    if (stream)
        fclose(stream);
    return narrowest;
}

struct crewi_quota crewi_quota_of_process(void)
{
    return crewi_quota_read("/proc/self/cgroup", "/sys/fs/cgroup");
}
