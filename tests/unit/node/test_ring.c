/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of a ring in one process: sizes, the wrap, filler, full and empty. */
#include "node/ring.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

struct pair {
    struct crewi_ring_shared shared;
    struct crewi_ring writer, reader;
    unsigned char *data; /* by itself, so that a sanitizer sees what goes beyond it */
};

static struct pair *new_pair(uint64_t size)
{
    struct pair *pair = aligned_alloc(64, sizeof *pair);
    assert_non_null(pair);
    memset(pair, 0, sizeof *pair);
    pair->data = calloc(1, size);
    assert_non_null(pair->data);
    crewi_ring_init(&pair->writer, &pair->shared, pair->data, size);
    crewi_ring_init(&pair->reader, &pair->shared, pair->data, size);
    return pair;
}

static void free_pair(struct pair *pair)
{
    free(pair->data);
    free(pair);
}

static bool put(struct pair *pair, uint32_t type, uint32_t size, uint32_t seed)
{
    bool corrupt = false;
    unsigned char *room = crewi_ring_reserve(&pair->writer, size, &corrupt);
    assert_false(corrupt);
    if (!room)
        return false;
    assert_int_equal((uintptr_t)room % 16, (uintptr_t)pair->data % 16);
    assert_true(room >= pair->data && room + size <= pair->data + pair->writer.size);
    for (uint32_t i = 0; i < size; i++)
        room[i] = (unsigned char)(seed + i);
    crewi_ring_commit(&pair->writer, type, size);
    assert_true(crewi_ring_check(&pair->writer));
    return true;
}

static void expect(struct pair *pair, uint32_t type, uint32_t size, uint32_t seed)
{
    struct crewi_record record = {0}, again;
    assert_int_equal(crewi_ring_peek(&pair->reader, &record), 1);
    assert_int_equal(crewi_ring_peek(&pair->reader, &again), 1);
    assert_ptr_equal(again.data, record.data);
    assert_int_equal(record.type, type);
    assert_int_equal(record.size, size);
    for (uint32_t i = 0; i < size; i++)
        assert_int_equal(record.data[i], (unsigned char)(seed + i));
    crewi_ring_pop(&pair->reader);
    assert_true(crewi_ring_check(&pair->reader));
}

static void expect_none(struct pair *pair)
{
    struct crewi_record record;
    assert_int_equal(crewi_ring_peek(&pair->reader, &record), 0);
}

static void limits(void **state)
{
    (void)state;
    assert_int_equal(crewi_ring_record_limit(256), 48);
    assert_int_equal(crewi_ring_record_limit(256 * 1024), 64 * 1024 - 16);
}

/* Every size, begun at every place: before the end, up to it, across it. */
static void each_size_at_each_place(void **state)
{
    static const uint64_t sizes[] = {256, 512, 1024};
    (void)state;
    for (int s = 0; s < 3; s++) {
        uint32_t limit = crewi_ring_record_limit(sizes[s]);
        for (uint32_t size = 0; size <= limit; size++) {
            struct pair *pair = new_pair(sizes[s]);
            for (uint64_t place = 0; place < sizes[s]; place += 16) {
                while ((pair->writer.head & (sizes[s] - 1)) != place) {
                    assert_true(put(pair, 7, 0, 0));
                    expect(pair, 7, 0, 0);
                }
                assert_true(put(pair, 1 + size, size, size));
                assert_true(put(pair, 9, 5, 3));
                expect(pair, 1 + size, size, size);
                expect(pair, 9, 5, 3);
                expect_none(pair);
            }
            free_pair(pair);
        }
    }
}

static void full_and_room_again(void **state)
{
    (void)state;
    struct pair *pair = new_pair(256);
    for (int round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < 8; i++)
            assert_true(put(pair, 1, 16, i));
        assert_false(put(pair, 1, 16, 8));
        assert_false(put(pair, 1, 0, 8));
        expect(pair, 1, 16, 0);
        assert_true(put(pair, 1, 16, 8));
        assert_false(put(pair, 1, 0, 9));
        for (uint32_t i = 1; i <= 8; i++)
            expect(pair, 1, 16, i);
        expect_none(pair);
    }
    free_pair(pair);
}

/* 32 bytes are left before the end, the record takes 48: there is room only when the front is free
 * as well. */
static void filler_takes_room(void **state)
{
    (void)state;
    struct pair *pair = new_pair(256);
    for (uint32_t i = 0; i < 7; i++)
        assert_true(put(pair, 2, 16, i));
    assert_false(put(pair, 3, 32, 100));
    expect(pair, 2, 16, 0);
    assert_false(put(pair, 3, 32, 100));
    expect(pair, 2, 16, 1);
    assert_true(put(pair, 3, 32, 100));
    for (uint32_t i = 2; i < 7; i++)
        expect(pair, 2, 16, i);
    expect(pair, 3, 32, 100);
    expect_none(pair);
    assert_int_equal(pair->shared.tail, pair->shared.head);
    free_pair(pair);
}

static void less_than_was_reserved(void **state)
{
    bool corrupt = false;
    (void)state;
    struct pair *pair = new_pair(256);
    for (int round = 0; round < 100; round++) {
        unsigned char *room = crewi_ring_reserve(&pair->writer, 48, &corrupt);
        assert_non_null(room);
        expect_none(pair);
        room =
            crewi_ring_reserve(&pair->writer, 48, &corrupt); /* once more, in place of the first */
        assert_non_null(room);
        uint32_t used = (uint32_t)round % 49;
        for (uint32_t i = 0; i < used; i++)
            room[i] = (unsigned char)(used + i);
        crewi_ring_commit(&pair->writer, 4, used);
        expect(pair, 4, used, used);
    }
    expect_none(pair);
    free_pair(pair);
}

/* A record that was looked at stays until it is popped. */
static void peeked_bytes_are_not_given_out(void **state)
{
    struct crewi_record record;
    (void)state;
    struct pair *pair = new_pair(256);
    assert_true(put(pair, 1, 48, 1));
    assert_int_equal(crewi_ring_peek(&pair->reader, &record), 1);
    for (uint32_t i = 0; put(pair, 2, 48, i); i++)
        assert_true(i < 3);
    for (uint32_t i = 0; i < 48; i++)
        assert_int_equal(record.data[i], (unsigned char)(1 + i));
    free_pair(pair);
}

static void random_against_a_queue(void **state)
{
    struct {
        uint32_t type, size, seed;
    } queue[64];
    uint64_t seed = 11, put_count = 0, taken = 0;
    (void)state;
    struct pair *pair = new_pair(1024);
    for (int step = 0; step < 200000; step++) {
        uint32_t size = (uint32_t)unit_random_below(&seed, crewi_ring_record_limit(1024) + 1);
        uint32_t type = 1 + (uint32_t)unit_random_below(&seed, 1000);
        if (unit_random_below(&seed, 2)) {
            if (!put(pair, type, size, (uint32_t)step))
                continue;
            queue[put_count % 64].type = type;
            queue[put_count % 64].size = size;
            queue[put_count++ % 64].seed = (uint32_t)step;
        } else if (taken < put_count) {
            expect(pair, queue[taken % 64].type, queue[taken % 64].size, queue[taken % 64].seed);
            taken++;
        } else {
            expect_none(pair);
        }
    }
    assert_true(taken > 50000);
    free_pair(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits),
        cmocka_unit_test(each_size_at_each_place),
        cmocka_unit_test(full_and_room_again),
        cmocka_unit_test(filler_takes_room),
        cmocka_unit_test(less_than_was_reserved),
        cmocka_unit_test(peeked_bytes_are_not_given_out),
        cmocka_unit_test(random_against_a_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
