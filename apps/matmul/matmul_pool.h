/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The two modes of matmul_pool, and what they share.
 */
#ifndef MATMUL_MATMUL_POOL_H
#define MATMUL_MATMUL_POOL_H

#include "report.h"
#include "settings.h"

/** Each returns the exit status, with the reason on stderr. */
int matmul_batch(const struct matmul_settings *settings);
int matmul_product(const struct matmul_settings *settings);

/** Says why on stderr in one line, and returns ::MATMUL_EXIT_FAILURE. */
int matmul_fail(const char *reason);

/** Seconds since some moment. */
double matmul_now(void);

/** How long one worker is measured alone. */
#define MATMUL_CALIBRATION_S 0.2

#endif
