/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of ids, against an array. */
#include "base/table.h"
#include "unit.h"

#include <stdlib.h>

#define STEPS 100000
#define IDS 700 /* enough for several sizes, and for crowds at the borders */

static void an_empty_table(void **state)
{
    struct crewi_table table = {0};
    (void)state;
    assert_null(crewi_table_find(&table, 1));
    assert_null(crewi_table_take(&table, 1));
    assert_null(crewi_table_find(&table, 0));
    assert_null(crewi_table_take(&table, 0));
    crewi_table_fini(&table);
    int value;
    assert_int_equal(crewi_table_add(&table, 5, &value), CREW_OK);
    assert_ptr_equal(crewi_table_find(&table, 5), &value);
    assert_null(crewi_table_find(&table, 0));
    assert_null(crewi_table_take(&table, 0));
    assert_int_equal(table.count, 1);
    crewi_table_fini(&table);
    assert_null(crewi_table_find(&table, 5));
}

static void room_for_many(void **state)
{
    struct crewi_table table = {0};
    int value;
    (void)state;
    assert_int_equal(crewi_table_add(&table, 5, &value), CREW_OK);
    assert_int_equal(crewi_table_reserve(&table, 1000), CREW_OK);
    const struct crewi_table_entry *entries = table.entries;
    for (uint64_t id = 6; id < 1005; id++)
        assert_int_equal(crewi_table_add(&table, id, &value), CREW_OK);
    assert_ptr_equal(table.entries, entries);
    assert_int_equal(table.count, 1000);
    assert_ptr_equal(crewi_table_find(&table, 5), &value);
    assert_int_equal(crewi_table_reserve(&table, 3), CREW_OK);
    assert_ptr_equal(table.entries, entries);
    crewi_table_fini(&table);
}

static void check_all(const struct crewi_table *table, const uint64_t *ids, void *const *values)
{
    size_t count = 0, entries = 0;
    for (size_t i = 0; i < IDS; i++) {
        assert_ptr_equal(crewi_table_find(table, ids[i]), values[i]);
        count += values[i] != NULL;
    }
    for (size_t i = 0; i < table->room; i++)
        entries += table->entries[i].id != 0;
    assert_int_equal(table->count, count);
    assert_int_equal(entries, count);
    assert_true(2 * count <= table->room);
}

/* Phases of mostly adding and mostly taking: the table fills and empties. */
static void random_steps(const uint64_t *ids, uint64_t seed)
{
    struct crewi_table table = {0};
    static int targets[IDS];
    void *values[IDS] = {0};
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)unit_random_below(&seed, IDS);
        bool add = unit_random_below(&seed, 10) < ((step / 5000) % 2 ? 3u : 7u);
        assert_ptr_equal(crewi_table_find(&table, ids[i]), values[i]);
        if (add && !values[i]) {
            values[i] = &targets[unit_random_below(&seed, IDS)];
            assert_int_equal(crewi_table_add(&table, ids[i], values[i]), CREW_OK);
        } else if (!add) {
            assert_ptr_equal(crewi_table_take(&table, ids[i]), values[i]);
            values[i] = NULL;
        }
        if (step % 1000 == 0)
            check_all(&table, ids, values);
    }
    check_all(&table, ids, values);
    for (size_t i = 0; i < IDS; i++)
        assert_ptr_equal(crewi_table_take(&table, ids[i]), values[i]);
    assert_int_equal(table.count, 0);
    crewi_table_fini(&table);
}

static void random_steps_with_ids_as_they_are(void **state)
{
    uint64_t ids[IDS];
    (void)state;
    for (uint64_t i = 0; i < IDS; i++)
        ids[i] = (uint64_t)(1 + i % 2) << 60 | (i % 3) << 40 | (i + 1);
    random_steps(ids, 1);
}

static void random_steps_with_any_ids(void **state)
{
    uint64_t ids[IDS], seed = 77;
    (void)state;
    for (size_t i = 0; i < IDS; i++)
        ids[i] = unit_random(&seed) | 1;
    random_steps(ids, 2);
}

/* Multiples of 2^44 all hash alike, but for the highest bits: one long row of probes. */
static void random_steps_with_ids_that_collide(void **state)
{
    uint64_t ids[IDS];
    (void)state;
    for (uint64_t i = 0; i < IDS; i++)
        ids[i] = (i + 1) << 44;
    random_steps(ids, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_table),
        cmocka_unit_test(room_for_many),
        cmocka_unit_test(random_steps_with_ids_as_they_are),
        cmocka_unit_test(random_steps_with_any_ids),
        cmocka_unit_test(random_steps_with_ids_that_collide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
