/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Large pieces of arrays of other hosts, read one-sided: straight out of the memory of the home's
 * rank into the reply, with MPI_Rget.
 *
 * The agent asks once where the elements are (LOCATE), and tells the home while it reads (HOLD,
 * LET_GO): so the elements stay, and the home's rank looks at MPI often, without which most
 * networks move nothing. The home gets what a rank sends in order, so HOLD comes before the weight
 * of a handle that is given back after it.
 *
 * Where there is no window, or a piece is small, the home reads. It always writes: whether all of a
 * put is there only MPI_Win_flush tells, which blocks, and a home that gets the elements out of the
 * writer's memory instead took twice as long as messages do.
 */
#ifndef CREWI_SHARED_ARRAY_TRANSFER_H
#define CREWI_SHARED_ARRAY_TRANSFER_H

#include "shared/array_agent.h"

/** Pieces from here on are transferred. */
#define CREWI_ARRAY_TRANSFER_SIZE ((uint64_t)65536)

/** A request of a client: transfers what it reads if it can, and owns the frame then. */
bool crewi_array_transfer(struct crewi_engine *engine, struct crewi_array_agent *agent,
                          struct crewi_frame *frame);

/** A note: ::crewi_array_engine_op. */
void crewi_array_transfer_note(struct crewi_engine *engine, const struct crewi_message *message);

/** The agent ends. */
void crewi_array_transfers_fini(struct crewi_array_agent *agent);

#endif
