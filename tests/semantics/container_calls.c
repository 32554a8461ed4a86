// SPDX-License-Identifier: BSD-3-Clause
// Lists, dicts, sets and namespaces: each call, as Python's, and what it says when it fails.
#include "container_cases.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>

// Lists

static void append_all(crew_list list, const int *numbers, int count)
{
    for (int i = 0; i < count; i++)
        CHECK_OK(crew_list_append(list, crew_int(numbers[i])));
}

static void expect_item(crew_list list, int64_t index, const char *words)
{
    crew_any item = crew_nil();
    CHECK_OK(crew_list_get(list, index, &item));
    expect_value(item, words);
}

static void expect_pop(crew_list list, int64_t index, const char *words)
{
    crew_any item = crew_nil();
    CHECK_OK(crew_list_pop(list, index, &item));
    expect_value(item, words);
}

static void expect_slice(crew_list list, int64_t start, int64_t stop, const char *words)
{
    crew_any items = crew_nil();
    CHECK_OK(crew_list_slice(list, start, stop, &items));
    expect_value(items, words);
}

static void check_indexes(crew_list list)
{
    expect_item(list, 0, "1");
    expect_item(list, -1, "4");
    expect_item(list, -4, "1");
    CHECK_OK(crew_list_set(list, -2, crew_string("three")));
    expect_list(list, "[1, 2, 'three', 4]");
    expect_slice(list, 1, 3, "[2, 'three']");
    expect_slice(list, -2, CREW_END, "['three', 4]");
    expect_slice(list, -100, 100, "[1, 2, 'three', 4]");
    expect_slice(list, 3, 1, "[]");
    expect_slice(list, INT64_MIN, -3, "[1]");
    CHECK_OK(crew_list_delete(list, 2));
    CHECK_OK(crew_list_insert(list, 2, crew_int(3)));
    CHECK_OK(crew_list_insert(list, -100, crew_int(0)));
    CHECK_OK(crew_list_insert(list, 100, crew_int(5)));
    CHECK_OK(crew_list_insert(list, -1, crew_double(4.5)));
    expect_list(list, "[0, 1, 2, 3, 4, 4.5, 5]");
    expect_pop(list, 0, "0");
    expect_pop(list, -1, "5");
    expect_pop(list, 4, "4.5");
    expect_list(list, "[1, 2, 3, 4]");
}

static void check_missing_indexes(crew_list list)
{
    static const int64_t indexes[] = {4, -5, INT64_MAX, INT64_MIN};
    crew_any item = crew_int(77);
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        CHECK_STATUS(crew_list_get(list, indexes[i], &item), CREW_EDOMAIN);
        CHECK_CONTAINS(crew_error_message(), "outside of a length of 4");
        CHECK_STATUS(crew_list_set(list, indexes[i], item), CREW_EDOMAIN);
        CHECK_STATUS(crew_list_delete(list, indexes[i]), CREW_EDOMAIN);
        CHECK_STATUS(crew_list_pop(list, indexes[i], &item), CREW_EDOMAIN);
        CHECK_STATUS(crew_list_add(list, indexes[i], item, &item), CREW_EDOMAIN);
    }
    expect_value(item, "77");
}

static void check_equal_items(crew_list list)
{
    size_t number = 99;
    bool contains = true;
    CHECK_OK(crew_list_append(list, crew_double(2)));
    CHECK_OK(crew_list_index(list, crew_double(2), &number));
    CHECK_INT(number, 1);
    CHECK_OK(crew_list_count(list, crew_int(2), &number));
    CHECK_INT(number, 2);
    CHECK_OK(crew_list_contains(list, crew_string("2"), &contains));
    CHECK(!contains);
    CHECK_OK(crew_list_contains(list, crew_bool(true), &contains));
    CHECK(contains);
    CHECK_OK(crew_list_remove(list, crew_int(2)));
    expect_list(list, "[1, 3, 4, 2.0]");
    CHECK_STATUS(crew_list_remove(list, crew_int(77)), CREW_ENOENT);
    CHECK_STATUS(crew_list_index(list, crew_nil(), &number), CREW_ENOENT);
    CHECK_INT(number, 2);
    crew_any pair = crew_any_list();
    CHECK_OK(crew_any_list_append(&pair, crew_int(1)));
    CHECK_OK(crew_list_append(list, pair));
    pair.list.items[0] = crew_double(1);
    CHECK_OK(crew_list_index(list, pair, &number));
    CHECK_INT(number, 4);
    crew_any_clear(&pair);
}

static int use_list(void *arg)
{
    const struct container_job *job = arg;
    crew_any item = crew_int(77), items = crew_any_list();
    size_t length = 99;
    CHECK_OK(crew_list_clear(job->list));
    CHECK_STATUS(crew_list_pop(job->list, 0, &item), CREW_EEMPTY);
    expect_value(item, "77");
    append_all(job->list, (int[]){1, 2}, 2);
    CHECK_OK(crew_list_extend(job->list, items));
    CHECK_OK(crew_any_list_append(&items, crew_int(3)));
    CHECK_OK(crew_any_list_append(&items, crew_int(4)));
    CHECK_OK(crew_list_extend(job->list, items));
    crew_any_clear(&items);
    CHECK_STATUS(crew_list_extend(job->list, crew_int(1)), CREW_EINVAL);
    check_indexes(job->list);
    check_missing_indexes(job->list);
    check_equal_items(job->list);
    CHECK_OK(crew_list_length(job->list, &length));
    CHECK_INT(length, 5);
    CHECK_OK(crew_list_clear(job->list));
    CHECK_OK(crew_list_length(job->list, &length));
    CHECK_INT(length, 0);
    return check_result();
}

void list_calls(const struct variant *variant)
{
    struct container_job job = new_job();
    do_twice(variant, use_list, &job);
    close_job(&job);
}

static void add_to_items(crew_list list)
{
    crew_any sum = crew_nil();
    CHECK_OK(crew_list_add(list, 0, crew_int(5), &sum));
    expect_value(sum, "6");
    CHECK_OK(crew_list_add(list, 0, crew_double(0.5), &sum));
    expect_value(sum, "6.5");
    CHECK_OK(crew_list_set(list, 0, crew_int(INT64_MAX)));
    CHECK_STATUS(crew_list_add(list, 0, crew_bool(true), &sum), CREW_EDOMAIN);
    CHECK_STATUS(crew_list_add(list, 0, crew_string("x"), &sum), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "string");
    CHECK_OK(crew_list_set(list, 0, crew_nil()));
    CHECK_STATUS(crew_list_add(list, 0, crew_int(1), NULL), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "nil");
    expect_item(list, 0, "None");
}

static void check_printing(crew_list list)
{
    char text[100] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    CHECK_OK(crew_list_print(list, stream));
    fclose(stream);
    CHECK_TEXT(text, "[None, 2, 3]");
    CHECK_STATUS(crew_list_print(list, NULL), CREW_EINVAL);
}

static int order_list(void *arg)
{
    const struct container_job *job = arg;
    CHECK_OK(crew_list_clear(job->list));
    CHECK_OK(crew_list_sort(job->list, false));
    append_all(job->list, (int[]){3, 1, 2, 5, 4}, 5);
    CHECK_OK(crew_list_sort(job->list, false));
    expect_list(job->list, "[1, 2, 3, 4, 5]");
    CHECK_OK(crew_list_reverse(job->list));
    expect_list(job->list, "[5, 4, 3, 2, 1]");
    CHECK_OK(crew_list_append(job->list, crew_double(2)));
    CHECK_OK(crew_list_append(job->list, crew_bool(true)));
    CHECK_OK(crew_list_sort(job->list, false)); // equal ones stay as they are
    expect_list(job->list, "[1, True, 2, 2.0, 3, 4, 5]");
    CHECK_OK(crew_list_sort(job->list, true));
    expect_list(job->list, "[5, 4, 3, 2, 2.0, 1, True]");
    CHECK_OK(crew_list_append(job->list, crew_string("x")));
    CHECK_STATUS(crew_list_sort(job->list, false), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "string");
    expect_list(job->list, "[5, 4, 3, 2, 2.0, 1, True, 'x']");
    CHECK_OK(crew_list_clear(job->list));
    append_all(job->list, (int[]){1, 2, 3}, 3);
    add_to_items(job->list);
    check_printing(job->list);
    return check_result();
}

void list_order(const struct variant *variant)
{
    struct container_job job = new_job();
    do_twice(variant, order_list, &job);
    close_job(&job);
}

// Dicts

static void expect_entry(crew_dict dict, crew_any key, const char *words)
{
    crew_any value = crew_nil();
    CHECK_OK(crew_dict_get(dict, key, &value));
    expect_value(value, words);
}

static void check_missing_key(crew_dict dict)
{
    crew_any value = crew_int(77);
    CHECK_STATUS(crew_dict_get(dict, crew_string("none"), &value), CREW_ENOENT);
    CHECK_CONTAINS(crew_error_message(), "'none'");
    CHECK_STATUS(crew_dict_pop(dict, crew_string("none"), &value), CREW_ENOENT);
    CHECK_STATUS(crew_dict_delete(dict, crew_string("none")), CREW_ENOENT);
    expect_value(value, "77");
    CHECK_OK(crew_dict_get_default(dict, crew_string("none"), crew_string("other"), &value));
    expect_value(value, "'other'");
    CHECK_OK(crew_dict_get_default(dict, crew_string("a"), crew_string("other"), &value));
    expect_value(value, "1");
    CHECK_OK(crew_dict_setdefault(dict, crew_string("a"), crew_string("other"), &value));
    expect_value(value, "1");
    CHECK_OK(crew_dict_setdefault(dict, crew_string("d"), crew_string("new"), &value));
    expect_value(value, "'new'");
    expect_entry(dict, crew_string("d"), "'new'");
}

static void check_taking_out(crew_dict dict)
{
    crew_any key = crew_nil(), value = crew_nil();
    bool contains = false;
    CHECK_OK(crew_dict_pop(dict, crew_string("b"), &value));
    expect_value(value, "[2]");
    CHECK_OK(crew_dict_contains(dict, crew_string("b"), &contains));
    CHECK(!contains);
    CHECK_OK(crew_dict_contains(dict, crew_bool(true), &contains));
    CHECK(contains);
    CHECK_OK(crew_dict_delete(dict, crew_double(1)));
    CHECK_OK(crew_dict_popitem(dict, &key, &value));
    expect_value(key, "'d'");
    expect_value(value, "'new'");
    expect_dict(dict, "{'a': 1}");
    CHECK_OK(crew_dict_popitem(dict, &key, &value));
    expect_value(key, "'a'");
    key = crew_int(77);
    CHECK_STATUS(crew_dict_popitem(dict, &key, &value), CREW_EEMPTY);
    expect_value(key, "77");
    CHECK_STATUS(crew_dict_popitem(dict, NULL, &value), CREW_EINVAL);
    CHECK_STATUS(crew_dict_popitem(dict, &key, NULL), CREW_EINVAL);
}

static void check_sums(crew_dict dict)
{
    crew_any sum = crew_nil();
    CHECK_OK(crew_dict_add(dict, crew_string("n"), crew_bool(true), &sum));
    expect_value(sum, "1");
    CHECK_OK(crew_dict_add(dict, crew_string("n"), crew_int(-3), NULL));
    CHECK_OK(crew_dict_add(dict, crew_string("n"), crew_double(0.5), &sum));
    expect_value(sum, "-1.5");
    CHECK_STATUS(crew_dict_add(dict, crew_string("n"), crew_nil(), &sum), CREW_EINVAL);
    CHECK_STATUS(crew_dict_add(dict, crew_string("m"), crew_string("1"), &sum), CREW_EINVAL);
    expect_dict(dict, "{'n': -1.5}");
    CHECK_OK(crew_dict_add(dict, crew_string("n"), crew_double(1.5), NULL));
    CHECK_OK(crew_dict_set(dict, crew_string("n"), crew_int(INT64_MIN)));
    CHECK_STATUS(crew_dict_add(dict, crew_string("n"), crew_int(-1), &sum), CREW_EDOMAIN);
}

static void check_all_entries(crew_dict dict)
{
    crew_any all = crew_any_dict();
    char text[100] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    CHECK_OK(crew_any_dict_set(&all, crew_string("x"), crew_int(1)));
    CHECK_OK(crew_any_dict_set(&all, crew_string("n"), crew_int(2)));
    CHECK_OK(crew_dict_update(dict, all));
    crew_any_clear(&all);
    CHECK_STATUS(crew_dict_update(dict, crew_int(1)), CREW_EINVAL);
    CHECK_OK(crew_dict_keys(dict, &all));
    expect_value(all, "['n', 'x']");
    CHECK_OK(crew_dict_values(dict, &all));
    expect_value(all, "[2, 1]");
    CHECK_OK(crew_dict_print(dict, stream));
    fclose(stream);
    CHECK_TEXT(text, "{'n': 2, 'x': 1}");
    CHECK_STATUS(crew_dict_print(dict, NULL), CREW_EINVAL);
}

static int use_dict(void *arg)
{
    const struct container_job *job = arg;
    crew_any list = crew_any_list();
    size_t length = 99;
    CHECK_OK(crew_dict_clear(job->dict));
    CHECK_OK(crew_any_list_append(&list, crew_int(2)));
    CHECK_OK(crew_dict_set(job->dict, crew_string("a"), crew_int(0)));
    CHECK_OK(crew_dict_set(job->dict, crew_string("b"), list));
    CHECK_OK(crew_dict_set(job->dict, crew_int(1), crew_nil()));
    CHECK_OK(crew_dict_set(job->dict, crew_string("a"), crew_int(1)));
    CHECK_OK(crew_dict_set(job->dict, crew_double(1), crew_string("one"))); // the same key
    expect_dict(job->dict, "{'a': 1, 'b': [2], 1: 'one'}");
    CHECK_STATUS(crew_dict_set(job->dict, list, crew_nil()), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "a list cannot be a key");
    crew_any_clear(&list);
    check_missing_key(job->dict);
    CHECK_OK(crew_dict_length(job->dict, &length));
    CHECK_INT(length, 4);
    check_taking_out(job->dict);
    check_sums(job->dict);
    check_all_entries(job->dict);
    CHECK_OK(crew_dict_clear(job->dict));
    expect_dict(job->dict, "{}");
    return check_result();
}

void dict_calls(const struct variant *variant)
{
    struct container_job job = new_job();
    do_twice(variant, use_dict, &job);
    close_job(&job);
}

// Sets

static void expect_set_text(crew_set set, const char *words)
{
    char text[100] = "";
    FILE *stream = fmemopen(text, sizeof text, "w");
    CHECK_OK(crew_set_print(set, stream));
    fclose(stream);
    CHECK_TEXT(text, words);
}

static void update_set(crew_set set)
{
    crew_any items = crew_any_list();
    for (int i = 0; i < 4; i++)
        CHECK_OK(crew_any_list_append(&items, crew_int(i % 3)));
    CHECK_OK(crew_set_update(set, items));
    expect_set(set, "['b', 1, 0, 2]");
    CHECK_OK(crew_any_list_append(&items, items));
    CHECK_STATUS(crew_set_update(set, items), CREW_EINVAL);
    CHECK_STATUS(crew_set_add(set, items, NULL), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "a list cannot be in it");
    CHECK_STATUS(crew_set_update(set, crew_int(1)), CREW_EINVAL);
    crew_any_clear(&items);
}

static int use_set(void *arg)
{
    const struct container_job *job = arg;
    crew_any item = crew_int(77);
    bool is = false;
    size_t length = 99;
    CHECK_OK(crew_set_clear(job->set));
    CHECK_STATUS(crew_set_pop(job->set, &item), CREW_EEMPTY);
    expect_set_text(job->set, "set()");
    CHECK_OK(crew_set_add(job->set, crew_string("a"), &is));
    CHECK(is);
    CHECK_OK(crew_set_add(job->set, crew_string("b"), NULL));
    CHECK_OK(crew_set_add(job->set, crew_int(1), NULL));
    CHECK_OK(crew_set_add(job->set, crew_bool(true), &is));
    CHECK(!is);
    CHECK_OK(crew_set_contains(job->set, crew_double(1), &is));
    CHECK(is);
    expect_set_text(job->set, "{'a', 'b', 1}");
    CHECK_OK(crew_set_remove(job->set, crew_string("a")));
    CHECK_STATUS(crew_set_remove(job->set, crew_string("a")), CREW_ENOENT);
    CHECK_OK(crew_set_discard(job->set, crew_string("a")));
    CHECK_OK(crew_set_contains(job->set, crew_string("a"), &is));
    CHECK(!is);
    update_set(job->set);
    CHECK_OK(crew_set_discard(job->set, crew_string("b")));
    CHECK_OK(crew_set_pop(job->set, &item));
    expect_value(item, "2");
    CHECK_OK(crew_set_length(job->set, &length));
    CHECK_INT(length, 2);
    CHECK_STATUS(crew_set_print(job->set, NULL), CREW_EINVAL);
    return check_result();
}

void set_calls(const struct variant *variant)
{
    struct container_job job = new_job();
    do_twice(variant, use_set, &job);
    close_job(&job);
}

// Namespaces

static int use_namespace(void *arg)
{
    const struct container_job *job = arg;
    crew_any value = crew_int(77);
    char text[100] = "";
    bool has = true;
    FILE *stream = fmemopen(text, sizeof text, "w");
    CHECK_STATUS(crew_namespace_get(job->space, "level", &value), CREW_ENOENT);
    expect_value(value, "77");
    CHECK_OK(crew_namespace_set(job->space, "level", crew_int(3)));
    CHECK_OK(crew_namespace_set(job->space, "name", crew_string("x")));
    CHECK_OK(crew_namespace_set(job->space, "_hidden", crew_int(1)));
    CHECK_OK(crew_namespace_set(job->space, "age", crew_int(7)));
    CHECK_OK(crew_namespace_set(job->space, "age2", crew_int(8)));
    CHECK_OK(crew_namespace_get(job->space, "level", &value));
    expect_value(value, "3");
    CHECK_OK(crew_namespace_print(job->space, stream));
    fclose(stream);
    CHECK_TEXT(text, "Namespace(age2=8, age=7, level=3, name='x')"); // Python's order
    CHECK_OK(crew_namespace_delete(job->space, "_hidden"));
    CHECK_OK(crew_namespace_delete(job->space, "age"));
    CHECK_OK(crew_namespace_delete(job->space, "age2"));
    expect_space(job->space, "{'level': 3, 'name': 'x'}");
    CHECK_OK(crew_namespace_delete(job->space, "level"));
    CHECK_STATUS(crew_namespace_delete(job->space, "level"), CREW_ENOENT);
    CHECK_OK(crew_namespace_has(job->space, "level", &has));
    CHECK(!has);
    CHECK_OK(crew_namespace_has(job->space, "name", &has));
    CHECK(has);
    CHECK_OK(crew_namespace_delete(job->space, "name"));
    CHECK_STATUS(crew_namespace_set(job->space, NULL, crew_nil()), CREW_EINVAL);
    CHECK_STATUS(crew_namespace_set(job->space, "", crew_nil()), CREW_EINVAL);
    CHECK_STATUS(crew_namespace_get(job->space, NULL, &value), CREW_EINVAL);
    CHECK_STATUS(crew_namespace_delete(job->space, ""), CREW_EINVAL);
    CHECK_STATUS(crew_namespace_has(job->space, "\xff", &has), CREW_EINVAL);
    CHECK_STATUS(crew_namespace_print(job->space, NULL), CREW_EINVAL);
    return check_result();
}

void namespace_calls(const struct variant *variant)
{
    struct container_job job = new_job();
    do_twice(variant, use_namespace, &job);
    close_job(&job);
}

// Failures at home

static int fail_at_home(void *arg)
{
    const struct container_job *job = arg;
    crew_any value = crew_int(77);
    CHECK_STATUS(crew_dict_get(job->dict, crew_string("none"), &value), CREW_ENOENT);
    CHECK_CONTAINS(crew_error_message(), "has no key 'none'");
    CHECK_STATUS(crew_list_append(job->list, crew_int(1)), CREW_EFULL);
    CHECK_CONTAINS(crew_error_message(), "list \"small\" is full");
    CHECK_STATUS(crew_list_get(job->list, 5, &value), CREW_EDOMAIN);
    CHECK_STATUS(crew_list_add(job->list, 0, crew_int(1), &value), CREW_EINVAL);
    CHECK_STATUS(crew_set_pop(job->set, &value), CREW_EEMPTY);
    CHECK_STATUS(crew_set_remove(job->set, crew_int(1)), CREW_ENOENT);
    CHECK_STATUS(crew_namespace_get(job->space, "none", &value), CREW_ENOENT);
    expect_value(value, "77");
    return check_result();
}

// A failure at home reaches the caller as the same code, with its reason.
void mgr_02(const struct variant *variant)
{
    struct container_job job = new_job();
    CHECK_OK(crew_list_close(job.list));
    CHECK_OK(crew_list_create(&job.list, &(crew_container_attr){.name = "small", .max_items = 1}));
    CHECK_OK(crew_list_append(job.list, crew_nil()));
    do_twice(variant, fail_at_home, &job);
    close_job(&job);
}
