/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages over crew's pipes and queues. Peers: channel_mpi.c, channel_floor.c, channel.py. */
#include "channel.h"

static int app(int argc, char **argv)
{
    static const struct bench_mode *const lists[] = {channel_pipe_modes, channel_queue_modes, NULL};
    /* The number of a message is in it. */
    return bench_sides_main(&(struct bench_program){.lists = lists, .least_size = sizeof(long)},
                            argc, argv);
}

CREW_MAIN(app)
