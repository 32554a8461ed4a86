/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_private.h"

/*
 * Enough to tell files of different contents apart in practice, and few enough pages to read from a
 * slow disk.
 */
#define SAMPLES 128
#define SAMPLE_SIZE 128

#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

static uint64_t fnv1a(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * FNV_PRIME;
    return hash;
}

/* Adds samples from the first element to the last: all of it where the samples would touch. */
static uint64_t add_samples(uint64_t hash, const char *data, size_t size)
{
    if (size <= (size_t)SAMPLES * SAMPLE_SIZE)
        return fnv1a(hash, data, size);
    const size_t step = (size - SAMPLE_SIZE) / (SAMPLES - 1);
    for (size_t i = 0; i + 1 < SAMPLES; i++)
        hash = fnv1a(hash, data + i * step, SAMPLE_SIZE);
    return fnv1a(hash, data + size - SAMPLE_SIZE, SAMPLE_SIZE);
}

void npy_identity(const struct npy_matrix *matrix, struct npy_identity *identity)
{
    size_t size = 0;
    uint64_t hash = FNV_BASIS;
    /* An open matrix has a size that does not overflow. */
    npy_layout_size(&matrix->layout, &size);
    if (matrix->mapping != NULL)
        hash = fnv1a(hash, matrix->mapping, matrix->header_size);
    hash = add_samples(hash, matrix->data, size);
    *identity = (struct npy_identity){
        .size = matrix->mapping != NULL ? matrix->mapping_size : size,
        .mtime_ns = matrix->mtime_ns,
        .checksum = hash,
    };
}

const char *npy_identity_difference(const struct npy_identity *one,
                                    const struct npy_identity *other)
{
    if (one->size != other->size)
        return "size";
    if (one->checksum != other->checksum)
        return "contents";
    if (one->mtime_ns != other->mtime_ns)
        return "modification time";
    return NULL;
}
