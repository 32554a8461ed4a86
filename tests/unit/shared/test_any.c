/* SPDX-License-Identifier: BSD-3-Clause */
/* Values: making, reading, comparing and printing them. */
#include <crew/any.h>
#include <crew/queue.h>

#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_words(crew_any value, const char *words)
{
    char *text = NULL;
    assert_int_equal(crew_any_format(value, &text), CREW_OK);
    assert_string_equal(text, words);
    free(text);
}

/* {'a': 1, 'b': [1, 2.5, None]} */
static crew_any example(void)
{
    crew_any list = crew_any_list(), dict = crew_any_dict();
    assert_int_equal(crew_any_list_append(&list, crew_int(1)), CREW_OK);
    assert_int_equal(crew_any_list_append(&list, crew_double(2.5)), CREW_OK);
    assert_int_equal(crew_any_list_append(&list, crew_nil()), CREW_OK);
    assert_int_equal(crew_any_dict_set(&dict, crew_string("a"), crew_int(1)), CREW_OK);
    assert_int_equal(crew_any_dict_set(&dict, crew_string("b"), list), CREW_OK);
    crew_any_clear(&list);
    return dict;
}

static void words(void **state)
{
    crew_queue queue = {.id = (uint64_t)4 << 60 | (uint64_t)2 << 40 | 7};
    (void)state;
    expect_words(crew_nil(), "None");
    expect_words(crew_bool(true), "True");
    expect_words(crew_bool(false), "False");
    expect_words(crew_int(INT64_MIN), "-9223372036854775808");
    expect_words(crew_string("it's"), "\"it's\"");
    expect_words(crew_string("it's \"x\"\n\\\x01\x7f"), "'it\\'s \"x\"\\n\\\\\\x01\\x7f'");
    expect_words(crew_string("gr\xc3\xbc\xc3\x9f"), "'gr\xc3\xbc\xc3\x9f'");
    expect_words(crew_string_sized("a\0b", 3), "'a\\x00b'");
    expect_words(crew_string(NULL), "None");
    expect_words(crew_bytes("\x00\xff'", 3), "b\"\\x00\\xff'\"");
    expect_words(CREW_HANDLE(queue), "<queue 7 of rank 2>");
    expect_words(crew_any_list(), "[]");
    expect_words(crew_any_dict(), "{}");
    crew_any dict = example();
    expect_words(dict, "{'a': 1, 'b': [1, 2.5, None]}");
    crew_any_clear(&dict);
    expect_words(dict, "None");
}

/* As Python prints them. */
static void doubles_in_words(void **state)
{
    static const struct {
        double number;
        const char *words;
    } all[] = {{0, "0.0"},
               {-0.0, "-0.0"},
               {1, "1.0"},
               {0.1, "0.1"},
               {1.0 / 3, "0.3333333333333333"},
               {1e15, "1000000000000000.0"},
               {123456789012345680.0, "1.2345678901234568e+17"},
               {1e16, "1e+16"},
               {-1.5e300, "-1.5e+300"},
               {0.0001, "0.0001"},
               {0.00001, "1e-05"},
               {5e-324, "5e-324"},
               {100, "100.0"},
               {12.25, "12.25"},
               {INFINITY, "inf"},
               {-INFINITY, "-inf"},
               {NAN, "nan"}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        expect_words(crew_double(all[i].number), all[i].words);
}

static void equal_values(void **state)
{
    crew_any values[] = {crew_int(1), crew_double(1), crew_bool(true)};
    uint64_t hashes[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(crew_any_hash(values[i], &hashes[i]), CREW_OK);
        assert_true(hashes[i] == hashes[0]);
        for (int j = 0; j < 3; j++)
            assert_true(crew_any_equal(values[i], values[j]));
    }
    assert_true(crew_any_equal(crew_double(0), crew_double(-0.0)));
    assert_true(crew_any_equal(crew_string("x"), crew_string_sized("xy", 1)));
    assert_true(crew_any_equal(crew_nil(), crew_nil()));
    assert_false(crew_any_equal(crew_nil(), crew_bool(false)));
    assert_false(crew_any_equal(crew_string("x"), crew_bytes("x", 1)));
    assert_false(crew_any_equal(crew_double(NAN), crew_double(NAN)));
    /* 2^53 + 1 is no double, and 2^63 no int. */
    assert_false(crew_any_equal(crew_int(9007199254740993), crew_double(9007199254740992.0)));
    assert_false(crew_any_equal(crew_int(INT64_MAX), crew_double(9223372036854775808.0)));
    assert_true(crew_any_equal(crew_int(INT64_MIN), crew_double(-9223372036854775808.0)));
    crew_any a = example(), b = crew_any_dict();
    assert_int_equal(
        crew_any_dict_set(&b, crew_string("b"), *crew_any_dict_get(&a, crew_string("b"))), CREW_OK);
    assert_false(crew_any_equal(a, b));
    assert_int_equal(crew_any_dict_set(&b, crew_string("a"), crew_double(1)), CREW_OK);
    assert_true(crew_any_equal(a, b)); /* in any order */
    assert_int_equal(crew_any_dict_set(&b, crew_string("a"), crew_int(2)), CREW_OK);
    assert_false(crew_any_equal(a, b));
    crew_any_clear(&a);
    crew_any_clear(&b);
}

static int order_of(crew_any a, crew_any b)
{
    int order = 77;
    assert_int_equal(crew_any_compare(a, b, &order), CREW_OK);
    return (order > 0) - (order < 0);
}

static void order(void **state)
{
    int order = 77;
    (void)state;
    assert_int_equal(order_of(crew_int(1), crew_double(1.5)), -1);
    assert_int_equal(order_of(crew_double(-1.5), crew_int(-1)), -1);
    assert_int_equal(order_of(crew_int(-1), crew_double(-1.5)), 1);
    assert_int_equal(order_of(crew_bool(true), crew_int(0)), 1);
    assert_int_equal(order_of(crew_int(INT64_MAX), crew_double(INFINITY)), -1);
    assert_int_equal(order_of(crew_int(9007199254740993), crew_double(9007199254740992.0)), 1);
    assert_int_equal(order_of(crew_string("a"), crew_string("ab")), -1);
    assert_int_equal(order_of(crew_bytes("b", 1), crew_bytes("ab", 2)), 1);
    crew_any a = crew_any_list(), b = crew_any_list();
    crew_any_list_append(&a, crew_int(1));
    assert_int_equal(order_of(a, b), 1);
    crew_any_list_append(&b, crew_double(1));
    assert_int_equal(order_of(a, b), 0);
    crew_any_list_append(&b, crew_nil());
    assert_int_equal(order_of(a, b), -1);
    crew_any_list_append(&a, crew_int(1));
    assert_int_equal(crew_any_compare(a, b, &order), CREW_EINVAL);
    assert_non_null(strstr(crew_error_message(), "int and nil"));
    crew_any_clear(&a);
    crew_any_clear(&b);
    assert_int_equal(crew_any_compare(crew_int(1), crew_string("1"), &order), CREW_EINVAL);
    assert_int_equal(crew_any_compare(crew_int(1), crew_double(NAN), &order), CREW_EINVAL);
    assert_int_equal(crew_any_compare(crew_nil(), crew_nil(), &order), CREW_EINVAL);
    assert_int_equal(crew_any_compare(crew_nil(), crew_nil(), NULL), CREW_EINVAL);
    assert_int_equal(order, 77);
}

static void reading(void **state)
{
    crew_queue queue = {77}, found = {0};
    bool boolean = false;
    int64_t integer = 7;
    double number = 7;
    const char *text = NULL;
    char small[4];
    (void)state;
    assert_int_equal(crew_any_to_bool(crew_bool(true), &boolean), CREW_OK);
    assert_true(boolean);
    assert_int_equal(crew_any_to_int(crew_int(5), &integer), CREW_OK);
    assert_int_equal(integer, 5);
    assert_int_equal(crew_any_to_int(crew_bool(true), &integer), CREW_OK);
    assert_int_equal(integer, 1);
    assert_int_equal(crew_any_to_double(crew_int(5), &number), CREW_OK);
    assert_true(number == 5);
    assert_int_equal(crew_any_to_double(crew_bool(true), &number), CREW_OK);
    assert_true(number == 1);
    assert_int_equal(crew_any_to_double(crew_double(0.5), &number), CREW_OK);
    assert_int_equal(crew_any_to_string(crew_string("x"), &text), CREW_OK);
    assert_string_equal(text, "x");
    assert_int_equal(crew_any_to_handle(CREW_HANDLE(queue), &found, sizeof found), CREW_OK);
    assert_int_equal(found.id, 77);
    assert_int_equal(crew_any_to_bool(crew_int(1), &boolean), CREW_EINVAL);
    assert_int_equal(crew_any_to_int(crew_double(1), &integer), CREW_EINVAL);
    assert_string_equal(crew_error_message(),
                        "crew_any_to_int: an int was expected, this is a value of the type double");
    assert_int_equal(crew_any_to_double(crew_string("1"), &number), CREW_EINVAL);
    assert_int_equal(crew_any_to_string(crew_bytes("x", 1), &text), CREW_EINVAL);
    assert_int_equal(crew_any_to_handle(crew_int(77), &found, sizeof found), CREW_EINVAL);
    assert_int_equal(crew_any_to_handle(CREW_HANDLE(queue), small, sizeof small), CREW_EINVAL);
    assert_int_equal(crew_any_to_bool(crew_bool(true), NULL), CREW_EINVAL);
    assert_int_equal(crew_any_to_int(crew_int(1), NULL), CREW_EINVAL);
    assert_int_equal(crew_any_to_double(crew_int(1), NULL), CREW_EINVAL);
    assert_int_equal(crew_any_to_string(crew_string(""), NULL), CREW_EINVAL);
    assert_int_equal(crew_any_to_handle(CREW_HANDLE(queue), NULL, 8), CREW_EINVAL);
    assert_int_equal(crew_any_length(crew_string("abc")), 3);
    assert_int_equal(crew_any_length(crew_int(3)), 0);
    assert_int_equal(crew_handle(&queue, CREW_ANY_HANDLE_SIZE + 1).type, CREW_ANY_NIL);
    assert_string_equal(crew_any_type_name(CREW_ANY_DICT), "dict");
    assert_string_equal(crew_any_type_name((crew_any_type)99), "?");
}

static void copies(void **state)
{
    char text[] = "abc";
    crew_any list = crew_any_list(), copy;
    (void)state;
    assert_int_equal(crew_any_list_append(&list, crew_string(text)), CREW_OK);
    text[0] = 'x';
    assert_string_equal(crew_any_list_at(&list, 0)->string.data, "abc");
    assert_int_equal(crew_any_list_append(&list, list), CREW_OK); /* itself, as it is now */
    expect_words(list, "['abc', ['abc']]");
    assert_int_equal(crew_any_copy(&copy, list), CREW_OK);
    crew_any_clear(&list);
    expect_words(copy, "['abc', ['abc']]");
    assert_null(crew_any_list_at(&copy, 2));
    assert_null(crew_any_list_at(NULL, 0));
    assert_null(crew_any_dict_get(&copy, crew_int(0)));
    crew_any_clear(&copy);
    crew_any_clear(&copy);
    crew_any_clear(NULL);
    assert_int_equal(crew_any_copy(NULL, list), CREW_EINVAL);
    assert_int_equal(crew_any_copy(&copy, (crew_any){.type = (crew_any_type)50}), CREW_EINVAL);
    crew_any borrowed = {.type = CREW_ANY_LIST};
    assert_int_equal(crew_any_list_append(&borrowed, crew_nil()), CREW_EINVAL);
    assert_int_equal(crew_any_list_append(NULL, crew_nil()), CREW_EINVAL);
    assert_int_equal(crew_any_dict_set(&borrowed, crew_nil(), crew_nil()), CREW_EINVAL);
    assert_int_equal(crew_any_dict_set(NULL, crew_nil(), crew_nil()), CREW_EINVAL);
}

/* More than one looks at each. */
static void a_large_dict(void **state)
{
    enum { COUNT = 10000 };
    crew_any dict = crew_any_dict();
    size_t at = 0;
    (void)state;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(crew_any_dict_set(&dict, crew_int(i * 64), crew_int(i + round)),
                             CREW_OK);
    assert_int_equal(crew_any_length(dict), COUNT);
    for (int i = 0; i < COUNT; i++) {
        const crew_any *key = crew_any_next(&dict, &at);
        assert_int_equal(key->integer, i * 64);
        assert_int_equal(crew_any_dict_get(&dict, crew_double(i * 64.0))->integer, i + 1);
    }
    assert_null(crew_any_next(&dict, &at));
    assert_null(crew_any_dict_get(&dict, crew_int(1)));
    assert_null(crew_any_dict_get(&dict, dict));
    assert_int_equal(crew_any_dict_set(&dict, crew_any_list(), crew_nil()), CREW_EINVAL);
    assert_non_null(strstr(crew_error_message(), "a list cannot be the key"));
    crew_any_clear(&dict);
    assert_null(crew_any_next(&dict, &at));
    assert_null(crew_any_next(NULL, &at));
}

static void depth(void **state)
{
    crew_any value = crew_any_list();
    (void)state;
    for (int i = 1; i < CREW_ANY_DEPTH; i++) {
        crew_any outer = crew_any_list();
        assert_int_equal(crew_any_list_append(&outer, value), CREW_OK);
        crew_any_clear(&value);
        value = outer;
    }
    crew_any outer = crew_any_list(), dict = crew_any_dict();
    assert_int_equal(crew_any_list_append(&outer, value), CREW_EINVAL);
    assert_non_null(strstr(crew_error_message(), "64 deep"));
    assert_int_equal(crew_any_dict_set(&dict, crew_nil(), value), CREW_EINVAL);
    assert_int_equal(crew_any_length(outer) + crew_any_length(dict), 0);
    crew_any_clear(&value);
    uint64_t hash = 7;
    assert_int_equal(crew_any_hash(outer, &hash), CREW_EINVAL);
    assert_int_equal(crew_any_hash(crew_nil(), NULL), CREW_EINVAL);
    assert_int_equal(hash, 7);
}

static void printing(void **state)
{
    char text[100] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    (void)state;
    assert_non_null(stream);
    crew_any dict = example();
    assert_int_equal(crew_any_print(dict, stream), CREW_OK);
    fclose(stream);
    assert_string_equal(text, "{'a': 1, 'b': [1, 2.5, None]}");
    assert_int_equal(crew_any_print(dict, NULL), CREW_EINVAL);
    assert_int_equal(crew_any_format(dict, NULL), CREW_EINVAL);
    crew_any_clear(&dict);
    stream = fopen("/dev/full", "w");
    assert_non_null(stream);
    setbuf(stream, NULL);
    assert_int_equal(crew_any_print(crew_int(1), stream), CREW_ESYSTEM);
    fclose(stream);
}

/* As Python's repr. */
static void characters(void **state)
{
    (void)state;
    expect_words(crew_string("a\tb\n\x7f"), "'a\\tb\\n\\x7f'");
    expect_words(crew_string("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
                 "'caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80'");
    expect_words(crew_string("\xc2\x80 \xc2\x9f \xc2\xa0 \xc2\xad \xc2\xae"),
                 "'\\x80 \\x9f \\xa0 \\xad \xc2\xae'");
    expect_words(crew_string("\xe2\x80\x8b \xe2\x80\xa8 \xee\x80\x80"),
                 "'\\u200b \\u2028 \\ue000'"); /* no width, a line's end, for private use */
    expect_words(crew_string("\xf0\x9f\xbf\xbf \xf3\xa0\x80\x81 \xf4\x8f\xbf\xbf"),
                 "'\\U0001ffff \\U000e0001 \\U0010ffff'");
    expect_words(crew_bytes("\xc3\xa9'", 3), "b\"\\xc3\\xa9'\"");
}

/* Made by hand: data that is not there, a type that there is not, and the like. */
static void what_is_no_value(void **state)
{
    crew_any number = crew_int(1), *self = &number;
    crew_any_entry entry = {crew_any_list(), crew_int(1)};
    crew_any wrong[7] = {
        [0] = {.type = CREW_ANY_STRING, .string = {NULL, 5}},
        [1] = {.type = CREW_ANY_BYTES, .bytes = {NULL, 5}},
        [2] = {.type = CREW_ANY_LIST, .list = {.items = NULL, .count = 5}},
        [3] = {.type = CREW_ANY_DICT, .dict = {.entries = NULL, .count = 5}},
        [4] = {.type = CREW_ANY_HANDLE, .handle_size = CREW_ANY_HANDLE_SIZE + 1},
        [5] = {.type = (crew_any_type)77},
        [6] = {.type = CREW_ANY_DICT, .dict = {.entries = &entry, .count = 1}},
    };
    char *text = NULL;
    const char *string;
    uint64_t hash;
    int order;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(crew_any_format(wrong[i], &text), CREW_EINVAL);
        assert_non_null(strstr(crew_error_message(), "crew_any_format: "));
        assert_int_equal(crew_any_print(wrong[i], stdout), CREW_EINVAL);
        assert_null(text);
        assert_false(crew_any_equal(wrong[i], *self));
        crew_any copy = wrong[i];
        if (i < 5) {
            assert_int_equal(crew_any_hash(wrong[i], &hash), CREW_EINVAL);
            assert_int_equal(crew_any_compare(wrong[i], wrong[i], &order), CREW_EINVAL);
            assert_false(crew_any_equal(wrong[i], wrong[i]));
            copy.owned = 1;
        }
        size_t at = 0;
        assert_true(i == 6 || !crew_any_next(&wrong[i], &at));
        assert_null(crew_any_list_at(&wrong[i], 0));
        assert_null(crew_any_dict_get(&wrong[i], *self));
        crew_any_clear(&copy);
        assert_int_equal(copy.type, CREW_ANY_NIL);
    }
    assert_int_equal(crew_any_to_string(wrong[0], &string), CREW_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(doubles_in_words),
        cmocka_unit_test(equal_values),
        cmocka_unit_test(order),
        cmocka_unit_test(reading),
        cmocka_unit_test(copies),
        cmocka_unit_test(a_large_dict),
        cmocka_unit_test(depth),
        cmocka_unit_test(printing),
        cmocka_unit_test(characters),
        cmocka_unit_test(what_is_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
