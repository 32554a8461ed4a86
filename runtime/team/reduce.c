/* SPDX-License-Identifier: BSD-3-Clause */
/* One loop for each type and operation, written out by the lists at the end. */
#include "team/reduce.h"

#include <stdint.h>

bool crewi_operation_fits(int type, int operation)
{
    if (!crew_datatype_size((crew_datatype)type) || operation < CREW_SUM || operation > CREW_BXOR)
        return false;
    bool on_bits = operation >= CREW_BAND;
    bool is_float = type == CREW_FLOAT || type == CREW_DOUBLE;
    if (type == CREW_BYTE || type == CREW_CHAR)
        return on_bits;
    if (type == CREW_BOOL)
        return on_bits || operation > CREW_MAX;
    return !is_float || operation <= CREW_MAX;
}

/* Sums and products of signed numbers overflow as MPI's do: computed without a sign. */
#define COMBINE_NUMBERS(name, type, wide)                                                 \
    static void combine_##name(int operation, void *sum, const void *other, size_t count) \
    {                                                                                     \
        type *a = sum;                                                                    \
        const type *b = other;                                                            \
        switch (operation) {                                                              \
        case CREW_SUM:                                                                    \
            for (size_t i = 0; i < count; i++)                                            \
                a[i] = (type)((wide)a[i] + (wide)b[i]);                                   \
            break;                                                                        \
        case CREW_PROD:                                                                   \
            for (size_t i = 0; i < count; i++)                                            \
                a[i] = (type)((wide)a[i] * (wide)b[i]);                                   \
            break;                                                                        \
        case CREW_MIN:                                                                    \
            for (size_t i = 0; i < count; i++)                                            \
                a[i] = b[i] < a[i] ? b[i] : a[i];                                         \
            break;                                                                        \
        default:                                                                          \
            for (size_t i = 0; i < count; i++)                                            \
                a[i] = b[i] > a[i] ? b[i] : a[i];                                         \
        }                                                                                 \
    }

#define COMBINE_BITS(name, type)                                                               \
    static void combine_bits_##name(int operation, void *sum, const void *other, size_t count) \
    {                                                                                          \
        type *a = sum;                                                                         \
        const type *b = other;                                                                 \
        for (size_t i = 0; i < count; i++)                                                     \
            switch (operation) {                                                               \
            case CREW_LAND:                                                                    \
                a[i] = a[i] && b[i];                                                           \
                break;                                                                         \
            case CREW_LOR:                                                                     \
                a[i] = a[i] || b[i];                                                           \
                break;                                                                         \
            case CREW_LXOR:                                                                    \
                a[i] = !a[i] != !b[i];                                                         \
                break;                                                                         \
            case CREW_BAND:                                                                    \
                a[i] = (type)(a[i] & b[i]);                                                    \
                break;                                                                         \
            case CREW_BOR:                                                                     \
                a[i] = (type)(a[i] | b[i]);                                                    \
                break;                                                                         \
            default:                                                                           \
                a[i] = (type)(a[i] ^ b[i]);                                                    \
            }                                                                                  \
    }

COMBINE_NUMBERS(int8, int8_t, unsigned)
COMBINE_NUMBERS(int16, int16_t, unsigned)
COMBINE_NUMBERS(int32, int32_t, uint32_t)
COMBINE_NUMBERS(int64, int64_t, uint64_t)
COMBINE_NUMBERS(uint8, uint8_t, unsigned)
COMBINE_NUMBERS(uint16, uint16_t, unsigned)
COMBINE_NUMBERS(uint32, uint32_t, uint32_t)
COMBINE_NUMBERS(uint64, uint64_t, uint64_t)
COMBINE_NUMBERS(float, float, float)
COMBINE_NUMBERS(double, double, double)
COMBINE_BITS(8, uint8_t)
COMBINE_BITS(16, uint16_t)
COMBINE_BITS(32, uint32_t)
COMBINE_BITS(64, uint64_t)

typedef void combiner(int operation, void *sum, const void *other, size_t count);

static combiner *const numbers[] = {NULL,           combine_int8,  combine_int16,  combine_int32,
                                    combine_int64,  combine_uint8, combine_uint16, combine_uint32,
                                    combine_uint64, combine_float, combine_double, NULL};

static combiner *bits(size_t size)
{
    if (size == 1)
        return combine_bits_8;
    if (size == 2)
        return combine_bits_16;
    return size == 4 ? combine_bits_32 : combine_bits_64;
}

void crewi_combine(int type, int operation, void *sum, const void *other, size_t count)
{
    combiner *combine =
        operation <= CREW_MAX ? numbers[type] : bits(crew_datatype_size((crew_datatype)type));
    combine(operation, sum, other, count);
}
