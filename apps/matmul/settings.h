/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The command line of matmul_pool.
 */
#ifndef MATMUL_SETTINGS_H
#define MATMUL_SETTINGS_H

#include <crew/crew.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum matmul_mode { MATMUL_BATCH, MATMUL_PRODUCT };

/** How the program ends. */
enum matmul_exit { MATMUL_EXIT_OK = 0, MATMUL_EXIT_FAILURE = 1, MATMUL_EXIT_USAGE = 2 };

struct matmul_settings {
    enum matmul_mode mode;
    int size, repeat; /* batch */
    size_t tasks;
    uint64_t seed;
    const char *a, *b, *output; /* product */
    int tile;
    bool verify;
    size_t memory;       /* bytes of tiles at a time */
    const char *journal; /* NULL: none */
    int workers;         /* 0: one for each rank */
    size_t chunk;        /* 0: auto */
    crew_schedule schedule;
    double timeout_s; /* of a task; 0: none */
    int retries;
    crew_start_method start_method;
    const char *json; /* NULL: none; "-": stdout */
    bool progress;
};

/**
 * Reads the command line. On wrong usage, --help and --version it says so and ends the program, as
 * argp does: with status 2, or 0.
 */
void matmul_settings_parse(struct matmul_settings *settings, int argc, char **argv);

/** The name of a schedule, as on the command line. */
const char *matmul_schedule_name(crew_schedule schedule);

/** How the maps of a run go. */
crew_map_attr matmul_map_attr(const struct matmul_settings *settings);

/** The name of a start method, as on the command line. */
const char *matmul_start_method_name(crew_start_method method);

/** Whether somebody looks at our stderr on a terminal, be it through mpirun. */
bool matmul_stderr_is_terminal(void);

#endif
