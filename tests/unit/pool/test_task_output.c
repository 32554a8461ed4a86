/* SPDX-License-Identifier: BSD-3-Clause */
/* Where tasks put results whose sizes are their own. */
#include "pool/pool_protocol.h"
#include "pool/task_output.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#define SMALL 64

static _Alignas(16) unsigned char small[SMALL];
static struct crew_output output;

static int begin(void **state)
{
    (void)state;
    memset(&output, 0, sizeof output);
    crewi_task_output_begin(&output, small, SMALL, CREWI_POOL_ANY_ROOM);
    return 0;
}

static int end(void **state)
{
    (void)state;
    free(output.large);
    return 0;
}

static unsigned char *reserve(size_t size)
{
    void *data = NULL;
    assert_int_equal(crew_output_reserve(&output, size, &data), CREW_OK);
    assert_non_null(data);
    assert_int_equal((uintptr_t)data % 16, 0);
    assert_int_equal(output.size, size);
    return data;
}

static void empty(void **state)
{
    (void)state;
    assert_int_equal(output.size, 0);
    assert_false(crewi_task_output_is_large(&output));
    reserve(0);
    assert_int_equal(crew_output_write(&output, NULL, 0), CREW_OK);
    assert_int_equal(output.size, 0);
}

/* From the small area into memory of its own, and what was there stays. */
static void growing_and_shrinking(void **state)
{
    (void)state;
    memset(reserve(SMALL), 1, SMALL);
    assert_false(crewi_task_output_is_large(&output));
    unsigned char *data = reserve(SMALL + 1);
    assert_true(crewi_task_output_is_large(&output));
    assert_true(data[0] == 1 && data[SMALL - 1] == 1);
    data[SMALL] = 2;
    data = reserve(100000);
    assert_true(data[0] == 1 && data[SMALL] == 2);
    data = reserve(10);
    assert_true(data[0] == 1 && data[9] == 1);
    crewi_task_output_begin(&output, small, SMALL, 10); /* the next one */
    assert_ptr_equal(reserve(10), small);
}

static void writing(void **state)
{
    (void)state;
    char text[] = "0123456789";
    for (int i = 0; i < 1000; i++)
        assert_int_equal(crew_output_write(&output, text, 10), CREW_OK);
    assert_int_equal(output.size, 10000);
    for (size_t i = 0; i < 1000; i++)
        assert_memory_equal(output.data + 10 * i, text, 10);
    reserve(15);
    assert_int_equal(crew_output_write(&output, "x", 1), CREW_OK);
    assert_memory_equal(output.data, "012345678901234x", 16);
}

static void refused(void **state)
{
    void *data = NULL;
    (void)state;
    crewi_task_output_begin(&output, small, SMALL, 20);
    memcpy(reserve(12), "twelve bytes", 12);
    assert_int_equal(crew_output_reserve(&output, 21, &data), CREW_ETOOSMALL);
    assert_null(data);
    assert_string_equal(crew_error_message(), "a result of 21 bytes, and there is room for 20");
    assert_int_equal(output.refused, 21);
    assert_int_equal(crew_output_write(&output, "123456789", 9), CREW_ETOOSMALL);
    assert_int_equal(crew_output_write(&output, "", SIZE_MAX), CREW_ETOOSMALL);
    assert_int_equal(crew_output_reserve(&output, SIZE_MAX, &data), CREW_ETOOSMALL);
    assert_int_equal(output.size, 12);
    assert_memory_equal(output.data, "twelve bytes", 12);
    reserve(20); /* less will do */
    assert_int_equal(output.refused, 0);
    assert_int_equal(crew_output_write(&output, "1", 1), CREW_ETOOSMALL);
}

static void too_much(void **state)
{
    void *data;
    (void)state;
    assert_int_equal(crew_output_reserve(&output, CREWI_POOL_PIECE_LIMIT + 1, &data),
                     CREW_ETOOSMALL);
    assert_int_equal(crew_output_reserve(&output, 1, NULL), CREW_EINVAL);
    assert_int_equal(crew_output_reserve(NULL, 1, &data), CREW_EINVAL);
    assert_int_equal(crew_output_write(NULL, "1", 1), CREW_EINVAL);
    assert_int_equal(crew_output_write(&output, NULL, 1), CREW_EINVAL);
    assert_int_equal(output.size, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(empty), TEST(growing_and_shrinking), TEST(writing), TEST(refused), TEST(too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
