// SPDX-License-Identifier: BSD-3-Clause
// Elements: their types, zeros, slices, atomic changes, and memory that is not there yet.
#include "shared_cases.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

crew_array new_array(crew_datatype type, int64_t count)
{
    crew_array array = {0};
    CHECK_OK(crew_array_create(&array, type, count, NULL));
    return array;
}

int64_t int64_at(crew_array array, int64_t index)
{
    int64_t number = -99;
    CHECK_OK(crew_array_get_int64(array, index, &number));
    return number;
}

int64_t int64_of(crew_value value)
{
    int64_t number = -99;
    CHECK_OK(crew_value_get_int64(value, &number));
    return number;
}

// Types

// A number that needs all bytes of its type, or nearly so, for each index; bools are 0 and 1.
static void pattern(crew_datatype type, int index, void *element)
{
    double number = index % 2 ? -1.0 / (index + 3) : 1e30 / (index + 1);
    float single = (float)number;
    if (type == CREW_DOUBLE)
        memcpy(element, &number, sizeof number);
    else if (type == CREW_FLOAT)
        memcpy(element, &single, sizeof single);
    else if (type == CREW_BOOL)
        *(bool *)element = index % 2;
    else
        memset(element, 0x80 + index, crew_datatype_size(type));
}

static int write_pattern(void *arg)
{
    const struct shared_job *job = arg;
    for (int i = 0; i < job->count; i++) {
        unsigned char element[8];
        pattern(job->type, i, element);
        CHECK_OK(crew_array_set(job->array, job->type, i, element));
    }
    return check_result();
}

static void check_pattern(const struct shared_job *job)
{
    size_t size = crew_datatype_size(job->type);
    for (int i = 0; i < job->count; i++) {
        unsigned char expected[8], found[8];
        pattern(job->type, i, expected);
        CHECK_OK(crew_array_get(job->array, job->type, i, found));
        CHECK(memcmp(found, expected, size) == 0);
    }
}

static int add_to_values(void *arg)
{
    const crew_value *values = arg;
    int64_t number;
    CHECK_OK(crew_value_get_int64(values[0], &number));
    CHECK_INT(number, 1);
    CHECK_OK(crew_value_set_int64(values[0], number + 41));
    CHECK_OK(crew_value_set_double(values[1], -0.5));
    CHECK_OK(crew_value_set_bool(values[2], true));
    return check_result();
}

static void check_values(const struct variant *variant)
{
    crew_value values[3];
    crew_datatype type;
    double fraction = 0;
    bool truth = false;
    CHECK_OK(crew_value_create(&values[0], CREW_LONG, &(long){1}, NULL));
    CHECK_OK(crew_value_create(&values[1], CREW_DOUBLE, NULL, NULL));
    CHECK_OK(crew_value_create(&values[2], CREW_BOOL, NULL, NULL));
    CHECK_OK(crew_value_get_double(values[1], &fraction));
    CHECK(fraction == 0);
    CHECK_INT(finish(launch(variant, add_to_values, values, sizeof values)), 0);
    CHECK_INT(int64_of(values[0]), 42);
    CHECK_OK(crew_value_get_double(values[1], &fraction));
    CHECK(fraction == -0.5);
    CHECK_OK(crew_value_get_bool(values[2], &truth));
    CHECK(truth);
    CHECK_OK(crew_value_type(values[1], &type));
    CHECK_INT(type, CREW_DOUBLE);
    for (int i = 0; i < 3; i++)
        CHECK_OK(crew_value_close(values[i]));
}

// SHM-01: what a child writes its parent sees after join; all types come back as they went.
void shm_01(const struct variant *variant)
{
    for (int type = CREW_DATATYPE_NONE + 1; type < CREW_DATATYPE_LIMIT; type++) {
        struct shared_job job = {.type = (crew_datatype)type, .count = 5};
        crew_datatype found;
        job.array = new_array(job.type, job.count);
        CHECK_INT(finish(launch(variant, write_pattern, &job, sizeof job)), 0);
        check_pattern(&job);
        CHECK_OK(crew_array_type(job.array, &found));
        CHECK_INT(found, type);
        CHECK_OK(crew_array_close(job.array));
    }
    check_values(variant);
}

// Zeros, and what is not there

static void check_zero(crew_array array, int64_t count)
{
    int64_t *numbers = malloc((size_t)count * sizeof *numbers), sum = 0;
    memset(numbers, 1, (size_t)count * sizeof *numbers);
    CHECK_OK(crew_array_read(array, 0, count, numbers));
    for (int64_t i = 0; i < count; i++)
        sum |= numbers[i];
    CHECK_INT(sum, 0);
    free(numbers);
}

static void refuse_index(crew_array array, int64_t index)
{
    int64_t number = 7, other = 8;
    char text[64];
    bool exchanged = true;
    snprintf(text, sizeof text, "index %lld ", (long long)index);
    CHECK_STATUS(crew_array_get_int64(array, index, &number), CREW_EDOMAIN);
    CHECK_CONTAINS(crew_error_message(), text);
    CHECK_CONTAINS(crew_error_message(), "10 elements");
    CHECK_STATUS(crew_array_set_int64(array, index, number), CREW_EDOMAIN);
    CHECK_STATUS(crew_array_add_int64(array, index, number), CREW_EDOMAIN);
    CHECK_STATUS(crew_array_exchange(array, CREW_INT64, index, &other, &number), CREW_EDOMAIN);
    CHECK_STATUS(crew_array_compare_exchange(array, CREW_INT64, index, &number, &other, &exchanged),
                 CREW_EDOMAIN);
    CHECK_INT(number, 7);
    CHECK(exchanged);
}

static void refuse_slice(crew_array array, int64_t first, int64_t count)
{
    crew_status expected = count < 0 ? CREW_EINVAL : CREW_EDOMAIN;
    int64_t numbers[20] = {7};
    CHECK_STATUS(crew_array_read(array, first, count, numbers), expected);
    CHECK_STATUS(crew_array_write(array, first, count, numbers), expected);
    CHECK_STATUS(crew_array_fill(array, first, count, numbers), expected);
    CHECK_INT(numbers[0], 7);
}

static int check_bounds(void *arg)
{
    const struct shared_job *job = arg;
    int64_t length = 0;
    CHECK_OK(crew_array_length(job->array, &length));
    CHECK_INT(length, 10);
    refuse_index(job->array, 10);
    refuse_index(job->array, -1);
    refuse_index(job->array, INT64_MAX);
    refuse_index(job->array, INT64_MIN);
    refuse_slice(job->array, 0, 11);
    CHECK_CONTAINS(crew_error_message(), "11 elements from index 0");
    refuse_slice(job->array, 10, 1);
    refuse_slice(job->array, 11, 0);
    refuse_slice(job->array, -1, 2);
    refuse_slice(job->array, 2, -1);
    refuse_slice(job->array, 5, INT64_MAX);
    CHECK_OK(crew_array_read(job->array, 10, 0, NULL));
    check_zero(job->array, 10);
    return check_result();
}

static void check_empty(void)
{
    crew_array array = new_array(CREW_INT64, 0);
    int64_t length = 99, number;
    CHECK_OK(crew_array_length(array, &length));
    CHECK_INT(length, 0);
    CHECK_STATUS(crew_array_get_int64(array, 0, &number), CREW_EDOMAIN);
    CHECK_OK(crew_array_write(array, 0, 0, NULL));
    CHECK_OK(crew_array_close(array));
    array.id = 77;
    CHECK_STATUS(crew_array_create(&array, CREW_INT8, -1, NULL), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "-1");
    CHECK_STATUS(crew_array_create(&array, CREW_INT64, INT64_MAX / 4, NULL), CREW_ENOMEM);
    CHECK_INT(array.id, 77);
}

// SHM-02: an array is all zero, also in memory that another had; what is not in it is an error.
void shm_02(const struct variant *variant)
{
    const int64_t counts[] = {10, 3000, 100000};
    for (int round = 0; round < 6; round++) {
        int64_t count = counts[round % 3], ones = -1;
        crew_array array = new_array(CREW_INT64, count);
        check_zero(array, count);
        CHECK_OK(crew_array_fill(array, 0, count, &ones));
        CHECK_INT(int64_at(array, count - 1), -1);
        CHECK_OK(crew_array_close(array));
    }
    struct shared_job job = {.array = new_array(CREW_INT64, 10)};
    CHECK_INT(finish(launch(variant, check_bounds, &job, sizeof job)), 0);
    CHECK_OK(crew_array_close(job.array));
    check_empty();
}

// Slices: longer than a message, and than some of them together

#define SLICE_COUNT 700001 // of 8 bytes

static void expect_series(const int64_t *numbers, int64_t count, int64_t begin)
{
    int64_t wrong = 0;
    for (int64_t i = 0; i < count; i++)
        wrong += numbers[i] != begin + i;
    CHECK_INT(wrong, 0);
}

static int use_slices(void *arg)
{
    const struct shared_job *job = arg;
    int64_t *numbers = malloc((SLICE_COUNT + 1) * sizeof *numbers), seven = 7;
    numbers[SLICE_COUNT] = 77;
    CHECK_OK(crew_array_read(job->array, 0, SLICE_COUNT, numbers));
    expect_series(numbers, SLICE_COUNT, 0);
    CHECK_INT(numbers[SLICE_COUNT], 77);
    for (int64_t i = 0; i < SLICE_COUNT; i++)
        numbers[i] += 1000;
    CHECK_OK(crew_array_write(job->array, 0, SLICE_COUNT, numbers));
    CHECK_OK(crew_array_read(job->array, 400, 5, numbers));
    expect_series(numbers, 5, 1400);
    CHECK_OK(crew_array_fill(job->array, 10, 400000, &seven));
    CHECK_OK(crew_array_fill(job->array, 3, 1, &seven));
    free(numbers);
    return check_result();
}

void array_slices(const struct variant *variant)
{
    struct shared_job job = {.array = new_array(CREW_INT64, SLICE_COUNT)};
    int64_t *numbers = malloc(SLICE_COUNT * sizeof *numbers), sum = 0;
    for (int64_t i = 0; i < SLICE_COUNT; i++)
        numbers[i] = i;
    CHECK_OK(crew_array_write(job.array, 0, SLICE_COUNT, numbers));
    CHECK_INT(finish(launch(variant, use_slices, &job, sizeof job)), 0);
    CHECK_OK(crew_array_read(job.array, 0, SLICE_COUNT, numbers));
    CHECK_INT(numbers[3], 7);
    expect_series(numbers + 4, 6, 1004);
    for (int64_t i = 10; i < 400010; i++)
        sum += numbers[i];
    CHECK_INT(sum, 400000 * 7);
    expect_series(numbers + 400010, SLICE_COUNT - 400010, 401010);
    free(numbers);
    CHECK_OK(crew_array_close(job.array));
}

// Changes that are atomic

#define ADDERS 3

static int add_often(void *arg)
{
    const struct shared_job *job = arg;
    for (int i = 0; i < job->count; i++) {
        int64_t before = -1, expected, next;
        bool exchanged = false;
        CHECK_OK(crew_array_fetch_add(job->array, CREW_INT64, 0, &(int64_t){3}, &before));
        CHECK(before >= 0 && before % 3 == 0);
        CHECK_OK(crew_array_get_int64(job->array, 1, &expected));
        while (!exchanged) {
            next = expected + 1;
            if (!CHECK_OK(crew_array_compare_exchange(job->array, CREW_INT64, 1, &expected, &next,
                                                      &exchanged)))
                break;
        }
        CHECK_OK(crew_value_add_double(job->value, 0.25));
    }
    return check_result();
}

static void check_types_of_adds(void)
{
    crew_array bytes = new_array(CREW_UINT8, 2), floats = new_array(CREW_FLOAT, 2),
               bools = new_array(CREW_BOOL, 1), shorts = new_array(CREW_INT16, 2);
    uint8_t byte = 0;
    float number = 0;
    int16_t small = 0;
    bool truth = true;
    CHECK_OK(crew_array_add_uint8(bytes, 0, 200));
    CHECK_OK(crew_array_fetch_add(bytes, CREW_UINT8, 0, &(uint8_t){100}, &byte));
    CHECK_INT(byte, 200);
    CHECK_OK(crew_array_get_uint8(bytes, 0, &byte));
    CHECK_INT(byte, 44); // modulo 256, and
    CHECK_OK(crew_array_get_uint8(bytes, 1, &byte));
    CHECK_INT(byte, 0); // nothing for the neighbour
    CHECK_OK(crew_array_add_float(floats, 1, 1.5F));
    CHECK_OK(crew_array_add_float(floats, 1, -0.25F));
    CHECK_OK(crew_array_get_float(floats, 1, &number));
    CHECK(number == 1.25F);
    CHECK_OK(crew_array_add_int16(shorts, 0, -5));
    CHECK_OK(crew_array_exchange(shorts, CREW_INT16, 0, &(int16_t){9}, &small));
    CHECK_INT(small, -5);
    CHECK_STATUS(crew_array_add_bool(bools, 0, true), CREW_ENOTSUP);
    CHECK_OK(crew_array_exchange(bools, CREW_BOOL, 0, &(bool){true}, &truth));
    CHECK(!truth);
    CHECK_OK(crew_array_close(bytes));
    CHECK_OK(crew_array_close(floats));
    CHECK_OK(crew_array_close(shorts));
    CHECK_OK(crew_array_close(bools));
}

static int add_all_types(void *arg)
{
    (void)arg;
    check_types_of_adds();
    return check_result();
}

void array_atomics(const struct variant *variant)
{
    struct shared_job job = {.array = new_array(CREW_INT64, 2), .count = 200};
    crew_process processes[ADDERS];
    int adders = variant_is_inside(variant) ? 1 : ADDERS;
    double sum = 0;
    CHECK_OK(crew_value_create(&job.value, CREW_DOUBLE, NULL, NULL));
    for (int i = 0; i < adders; i++)
        processes[i] = launch(variant, add_often, &job, sizeof job);
    add_often(&job);
    for (int i = 0; i < adders; i++)
        CHECK_INT(finish(processes[i]), 0);
    CHECK_INT(int64_at(job.array, 0), (adders + 1) * job.count * 3);
    CHECK_INT(int64_at(job.array, 1), (adders + 1) * job.count);
    CHECK_OK(crew_value_get_double(job.value, &sum));
    CHECK(sum == (adders + 1) * job.count * 0.25);
    CHECK_OK(crew_array_close(job.array));
    CHECK_OK(crew_value_close(job.value));
    CHECK_INT(finish(launch(variant, add_all_types, NULL, 0)), 0);
}

// The memory itself

static int use_data(void *arg)
{
    const struct shared_job *job = arg;
    void *data = NULL;
    crew_status status = crew_array_data(job->array, &data);
    if (status == CREW_ENOTSUP) { // another host, or tests that do as if
        CHECK(data == NULL);
        check_names_host();
        CHECK_OK(crew_array_set_int32(job->array, 2, int64_of(job->value) == 5 ? 6 : 0));
        return check_result();
    }
    CHECK_OK(status);
    int32_t *numbers = data;
    CHECK_INT(numbers[0], 5);
    numbers[2] = 6;
    return check_result();
}

void array_data(const struct variant *variant)
{
    struct shared_job job = {.array = new_array(CREW_INT32, 3)};
    void *data = NULL;
    CHECK_OK(crew_value_create(&job.value, CREW_INT64, &(int64_t){5}, NULL));
    CHECK_OK(crew_array_data(job.array, &data));
    CHECK_INT((uintptr_t)data % 64, 0);
    *(int32_t *)data = 5;
    CHECK_INT(finish(launch(variant, use_data, &job, sizeof job)), 0);
    CHECK_INT(((int32_t *)data)[2], 6);
    CHECK_OK(crew_array_close(job.array));
    CHECK_OK(crew_value_close(job.value));
}

// A gigabyte that is not there

#define HUGE_COUNT ((int64_t)1 << 30)

// Resident memory of this process in bytes.
static int64_t resident(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!CHECK(file != NULL))
        return 0;
    CHECK_INT(fscanf(file, "%*s %ld", &pages), 1);
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int use_huge(void *arg)
{
    const struct shared_job *job = arg;
    int64_t before = resident();
    unsigned char byte = 0, bytes[100];
    CHECK_OK(crew_array_get_byte(job->array, HUGE_COUNT - 1, &byte));
    CHECK_INT(byte, 9);
    CHECK_OK(crew_array_read(job->array, HUGE_COUNT / 2, sizeof bytes, bytes));
    CHECK_INT(bytes[50], 8);
    CHECK_OK(crew_array_set_byte(job->array, 12345678, 7));
    CHECK(resident() - before < 16 << 20);
    return check_result();
}

void array_huge(const struct variant *variant)
{
    int64_t before = resident();
    struct shared_job job = {.array = new_array(CREW_BYTE, HUGE_COUNT)};
    unsigned char byte = 0;
    CHECK_OK(crew_array_set_byte(job.array, HUGE_COUNT - 1, 9));
    CHECK_OK(crew_array_set_byte(job.array, HUGE_COUNT / 2 + 50, 8));
    CHECK_INT(finish(launch(variant, use_huge, &job, sizeof job)), 0);
    CHECK_OK(crew_array_get_byte(job.array, 12345678, &byte));
    CHECK_INT(byte, 7);
    CHECK(resident() - before < 16 << 20);
    CHECK_OK(crew_array_close(job.array));
}
