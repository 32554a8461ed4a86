/* SPDX-License-Identifier: BSD-3-Clause */
/* Backtraces, shortened for a reader; what a child has written there may be anything. */
#include "pool/crash.h"
#include "pool/crash_source.h"
#include "unit.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
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
    expect("/a/b(c) [0x1]\n/usr/bin/prog() [0x40]\n", "c in b\n+0x40 in prog\n");
    expect("PoolWorker-1[0x401136]\n", "+0x401136 in the program\n");
    expect("PoolW(+0x40) [0x401136]\n/x/PoolW(+0x40)\n", "+0x40 in the program\n+0x40 in PoolW\n");
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

static int take_base(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    *(uintptr_t *)arg = info->dlpi_addr;
    return 1;
}

/* The first line is where it crashed, the others where they return to: garbage in between stays. */
static void source_lines(void **state)
{
    const int begin = __LINE__ - 1;
    uintptr_t base = 0, function = (uintptr_t)source_lines;
    crew_task_error error = {0};
    char expected[1024];
    (void)state;
    dl_iterate_phdr(take_base, &base);
    snprintf(error.backtrace, sizeof error.backtrace,
             "+0x%zx in the program\n+ in \nx in y\nf+0x1 in libnone.so\n+0x1 in the program\n"
             "+0x%zx in the program",
             (size_t)(function - base), (size_t)(function - base) + 1);
    crewi_crash_locate(&error, 1);
    const char *middle = "+ in \nx in y\nf+0x1 in libnone.so\n+0x1 in the program\n";
    char line[128];
    snprintf(line, sizeof line, "source_lines (test_crash.c:%d) in the program\n", begin);
    snprintf(expected, sizeof expected, "%s%s%s", line, middle, line);
    if (dlopen("libdw.so.1", RTLD_LAZY))
        assert_string_equal(error.backtrace, expected);
}

/* Lines that have no room any more are left out as a whole. */
static void no_room(void **state)
{
    crew_task_error errors[2] = {0};
    (void)state;
    memset(errors[1].backtrace, 'x', sizeof errors[1].backtrace - 1);
    errors[1].backtrace[100] = '\n';
    crewi_crash_locate(errors, 2);
    assert_string_equal(errors[0].backtrace, "");
    assert_int_equal(errors[1].backtrace[99], 'x');
    assert_true(memchr(errors[1].backtrace, '\0', sizeof errors[1].backtrace));
    if (dlopen("libdw.so.1", RTLD_LAZY))
        assert_int_equal(strlen(errors[1].backtrace), 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines), cmocka_unit_test(garbage),
                                       cmocka_unit_test(source_lines), cmocka_unit_test(no_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
