/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of a progress bar, and how it is drawn. */
#include "base/clock.h"
#include "pool/progress_bar.h"
#include "pool/terminal.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

static char text[1024];

static const char *in_columns(int columns, int64_t elapsed_ns, struct crewi_pool_progress progress)
{
    struct crewi_progress_bar bar;
    char line[CREWI_PROGRESS_BAR_SIZE];
    crewi_progress_bar_begin(&bar, 5 * CREWI_SECOND);
    crewi_progress_bar_text(&bar, &progress, 5 * CREWI_SECOND + elapsed_ns, columns, line);
    snprintf(text, sizeof text, "%s", line);
    return text;
}

static const char *after(int64_t elapsed_ns, struct crewi_pool_progress progress)
{
    return in_columns(0, elapsed_ns, progress);
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
    assert_non_null(strstr(text, ", 370k tasks/s, 2.4 s left"));
    assert_string_equal(
        after(10 * CREWI_SECOND,
              (struct crewi_pool_progress){
                  .done = 50, .count = 100, .skipped = 40, .failed = 1, .retried = 2}),
        " 50% [###############               ] 50/100, 1 tasks/s, 50.0 s left, 1 failed, "
        "2 tried again");
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
    assert_in_range(strlen(text), 80, CREWI_PROGRESS_BAR_SIZE - 1);
    progress.done = 1;
    after(INT64_MAX / 2, progress);
    assert_non_null(strstr(text, " h left"));
    assert_in_range(strlen(text), 80, CREWI_PROGRESS_BAR_SIZE - 1);
    assert_string_equal(
        after(1000 * CREWI_SECOND,
              (struct crewi_pool_progress){.done = 999999999, .count = 1000000000}),
        " 99% [############################# ] 999999999/1000000000, 1M tasks/s, 0.0 s left");
    after(CREWI_SECOND, (struct crewi_pool_progress){.done = 2000000000, .count = 4000000000});
    assert_non_null(strstr(text, ", 2G tasks/s, 1.0 s left"));
}

/* The bar becomes smaller, and then there is less and less beside it. */
static void narrow_terminals(void **state)
{
    struct crewi_pool_progress progress = {.done = 50, .count = 100, .failed = 3, .retried = 4};
    static const struct {
        int columns;
        const char *line;
    } lines[] = {
        {200, " 50% [###############               ] 50/100, 5 tasks/s, 10.0 s left, 3 failed, "
              "4 tried again"},
        {80, " 50% [########        ] 50/100, 5 tasks/s, 10.0 s left, 3 failed, 4 tried again"},
        {69, " 50% [##   ] 50/100, 5 tasks/s, 10.0 s left, 3 failed, 4 tried again"},
        {68, " 50% 50/100, 5 tasks/s, 10.0 s left, 3 failed, 4 tried again"},
        {61, " 50% 50/100, 5 tasks/s, 10.0 s left, 3 failed, 4 tried again"},
        {60, " 50% [###    ] 50/100, 10.0 s left, 3 failed, 4 tried again"},
        {49, " 50% [#####      ] 50/100, 10.0 s left, 3 failed"},
        {35, " 50% 50/100, 10.0 s left, 3 failed"},
        {34, " 50% [####     ] 50/100, 3 failed"},
        {22, " 50% 50/100, 3 failed"},
        {21, " 50% 3 failed"},
        {13, " 50% 3 faile"},
        {4, " 50"},
        {1, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_string_equal(in_columns(lines[i].columns, 10 * CREWI_SECOND, progress),
                            lines[i].line);
    progress = (struct crewi_pool_progress){.failed = UINT64_MAX, .count = UINT64_MAX};
    for (int columns = 1; columns < 300; columns++)
        assert_true((int)strlen(in_columns(columns, CREWI_SECOND, progress)) < columns);
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

/* All that comes up to the end of a line. */
static void read_line(int input)
{
    size_t used = 0;
    memset(text, 0, sizeof text);
    while (!strchr(text, '\n') && used < sizeof text - 1) {
        ssize_t size = read(input, text + used, sizeof text - 1 - used);
        assert_true(size > 0);
        used += (size_t)size;
    }
}

/* Draws a map half way and at its end on what stderr is to be; what can be read of that. */
static void draw_on(int output, int input)
{
    struct crewi_progress_bar bar = {0};
    int saved = dup(STDERR_FILENO);
    dup2(output, STDERR_FILENO);
    crewi_progress_bar_draw(&bar, &(struct crewi_pool_progress){.done = 1, .count = 2},
                            CREWI_SECOND);
    crewi_progress_bar_draw(&bar, &(struct crewi_pool_progress){.done = 2, .count = 2, .over = 1},
                            2 * CREWI_SECOND);
    dup2(saved, STDERR_FILENO);
    read_line(input);
    close(saved);
}

static void once_where_no_terminal_is(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    draw_on(ends[1], ends[0]);
    assert_string_equal(text, "100% [##############################] 2/2, 1 tasks/s, 2.0 s\n");
    close(ends[0]);
    close(ends[1]);
}

/* A terminal of that many columns: the other end, and *end its own. */
static int open_terminal(unsigned short columns, int *end)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    int other = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(other >= 0);
    assert_int_equal(grantpt(other), 0);
    assert_int_equal(unlockpt(other), 0);
    *end = open(ptsname(other), O_RDWR | O_NOCTTY);
    assert_true(*end >= 0);
    assert_int_equal(ioctl(*end, TIOCSWINSZ, &size), 0);
    return other;
}

static void again_and_again_on_a_terminal(void **state)
{
    int end, other = open_terminal(50, &end);
    (void)state;
    draw_on(end, other);
    assert_string_equal(text, "\r 50% [#######        ] 1/2, 1 tasks/s, 1.0 s left\033[K"
                              "\r100% [####################] 2/2, 1 tasks/s, 2.0 s\033[K\r\n");
    close(other);
    close(end);
    other = open_terminal(0, &end); /* it does not know */
    draw_on(end, other);
    assert_non_null(strstr(text, "[##############################] 2/2"));
    close(other);
    close(end);
}

/* A signal that ends the process finds the line, and ends it first. */
static void ended_with_the_process(void **state)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        int end, status, other = open_terminal(50, &end);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            dup2(end, STDERR_FILENO);
            crewi_terminal_draw("half");
            raise(signals[i]);
            _exit(1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signals[i]);
        read_line(other);
        assert_string_equal(text, "\rhalf\033[K\r\n");
        close(other);
        close(end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_the_start),
        cmocka_unit_test(on_the_way),
        cmocka_unit_test(at_the_end),
        cmocka_unit_test(large_numbers),
        cmocka_unit_test(narrow_terminals),
        cmocka_unit_test(widths),
        cmocka_unit_test(ended_with_the_process), /* first: handlers are set once */
        cmocka_unit_test(once_where_no_terminal_is),
        cmocka_unit_test(again_and_again_on_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
