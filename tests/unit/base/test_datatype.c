/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and sizes of the types of elements. */
#include "unit.h"

#include <crew/datatype.h>

static void all_have_names_and_sizes(void **state)
{
    (void)state;
#define EXPECT(constant, name, type)                                     \
    assert_int_equal(crew_datatype_size(CREW_##constant), sizeof(type)); \
    assert_string_equal(crew_datatype_name(CREW_##constant), #name);
    CREW_DATATYPE_TABLE(EXPECT)
#undef EXPECT
}

static void other_numbers_are_no_types(void **state)
{
    const int others[] = {CREW_DATATYPE_NONE, CREW_DATATYPE_LIMIT, -1, INT_MAX, INT_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(crew_datatype_size((crew_datatype)others[i]), 0);
        assert_string_equal(crew_datatype_name((crew_datatype)others[i]), "?");
    }
}

static void names_of_c_have_their_sizes(void **state)
{
    (void)state;
    assert_int_equal(crew_datatype_size(CREW_SHORT), sizeof(short));
    assert_int_equal(crew_datatype_size(CREW_INT), sizeof(int));
    assert_int_equal(crew_datatype_size(CREW_LONG), sizeof(long));
    assert_int_equal(crew_datatype_size(CREW_LONG_LONG), sizeof(long long));
    assert_int_equal(crew_datatype_size(CREW_UNSIGNED_SHORT), sizeof(unsigned short));
    assert_int_equal(crew_datatype_size(CREW_UNSIGNED), sizeof(unsigned));
    assert_int_equal(crew_datatype_size(CREW_UNSIGNED_LONG), sizeof(unsigned long));
    assert_int_equal(crew_datatype_size(CREW_UNSIGNED_LONG_LONG), sizeof(unsigned long long));
    assert_int_equal(crew_datatype_size(CREW_SIZE), sizeof(size_t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_have_names_and_sizes),
        cmocka_unit_test(other_numbers_are_no_types),
        cmocka_unit_test(names_of_c_have_their_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
