/* SPDX-License-Identifier: BSD-3-Clause */
/* What objects are made of, against plain models: lists and tables, at random. */
#include "shared/container_cells.h"

#include "shared/any_pack.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static uint64_t seed = 88172645463325252;

static struct crewi_cell *cell_of(crew_any value)
{
    unsigned char packed[64];
    uint64_t size;
    assert_int_equal(crewi_any_measure("cell_of", &value, &size), CREW_OK);
    assert_in_range(size, 8, sizeof packed);
    crewi_any_write(&value, packed);
    struct crewi_cell *cell = crewi_cell_create(packed, size);
    assert_non_null(cell);
    assert_int_equal(cell->has_handles, value.type == CREW_ANY_HANDLE);
    return cell;
}

static int64_t number_in(const struct crewi_cell *cell)
{
    return crewi_packed_view(cell->data).integer;
}

/* Lists */

#define MOST 200

static void expect_model(const struct crewi_cells *list, const int64_t *model, uint64_t count)
{
    assert_int_equal(list->count, count);
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(number_in(*crewi_cells_at(list, i)), model[i]);
}

static void lists_at_random(void **state)
{
    struct crewi_cells list = {0};
    int64_t model[MOST], next = 0;
    uint64_t count = 0;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        bool growing = i / 1000 % 2 == 0;
        if (count < MOST - 3 && unit_random_below(&seed, 4) < (growing ? 3 : 1)) {
            uint64_t at = unit_random_below(&seed, count + 1), more = unit_random_below(&seed, 3);
            if (unit_random_below(&seed, 2))
                at = unit_random_below(&seed, 2) ? count : 0;
            assert_int_equal(crewi_cells_reserve(&list, more), CREW_OK);
            memmove(model + at + more, model + at, (count - at) * sizeof *model);
            struct crewi_cell **gap = more ? crewi_cells_open(&list, at, more) : NULL;
            for (uint64_t j = 0; j < more; j++) {
                model[at + j] = next;
                gap[j] = cell_of(crew_int(next++));
            }
            count += more;
        } else if (count) {
            uint64_t at = unit_random_below(&seed, 2) ? 0 : unit_random_below(&seed, count);
            struct crewi_cell *taken = crewi_cells_take(&list, at);
            assert_int_equal(number_in(taken), model[at]);
            free(taken);
            memmove(model + at, model + at + 1, (--count - at) * sizeof *model);
        }
        expect_model(&list, model, count);
    }
    while (list.count)
        free(crewi_cells_take(&list, list.count - 1));
    crewi_cells_fini(&list);
}

static void sorting(void **state)
{
    (void)state;
    for (uint64_t count = 0; count < 70; count++) {
        struct crewi_cells list = {0};
        bool descending = count % 2;
        assert_int_equal(crewi_cells_reserve(&list, count + 1), CREW_OK);
        for (uint64_t i = 0; i < count; i++) {
            struct crewi_cell *cell = cell_of(crew_int((int64_t)unit_random_below(&seed, 20)));
            cell->version = i;
            *crewi_cells_open(&list, i, 1) = cell;
        }
        assert_int_equal(crewi_cells_sort(&list, descending), CREW_OK);
        for (uint64_t i = 0; i + 1 < count; i++) {
            const struct crewi_cell *one = *crewi_cells_at(&list, i);
            const struct crewi_cell *next = *crewi_cells_at(&list, i + 1);
            int64_t step = number_in(next) - number_in(one);
            assert_true(descending ? step <= 0 : step >= 0);
            assert_true(step || one->version < next->version); /* equal ones as they were */
        }
        *crewi_cells_open(&list, count / 2, 1) = cell_of(crew_string("x"));
        assert_int_equal(crewi_cells_sort(&list, descending), count ? CREW_EINVAL : CREW_OK);
        while (list.count)
            free(crewi_cells_take(&list, 0));
        crewi_cells_fini(&list);
    }
}

/* Tables */

#define KEYS 300

/* The value of each key, 0 is none, and when it came. */
static struct {
    int64_t value;
    uint64_t time;
} model[KEYS];

static crew_any key_of(uint64_t number)
{
    /* Some whose hashes have the lowest bits in common are among them. */
    return number % 3 ? crew_int((int64_t)number) : crew_double((double)number);
}

static void expect_order(const struct crewi_pairs *table)
{
    uint64_t at = 0, time = 0, count = 0;
    struct crewi_pair *pair, *last = NULL;
    while ((pair = crewi_pairs_next(table, &at))) {
        double number;
        assert_int_equal(crew_any_to_double(crewi_packed_view(pair->key->data), &number), CREW_OK);
        uint64_t key = (uint64_t)number;
        assert_int_equal(number_in(pair->value), model[key].value);
        assert_true(model[key].time > time);
        time = model[key].time;
        count++;
        last = pair;
    }
    assert_int_equal(count, table->count);
    assert_ptr_equal(crewi_pairs_last(table), last);
}

static void remove_pair(struct crewi_pairs *table, struct crewi_pair *pair)
{
    struct crewi_pair taken = crewi_pairs_take(table, pair);
    free(taken.key);
    free(taken.value);
}

static void change_one(struct crewi_pairs *table, uint64_t number, uint64_t time, bool growing)
{
    crew_any key = key_of(number);
    struct crewi_pair *pair = crewi_pairs_find(table, &key);
    assert_int_equal(pair != NULL, model[number].value != 0);
    if (pair)
        assert_int_equal(number_in(pair->value), model[number].value);
    if (!pair && unit_random_below(&seed, 4) < (growing ? 4 : 1)) {
        assert_int_equal(crewi_pairs_reserve(table, 1), CREW_OK);
        crewi_pairs_add(table, cell_of(key), cell_of(crew_int((int64_t)time)));
        model[number].value = (int64_t)time;
        model[number].time = time;
    } else if (pair && unit_random_below(&seed, 4) < (growing ? 1 : 3)) {
        remove_pair(table, pair);
        model[number].value = 0;
    }
}

static void tables_at_random(void **state)
{
    struct crewi_pairs table = {0};
    struct crewi_pair *last;
    (void)state;
    for (uint64_t time = 1; time < 40000; time++) {
        change_one(&table, unit_random_below(&seed, KEYS), time, time / 2000 % 2 == 0);
        if (time % 100 == 0)
            expect_order(&table);
    }
    while ((last = crewi_pairs_last(&table)))
        remove_pair(&table, last);
    assert_int_equal(table.count, 0);
    crew_any key = crew_int(1);
    assert_null(crewi_pairs_find(&table, &key));
    crewi_pairs_fini(&table);
}

/* One that is a list is equal to a list. */
static void equal_cells(void **state)
{
    crew_any list = crew_any_list();
    (void)state;
    assert_int_equal(crew_any_list_append(&list, crew_int(1)), CREW_OK);
    struct crewi_cell *cell = cell_of(list), *number = cell_of(crew_int(1));
    assert_true(crewi_cell_equals(cell, &list));
    assert_false(crewi_cell_equals(number, &list));
    crew_any one = crew_double(1);
    assert_true(crewi_cell_equals(number, &one));
    assert_false(crewi_cell_equals(cell, &one));
    list.list.items[0] = crew_int(2);
    assert_false(crewi_cell_equals(cell, &list));
    crew_any_clear(&list);
    free(cell);
    free(number);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_at_random),
        cmocka_unit_test(sorting),
        cmocka_unit_test(tables_at_random),
        cmocka_unit_test(equal_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
