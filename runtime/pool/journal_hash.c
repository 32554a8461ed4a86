/* SPDX-License-Identifier: BSD-3-Clause */
/* Two lanes of multiplications over 8 bytes at a time: it guards against the wrong input, and not
 * against somebody who looks for two that have the same hash. */
#include "pool/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void mix(uint64_t lanes[2], uint64_t word)
{
    lanes[0] = rotate(lanes[0] ^ word, 27) * UINT64_C(0x9E3779B97F4A7C15) + lanes[1];
    lanes[1] = rotate(lanes[1] ^ (word * UINT64_C(0xC2B2AE3D27D4EB4F)), 31) *
                   UINT64_C(0x87C37B91114253D5) +
               lanes[0];
}

static uint64_t finish(uint64_t x)
{
    x = (x ^ (x >> 33)) * UINT64_C(0xFF51AFD7ED558CCD);
    x = (x ^ (x >> 33)) * UINT64_C(0xC4CEB9FE1A85EC53);
    return x ^ (x >> 33);
}

void crewi_journal_hash(const void *data, size_t size, char text[33])
{
    const unsigned char *at = data;
    uint64_t lanes[2] = {size, ~(uint64_t)size}, word;
    for (size_t left = size; left; left -= left < sizeof word ? left : sizeof word) {
        word = 0;
        memcpy(&word, at, left < sizeof word ? left : sizeof word);
        at += sizeof word <= left ? sizeof word : left;
        mix(lanes, word);
    }
    mix(lanes, 0);
    snprintf(text, 33, "%016" PRIx64 "%016" PRIx64, finish(lanes[0]), finish(lanes[1]));
}
