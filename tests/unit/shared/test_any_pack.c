/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as bytes: there and back, and bytes that are no value. */
#include "shared/any_pack.h"

#include "shared/any_inside.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 88172645463325252;

/* Anything, with what is in it. */
static crew_any random_value(int depth)
{
    static const char text[] = "a text of some length, from which pieces are taken";
    uint64_t words[4] = {unit_random(&seed), 2, 3, unit_random(&seed)};
    crew_any value;
    switch (unit_random_below(&seed, depth > 0 ? 9 : 7)) {
    case 0:
        return crew_nil();
    case 1:
        return crew_bool(unit_random_below(&seed, 2));
    case 2:
        return crew_int((int64_t)unit_random(&seed));
    case 3:
        return crew_double((double)unit_random_below(&seed, 1000) / 8);
    case 4:
        value =
            crew_string_sized(text + unit_random_below(&seed, 10), unit_random_below(&seed, 40));
        return value;
    case 5:
        return crew_bytes(text, unit_random_below(&seed, sizeof text));
    case 6:
        return crew_handle(words, 8 * (1 + unit_random_below(&seed, 4)));
    case 7:
        value = crew_any_list();
        for (uint64_t left = unit_random_below(&seed, 5); left; left--) {
            crew_any item = random_value(depth - 1);
            assert_int_equal(crew_any_list_append(&value, item), CREW_OK);
            crew_any_clear(&item);
        }
        return value;
    default:
        value = crew_any_dict();
        for (uint64_t left = unit_random_below(&seed, 15); left; left--) {
            crew_any item = random_value(depth - 1);
            assert_int_equal(crew_any_dict_set(&value, random_value(0), item), CREW_OK);
            crew_any_clear(&item);
        }
        return value;
    }
}

static void there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        crew_any value = random_value(4), back;
        void *data;
        size_t size;
        assert_int_equal(crew_any_pack(value, &data, &size), CREW_OK);
        assert_int_equal(size % 8, 0);
        assert_int_equal(crewi_packed_length(data), size);
        assert_int_equal(crew_any_unpack(&back, data, size), CREW_OK);
        assert_true(crew_any_equal(value, back));
        crew_any_clear(&back);
        if (size > 8)
            assert_int_equal(crew_any_unpack(&back, data, size - 8), CREW_EPROTO);
        free(data);
        crew_any_clear(&value);
    }
}

/* Changed at random, they are some other value or none. */
static void changed_bytes(void **state)
{
    int sound = 0;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        crew_any value = random_value(3), back;
        void *data;
        size_t size;
        assert_int_equal(crew_any_pack(value, &data, &size), CREW_OK);
        for (uint64_t left = 1 + unit_random_below(&seed, 4); left; left--)
            ((unsigned char *)data)[unit_random_below(&seed, size)] =
                (unsigned char)unit_random_below(&seed, 256);
        size_t cut = size - unit_random_below(&seed, size < 16 ? size : 16);
        if (crew_any_unpack(&back, data, cut) == CREW_OK) {
            char *text = NULL;
            assert_int_equal(crew_any_format(back, &text), CREW_OK);
            free(text);
            crew_any_clear(&back);
            sound++;
        }
        free(data);
        crew_any_clear(&value);
    }
    assert_in_range(sound, 100, 19900); /* it was a test of both */
}

static void random_bytes(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        unsigned char data[64];
        size_t size = 1 + unit_random_below(&seed, sizeof data);
        crew_any back;
        for (size_t at = 0; at < size; at++)
            data[at] = at % 8 ? 0 : (unsigned char)unit_random_below(&seed, 10);
        data[unit_random_below(&seed, size)] = (unsigned char)unit_random_below(&seed, 256);
        if (crew_any_unpack(&back, data, size) == CREW_OK)
            crew_any_clear(&back);
    }
}

static void refuse(const uint64_t *words, size_t size)
{
    crew_any back = crew_int(77);
    assert_int_equal(crew_any_unpack(&back, words, size), CREW_EPROTO);
    assert_int_equal(back.integer, 77);
}

static void no_values(void **state)
{
    uint64_t deep[CREW_ANY_DEPTH + 2];
    (void)state;
    for (int i = 0; i <= CREW_ANY_DEPTH; i++)
        deep[i] = CREW_ANY_LIST | 1 << 8;
    deep[CREW_ANY_DEPTH + 1] = CREW_ANY_NIL;
    refuse(deep, sizeof deep);
    crew_any back;
    assert_int_equal(crew_any_unpack(&back, deep + 1, sizeof deep - 8), CREW_OK);
    crew_any_clear(&back);
    refuse((uint64_t[]){CREW_ANY_NIL, 0}, 0);
    refuse((uint64_t[]){CREW_ANY_NIL, 0}, 16); /* something behind it */
    refuse((uint64_t[]){CREW_ANY_NIL | 1 << 8}, 8);
    refuse((uint64_t[]){CREW_ANY_BOOL | 2 << 8}, 8);
    refuse((uint64_t[]){CREW_ANY_INT | 7 << 8, 1}, 16);
    refuse((uint64_t[]){CREW_ANY_INT | 8 << 8}, 8);
    refuse((uint64_t[]){CREW_ANY_STRING | 8 << 8, 0x6161616161616161}, 16); /* no NUL */
    refuse((uint64_t[]){CREW_ANY_STRING | 1 << 8, 0xff}, 16);               /* no UTF-8 */
    refuse((uint64_t[]){CREW_ANY_STRING | 1 << 8, 0x6161}, 16);             /* not filled with 0 */
    refuse((uint64_t[]){CREW_ANY_STRING | UINT64_MAX << 8, 0x61}, 16);
    refuse((uint64_t[]){CREW_ANY_HANDLE | 40 << 8, 1, 2, 3, 4, 5}, 48);
    refuse((uint64_t[]){CREW_ANY_LIST | UINT64_MAX << 8, 0}, 16);
    refuse((uint64_t[]){CREW_ANY_DICT | 1 << 8, CREW_ANY_LIST, CREW_ANY_NIL}, 24); /* a key */
    refuse((uint64_t[]){9}, 8);
    assert_int_equal(crew_any_unpack(NULL, deep, 8), CREW_EINVAL);
    assert_int_equal(crew_any_unpack(&back, NULL, 8), CREW_EINVAL);
}

/* The last one counts. */
static void a_key_twice(void **state)
{
    uint64_t words[] = {CREW_ANY_DICT | 2 << 8, CREW_ANY_NIL, CREW_ANY_NIL, CREW_ANY_NIL,
                        CREW_ANY_BOOL | 1 << 8};
    crew_any back;
    (void)state;
    assert_int_equal(crew_any_unpack(&back, words, sizeof words), CREW_OK);
    assert_int_equal(crew_any_length(back), 1);
    assert_true(crew_any_dict_get(&back, crew_nil())->boolean);
    crew_any_clear(&back);
}

static void refuse_packing(crew_any value, const char *reason)
{
    void *data = &seed;
    size_t size = 77;
    assert_int_equal(crew_any_pack(value, &data, &size), CREW_EINVAL);
    assert_non_null(strstr(crew_error_message(), reason));
    assert_ptr_equal(data, &seed);
    assert_int_equal(size, 77);
}

static void wrong_values(void **state)
{
    void *data;
    size_t size;
    crew_any self = {.type = CREW_ANY_LIST, .list = {&self, 1, 0}}; /* in itself for ever */
    (void)state;
    refuse_packing((crew_any){.type = (crew_any_type)77}, "77");
    refuse_packing(crew_string("\xff"), "UTF-8 at byte 0");
    refuse_packing(crew_string("ab\xc0\x80"), "UTF-8 at byte 2");
    refuse_packing(crew_bytes(NULL, 1), "NULL");
    refuse_packing(crew_bytes("x", SIZE_MAX / 2), "1 GiB");
    refuse_packing(self, "deep");
    refuse_packing((crew_any){.type = CREW_ANY_LIST, .list = {NULL, 1, 0}}, "NULL");
    refuse_packing((crew_any){.type = CREW_ANY_DICT, .dict = {NULL, 1, 0, NULL}}, "NULL");
    refuse_packing((crew_any){.type = CREW_ANY_HANDLE, .handle_size = 33}, "33");
    crew_any_entry entry = {.key = crew_any_list()};
    refuse_packing((crew_any){.type = CREW_ANY_DICT, .dict = {&entry, 1, 0, NULL}}, "key");
    assert_int_equal(crew_any_pack(crew_nil(), NULL, &size), CREW_EINVAL);
    assert_int_equal(crew_any_pack(crew_nil(), &data, NULL), CREW_EINVAL);
}

static void utf8(void **state)
{
    static const struct {
        const char *text;
        size_t sound;
    } all[] = {{"", 0},
               {"\xc2\x80", 2},
               {"\xc1\xbf", 0},
               {"\xe0\x9f\xbf", 0},
               {"\xe0\xa0\x80", 3},
               {"\xed\x9f\xbf", 3},
               {"\xed\xa0\x80", 0}, /* a surrogate */
               {"\xf0\x8f\xbf\xbf", 0},
               {"\xf0\x90\x80\x80", 4},
               {"\xf4\x8f\xbf\xbf", 4},
               {"\xf4\x90\x80\x80", 0}, /* beyond the last one */
               {"\xf5\x80\x80\x80", 0},
               {"12345678\xe2\x82", 8}, /* cut */
               {"12345678\xe2\x82\xac"
                "12345678",
                19}};
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_int_equal(crewi_utf8_length(all[i].text, strlen(all[i].text)), all[i].sound);
}

static crew_status count_handle(void *context, const uint64_t *words, size_t count)
{
    uint64_t *sum = context;
    for (size_t i = 0; i < count; i++)
        *sum += words[i];
    return *sum > 100 ? CREW_EDOMAIN : CREW_OK;
}

/* All of them, and nothing that only looks like one. */
static void handles(void **state)
{
    uint64_t sum = 0, one = 1, two[2] = {10, 20};
    crew_any dict = crew_any_dict(), list = crew_any_list();
    void *data;
    size_t size;
    (void)state;
    crew_any_list_append(&list, CREW_HANDLE(one));
    crew_any_list_append(&list, crew_int(1000));
    crew_any_list_append(&list, CREW_HANDLE(two));
    crew_any_dict_set(&dict, CREW_HANDLE(one), list);
    assert_int_equal(crew_any_pack(dict, &data, &size), CREW_OK);
    assert_int_equal(crewi_packed_handles(data, count_handle, &sum), CREW_OK);
    assert_int_equal(sum, 32);
    sum = 99;
    assert_int_equal(crewi_packed_handles(data, count_handle, &sum), CREW_EDOMAIN);
    assert_int_equal(sum, 101);
    free(data);
    crew_any_clear(&dict);
    crew_any_clear(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back), cmocka_unit_test(changed_bytes),
        cmocka_unit_test(random_bytes),   cmocka_unit_test(no_values),
        cmocka_unit_test(a_key_twice),    cmocka_unit_test(wrong_values),
        cmocka_unit_test(utf8),           cmocka_unit_test(handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
