// SPDX-License-Identifier: BSD-3-Clause
// What the cases about items and results of any sizes share.
#ifndef CREW_TESTS_POOL_BYTES_H
#define CREW_TESTS_POOL_BYTES_H

#include "pool_cases.h"

enum order_kind {
    ORDER_COMPUTE,
    ORDER_IGNORE, // whether there was room
    ORDER_SHRINK, // to 10 bytes at last
    ORDER_FAIL,
    ORDER_HANG,
    ORDER_ABORT, // with its result built
    ORDER_ABORT_ONCE
};

// The head of an item; item_size bytes follow.
struct order {
    enum order_kind what;
    bool logged;
    size_t item_size, result_size;
    uint64_t seed; // of both
    struct mark log;
};

const crew_bytes_task *order_task(void);

// Makes an item of an order.
void give_order(struct iovec *item, const struct order *order);

// Whether a result is the one that was ordered.
bool is_filled(const struct iovec *bytes, size_t size, uint64_t seed);

void free_all(struct iovec *pieces, size_t count);

#endif
