// SPDX-License-Identifier: BSD-3-Clause
// Lists in a block of shared memory.
#include "shared_cases.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char long_text[] = "a text of some more than eight bytes";

// What a process is given.
struct list_job {
    char name[CREW_NAME_SIZE];
};

// As Python's repr.
static void expect_item(const crew_shareable_list *list, int64_t index, const char *text)
{
    crew_any item = crew_nil();
    char *found = NULL;
    CHECK_OK(crew_shareable_list_get(list, index, &item));
    CHECK_OK(crew_any_format(item, &found));
    CHECK_TEXT(found, text);
    free(found);
    crew_any_clear(&item);
}

static crew_shareable_list new_list(const char *name)
{
    crew_shareable_list list = {.count = 0};
    const crew_any items[] = {
        crew_nil(),          crew_bool(true),       crew_int(-5),          crew_double(2.5),
        crew_string("text"), crew_bytes("b\0b", 3), crew_string(long_text)};
    CHECK_OK(crew_shareable_list_create(&list, items, 7, name));
    CHECK_INT(list.count, 7);
    return list;
}

static void expect_first_items(const crew_shareable_list *list)
{
    expect_item(list, 0, "None");
    expect_item(list, 1, "True");
    expect_item(list, 2, "-5");
    expect_item(list, 3, "2.5");
    expect_item(list, 4, "'text'");
    expect_item(list, 5, "b'b\\x00b'");
    expect_item(list, -1, "'a text of some more than eight bytes'");
    expect_item(list, -7, "None");
}

// Each slot takes what the others had, if it fits.
static void change_types(const crew_shareable_list *list)
{
    CHECK_OK(crew_shareable_list_set(list, 0, crew_string("eight by")));
    CHECK_OK(crew_shareable_list_set(list, 1, crew_double(-1)));
    CHECK_OK(crew_shareable_list_set(list, 2, crew_bytes("", 0)));
    CHECK_OK(crew_shareable_list_set(list, 3, crew_nil()));
    CHECK_OK(crew_shareable_list_set(list, 4, crew_bool(false)));
    CHECK_OK(crew_shareable_list_set(list, 5, crew_string("")));
    CHECK_OK(crew_shareable_list_set(list, -1, crew_int(INT64_MIN)));
}

static void expect_changed_items(const crew_shareable_list *list)
{
    expect_item(list, 0, "'eight by'");
    expect_item(list, 1, "-1.0");
    expect_item(list, 2, "b''");
    expect_item(list, 3, "None");
    expect_item(list, 4, "False");
    expect_item(list, 5, "''");
    expect_item(list, 6, "-9223372036854775808");
}

static void refuse_long_ones(const crew_shareable_list *list)
{
    char text[41];
    memset(text, 'x', sizeof text);
    CHECK_STATUS(crew_shareable_list_set(list, 3, crew_string("nine byte")), CREW_ETOOSMALL);
    CHECK_CONTAINS(crew_error_message(), "room for 8");
    CHECK_STATUS(crew_shareable_list_set(list, 3, crew_bytes(text, 9)), CREW_ETOOSMALL);
    CHECK_STATUS(crew_shareable_list_set(list, 6, crew_bytes(text, 41)), CREW_ETOOSMALL);
    expect_first_items(list); // nothing was written, there or beside
    CHECK_OK(crew_shareable_list_set(list, 5, crew_bytes(text, 8)));
    expect_item(list, 4, "'text'");
    expect_item(list, 5, "b'xxxxxxxx'");
    expect_item(list, 6, "'a text of some more than eight bytes'");
    CHECK_OK(crew_shareable_list_set(list, 5, crew_bytes("b\0b", 3)));
}

static void refuse_indexes(const crew_shareable_list *list)
{
    crew_any item = crew_int(77);
    const int64_t wrong[] = {7, -8, INT64_MAX, INT64_MIN};
    for (int i = 0; i < 4; i++) {
        CHECK_STATUS(crew_shareable_list_get(list, wrong[i], &item), CREW_EDOMAIN);
        CHECK_CONTAINS(crew_error_message(), "7 items");
        CHECK_STATUS(crew_shareable_list_set(list, wrong[i], item), CREW_EDOMAIN);
    }
    CHECK_STATUS(crew_shareable_list_set(list, 0, crew_any_list()), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "list");
    CHECK_STATUS(crew_shareable_list_set(list, 0, crew_bytes(NULL, 3)), CREW_EINVAL);
    CHECK_STATUS(crew_shareable_list_get(list, 0, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_shareable_list_get(NULL, 0, &item), CREW_EINVAL);
    CHECK_STATUS(crew_shareable_list_set(NULL, 0, item), CREW_EINVAL);
    CHECK_INT(item.integer, 77);
}

static void refuse_lists(const char *name)
{
    crew_shareable_list list = {.count = 77};
    const crew_any item = crew_int(1), nested = crew_any_list();
    crew_shared_memory block;
    CHECK_STATUS(crew_shareable_list_create(&list, &item, -1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_shareable_list_create(&list, NULL, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_shareable_list_create(&list, &nested, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_shareable_list_create(NULL, &item, 1, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_shareable_list_create(&list, &item, 1, name), CREW_EEXIST);
    CHECK_STATUS(crew_shareable_list_attach(&list, "no such list"), CREW_ENOENT);
    CHECK_STATUS(crew_shareable_list_attach(NULL, name), CREW_EINVAL);
    CHECK_STATUS(crew_shareable_list_close(NULL), CREW_EINVAL);
    CHECK_OK(crew_shared_memory_create(&block, NULL, 1000));
    CHECK_STATUS(crew_shareable_list_attach(&list, block.name), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), block.name);
    CHECK_OK(crew_shared_memory_unlink(block.name));
    CHECK_OK(crew_shared_memory_close(&block));
    CHECK_INT(list.count, 77);
}

static int use_list(void *arg)
{
    const struct list_job *job = arg;
    crew_shareable_list list = {.count = 0};
    CHECK_OK(crew_shareable_list_attach(&list, job->name));
    CHECK_INT(list.count, 7);
    expect_first_items(&list);
    refuse_long_ones(&list);
    refuse_indexes(&list);
    refuse_lists(job->name);
    change_types(&list);
    return check_result();
}

static void check_empty(void)
{
    crew_shareable_list list = {.count = 77}, other = {.count = 77};
    crew_any item;
    CHECK_OK(crew_shareable_list_create(&list, NULL, 0, NULL));
    CHECK_INT(list.count, 0);
    CHECK_STATUS(crew_shareable_list_get(&list, 0, &item), CREW_EDOMAIN);
    CHECK_STATUS(crew_shareable_list_get(&list, -1, &item), CREW_EDOMAIN);
    CHECK_OK(crew_shareable_list_attach(&other, list.block.name));
    CHECK_INT(other.count, 0);
    CHECK_OK(crew_shared_memory_unlink(list.block.name));
    CHECK_OK(crew_shareable_list_close(&list));
    CHECK_OK(crew_shareable_list_close(&other));
}

// SHM-10: a list of fixed length, whose slots may change their type; a text that is too long is an
// error and touches nothing.
void shm_10(const struct variant *variant)
{
    struct list_job job;
    crew_any item;
    snprintf(job.name, sizeof job.name, "SHM-10-%llx",
             (unsigned long long)crew_current_process().id);
    crew_shareable_list list = new_list(job.name);
    expect_first_items(&list);
    if (is_on_own_host(variant))
        CHECK_INT(finish(launch(variant, use_list, &job, sizeof job)), 0);
    else
        change_types(&list);
    expect_changed_items(&list);
    CHECK_OK(crew_shareable_list_close(&list));
    CHECK_OK(crew_shareable_list_close(&list));
    CHECK_STATUS(crew_shareable_list_get(&list, 0, &item), CREW_ECLOSED);
    CHECK_STATUS(crew_shareable_list_set(&list, 0, crew_nil()), CREW_ECLOSED);
    CHECK_OK(crew_shared_memory_unlink(job.name));
    check_empty();
}

// What another process scribbles over a list is an error, and not a crash.
void list_scribbled(const struct variant *variant)
{
    (void)variant;
    crew_shareable_list list = new_list(NULL);
    uint64_t *words = list.block.data;
    crew_any item = crew_int(77);
    for (size_t i = 2; i < 2 + 7 * 4; i++) { // head, and slots of four words
        uint64_t before = words[i];
        words[i] = UINT64_MAX - 3;
        for (int64_t index = 0; index < list.count; index++) {
            crew_status status = crew_shareable_list_get(&list, index, &item);
            CHECK_INT(status, index == (int64_t)(i - 2) / 4 ? CREW_EPROTO : CREW_OK);
            if (status == CREW_OK)
                crew_any_clear(&item);
        }
        words[i] = before;
    }
    expect_first_items(&list);
    words[1] = UINT64_MAX; // how many there are
    crew_shareable_list other = {.count = 77};
    CHECK_STATUS(crew_shareable_list_attach(&other, list.block.name), CREW_EINVAL);
    expect_first_items(&list);
    CHECK_OK(crew_shared_memory_unlink(list.block.name));
    CHECK_OK(crew_shareable_list_close(&list));
}

void check_lists_outside(void)
{
    crew_shareable_list list = {.count = 77};
    const crew_any item = crew_int(1);
    CHECK_STATUS(crew_shareable_list_create(&list, &item, 1, "a"), CREW_ESTATE);
    CHECK_STATUS(crew_shareable_list_attach(&list, "a"), CREW_ESTATE);
    CHECK_STATUS(crew_shareable_list_close(&list), CREW_ESTATE);
    CHECK_INT(list.count, 77);
}
