/* SPDX-License-Identifier: BSD-3-Clause */
/* What is done to elements in memory. */
#include "shared/array_memory.h"
#include "unit.h"

#include <string.h>

static void loads_what_was_stored(void **state)
{
    (void)state;
    for (size_t size = 1; size <= 8; size *= 2) {
        _Alignas(8) unsigned char memory[24];
        unsigned char value[8] = {0x81, 2, 3, 4, 5, 6, 7, 0x88}, found[9];
        memset(memory, 0xee, sizeof memory);
        memset(found, 0xdd, sizeof found);
        crewi_element_store(memory + 8, size, value);
        crewi_element_load(memory + 8, size, found);
        assert_memory_equal(found, value, size);
        assert_int_equal(found[size], 0xdd);
        assert_int_equal(memory[7], 0xee);
        assert_int_equal(memory[8 + size], 0xee);
    }
}

static struct crewi_array_before update(void *element, crew_datatype type,
                                        enum crewi_array_update what, const void *value,
                                        const void *expected)
{
    struct crewi_array_operands operands = {{0}, {0}};
    struct crewi_array_before before;
    memcpy(operands.value, value, crew_datatype_size(type));
    if (expected)
        memcpy(operands.expected, expected, crew_datatype_size(type));
    crewi_element_update(element, type, what, &operands, &before);
    return before;
}

#define ADDS(constant, name, type)                                             \
    static void adds_##name(void)                                              \
    {                                                                          \
        type memory[3] = {(type)1, (type)100, (type)3}, more = (type)27, was;  \
        struct crewi_array_before before =                                     \
            update(&memory[1], CREW_##constant, CREWI_ARRAY_ADD, &more, NULL); \
        memcpy(&was, before.value, sizeof was);                                \
        assert_true(was == (type)100);                                         \
        assert_true(memory[1] == (type)127);                                   \
        assert_true(memory[0] == (type)1 && memory[2] == (type)3);             \
    }
ADDS(INT8, int8, int8_t)
ADDS(INT16, int16, int16_t)
ADDS(INT32, int32, int32_t)
ADDS(INT64, int64, int64_t)
ADDS(UINT8, uint8, uint8_t)
ADDS(UINT16, uint16, uint16_t)
ADDS(UINT32, uint32, uint32_t)
ADDS(UINT64, uint64, uint64_t)
ADDS(FLOAT, float, float)
ADDS(DOUBLE, double, double)
ADDS(BYTE, byte, unsigned char)
ADDS(CHAR, char, char)

static void adds(void **state)
{
    (void)state;
    adds_int8();
    adds_int16();
    adds_int32();
    adds_int64();
    adds_uint8();
    adds_uint16();
    adds_uint32();
    adds_uint64();
    adds_float();
    adds_double();
    adds_byte();
    adds_char();
    assert_false(crewi_element_can_add(CREW_BOOL));
    assert_true(crewi_element_can_add(CREW_CHAR));
}

static void exchanges(void **state)
{
    double memory[2] = {0.5, 7}, next = -2, was;
    (void)state;
    struct crewi_array_before before =
        update(memory, CREW_DOUBLE, CREWI_ARRAY_EXCHANGE, &next, NULL);
    memcpy(&was, before.value, sizeof was);
    assert_true(was == 0.5 && memory[0] == -2 && memory[1] == 7);
}

static void exchanges_what_is_as_expected(void **state)
{
    uint16_t memory[2] = {5, 7}, next = 9, expected = 5, was;
    (void)state;
    struct crewi_array_before before =
        update(memory, CREW_UINT16, CREWI_ARRAY_COMPARE_EXCHANGE, &next, &expected);
    memcpy(&was, before.value, sizeof was);
    assert_int_equal(was, 5);
    assert_int_equal(memory[0], 9);
    before = update(memory, CREW_UINT16, CREWI_ARRAY_COMPARE_EXCHANGE, &next, &expected);
    memcpy(&was, before.value, sizeof was);
    assert_int_equal(was, 9); /* and nothing was written */
    assert_int_equal(memory[0], 9);
    assert_int_equal(memory[1], 7);
}

static void fills(void **state)
{
    static uint32_t memory[3002];
    const uint32_t value = 0x01020304;
    (void)state;
    for (uint64_t count = 0; count <= 3000; count += 1 + count / 3) {
        memset(memory, 0, sizeof memory);
        crewi_elements_fill(memory + 1, sizeof *memory, count, &value);
        assert_int_equal(memory[0], 0);
        for (uint64_t i = 0; i < count; i++)
            assert_int_equal(memory[1 + i], value);
        assert_int_equal(memory[1 + count], 0);
    }
}

static void knows_what_is_inside(void **state)
{
    (void)state;
    assert_true(crewi_elements_are_inside(0, 10, 10));
    assert_true(crewi_elements_are_inside(10, 0, 10));
    assert_true(crewi_elements_are_inside(9, 1, 10));
    assert_false(crewi_elements_are_inside(9, 2, 10));
    assert_false(crewi_elements_are_inside(11, 0, 10));
    assert_false(crewi_elements_are_inside(5, UINT64_MAX - 4, 10));
    assert_false(crewi_elements_are_inside(UINT64_MAX, 1, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_what_was_stored),
        cmocka_unit_test(adds),
        cmocka_unit_test(exchanges),
        cmocka_unit_test(exchanges_what_is_as_expected),
        cmocka_unit_test(fills),
        cmocka_unit_test(knows_what_is_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
