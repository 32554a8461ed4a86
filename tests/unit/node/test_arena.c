/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks of an arena, as the rank and as others see them. */
#include "node/arena.h"

#include "unit.h"

#include <crew/status.h>
#include <string.h>
#include <unistd.h>

static struct crewi_arena *arena;

static struct crewi_block take(size_t size)
{
    struct crewi_block block = {0};
    assert_int_equal(crewi_arena_take(&arena, size, &block), CREW_OK);
    return block;
}

static bool is_zero(const struct crewi_block *block)
{
    const unsigned char *bytes = block->memory;
    for (uint64_t i = 0; i < block->place.size; i++)
        if (bytes[i])
            return false;
    return true;
}

static void blocks_do_not_overlap(void **state)
{
    (void)state;
    struct crewi_block blocks[64];
    for (size_t i = 0; i < 64; i++) {
        blocks[i] = take(1 + i * 300);
        assert_true(is_zero(&blocks[i]));
        assert_int_equal((uintptr_t)blocks[i].memory % 64, 0);
        memset(blocks[i].memory, (int)i + 1, blocks[i].place.size);
    }
    for (size_t i = 0; i < 64; i++) {
        const unsigned char *bytes = blocks[i].memory;
        assert_int_equal(bytes[0], i + 1);
        assert_int_equal(bytes[blocks[i].place.size - 1], i + 1);
    }
    for (size_t i = 0; i < 64; i++)
        crewi_arena_give_back(arena, &blocks[i]);
    assert_true(!blocks[0].memory);
    crewi_arena_give_back(arena, &blocks[0]);
}

static void used_again_it_is_zero(void **state)
{
    (void)state;
    struct crewi_block block = take(100), again;
    void *memory = block.memory;
    memset(memory, 7, 100);
    crewi_arena_give_back(arena, &block);
    again = take(90);
    assert_true(again.memory == memory);
    assert_int_equal(again.place.size, 90);
    assert_true(is_zero(&again));
    crewi_arena_give_back(arena, &again);
}

static void others_see_it(void **state)
{
    (void)state;
    static const size_t sizes[] = {8, 1000, 100000, 1 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct crewi_block block = take(sizes[i]);
        unsigned char *mine = block.memory;
        void *other = NULL, *second = NULL;
        assert_int_equal(crewi_place_map(&block.place, &other), CREW_OK);
        assert_int_equal(crewi_place_map(&block.place, &second), CREW_OK);
        assert_true(other == second);
        assert_true(other != block.memory);
        mine[sizes[i] - 1] = 42;
        assert_int_equal(((unsigned char *)other)[sizes[i] - 1], 42);
        crewi_place_unmap(other);
        ((unsigned char *)second)[0] = 17;
        assert_int_equal(mine[0], 17);
        crewi_place_unmap(second);
        crewi_arena_give_back(arena, &block);
    }
    crewi_place_unmap(NULL);
}

static void what_is_no_block_is_refused(void **state)
{
    (void)state;
    struct crewi_block block = take(100000);
    struct crewi_place place = block.place;
    void *memory = &place;
    place.offset = 1;
    assert_int_equal(crewi_place_map(&place, &memory), CREW_EPROTO);
    place = block.place;
    place.memfd.cookie++;
    assert_int_equal(crewi_place_map(&place, &memory), CREW_EPROTO);
    place = block.place;
    place.memfd.fd = 999999;
    assert_int_equal(crewi_place_map(&place, &memory), CREW_ESYSTEM);
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    place.memfd.fd = pipe_fds[0];
    assert_int_equal(crewi_place_map(&place, &memory), CREW_EPROTO);
    assert_true(memory == &place);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    crewi_arena_give_back(arena, &block);
}

static void nobody_can_cut_it(void **state)
{
    (void)state;
    struct crewi_block block = take(100000);
    assert_int_equal(ftruncate(block.place.memfd.fd, 0), -1);
    ((unsigned char *)block.memory)[99999] = 1;
    crewi_arena_give_back(arena, &block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_overlap), cmocka_unit_test(used_again_it_is_zero),
        cmocka_unit_test(others_see_it),         cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(nobody_can_cut_it),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    crewi_arena_destroy(arena);
    crewi_arena_destroy(NULL);
    crewi_places_fini();
    return failed;
}
