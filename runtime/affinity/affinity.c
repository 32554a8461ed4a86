/* SPDX-License-Identifier: BSD-3-Clause */
#include "affinity/affinity.h"

#include "base/error.h"

#include <hwloc.h>
#include <stdbool.h>
#include <stdlib.h>

struct crewi_affinity {
    hwloc_topology_t topology;
    bool synthetic;
    hwloc_obj_type_t unit; /* cores; processing units where the system does not know of cores */
};

static crew_status create(struct crewi_affinity **affinity, const char *description)
{
    struct crewi_affinity *made = calloc(1, sizeof *made);
    if (!made)
        return crewi_error_memory();
    if (hwloc_topology_init(&made->topology))
        goto fail_init;
    if (description && hwloc_topology_set_synthetic(made->topology, description)) {
        crewi_error_word("hwloc does not understand the topology \"%s\"", description);
        goto fail_load;
    }
    /* Devices take most of the time to find, and nothing here asks for them. */
    hwloc_topology_set_all_types_filter(made->topology, HWLOC_TYPE_FILTER_KEEP_NONE);
    hwloc_topology_set_type_filter(made->topology, HWLOC_OBJ_CORE, HWLOC_TYPE_FILTER_KEEP_ALL);
    if (hwloc_topology_load(made->topology)) {
        crewi_error_word_errno("hwloc cannot read the topology");
        goto fail_load;
    }
    made->synthetic = description != NULL;
    made->unit = hwloc_get_nbobjs_by_type(made->topology, HWLOC_OBJ_CORE) > 0 ? HWLOC_OBJ_CORE
                                                                              : HWLOC_OBJ_PU;
    *affinity = made;
    return CREW_OK;
fail_load:
    hwloc_topology_destroy(made->topology);
    free(made);
    return description ? CREW_EINVAL : CREW_ESYSTEM;
fail_init:
    free(made);
    return crewi_error_memory();
}

crew_status crewi_affinity_create(struct crewi_affinity **affinity)
{
    return create(affinity, NULL);
}

crew_status crewi_affinity_create_synthetic(struct crewi_affinity **affinity,
                                            const char *description)
{
    return create(affinity, description);
}

void crewi_affinity_destroy(struct crewi_affinity *affinity)
{
    if (!affinity)
        return;
    hwloc_topology_destroy(affinity->topology);
    free(affinity);
}

void crewi_affinity_allowed(const struct crewi_affinity *affinity, struct crewi_cores *cores)
{
    *cores = (struct crewi_cores){0};
    hwloc_bitmap_t mine = hwloc_bitmap_alloc();
    if (!mine)
        return;
    if (affinity->synthetic || hwloc_get_cpubind(affinity->topology, mine, HWLOC_CPUBIND_PROCESS))
        hwloc_bitmap_copy(mine, hwloc_topology_get_allowed_cpuset(affinity->topology));
    for (int core = 0; core < CREWI_CORE_LIMIT; core++) {
        hwloc_obj_t object =
            hwloc_get_obj_by_type(affinity->topology, affinity->unit, (unsigned)core);
        if (!object)
            break;
        if (hwloc_bitmap_intersects(object->cpuset, mine))
            cores->bits[core / 64] |= (uint64_t)1 << (core % 64);
    }
    hwloc_bitmap_free(mine);
}

void crewi_affinity_core_cpus(const struct crewi_affinity *affinity, int core, uint64_t *cpus,
                              int words)
{
    for (int i = 0; i < words; i++)
        cpus[i] = 0;
    hwloc_obj_t object =
        core < 0 ? NULL : hwloc_get_obj_by_type(affinity->topology, affinity->unit, (unsigned)core);
    if (!object)
        return;
    int cpu;
    hwloc_bitmap_foreach_begin(cpu, object->cpuset) if (cpu < 64 * words) cpus[cpu / 64] |=
        (uint64_t)1 << (cpu % 64);
    hwloc_bitmap_foreach_end();
}

int crewi_cores_count(const struct crewi_cores *cores)
{
    int count = 0;
    for (int i = 0; i < CREWI_CORE_LIMIT / 64; i++)
        count += __builtin_popcountll(cores->bits[i]);
    return count;
}

int crewi_cores_nth(const struct crewi_cores *cores, int n)
{
    for (int core = 0; core < CREWI_CORE_LIMIT; core++)
        if ((cores->bits[core / 64] >> (core % 64) & 1) && n-- == 0)
            return core;
    return -1;
}
