// SPDX-License-Identifier: BSD-3-Clause
// Collectives of teams: what comes out, for every root, type and operation.
#include "team_cases.h"

#include "check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MANY 64 // members, at most

static int64_t value_of(int rank, size_t index)
{
    return 1000 * rank + (int64_t)index;
}

static void fill(int64_t *values, size_t count, int rank)
{
    for (size_t i = 0; i < count; i++)
        values[i] = value_of(rank, i);
}

static bool is_filled(const int64_t *values, size_t count, int rank)
{
    for (size_t i = 0; i < count; i++)
        if (values[i] != value_of(rank, i))
            return false;
    return true;
}

static bool all_filled(const int64_t *values, size_t count, int size)
{
    for (int rank = 0; rank < size; rank++)
        if (!is_filled(values + (size_t)rank * count, count, rank))
            return false;
    return true;
}

static void try_root(crew_team team, size_t count, int root, int64_t *mine, int64_t *all)
{
    int rank = crew_team_rank(team), size = crew_team_size(team);
    int64_t *back = all + (size_t)size * count;
    fill(mine, count, rank);
    CHECK_OK(crew_team_bcast(team, mine, count, CREW_INT64, root));
    CHECK(is_filled(mine, count, root));
    fill(mine, count, rank);
    memset(all, 0, (size_t)size * count * sizeof *all);
    CHECK_OK(crew_team_gather(team, mine, all, count, CREW_INT64, root));
    CHECK(rank == root ? all_filled(all, count, size) : count == 0 || all[count - 1] == 0);
    memset(back, 0, count * sizeof *back);
    CHECK_OK(crew_team_scatter(team, all, back, count, CREW_INT64, root));
    CHECK(is_filled(back, count, rank));
    CHECK_OK(crew_team_reduce(team, mine, back, count, CREW_INT64, CREW_MAX, root));
    CHECK(is_filled(back, count, rank == root ? size - 1 : rank));
}

static void try_all(crew_team team, size_t count, int64_t *mine, int64_t *all)
{
    int rank = crew_team_rank(team), size = crew_team_size(team);
    int64_t *send = all + (size_t)size * count;
    fill(mine, count, rank);
    memset(all, 0, (size_t)size * count * sizeof *all);
    CHECK_OK(crew_team_allgather(team, mine, all, count, CREW_INT64));
    CHECK(all_filled(all, count, size));
    for (int other = 0; other < size; other++)
        for (size_t i = 0; i < count; i++)
            send[(size_t)other * count + i] = value_of(rank, i) + 1000000 * other;
    CHECK_OK(crew_team_alltoall(team, send, all, count, CREW_INT64));
    for (size_t i = 0; i < (size_t)size * count; i++)
        all[i] -= 1000000 * rank;
    CHECK(all_filled(all, count, size));
    CHECK_OK(crew_team_allreduce(team, mine, all, count, CREW_INT64, CREW_MIN));
    CHECK(is_filled(all, count, 0));
}

static int collect(crew_team team, void *arg)
{
    static const size_t counts[] = {0, 1, 7, 1000};
    int size = crew_team_size(team);
    (void)arg;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t count = counts[i];
        int64_t *mine = calloc(count + 1, sizeof *mine);
        int64_t *all = calloc(count * 2 * (size_t)size + 1, sizeof *all);
        for (int root = 0; root < size; root++)
            try_root(team, count, root, mine, all);
        try_all(team, count, mine, all);
        free(all);
        free(mine);
    }
    return check_result();
}

void team_collectives(const struct variant *variant)
{
    run_team(variant, collect, NULL);
}

// Member i has i * 3 elements.
static int collect_counts(crew_team team, void *arg)
{
    int rank = crew_team_rank(team), size = crew_team_size(team);
    size_t counts[MANY], total = 0, own = (size_t)rank * 3;
    int64_t mine[3 * MANY], back[3 * MANY];
    (void)arg;
    for (int i = 0; i < size; i++)
        total += counts[i] = (size_t)i * 3;
    int64_t *all = calloc(total + 1, sizeof *all);
    fill(mine, own, rank);
    for (int root = 0; root < size; root++) {
        bool is_root = rank == root;
        memset(all, 0, total * sizeof *all);
        CHECK_OK(crew_team_gatherv(team, mine, own, is_root ? all : NULL, is_root ? counts : NULL,
                                   CREW_INT64, root));
        const int64_t *at = all;
        for (int i = 0; i < size && is_root; at += counts[i++])
            CHECK(is_filled(at, counts[i], i));
        memset(back, 0, sizeof back);
        CHECK_OK(crew_team_scatterv(team, is_root ? all : NULL, is_root ? counts : NULL, back, own,
                                    CREW_INT64, root));
        CHECK(is_filled(back, own, rank));
    }
    free(all);
    return check_result();
}

void team_counts(const struct variant *variant)
{
    run_team(variant, collect_counts, NULL);
}

// Every type and operation against one member after the other

#define TRY_TYPE(name, type, code)                                                        \
    static void try_##name(crew_team team, crew_operation operation, const int *expected) \
    {                                                                                     \
        type mine[3], all[3] = {0};                                                       \
        for (int i = 0; i < 3; i++)                                                       \
            mine[i] = (type)(crew_team_rank(team) + i);                                   \
        CHECK_OK(crew_team_allreduce(team, mine, all, 3, code, operation));               \
        for (int i = 0; i < 3; i++)                                                       \
            CHECK_INT(all[i], (type)expected[i]);                                         \
    }

TRY_TYPE(int8, int8_t, CREW_INT8)
TRY_TYPE(int16, int16_t, CREW_INT16)
TRY_TYPE(int32, int32_t, CREW_INT32)
TRY_TYPE(int64, int64_t, CREW_INT64)
TRY_TYPE(uint8, uint8_t, CREW_UINT8)
TRY_TYPE(uint16, uint16_t, CREW_UINT16)
TRY_TYPE(uint32, uint32_t, CREW_UINT32)
TRY_TYPE(uint64, uint64_t, CREW_UINT64)
TRY_TYPE(float, float, CREW_FLOAT)
TRY_TYPE(double, double, CREW_DOUBLE)
TRY_TYPE(byte, uint8_t, CREW_BYTE)
TRY_TYPE(char, char, CREW_CHAR)
TRY_TYPE(bool, bool, CREW_BOOL)

static int combine(int a, int b, crew_operation operation)
{
    switch (operation) {
    case CREW_SUM:
        return a + b;
    case CREW_PROD:
        return a * b;
    case CREW_MIN:
        return a < b ? a : b;
    case CREW_MAX:
        return a > b ? a : b;
    case CREW_LAND:
        return a && b;
    case CREW_LOR:
        return a || b;
    case CREW_LXOR:
        return !a != !b;
    case CREW_BAND:
        return a & b;
    case CREW_BOR:
        return a | b;
    default:
        return a ^ b;
    }
}

static void try_operation(crew_team team, crew_operation operation)
{
    int expected[3];
    for (int i = 0; i < 3; i++) {
        expected[i] = i;
        for (int rank = 1; rank < crew_team_size(team); rank++)
            expected[i] = combine(expected[i], rank + i, operation);
        // A single one is left as it is.
    }
    if (operation >= CREW_BAND) {
        try_byte(team, operation, expected);
        try_char(team, operation, expected);
    }
    if (operation >= CREW_LAND && operation <= CREW_LXOR)
        try_bool(team, operation, expected);
    if (operation <= CREW_MAX) {
        try_float(team, operation, expected);
        try_double(team, operation, expected);
    }
    try_int8(team, operation, expected);
    try_int16(team, operation, expected);
    try_int32(team, operation, expected);
    try_int64(team, operation, expected);
    try_uint8(team, operation, expected);
    try_uint16(team, operation, expected);
    try_uint32(team, operation, expected);
    try_uint64(team, operation, expected);
}

static int reduce_all(crew_team team, void *arg)
{
    (void)arg;
    for (int operation = CREW_SUM; operation <= CREW_BXOR; operation++)
        try_operation(team, (crew_operation)operation);
    return check_result();
}

void team_operations(const struct variant *variant)
{
    run_team(variant, reduce_all, NULL);
}

#define LARGE ((size_t)1 << 19) // elements: 4 MiB

static int move_much(crew_team team, void *arg)
{
    int rank = crew_team_rank(team), size = crew_team_size(team);
    int64_t *mine = malloc(LARGE * sizeof *mine), *all = malloc(LARGE * sizeof *all);
    (void)arg;
    fill(mine, LARGE, rank);
    CHECK_OK(crew_team_allreduce(team, mine, all, LARGE, CREW_INT64, CREW_MAX));
    CHECK(is_filled(all, LARGE, size - 1));
    CHECK_OK(crew_team_bcast(team, mine, LARGE, CREW_INT64, size - 1));
    CHECK(is_filled(mine, LARGE, size - 1));
    size_t part = LARGE / (size_t)size;
    fill(mine, part, rank);
    CHECK_OK(crew_team_allgather(team, mine, all, part, CREW_INT64));
    CHECK(all_filled(all, part, size));
    free(all);
    free(mine);
    return check_result();
}

void team_large(const struct variant *variant)
{
    run_team(variant, move_much, NULL);
}
