/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the C programs of the comparisons share: options, cases, measuring, and the report.
 *
 * A case is written MODE[:SIZE[:EXTRA]]: what is done, with messages of how many bytes or with how
 * many parties, and one number more. What the numbers mean depends on the mode.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

/* Plain values, so that it can be handed to another process. */
struct bench_case {
    char mode[16];
    size_t size; /* 8 when it is not given */
    long extra;  /* 1 when it is not given */
};

struct bench_settings {
    double seconds; /* a block of operations is made so large that it takes about this long */
    long count;     /* operations in a block; 0: as many as that takes */
    char place[16]; /* where the two sides are, for programs that have a choice */
};

struct bench_result {
    long count; /* operations in a block */
    double us;  /* one operation, the median of the blocks */
};

/** Does so many operations. Sets the seconds that count, which may be less than it took; false when
 * it failed, which it has said. */
typedef bool bench_block(void *context, long count, double *seconds);

double bench_clock(void);

/** Reads the options, and says which word is the first case; false on wrong use. */
bool bench_settings_read(struct bench_settings *settings, int argc, char **argv, int *first);

/** false when the word is no case. */
bool bench_case_read(struct bench_case *which, const char *word);

/** Grows a block until it takes long enough, then takes the median of three. */
bool bench_measure(const struct bench_settings *settings, bench_block *block, void *context,
                   struct bench_result *result);

/** One JSON object in one line, in one write. */
void bench_print(const char *peer, const char *place, const struct bench_case *which,
                 const struct bench_result *result);

/** Memory whose pages are there, each one of its own; NULL without any left. */
void *bench_buffer(size_t size);

/** The number of a message stands in its first and in its last eight bytes, as far as it is so
 * long: a check that it is there, which costs next to nothing. */
void bench_stamp(void *message, size_t size, long number);
bool bench_stamp_is(const void *message, size_t size, long number);

#endif
