/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * What a fuzz target reads its choices from: the bytes of an input, one after the other, and zeros
 * behind its end.
 */
#ifndef CREW_TESTS_FUZZ_INPUT_H
#define CREW_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct fuzz_input {
    const unsigned char *data;
    size_t left;
};

/** Fills @p size bytes. */
static inline void fuzz_read(struct fuzz_input *input, void *to, size_t size)
{
    size_t there = size < input->left ? size : input->left;
    if (there)
        memcpy(to, input->data, there);
    memset((char *)to + there, 0, size - there);
    input->data += there;
    input->left -= there;
}

static inline uint8_t fuzz_u8(struct fuzz_input *input)
{
    uint8_t value;
    fuzz_read(input, &value, sizeof value);
    return value;
}

static inline uint16_t fuzz_u16(struct fuzz_input *input)
{
    uint16_t value;
    fuzz_read(input, &value, sizeof value);
    return value;
}

static inline uint32_t fuzz_u32(struct fuzz_input *input)
{
    uint32_t value;
    fuzz_read(input, &value, sizeof value);
    return value;
}

static inline uint64_t fuzz_u64(struct fuzz_input *input)
{
    uint64_t value;
    fuzz_read(input, &value, sizeof value);
    return value;
}

/** What libFuzzer, or replay.c, calls for each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
