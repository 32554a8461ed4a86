/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What the C programs of the channel comparison share: options, cases, measuring, and the report.
 *
 * A case is written MODE:SIZE[:EXTRA]: what is done, with messages of how many bytes, and one
 * number more, whose meaning depends on the mode (messages in flight, producers, items).
 */
#ifndef BENCH_CHANNEL_MEASURE_H
#define BENCH_CHANNEL_MEASURE_H

#include <stdbool.h>
#include <stddef.h>

/* Plain values, so that it can be handed to another process. */
struct channel_case {
    char mode[16];
    size_t size;
    long extra; /* 1 when it is not given */
};

struct channel_settings {
    double seconds; /* a block of messages is made so large that it takes about this long */
    long count;     /* messages in a block; 0: as many as that takes */
    char place[16]; /* where the two sides are, for programs that have a choice */
};

struct channel_result {
    long count; /* messages in a block */
    double us;  /* one message, the median of the blocks */
};

/** Sends so many messages. Sets the seconds that count, which may be less than it took; false when
 * it failed, which it has said. */
typedef bool channel_block(void *context, long count, double *seconds);

double channel_clock(void);

/** Reads the options, and says which word is the first case; false on wrong use. */
bool channel_settings_read(struct channel_settings *settings, int argc, char **argv, int *first);

/** false when the word is no case. */
bool channel_case_read(struct channel_case *which, const char *word);

/** Grows a block until it takes long enough, then takes the median of three. */
bool channel_measure(const struct channel_settings *settings, channel_block *block, void *context,
                     struct channel_result *result);

/** One JSON object in one line, in one write. */
void channel_print(const char *peer, const char *place, const struct channel_case *which,
                   const struct channel_result *result);

/** Memory whose pages are there, each one of its own; NULL without any left. */
void *channel_buffer(size_t size);

/** The number of a message stands in its first and in its last eight bytes, as far as it is so
 * long: a check that it is there, which costs next to nothing. */
void channel_stamp(void *message, size_t size, long number);
bool channel_stamp_is(const void *message, size_t size, long number);

#endif
