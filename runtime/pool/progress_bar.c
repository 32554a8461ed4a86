/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/progress_bar.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 30

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

void crewi_progress_bar_text(const struct crewi_progress_bar *bar,
                             const struct crewi_pool_progress *progress, int64_t now_ns, char *text,
                             size_t size)
{
    double share = progress->count ? (double)progress->done / (double)progress->count : 1;
    double elapsed_s = (double)(now_ns - bar->begin_ns) / 1e9;
    double rate = elapsed_s > 0 ? (double)progress->done / elapsed_s : 0;
    char filled[BAR_WIDTH + 1] = "", left[32] = "?", failed[48] = "";
    memset(filled, '#', (size_t)(share * BAR_WIDTH));
    if (progress->over)
        word_time(elapsed_s, left, sizeof left);
    else if (rate > 0)
        word_time((double)(progress->count - progress->done) / rate, left, sizeof left);
    if (progress->failed)
        snprintf(failed, sizeof failed, ", %llu failed", (unsigned long long)progress->failed);
    snprintf(text, size, "%3.0f%% [%-*s] %llu/%llu, %.4g tasks/s, %s%s%s", 100 * share, BAR_WIDTH,
             filled, (unsigned long long)progress->done, (unsigned long long)progress->count, rate,
             left, progress->over ? "" : " left", failed);
}

void crewi_progress_bar_draw(const struct crewi_progress_bar *bar,
                             const struct crewi_pool_progress *progress, int64_t now_ns)
{
    char text[200], line[220];
    crewi_progress_bar_text(bar, progress, now_ns, text, sizeof text);
    int length = snprintf(line, sizeof line, "\r%s\033[K%s", text, progress->over ? "\n" : "");
    if (write(STDERR_FILENO, line, (size_t)length) < 0) {
        /* The terminal is gone; the map goes on. */
    }
}
