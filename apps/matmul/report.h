/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What matmul_pool says at the end, in words and as JSON.
 */
#ifndef MATMUL_REPORT_H
#define MATMUL_REPORT_H

#include "settings.h"

struct matmul_report {
    size_t tasks;
    size_t run;           /* by workers now; the others were in the journal */
    double seconds;       /* the map alone */
    double flops;         /* floating-point operations of all tasks */
    double kernel_gflops; /* one worker alone, measured before */
    double sum;           /* batch: of all results; product: of all elements */
    const char *kernel;   /* which library multiplies */
    size_t worker_count;
    crew_worker_info *workers;
    crew_worker_info *before; /* the same, when the map began */
    bool verified;
    double residual, tolerance; /* of the verification */
};

/** What the workers did so far does not count: call it right before the map. */
crew_status matmul_report_begin(struct matmul_report *report, crew_pool pool);

/** What the workers are, and did since matmul_report_begin(). The array is freed with
 * matmul_report_fini(). */
crew_status matmul_report_workers(struct matmul_report *report, crew_pool pool);
void matmul_report_fini(struct matmul_report *report);

/** Prints it, to stdout, or as JSON where the settings say. False with a message on stderr when
 * that cannot be written. */
bool matmul_report_print(const struct matmul_report *report,
                         const struct matmul_settings *settings);

#endif
