/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/progress_bar.h"

#include "pool/terminal.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Columns of the bar itself. */
#define BAR_WIDTH 30
#define BAR_LEAST 5

/* What stands behind the bar, in this order. */
enum word { COUNTS, RATE, LEFT, FAILED, RETRIED, WORDS };

struct words {
    char text[WORDS][48]; /* empty: not to be said */
};

void crewi_progress_bar_begin(struct crewi_progress_bar *bar, int64_t now_ns)
{
    bar->begin_ns = now_ns;
}

static void word_time(double seconds, char *text, size_t size)
{
    if (seconds < 60)
        snprintf(text, size, "%.1f s", seconds);
    else if (seconds < 3600)
        snprintf(text, size, "%d:%02d min", (int)seconds / 60, (int)seconds % 60);
    else
        snprintf(text, size, "%.1f h", seconds / 3600);
}

static void word_rate(double rate, char *text, size_t size)
{
    static const char units[] = "kMG";
    int unit = -1;
    while (unit < 2 && rate >= (unit < 0 ? 9999.5 : 999.5)) {
        rate /= 1e3;
        unit++;
    }
    if (unit < 0)
        snprintf(text, size, "%.4g tasks/s", rate);
    else
        snprintf(text, size, "%.3g%c tasks/s", rate, units[unit]);
}

static void choose_words(const struct crewi_pool_progress *progress, double elapsed_s,
                         struct words *words)
{
    double rate = elapsed_s > 0 ? (double)(progress->done - progress->skipped) / elapsed_s : 0;
    char left[32] = "?";
    memset(words, 0, sizeof *words);
    if (progress->over)
        word_time(elapsed_s, left, sizeof left);
    else if (rate > 0)
        word_time((double)(progress->count - progress->done) / rate, left, sizeof left);
    snprintf(words->text[COUNTS], sizeof words->text[COUNTS], "%" PRIu64 "/%" PRIu64,
             progress->done, progress->count);
    word_rate(rate, words->text[RATE], sizeof words->text[RATE]);
    snprintf(words->text[LEFT], sizeof words->text[LEFT], "%s%s", left,
             progress->over ? "" : " left");
    if (progress->failed)
        snprintf(words->text[FAILED], sizeof words->text[FAILED], "%" PRIu64 " failed",
                 progress->failed);
    if (progress->retried)
        snprintf(words->text[RETRIED], sizeof words->text[RETRIED], "%" PRIu64 " tried again",
                 progress->retried);
}

/* How long they are with the percentage in front. */
static int length_of(const struct words *words)
{
    size_t length = strlen("100%");
    bool first = true;
    for (int i = 0; i < WORDS; i++) {
        if (!words->text[i][0])
            continue;
        length += strlen(words->text[i]) + (first ? 1 : 2);
        first = false;
    }
    return (int)length;
}

/* Leaves out what matters least until the rest has room. */
static void shorten(struct words *words, int columns)
{
    static const enum word least_first[] = {RATE, RETRIED, LEFT, COUNTS};
    for (size_t i = 0; i < sizeof least_first / sizeof *least_first; i++)
        if (length_of(words) >= columns)
            words->text[least_first[i]][0] = '\0';
}

static int width_of_bar(const struct words *words, int columns)
{
    int width = columns ? columns - 1 - length_of(words) - (int)strlen(" []") : BAR_WIDTH;
    if (width < BAR_LEAST)
        return 0;
    return width < BAR_WIDTH ? width : BAR_WIDTH;
}

void crewi_progress_bar_text(const struct crewi_progress_bar *bar,
                             const struct crewi_pool_progress *progress, int64_t now_ns,
                             int columns, char text[CREWI_PROGRESS_BAR_SIZE])
{
    double share = progress->count ? (double)progress->done / (double)progress->count : 1;
    double elapsed_s = (double)(now_ns - bar->begin_ns) / 1e9;
    struct words words;
    choose_words(progress, elapsed_s, &words);
    if (columns)
        shorten(&words, columns);
    int width = width_of_bar(&words, columns), filled = (int)(share * width);
    size_t size =
        columns && columns < CREWI_PROGRESS_BAR_SIZE ? (size_t)columns : CREWI_PROGRESS_BAR_SIZE;
    char line[CREWI_PROGRESS_BAR_SIZE], hashes[BAR_WIDTH + 1] = "";
    memset(hashes, '#', (size_t)filled);
    int used = snprintf(line, sizeof line, "%3d%%", (int)(100 * share));
    if (width)
        used += snprintf(line + used, sizeof line - (size_t)used, " [%-*s]", width, hashes);
    const char *separator = " ";
    for (int i = 0; i < WORDS; i++) {
        if (!words.text[i][0])
            continue;
        used += snprintf(line + used, sizeof line - (size_t)used, "%s%s", separator, words.text[i]);
        separator = ", ";
    }
    snprintf(text, size, "%s", line);
}

/* Where there is no terminal, nobody wants to see more than the end. */
void crewi_progress_bar_draw(const struct crewi_progress_bar *bar,
                             const struct crewi_pool_progress *progress, int64_t now_ns)
{
    char text[CREWI_PROGRESS_BAR_SIZE];
    int columns = crewi_terminal_columns();
    crewi_progress_bar_text(bar, progress, now_ns, columns, text);
    if (columns)
        crewi_terminal_draw(text);
    if (columns && progress->over)
        crewi_terminal_end_line();
    else if (progress->over)
        dprintf(STDERR_FILENO, "%s\n", text);
}
