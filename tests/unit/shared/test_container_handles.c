/* SPDX-License-Identifier: BSD-3-Clause */
/* Handles in values: an object holds them as a process does. */
#include "base/clock.h"
#include "containers.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

/* Home of the object, home of what is in it, and who gets it: on any ranks. */
static void kept_by_an_object(void **state)
{
    (void)state;
    for (uint32_t home = 0; home < 2; home++) {
        for (uint32_t getter = 0; getter < 3; getter++) {
            uint64_t list = container_make(on(home), CREWI_LIST);
            uint64_t inner = container_make(on(1), CREWI_LIST);
            container_put_handle(on(1), list, inner);
            container_close(on(1), inner);
            fake_job_run(container_job);
            assert_non_null(container_at_home(inner));
            assert_int_equal(container_get_handle(also_on(getter), list, 0), inner);
            container_do(also_on(getter), CREWI_LIST_REVERSE, inner, 0, NULL, 0);
            container_close(also_on(getter), inner);
            fake_job_run(container_job);
            assert_non_null(container_at_home(inner));
            container_do(on(2), CREWI_LIST_TAKE, list, 0, NULL, 0); /* and on(2) has it */
            assert_non_null(container_at_home(inner));
            container_close(on(2), inner);
            fake_job_run(container_job);
            assert_null(container_at_home(inner));
        }
    }
}

/* Counted: several times in one object, in keys, values, and deep within. */
static void counted(void **state)
{
    uint64_t dict = container_make(on(0), CREWI_DICT);
    uint64_t inner = container_make(on(1), CREWI_LIST);
    crew_any nested = crew_any_list();
    (void)state;
    assert_int_equal(crew_any_list_append(&nested, CREW_HANDLE(inner)), CREW_OK);
    crew_any entries[4] = {CREW_HANDLE(inner), CREW_HANDLE(inner), crew_int(0), nested};
    container_do(on(1), CREWI_DICT_UPDATE, dict, 0, entries, 4);
    container_close(on(1), inner);
    const struct crewi_container *container = container_at_home(dict);
    assert_int_equal((uintptr_t)crewi_table_find(&container->handles, inner), 3);
    entries[1] = crew_nil();
    container_do(on(2), CREWI_DICT_SET, dict, 0, entries, 2);
    assert_int_equal((uintptr_t)crewi_table_find(&container->handles, inner), 2);
    entries[3] = crew_nil();
    container_do(on(2), CREWI_DICT_SET, dict, 0, entries + 2, 2);
    fake_job_run(container_job);
    assert_non_null(container_at_home(inner));
    container_do(on(2), CREWI_CONTAINER_CLEAR, dict, 0, NULL, 0);
    fake_job_run(container_job);
    assert_int_equal(container->handles.count, 0);
    assert_null(container_at_home(inner));
    crew_any_clear(&nested);
}

/* With the object goes what was in it alone: one in one in one. */
static void gone_with_the_object(void **state)
{
    uint64_t lists[3];
    (void)state;
    for (uint32_t i = 0; i < 3; i++) {
        lists[i] = container_make(on(i), CREWI_LIST);
        if (!i)
            continue;
        container_put_handle(on(i), lists[i - 1], lists[i]);
        container_close(on(i), lists[i]);
    }
    container_close(on(1), lists[0]);
    container_close(on(2), lists[1]);
    fake_job_run(container_job);
    for (int i = 0; i < 3; i++)
        assert_non_null(container_at_home(lists[i]));
    container_close(on(0), lists[0]);
    fake_job_run(container_job);
    for (int i = 0; i < 3; i++)
        assert_null(container_at_home(lists[i]));
}

/* One that is in itself is kept by that, until it is taken out. */
static void in_itself(void **state)
{
    uint64_t list = container_make(on(0), CREWI_LIST);
    (void)state;
    container_put_handle(on(0), list, list);
    container_do(on(1), CREWI_LIST_REVERSE, list, 0, NULL, 0);
    container_close(on(0), list);
    container_do(on(1), CREWI_LIST_TAKE, list, 0, NULL, 0);
    assert_int_equal(container_do(on(1), CREWI_CONTAINER_LENGTH, list, 0, NULL, 0), 0);
    container_close(on(1), list);
    fake_job_run(container_job);
    assert_null(container_at_home(list));
}

/* What was not kept: no room, no such index, of another type, only looked for. */
static void not_kept(void **state)
{
    uint64_t list = container_make(on(0), CREWI_LIST), dict = container_make(on(0), CREWI_DICT);
    uint64_t inner = container_make(on(1), CREWI_LIST);
    crew_any value = CREW_HANDLE(inner), entry[2] = {value, value};
    struct crewi_container_head head = {.id = list, .index = 7, .count = 1, .type = CREWI_LIST};
    (void)state;
    fake_expect_refusal(on(1), container_ask(on(1), CREWI_LIST_SET, &head, &value), CREW_EDOMAIN,
                        "outside");
    fake_expect_refusal(on(1), container_ask(on(1), CREWI_LIST_FIND, &head, &value), CREW_ENOENT,
                        "no item");
    container_at_home(list)->max_items = 1;
    container_do(on(0), CREWI_LIST_INSERT, list, 0, &(crew_any){.type = CREW_ANY_NIL}, 1);
    fake_expect_refusal(on(1), container_ask(on(1), CREWI_LIST_INSERT, &head, &value), CREW_EFULL,
                        "full");
    head.id = dict;
    fake_expect_refusal(on(1), container_ask(on(1), CREWI_LIST_INSERT, &head, &value), CREW_EINVAL,
                        "a list was expected");
    entry[0] = crew_int(1);
    entry[1] = crew_int(2);
    container_do(on(0), CREWI_DICT_SET, dict, 0, entry, 2);
    entry[1] = value;
    container_do(on(1), CREWI_DICT_DEFAULT, dict, 0, entry, 2);
    container_close(on(1), inner);
    fake_job_run(container_job);
    assert_null(container_at_home(inner));
}

/* One that has ended before its answer came has it no more. */
static void a_getter_that_ends(void **state)
{
    uint64_t list = container_make(on(0), CREWI_LIST), inner = container_make(on(0), CREWI_LIST);
    struct crewi_container_head head = {.id = list, .type = CREWI_LIST};
    (void)state;
    container_put_handle(on(0), list, inner);
    container_do(also_on(2), CREWI_LIST_REVERSE, list, 0, NULL, 0);
    container_close(on(0), inner);
    container_ask(also_on(2), CREWI_LIST_GET, &head, NULL);
    fake_client_end(also_on(2));
    fake_job_run(container_job);
    assert_non_null(container_at_home(inner));
    container_do(on(0), CREWI_CONTAINER_CLEAR, list, 0, NULL, 0);
    fake_job_run(container_job);
    assert_null(container_at_home(inner));
}

/* More often than the weight of a share would do: the object asks for more. */
static void got_over_and_over(void **state)
{
    uint64_t list = container_make(on(0), CREWI_LIST), inner = container_make(on(1), CREWI_LIST);
    (void)state;
    container_put_handle(on(1), list, inner);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(container_get_handle(on(2), list, 0), inner); /* and keeps all of it */
    container_close(on(2), inner);
    container_close(on(1), inner);
    container_do(on(0), CREWI_CONTAINER_CLEAR, list, 0, NULL, 0);
    fake_job_run(container_job);
    assert_null(container_at_home(inner));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTAINER_TEST(kept_by_an_object),
        CONTAINER_TEST(counted),
        CONTAINER_TEST(gone_with_the_object),
        CONTAINER_TEST(in_itself),
        CONTAINER_TEST(not_kept),
        CONTAINER_TEST(a_getter_that_ends),
        CONTAINER_TEST(got_over_and_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
