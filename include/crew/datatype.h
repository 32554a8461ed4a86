/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Types of elements: what values, arrays and the collectives of teams consist of, as MPI's
 * datatypes and the type codes of Python's Array.
 */
#ifndef CREW_DATATYPE_H
#define CREW_DATATYPE_H

#include <crew/status.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** One line for each type: X(CONSTANT, name, C type). A byte has no meaning of its own. */
#define CREW_DATATYPE_TABLE(X)   \
    X(INT8, int8, int8_t)        \
    X(INT16, int16, int16_t)     \
    X(INT32, int32, int32_t)     \
    X(INT64, int64, int64_t)     \
    X(UINT8, uint8, uint8_t)     \
    X(UINT16, uint16, uint16_t)  \
    X(UINT32, uint32, uint32_t)  \
    X(UINT64, uint64, uint64_t)  \
    X(FLOAT, float, float)       \
    X(DOUBLE, double, double)    \
    X(BYTE, byte, unsigned char) \
    X(CHAR, char, char)          \
    X(BOOL, bool, bool)

/** The type of an element: ::CREW_INT8 and so on. 0 is none. */
typedef enum crew_datatype {
    CREW_DATATYPE_NONE = 0,
#define CREW_DATATYPE_ENUM(constant, name, type) CREW_##constant,
    CREW_DATATYPE_TABLE(CREW_DATATYPE_ENUM)
#undef CREW_DATATYPE_ENUM
        CREW_DATATYPE_LIMIT, /**< one more than the last */

    /* C's other names for them */
    CREW_SHORT = CREW_INT16,
    CREW_INT = CREW_INT32,
    CREW_LONG = LONG_MAX == INT32_MAX ? CREW_INT32 : CREW_INT64,
    CREW_LONG_LONG = CREW_INT64,
    CREW_UNSIGNED_SHORT = CREW_UINT16,
    CREW_UNSIGNED = CREW_UINT32,
    CREW_UNSIGNED_LONG = LONG_MAX == INT32_MAX ? CREW_UINT32 : CREW_UINT64,
    CREW_UNSIGNED_LONG_LONG = CREW_UINT64,
    CREW_SIZE = SIZE_MAX == UINT32_MAX ? CREW_UINT32 : CREW_UINT64
} crew_datatype;

/** The bytes that an element takes; 0 for a number that is no type. Never blocks. MPI:
 * MPI_Type_size. */
CREW_API size_t crew_datatype_size(crew_datatype type);

/** Its name, "int64" for example; "?" for a number that is no type. Never blocks, never NULL, valid
 * for ever. */
CREW_API const char *crew_datatype_name(crew_datatype type);

#ifdef __cplusplus
}
#endif

#endif
