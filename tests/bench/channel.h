/* SPDX-License-Identifier: BSD-3-Clause */
/** @file The modes of bench_channel. */
#ifndef BENCH_CHANNEL_H
#define BENCH_CHANNEL_H

#include "sides.h"

extern const struct bench_mode channel_pipe_modes[];
extern const struct bench_mode channel_queue_modes[];

#endif
