/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists and dicts at home, asked from any rank. */
#include "base/clock.h"
#include "containers.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static void expect_words(crew_any value, const char *words)
{
    char *text = NULL;
    assert_int_equal(crew_any_format(value, &text), CREW_OK);
    assert_string_equal(text, words);
    free(text);
    crew_any_clear(&value);
}

/* What one rank has done, all others see. */
static void a_list_on_all_ranks(void **state)
{
    uint64_t list = container_make(on(1), CREWI_LIST);
    (void)state;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        crew_any number = crew_int(rank);
        container_do(on(rank), CREWI_LIST_INSERT, list, 0, &number, 1);
        assert_int_equal(container_do(on(3 - rank), CREWI_CONTAINER_LENGTH, list, 0, NULL, 0),
                         rank + 1);
    }
    expect_words(container_fetch(on(2), CREWI_LIST_SLICE, list, 0, NULL, 0), "[3, 2, 1, 0]");
    expect_words(container_fetch(on(0), CREWI_LIST_TAKE, list, -1, NULL, 0), "0");
    container_do(on(3), CREWI_LIST_REVERSE, list, 0, NULL, 0);
    expect_words(container_fetch(on(1), CREWI_LIST_SLICE, list, 1, NULL, 0), "[2, 3]");
    container_refused(on(0), CREWI_LIST_GET, list, 3, CREW_EDOMAIN, "outside of a length of 3");
    container_refused(on(0), CREWI_DICT_ALL, list, 3, CREW_EINVAL, "a list was expected");
}

static void a_dict_on_all_ranks(void **state)
{
    uint64_t dict = container_make(on(2), CREWI_DICT);
    (void)state;
    for (uint32_t rank = 0; rank < FAKE_RANKS; rank++) {
        crew_any entry[2] = {crew_int(rank % 2), crew_int(rank)};
        container_do(on(rank), CREWI_DICT_SET, dict, 0, entry, 2);
    }
    expect_words(container_fetch(on(0), CREWI_DICT_ALL, dict, 0, NULL, 0), "{0: 2, 1: 3}");
    expect_words(container_fetch(on(1), CREWI_DICT_TAKE_LAST, dict, 0, NULL, 0), "[1, 3]");
    assert_int_equal(container_do(on(3), CREWI_CONTAINER_LENGTH, dict, 0, NULL, 0), 1);
}

/* Asked to set a version, the home says what there is when it is another one. */
static void versions(void **state)
{
    uint64_t dict = container_make(on(0), CREWI_DICT);
    crew_any entry[2] = {crew_string("k"), crew_int(1)};
    struct crewi_container_head head = {.id = dict,
                                        .count = 2,
                                        .version = UINT64_MAX,
                                        .type = CREWI_DICT,
                                        .flags = CREWI_CONTAINER_IF_VERSION};
    struct crewi_container_head answer;
    (void)state;
    expect_words(
        container_expect(on(1), container_ask(on(1), CREWI_DICT_SET, &head, entry), &answer),
        "None");
    assert_int_equal(answer.count + answer.number + answer.version, 0);
    head.version = 0;
    container_expect(on(1), container_ask(on(1), CREWI_DICT_SET, &head, entry), &answer);
    assert_int_equal(answer.number, 1);
    expect_words(
        container_expect(on(2), container_ask(on(2), CREWI_DICT_SET, &head, entry), &answer), "1");
    assert_int_equal(answer.number, 0);
    head.version = answer.version;
    entry[1] = crew_int(2);
    container_expect(on(2), container_ask(on(2), CREWI_DICT_SET, &head, entry), &answer);
    assert_int_equal(answer.number, 1);
    expect_words(
        container_expect(on(3), container_ask(on(3), CREWI_DICT_SET, &head, entry), &answer), "2");
    assert_int_equal(answer.number, 0);
}

/* Both bounds count what goes out as well. */
static void bytes(void **state)
{
    uint64_t list = container_make(on(0), CREWI_LIST), dict = container_make(on(0), CREWI_DICT);
    const struct crewi_container *container = container_at_home(list);
    const struct crewi_container *table = container_at_home(dict);
    crew_any values[3] = {crew_int(3), crew_string("a longer text"), crew_nil()};
    (void)state;
    container_do(on(1), CREWI_LIST_INSERT, list, 0, values, 3);
    uint64_t all = container->bytes;
    assert_int_equal(all, (48 + 16) + (48 + 24) + (48 + 8));
    container_do(on(1), CREWI_LIST_SET, list, 1, values, 1);
    assert_int_equal(container->bytes, all - 24 + 16);
    container_do(on(1), CREWI_LIST_TAKE, list, 0, NULL, 0);
    container_do(on(1), CREWI_LIST_REMOVE, list, 0, values, 1);
    assert_int_equal(container->bytes, 48 + 8);
    container_do(on(1), CREWI_CONTAINER_CLEAR, list, 0, NULL, 0);
    assert_int_equal(container->bytes, 0);
    container_do(on(1), CREWI_DICT_SET, dict, 0, values, 2);
    container_do(on(1), CREWI_DICT_UPDATE, dict, 0, values, 2);
    assert_int_equal(table->bytes, (48 + 16) + (48 + 24));
    values[1] = crew_int(1);
    container_do(on(1), CREWI_DICT_SET, dict, 0, values, 2);
    container_do(on(1), CREWI_DICT_ADD, dict, 0, values, 2);
    assert_int_equal(table->bytes, 2 * (48 + 16));
    container_do(on(1), CREWI_DICT_TAKE, dict, 0, values, 1);
    assert_int_equal(table->bytes, 0);
}

/* It is gone with its last copy, wherever that is, and says so. */
static void the_end(void **state)
{
    uint64_t list = container_make(on(0), CREWI_LIST);
    crew_any number = crew_int(1);
    (void)state;
    container_do(on(2), CREWI_LIST_INSERT, list, 0, &number, 1);
    container_close(on(0), list);
    container_refused(on(0), CREWI_LIST_REVERSE, list, 0, CREW_ECLOSED, "has closed this object");
    assert_non_null(container_at_home(list));
    fake_client_end(on(2));
    fake_job_run(container_job);
    assert_null(container_at_home(list));
    container_refused(on(3), CREWI_LIST_REVERSE, list, 0, CREW_ECLOSED, "all copies");
    struct crewi_container_head head = {.id = list};
    fake_expect_refusal(on(0), container_ask(on(0), CREWI_CONTAINER_CLOSE, &head, NULL),
                        CREW_ECLOSED, "closed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONTAINER_TEST(a_list_on_all_ranks),
        CONTAINER_TEST(a_dict_on_all_ranks),
        CONTAINER_TEST(versions),
        CONTAINER_TEST(bytes),
        CONTAINER_TEST(the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
