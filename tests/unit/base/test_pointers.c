/* SPDX-License-Identifier: BSD-3-Clause */
/* Pointers that are found in data. */
#include "base/error.h"
#include "base/pointers.h"
#include "unit.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct item {
    double number;
    const void *pointer;
    char text[20];
};

static int initialized = 5;
static int zero[1000];

static void expect_found(const void *pointer, const char *where)
{
    struct item items[3] = {{1e300, NULL, "one"}, {-1, pointer, "two"}, {0, NULL, ""}};
    assert_int_equal(crewi_pointers_find("crew_call", "item", items, 3, sizeof *items),
                     CREW_EINVAL);
    const char *message = crew_error_message();
    assert_non_null(strstr(message, "crew_call: item 1 has a pointer at offset 8, to "));
    assert_non_null(strstr(message, where));
    assert_int_equal(crewi_pointers_find("crew_call", "the message", &items[1], 1, sizeof *items),
                     CREW_EINVAL);
    assert_non_null(
        strstr(crew_error_message(), "crew_call: the message has a pointer at offset 8"));
}

static void pointers_are_found_wherever_they_lead(void **state)
{
    int local = 1;
    void *block = sbrk(4096),
         *mapped = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)state;
    assert_true(block != (void *)-1);
    assert_true(mapped != MAP_FAILED);
    expect_found(block, "to the heap (0x");
    expect_found(&local, "to the stack (0x");
    expect_found(&initialized, "to data of /");
    expect_found(&zero[500], "to data of /");
    expect_found("literal", "to data of /");
    expect_found((const void *)(uintptr_t)&expect_found, "to code of /");
    expect_found((char *)mapped + 8191, "to mapped or allocated memory (0x");
    munmap(mapped, 8192);
}

/* Numbers, handles, text, and words that a pointer would not be aligned in. */
static void other_data_is_let_through(void **state)
{
    uint64_t words[] = {0,
                        1,
                        4096,
                        UINT32_MAX,
                        (uint64_t)1 << 60,
                        UINT64_MAX,
                        0x3ff0000000000000,
                        0x0000000100000000};
    char text[] = "a text that is longer than some words";
    unsigned char shifted[32] = {0};
    const void *pointer = text;
    (void)state;
    assert_int_equal(crewi_pointers_find("c", "w", words, 8, 8), CREW_OK);
    assert_int_equal(crewi_pointers_find("c", "w", text, 1, sizeof text), CREW_OK);
    memcpy(shifted + 4, &pointer, sizeof pointer);
    assert_int_equal(crewi_pointers_find("c", "w", shifted, 1, sizeof shifted), CREW_OK);
    assert_int_equal(crewi_pointers_find("c", "w", &pointer, 1, 7), CREW_OK);
    assert_int_equal(crewi_pointers_find("c", "w", NULL, 0, 8), CREW_OK);
}

static void only_when_it_is_asked_for(void **state)
{
    const void *pointer = &initialized;
    (void)state;
    crewi_options.check = CREWI_CHECK_NONE;
    assert_int_equal(crewi_check_pointers("c", "w", &pointer, 1, sizeof pointer), CREW_OK);
    crewi_options.check = CREWI_CHECK_POINTERS;
    assert_int_equal(crewi_check_pointers("c", "w", &pointer, 1, sizeof pointer), CREW_EINVAL);
    crewi_options.check = CREWI_CHECK_NONE;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pointers_are_found_wherever_they_lead),
        cmocka_unit_test(other_data_is_let_through),
        cmocka_unit_test(only_when_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
