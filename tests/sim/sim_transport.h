/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The transport of simulated ranks: as MPI's, in order for each pair of ranks and in no order
 * between pairs. How long a frame takes is decided by the seed.
 */
#ifndef CREW_TESTS_SIM_TRANSPORT_H
#define CREW_TESTS_SIM_TRANSPORT_H

#include "base/table.h"
#include "sim_random.h"
#include "transport/transport.h"

struct sim_job;

/** What is done to one frame, so that a check can show that it notices; or the scenario itself does
 * something wrong. */
enum sim_plant_action { SIM_PLANT_DROP = 1, SIM_PLANT_DOUBLE, SIM_PLANT_OVERTAKE, SIM_PLANT_OWN };

struct sim_plant {
    const char *name; /* NULL ends a list */
    enum sim_plant_action action;
    uint8_t type, kind, op; /* of which frames; of a reply only the type counts; of the scenario's
                               own only the operation, which is its own number then */
};

/** One MPI_Igatherv: what the ranks have given so far. */
struct sim_gather {
    uint32_t root, missing;
    struct crewi_frame **frames; /* by rank */
};

/** All ranks' wires. */
struct sim_network {
    struct sim_random random;
    int64_t typical_ns;
    struct crewi_table links; /* by sender and receiver: when the last frame arrives */
    const struct sim_plant *plant;
    uint64_t until_plant; /* how many such frames go by before the one */
    uint64_t carried;
    struct sim_gather *gathers;
    size_t gather_count;
};

/** One rank's end. */
struct sim_transport {
    struct crewi_transport base; /* first: a transport is its simulated one */
    struct sim_job *job;
    struct crewi_frames arrived;
    size_t gathers; /* that it has taken part in */
};

void sim_network_init(struct sim_network *network, uint64_t seed);
void sim_network_fini(struct sim_network *network, uint32_t rank_count);

void sim_transport_init(struct sim_transport *transport, struct sim_job *job, uint32_t rank,
                        uint32_t rank_count);
void sim_transport_fini(struct sim_transport *transport);

/** What the plant wants done to this frame; 0: nothing. */
enum sim_plant_action sim_network_plant(struct sim_network *network,
                                        const struct crewi_header *header);

/** A second one of the same. */
struct crewi_frame *sim_frame_copy(const struct crewi_frame *frame);

#endif
