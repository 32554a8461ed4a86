/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of a progress bar. */
#include "base/clock.h"
#include "pool/progress_bar.h"
#include "unit.h"

#include <string.h>
#include <unistd.h>

static char text[256];

static const char *after(int64_t elapsed_ns, struct crewi_pool_progress progress)
{
    struct crewi_progress_bar bar;
    crewi_progress_bar_begin(&bar, 5 * CREWI_SECOND);
    crewi_progress_bar_text(&bar, &progress, 5 * CREWI_SECOND + elapsed_ns, text, sizeof text);
    return text;
}

static void at_the_start(void **state)
{
    (void)state;
    assert_string_equal(after(0, (struct crewi_pool_progress){.count = 100}),
                        "  0% [                              ] 0/100, 0 tasks/s, ? left");
    assert_string_equal(after(CREWI_SECOND, (struct crewi_pool_progress){.count = 100}),
                        "  0% [                              ] 0/100, 0 tasks/s, ? left");
}

static void on_the_way(void **state)
{
    (void)state;
    assert_string_equal(
        after(10 * CREWI_SECOND, (struct crewi_pool_progress){.done = 50, .count = 100}),
        " 50% [###############               ] 50/100, 5 tasks/s, 10.0 s left");
    assert_string_equal(
        after(10 * CREWI_SECOND,
              (struct crewi_pool_progress){.done = 10, .count = 100, .failed = 3}),
        " 10% [###                           ] 10/100, 1 tasks/s, 1:30 min left, 3 failed");
    after(3600 * CREWI_SECOND, (struct crewi_pool_progress){.done = 10, .count = 100});
    assert_non_null(strstr(text, ", 9.0 h left"));
    after(CREWI_SECOND / 3, (struct crewi_pool_progress){.done = 123456, .count = 1000000});
    assert_non_null(strstr(text, ", 3.704e+05 tasks/s, 2.4 s left"));
}

static void at_the_end(void **state)
{
    (void)state;
    assert_string_equal(
        after(4 * CREWI_SECOND, (struct crewi_pool_progress){.done = 8, .count = 8, .over = 1}),
        "100% [##############################] 8/8, 2 tasks/s, 4.0 s");
    assert_string_equal(
        after(125 * CREWI_SECOND,
              (struct crewi_pool_progress){.done = 8, .count = 8, .failed = 8, .over = 1}),
        "100% [##############################] 8/8, 0.064 tasks/s, 2:05 min, 8 failed");
    assert_string_equal(after(0, (struct crewi_pool_progress){.over = 1}),
                        "100% [##############################] 0/0, 0 tasks/s, 0.0 s");
}

static void large_numbers(void **state)
{
    (void)state;
    struct crewi_pool_progress progress = {
        .done = UINT64_MAX - 1, .failed = UINT64_MAX, .count = UINT64_MAX};
    after(INT64_MAX / 2, progress);
    assert_non_null(strstr(text, "18446744073709551614/18446744073709551615"));
    assert_in_range(strlen(text), 80, 199);
    progress.done = 1;
    after(INT64_MAX / 2, progress);
    assert_non_null(strstr(text, " h left"));
    assert_in_range(strlen(text), 80, 199);
}

/* Every share has its width, and none is more than the bar. */
static void widths(void **state)
{
    (void)state;
    for (uint64_t done = 0; done <= 1000; done++) {
        after(CREWI_SECOND, (struct crewi_pool_progress){.done = done, .count = 1000});
        const char *begin = strchr(text, '['), *end = strchr(text, ']');
        assert_non_null(begin);
        assert_int_equal(end - begin, 31);
        assert_int_equal(strspn(begin + 1, "#"), done * 30 / 1000);
    }
}

static void drawn_on_one_line(void **state)
{
    struct crewi_progress_bar bar = {0};
    int ends[2], saved = dup(STDERR_FILENO);
    (void)state;
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    crewi_progress_bar_draw(&bar, &(struct crewi_pool_progress){.done = 1, .count = 2},
                            CREWI_SECOND);
    crewi_progress_bar_draw(&bar, &(struct crewi_pool_progress){.done = 2, .count = 2, .over = 1},
                            2 * CREWI_SECOND);
    dup2(saved, STDERR_FILENO);
    ssize_t size = read(ends[0], text, sizeof text - 1);
    assert_true(size > 0);
    text[size] = '\0';
    assert_string_equal(text,
                        "\r 50% [###############               ] 1/2, 1 tasks/s, 1.0 s left\033[K"
                        "\r100% [##############################] 2/2, 1 tasks/s, 2.0 s\033[K\n");
    close(saved);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_the_start), cmocka_unit_test(on_the_way),
        cmocka_unit_test(at_the_end),   cmocka_unit_test(large_numbers),
        cmocka_unit_test(widths),       cmocka_unit_test(drawn_on_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
