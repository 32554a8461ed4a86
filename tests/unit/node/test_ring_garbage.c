/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer that writes what cannot be: it is found out, and nothing outside the ring is touched. The
 * ring's memory is a block of its own, so that AddressSanitizer sees a byte beyond it. */
#include "node/ring.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 1024

struct header {
    uint32_t size, type;
    uint64_t reserved;
};

static struct crewi_ring_shared shared;
static struct crewi_ring writer, reader;
static unsigned char *data;

static int begin(void **state)
{
    (void)state;
    data = calloc(1, SIZE);
    memset(&shared, 0, sizeof shared);
    crewi_ring_init(&writer, &shared, data, SIZE);
    crewi_ring_init(&reader, &shared, data, SIZE);
    return data ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    free(data);
    return 0;
}

static void put(uint32_t size)
{
    bool corrupt = false;
    assert_non_null(crewi_ring_reserve(&writer, size, &corrupt));
    crewi_ring_commit(&writer, 1, size);
}

static int look(void)
{
    struct crewi_record record;
    return crewi_ring_peek(&reader, &record);
}

static void heads_that_cannot_be(void **state)
{
    static const uint64_t heads[] = {
        1,       8, 15, 17, SIZE + 16, SIZE + 1, UINT64_MAX, UINT64_MAX - 15, (uint64_t)1 << 63,
        SIZE - 8};
    (void)state;
    put(100);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        shared.head = heads[i];
        assert_int_equal(look(), -1);
    }
    shared.head = writer.head;
    assert_int_equal(look(), 1);
    crewi_ring_pop(&reader);
    shared.head = writer.head - 16; /* behind what was read */
    assert_int_equal(look(), -1);
    shared.head = 0;
    assert_int_equal(look(), -1);
}

static void sizes_that_cannot_be(void **state)
{
    static const uint32_t sizes[] = {
        113, 128, SIZE, SIZE - 15, UINT32_MAX, UINT32_MAX - 15, (uint32_t)1 << 31};
    (void)state;
    put(100); /* up to 112 have room */
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (uint32_t type = 0; type < 2; type++) {
            memcpy(data, &(struct header){sizes[i], type, 0}, sizeof(struct header));
            assert_int_equal(look(), -1);
        }
    }
    memcpy(data, &(struct header){112, 1, 0}, sizeof(struct header));
    assert_int_equal(look(), 1);
}

/* The record would go on behind the end of the memory, though as many bytes are filled. */
static void a_record_across_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        put(176);
        assert_int_equal(look(), 1);
        crewi_ring_pop(&reader);
    }
    put(32);
    put(32); /* a filler, and at the front */
    memcpy(data + 960, &(struct header){64, 1, 0}, sizeof(struct header));
    assert_int_equal(look(), -1);
    memcpy(data + 960, &(struct header){48, 1, 0}, sizeof(struct header));
    assert_int_equal(look(), 1);
}

/* Anywhere but before the end, or more of it than a record has no room in: nobody needs that, and
 * who writes them one after the other would keep the reader for ever. */
static void fillers_that_cannot_be(void **state)
{
    (void)state;
    put(100);
    memcpy(data, &(struct header){100, 0, 0}, sizeof(struct header));
    assert_int_equal(look(), -1);
    shared.head = SIZE;
    memcpy(data, &(struct header){SIZE - 16, 0, 0}, sizeof(struct header));
    assert_int_equal(look(), -1);
}

static void tails_that_cannot_be(void **state)
{
    bool corrupt = false;
    (void)state;
    put(100);
    put(100);
    assert_int_equal(look(), 1);
    crewi_ring_pop(&reader);
    assert_non_null(crewi_ring_reserve(&writer, 10, &corrupt));
    assert_false(corrupt);
    const uint64_t tails[] = {writer.head + 16, writer.head + 1, UINT64_MAX, reader.tail - 1, 0};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        corrupt = false;
        shared.tail = tails[i];
        assert_null(crewi_ring_reserve(&writer, 10, &corrupt));
        assert_true(corrupt);
    }
    corrupt = false;
    shared.tail = reader.tail;
    assert_non_null(crewi_ring_reserve(&writer, 10, &corrupt));
    assert_false(corrupt);
}

static void check_inside(const struct crewi_record *record)
{
    volatile unsigned char sum = 0;
    assert_true(record->data >= data && record->data + record->size <= data + SIZE);
    for (uint32_t i = 0; i < record->size; i++)
        sum = (unsigned char)(sum + record->data[i]);
}

/* Random bytes over records that were fine, a random head now and then. */
static void random_writer(void **state)
{
    uint64_t seed = 3, found = 0, refused = 0;
    (void)state;
    for (int round = 0; round < 30000; round++) {
        crewi_ring_init(&reader, &shared, data, SIZE);
        reader.tail = unit_random_below(&seed, 64) * 16;
        shared.tail = reader.tail;
        shared.head = reader.tail + unit_random_below(&seed, SIZE / 16 + 1) * 16;
        for (size_t at = 0; at < SIZE; at += 16)
            memcpy(data + at,
                   &(struct header){(uint32_t)unit_random_below(&seed, 80),
                                    (uint32_t)unit_random_below(&seed, 3), 0},
                   16);
        for (uint64_t n = unit_random_below(&seed, 4); n; n--)
            data[unit_random_below(&seed, SIZE)] = (unsigned char)unit_random(&seed);
        if (unit_random_below(&seed, 8) == 0)
            shared.head = unit_random(&seed);
        struct crewi_record record;
        int result = 1;
        for (int i = 0; i < 100 && result == 1; i++) {
            result = crewi_ring_peek(&reader, &record);
            if (result == 1)
                check_inside(&record);
            found += result == 1;
            if (result == 1)
                crewi_ring_pop(&reader);
        }
        assert_in_range(result + 1, 0, 1);
        refused += result == -1;
    }
    assert_true(found > 10000 && refused > 1000);
}

/* Random tails, whether they can be or not: what is reserved lies in the ring, and written bytes
 * stay in it. */
static void random_reader(void **state)
{
    uint64_t seed = 4, written = 0, refused = 0;
    (void)state;
    for (int round = 0; round < 100000; round++) {
        uint32_t size = (uint32_t)unit_random_below(&seed, crewi_ring_record_limit(SIZE) + 1);
        bool corrupt = false;
        uint64_t tail = writer.tail + unit_random_below(&seed, writer.head - writer.tail + 1);
        shared.tail = unit_random_below(&seed, 10)
                          ? tail
                          : unit_random(&seed) >> unit_random_below(&seed, 64);
        bool possible = shared.tail >= writer.tail && shared.tail <= writer.head;
        unsigned char *room = crewi_ring_reserve(&writer, size, &corrupt);
        assert_int_equal(corrupt, !possible);
        refused += corrupt;
        if (!room)
            continue;
        assert_true(possible && room >= data && room + size <= data + SIZE);
        memset(room, 0xff, size);
        crewi_ring_commit(&writer, 1, size);
        written++;
    }
    assert_true(written > 10000 && refused > 1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(heads_that_cannot_be),    TEST(sizes_that_cannot_be), TEST(fillers_that_cannot_be),
        TEST(a_record_across_the_end), TEST(tails_that_cannot_be), TEST(random_writer),
        TEST(random_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
