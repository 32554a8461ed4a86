/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The workers' side of a product: one task computes one tile of C, from a panel of rows of A and
 * one of columns of B.
 *
 * Where every rank sees the input files, an item says only which tile: workers map the files.
 * Otherwise the panels travel behind the item.
 */
#ifndef MATMUL_PRODUCT_TASK_H
#define MATMUL_PRODUCT_TASK_H

#include "npy.h"

#include <crew/crew.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/** What a worker is told once. */
struct product_inputs {
    char a[PATH_MAX], b[PATH_MAX]; /* absolute */
    struct npy_identity a_identity, b_identity;
    size_t inner; /* columns of A, rows of B */
    bool visible; /* the files are to be mapped */
};

/** A tile, and of what: a journal of other files is another one's. With panels behind it, of A row
 * by row, then of B, when the files are not visible everywhere. */
struct product_item {
    size_t row_begin, row_end, col_begin, col_end;
    struct npy_identity a, b;
};

/** The initializer of workers; its argument is a product_inputs. */
crew_status product_prepare(void *arg);

/** The task: the tile, row by row, without gaps. */
crew_status product_tile(const void *item, void *result);

/** Seconds for that tile on a core with nothing else to do. The result is a double. */
crew_status product_calibrate(const void *item, void *result);

/** A process that looks whether the files of its product_inputs are here: exit code 0, or 1. */
int product_probe(void *arg);

#endif
