/* SPDX-License-Identifier: BSD-3-Clause */
/* Backtraces, shortened for a reader; what a child has written there may be anything. */
#include "pool/crash.h"
#include "unit.h"

#include <string.h>

static void expect(const char *text, const char *expected)
{
    char tidy[200];
    crewi_crash_tidy(text, "PoolWorker-1", tidy, sizeof tidy);
    assert_string_equal(tidy, expected);
}

static void lines(void **state)
{
    (void)state;
    expect("", "");
    expect("/usr/lib/libc.so.6(abort+0xd3) [0x7f12]\n", "abort+0xd3 in libc.so.6\n");
    expect("PoolWorker-1(+0x277c) [0x55]\nlibx.so(f+0x1)[0x1]",
           "+0x277c in the program\nf+0x1 in libx.so\n");
    expect("/a/b(c) [0x1]\n/usr/bin/prog() [0x40]\n", "c in b\nprog\n");
}

static void garbage(void **state)
{
    static const char *const texts[] = {"(", ")", "((", ")(", "a(", "/", "\n\n\n", "(/)(/)"};
    char tidy[8], long_line[3000];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        crewi_crash_tidy(texts[i], "", tidy, sizeof tidy);
        assert_true(strlen(tidy) < sizeof tidy);
    }
    memset(long_line, 'x', sizeof long_line);
    long_line[sizeof long_line - 1] = '\0';
    crewi_crash_tidy(long_line, "x", tidy, sizeof tidy);
    assert_int_equal(strlen(tidy), sizeof tidy - 1);
    tidy[0] = 'y';
    crewi_crash_tidy("a", "x", tidy, 1);
    assert_string_equal(tidy, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(garbage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
