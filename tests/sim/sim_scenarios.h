/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * All scenarios.
 */
#ifndef CREW_TESTS_SIM_SCENARIOS_H
#define CREW_TESTS_SIM_SCENARIOS_H

#include "sim_job.h"

extern const struct sim_scenario sim_containers_scenario, sim_handles_scenario, sim_copies_scenario,
    sim_queues_scenario, sim_pipes_scenario, sim_pool_scenario, sim_sync_scenario;

#endif
