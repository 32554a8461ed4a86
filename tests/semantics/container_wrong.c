// SPDX-License-Identifier: BSD-3-Clause
// Lists, dicts, sets and namespaces: all kinds of values, bounds, and wrong use.
#include "container_cases.h"

#include "check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Values

static int pass_values(void *arg)
{
    const struct container_job *job = arg;
    crew_any all = crew_any_list(), entry = crew_any_dict(), back = crew_nil();
    CHECK_OK(crew_any_dict_set(&entry, crew_string("key"), crew_double(-0.5)));
    CHECK_OK(crew_any_list_append(&all, crew_nil()));
    CHECK_OK(crew_any_list_append(&all, crew_bool(true)));
    CHECK_OK(crew_any_list_append(&all, crew_int(INT64_MIN)));
    CHECK_OK(crew_any_list_append(&all, crew_double(1e300)));
    CHECK_OK(crew_any_list_append(&all, crew_string("")));
    CHECK_OK(crew_any_list_append(&all, crew_string("gr\xc3\xbc\xc3\x9f")));
    CHECK_OK(crew_any_list_append(&all, crew_bytes("\0\xff", 2)));
    CHECK_OK(crew_any_list_append(&all, entry));
    CHECK_OK(crew_any_list_append(&all, CREW_HANDLE(job->dict)));
    CHECK_OK(crew_any_list_append(&all, all));
    CHECK_OK(crew_list_clear(job->list));
    CHECK_OK(crew_list_append(job->list, all));
    CHECK_OK(crew_list_get(job->list, 0, &back));
    CHECK(crew_any_equal(all, back));
    crew_any_clear(&back);
    CHECK_OK(crew_dict_set(job->dict, crew_bytes("k", 1), all));
    CHECK_OK(crew_dict_get(job->dict, crew_bytes("k", 1), &back));
    CHECK(crew_any_equal(all, back));
    crew_any_clear(&back);
    CHECK_OK(crew_dict_clear(job->dict)); // which is in itself
    crew_any_clear(&entry);
    crew_any_clear(&all);
    return check_result();
}

void container_values(const struct variant *variant)
{
    struct container_job job = new_job();
    do_twice(variant, pass_values, &job);
    close_job(&job);
}

#define LARGE ((size_t)64 << 20)

static int pass_large(void *arg)
{
    const struct container_job *job = arg;
    crew_any back = crew_nil();
    char *text = malloc(LARGE + 1);
    memset(text, 'x', LARGE);
    text[LARGE] = '\0';
    CHECK_OK(crew_dict_set(job->dict, crew_string("large"), crew_string(text)));
    CHECK_OK(crew_dict_get(job->dict, crew_string("large"), &back));
    CHECK(crew_any_equal(crew_string(text), back));
    crew_any_clear(&back);
    free(text);
    return check_result();
}

// From the last rank, and back.
void container_large(const struct variant *variant)
{
    struct container_job job = new_job();
    struct variant last = *variant;
    last.attr.placement = CREW_ON_RANK(crew_rank_count() - 1);
    CHECK_INT(finish(launch(&last, pass_large, &job, sizeof job)), 0);
    close_job(&job);
}

// Bounds

static void fill_list(void)
{
    crew_list list = {0};
    crew_any two = crew_any_list();
    CHECK_OK(crew_any_list_append(&two, crew_int(1)));
    CHECK_OK(crew_any_list_append(&two, crew_int(2)));
    CHECK_OK(crew_list_create(&list, &(crew_container_attr){.name = "l", .max_items = 3}));
    CHECK_OK(crew_list_extend(list, two));
    CHECK_STATUS(crew_list_extend(list, two), CREW_EFULL);
    CHECK_CONTAINS(crew_error_message(), "its bound of 3");
    CHECK_OK(crew_list_append(list, crew_int(3)));
    CHECK_STATUS(crew_list_append(list, crew_int(4)), CREW_EFULL);
    CHECK_STATUS(crew_list_insert(list, 0, crew_int(4)), CREW_EFULL);
    CHECK_OK(crew_list_set(list, 0, two));
    CHECK_OK(crew_list_delete(list, 0));
    CHECK_OK(crew_list_append(list, crew_int(4)));
    expect_list(list, "[2, 3, 4]");
    CHECK_OK(crew_list_close(list));
    crew_any_clear(&two);
}

static void fill_dict(void)
{
    crew_dict dict = {0};
    crew_any two = crew_any_dict(), value = crew_nil();
    CHECK_OK(crew_any_dict_set(&two, crew_int(1), crew_int(1)));
    CHECK_OK(crew_any_dict_set(&two, crew_int(2), crew_int(2)));
    CHECK_OK(crew_dict_create(&dict, &(crew_container_attr){.max_items = 2}));
    CHECK_OK(crew_dict_set(dict, crew_int(1), crew_int(0)));
    CHECK_OK(crew_dict_update(dict, two)); // one of both is new
    CHECK_STATUS(crew_dict_set(dict, crew_int(3), crew_int(3)), CREW_EFULL);
    CHECK_STATUS(crew_dict_setdefault(dict, crew_int(3), crew_int(3), &value), CREW_EFULL);
    CHECK_STATUS(crew_dict_add(dict, crew_int(3), crew_int(3), &value), CREW_EFULL);
    CHECK_OK(crew_dict_set(dict, crew_int(1), crew_int(5)));
    CHECK_OK(crew_any_dict_set(&two, crew_int(3), crew_int(3)));
    CHECK_STATUS(crew_dict_update(dict, two), CREW_EFULL); // all or nothing
    expect_dict(dict, "{1: 5, 2: 2}");
    CHECK_OK(crew_dict_close(dict));
    crew_any_clear(&two);
}

static void fill_with_bytes(void)
{
    static const char bytes[2000];
    crew_dict dict = {0};
    crew_set set = {0};
    CHECK_OK(crew_dict_create(&dict, &(crew_container_attr){.max_bytes = 5000}));
    CHECK_OK(crew_dict_set(dict, crew_int(1), crew_bytes(bytes, 2000)));
    CHECK_OK(crew_dict_set(dict, crew_int(2), crew_bytes(bytes, 2000)));
    CHECK_STATUS(crew_dict_set(dict, crew_int(3), crew_bytes(bytes, 2000)), CREW_EFULL);
    CHECK_CONTAINS(crew_error_message(), "its bound of 5000");
    CHECK_OK(crew_dict_set(dict, crew_int(2), crew_bytes(bytes, 1999))); // in its place
    CHECK_OK(crew_dict_delete(dict, crew_int(1)));
    CHECK_OK(crew_dict_set(dict, crew_int(3), crew_bytes(bytes, 2000)));
    CHECK_OK(crew_dict_close(dict));
    CHECK_OK(crew_set_create(&set, &(crew_container_attr){.max_items = 1}));
    crew_any twice = crew_any_list();
    CHECK_OK(crew_any_list_append(&twice, crew_int(1)));
    CHECK_OK(crew_any_list_append(&twice, crew_int(1)));
    CHECK_OK(crew_set_update(set, twice));
    CHECK_STATUS(crew_set_add(set, crew_int(2), NULL), CREW_EFULL);
    CHECK_OK(crew_set_close(set));
    crew_any_clear(&twice);
}

static int fill_all(void *arg)
{
    (void)arg;
    fill_list();
    fill_dict();
    fill_with_bytes();
    return check_result();
}

void container_bounds(const struct variant *variant)
{
    struct container_job job = {.number = 0};
    do_twice(variant, fill_all, &job);
}

// Wrong use

static crew_status set_to_nil(const crew_any *current, crew_any *next, void *arg)
{
    (void)current;
    (void)next;
    (void)arg;
    return CREW_OK;
}

// Every call with a handle that is none of an open list, and so on.
static void refuse_list(crew_list list, crew_status expected)
{
    crew_any value = crew_int(77), items = crew_any_list();
    size_t number = 99;
    bool is = true;
    CHECK_STATUS(crew_list_append(list, value), expected);
    CHECK_STATUS(crew_list_extend(list, items), expected);
    CHECK_STATUS(crew_list_insert(list, 0, value), expected);
    CHECK_STATUS(crew_list_get(list, 0, &value), expected);
    CHECK_STATUS(crew_list_set(list, 0, value), expected);
    CHECK_STATUS(crew_list_delete(list, 0), expected);
    CHECK_STATUS(crew_list_pop(list, 0, &value), expected);
    CHECK_STATUS(crew_list_slice(list, 0, 1, &value), expected);
    CHECK_STATUS(crew_list_items(list, &value), expected);
    CHECK_STATUS(crew_list_remove(list, value), expected);
    CHECK_STATUS(crew_list_index(list, value, &number), expected);
    CHECK_STATUS(crew_list_count(list, value, &number), expected);
    CHECK_STATUS(crew_list_contains(list, value, &is), expected);
    CHECK_STATUS(crew_list_length(list, &number), expected);
    CHECK_STATUS(crew_list_reverse(list), expected);
    CHECK_STATUS(crew_list_sort(list, true), expected);
    CHECK_STATUS(crew_list_clear(list), expected);
    CHECK_STATUS(crew_list_add(list, 0, value, &value), expected);
    CHECK_STATUS(crew_list_update_with(list, 0, set_to_nil, NULL), expected);
    CHECK_STATUS(crew_list_print(list, stderr), expected);
    CHECK_INT(value.integer, 77);
    CHECK_INT(number, 99);
    CHECK(is);
}

static void refuse_dict(crew_dict dict, crew_status expected)
{
    crew_any value = crew_int(77), entries = crew_any_dict();
    size_t number = 99;
    bool is = true;
    CHECK_STATUS(crew_dict_set(dict, value, value), expected);
    CHECK_STATUS(crew_dict_get(dict, value, &value), expected);
    CHECK_STATUS(crew_dict_get_default(dict, value, value, &value), expected);
    CHECK_STATUS(crew_dict_setdefault(dict, value, value, &value), expected);
    CHECK_STATUS(crew_dict_delete(dict, value), expected);
    CHECK_STATUS(crew_dict_pop(dict, value, &value), expected);
    CHECK_STATUS(crew_dict_popitem(dict, &value, &value), expected);
    CHECK_STATUS(crew_dict_contains(dict, value, &is), expected);
    CHECK_STATUS(crew_dict_length(dict, &number), expected);
    CHECK_STATUS(crew_dict_keys(dict, &value), expected);
    CHECK_STATUS(crew_dict_values(dict, &value), expected);
    CHECK_STATUS(crew_dict_items(dict, &value), expected);
    CHECK_STATUS(crew_dict_update(dict, entries), expected);
    CHECK_STATUS(crew_dict_clear(dict), expected);
    CHECK_STATUS(crew_dict_add(dict, value, value, &value), expected);
    CHECK_STATUS(crew_dict_update_with(dict, value, set_to_nil, NULL), expected);
    CHECK_STATUS(crew_dict_print(dict, stderr), expected);
    CHECK_INT(value.integer, 77);
    CHECK_INT(number, 99);
    CHECK(is);
}

static void refuse_set(crew_set set, crew_status expected)
{
    crew_any value = crew_int(77), items = crew_any_list();
    size_t number = 99;
    bool is = true;
    CHECK_STATUS(crew_set_add(set, value, &is), expected);
    CHECK_STATUS(crew_set_add(set, value, NULL), expected);
    CHECK_STATUS(crew_set_discard(set, value), expected);
    CHECK_STATUS(crew_set_remove(set, value), expected);
    CHECK_STATUS(crew_set_pop(set, &value), expected);
    CHECK_STATUS(crew_set_contains(set, value, &is), expected);
    CHECK_STATUS(crew_set_length(set, &number), expected);
    CHECK_STATUS(crew_set_update(set, items), expected);
    CHECK_STATUS(crew_set_items(set, &value), expected);
    CHECK_STATUS(crew_set_clear(set), expected);
    CHECK_STATUS(crew_set_print(set, stderr), expected);
    CHECK_INT(value.integer, 77);
    CHECK_INT(number, 99);
    CHECK(is);
}

static void refuse_space(crew_namespace space, crew_status expected)
{
    crew_any value = crew_int(77);
    bool is = true;
    CHECK_STATUS(crew_namespace_set(space, "x", value), expected);
    CHECK_STATUS(crew_namespace_get(space, "x", &value), expected);
    CHECK_STATUS(crew_namespace_delete(space, "x"), expected);
    CHECK_STATUS(crew_namespace_has(space, "x", &is), expected);
    CHECK_STATUS(crew_namespace_items(space, &value), expected);
    CHECK_STATUS(crew_namespace_print(space, stderr), expected);
    CHECK_INT(value.integer, 77);
    CHECK(is);
}

static void refuse_all(uint64_t id, crew_status expected)
{
    refuse_list((crew_list){id}, expected);
    refuse_dict((crew_dict){id}, expected);
    refuse_set((crew_set){id}, expected);
    refuse_space((crew_namespace){id}, expected);
}

static void refuse_closing(uint64_t id, crew_status expected)
{
    CHECK_STATUS(crew_list_close((crew_list){id}), expected);
    CHECK_STATUS(crew_dict_close((crew_dict){id}), expected);
    CHECK_STATUS(crew_set_close((crew_set){id}), expected);
    CHECK_STATUS(crew_namespace_close((crew_namespace){id}), expected);
}

static void refuse_creating(const crew_container_attr *attr, crew_status expected)
{
    struct container_job job = {.list = {77}, .dict = {77}, .set = {77}, .space = {77}};
    CHECK_STATUS(crew_list_create(&job.list, attr), expected);
    CHECK_STATUS(crew_dict_create(&job.dict, attr), expected);
    CHECK_STATUS(crew_set_create(&job.set, attr), expected);
    CHECK_STATUS(crew_namespace_create(&job.space, attr), expected);
    CHECK(job.list.id == 77 && job.dict.id == 77 && job.set.id == 77 && job.space.id == 77);
}

void check_outside(void)
{
    refuse_all(77, CREW_ESTATE);
    refuse_closing(77, CREW_ESTATE);
    refuse_creating(NULL, CREW_ESTATE);
}

static void check_attributes(void)
{
    char name[CREW_NAME_SIZE + 1];
    memset(name, 'x', sizeof name);
    name[CREW_NAME_SIZE] = '\0';
    CHECK_STATUS(crew_list_create(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_dict_create(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_set_create(NULL, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_namespace_create(NULL, NULL), CREW_EINVAL);
    refuse_creating(&(crew_container_attr){.name = name}, CREW_EINVAL);
    refuse_creating(&(crew_container_attr){.name = ""}, CREW_EINVAL);
    refuse_creating(&(crew_container_attr){.max_bytes = ((uint64_t)1 << 30) + 1}, CREW_EINVAL);
}

static void refuse_outputs(const struct container_job *job)
{
    crew_any key = crew_int(1);
    CHECK_STATUS(crew_list_get(job->list, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_list_pop(job->list, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_list_slice(job->list, 0, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_list_items(job->list, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_list_index(job->list, key, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_list_count(job->list, key, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_list_contains(job->list, key, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_list_length(job->list, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_dict_get(job->dict, key, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_dict_get_default(job->dict, key, key, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_dict_setdefault(job->dict, key, key, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_dict_pop(job->dict, key, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_dict_contains(job->dict, key, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_dict_keys(job->dict, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_set_pop(job->set, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_set_contains(job->set, key, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_set_items(job->set, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_namespace_get(job->space, "x", NULL), CREW_EINVAL);
    CHECK_STATUS(crew_namespace_has(job->space, "x", NULL), CREW_EINVAL);
    expect_list(job->list, "[]");
    expect_dict(job->dict, "{}");
}

// One type of object for another.
static void refuse_types(const struct container_job *job)
{
    refuse_list((crew_list){job->dict.id}, CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "a list was expected, \"dict-");
    refuse_dict((crew_dict){job->set.id}, CREW_EINVAL);
    refuse_set((crew_set){job->space.id}, CREW_EINVAL);
    refuse_space((crew_namespace){job->list.id}, CREW_EINVAL);
    CHECK_STATUS(crew_list_append(job->list, crew_string("\xff")), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "crew_list_append: a string that is not UTF-8");
    CHECK_STATUS(crew_list_append(job->list, (crew_any){.type = (crew_any_type)50}), CREW_EINVAL);
    const crew_any missing = {.type = CREW_ANY_LIST, .list = {.items = NULL, .count = 5}};
    CHECK_STATUS(crew_list_extend(job->list, missing), CREW_EINVAL);
    CHECK_STATUS(crew_set_update(job->set, missing), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "crew_set_update: the items of a list are NULL");
}

static int use_wrongly(void *arg)
{
    const struct container_job *job = arg;
    refuse_all(0, CREW_EINVAL);
    refuse_closing(0, CREW_EINVAL);
    refuse_all(crew_current_process().id, CREW_EINVAL);
    refuse_closing(crew_current_process().id, CREW_EINVAL);
    refuse_all(job->list.id + 0xffff, CREW_ENOENT);
    refuse_closing(job->list.id + 0xffff, CREW_ENOENT);
    refuse_types(job);
    refuse_outputs(job);
    check_attributes();
    return check_result();
}

static int use_closed(void *arg)
{
    const struct container_job *job = arg;
    close_job(job);
    close_job(job);
    refuse_list(job->list, CREW_ECLOSED);
    refuse_dict(job->dict, CREW_ECLOSED);
    refuse_set(job->set, CREW_ECLOSED);
    refuse_space(job->space, CREW_ECLOSED);
    return check_result();
}

void container_wrong(const struct variant *variant)
{
    struct container_job job = new_job();
    do_twice(variant, use_wrongly, &job);
    do_twice(variant, use_closed, &job);
    refuse_list(job.list, CREW_ECLOSED); // they are gone
    close_job(&job);
}
