/* SPDX-License-Identifier: BSD-3-Clause */
#include "report.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static crew_status list_workers(crew_pool pool, crew_worker_info **workers, size_t *count)
{
    crew_status status = crew_pool_workers(pool, NULL, 0, count);
    if (status)
        return status;
    *workers = calloc(*count, sizeof **workers);
    if (!*workers)
        return crew_fail(CREW_ENOMEM, "no memory for the report");
    return crew_pool_workers(pool, *workers, *count, count);
}

crew_status matmul_report_begin(struct matmul_report *report, crew_pool pool)
{
    return list_workers(pool, &report->before, &report->worker_count);
}

/* A pool keeps the number of its workers, and counts go on when one is replaced. */
crew_status matmul_report_workers(struct matmul_report *report, crew_pool pool)
{
    crew_status status = list_workers(pool, &report->workers, &report->worker_count);
    report->run = 0;
    for (size_t i = 0; !status && i < report->worker_count; i++) {
        report->workers[i].tasks -= report->before[i].tasks;
        report->workers[i].busy_s -= report->before[i].busy_s;
        report->workers[i].cpu_s -= report->before[i].cpu_s;
        report->run += report->workers[i].tasks;
    }
    if (report->run > report->tasks) /* some were tried again */
        report->run = report->tasks;
    return status;
}

void matmul_report_fini(struct matmul_report *report)
{
    free(report->before);
    free(report->workers);
}

/* Of what was run now: what was in the journal has cost no time. */
static double gflops(const struct matmul_report *report)
{
    double share = report->tasks ? (double)report->run / (double)report->tasks : 0;
    return report->seconds > 0 ? share * report->flops / report->seconds / 1e9 : 0;
}

/* How many cores the workers could have used. */
static int usable_cores(const struct matmul_report *report)
{
    int cores = crew_cpu_count(CREW_ALL_RANKS), workers = (int)report->worker_count;
    return cores < workers ? cores : workers;
}

/* The share of those cores' time that was spent inside tasks: what the pool costs, whatever speed
 * the cores have. */
static double in_tasks(const struct matmul_report *report)
{
    double possible = report->seconds * usable_cores(report), cpu_s = 0;
    for (size_t i = 0; i < report->worker_count; i++)
        cpu_s += report->workers[i].cpu_s;
    return possible > 0 ? cpu_s / possible : 0;
}

/* The share that was used of what the workers could have done, had each had a core of its own as
 * far as there are any. */
static double efficiency(const struct matmul_report *report)
{
    double possible = report->kernel_gflops * usable_cores(report);
    return possible > 0 ? gflops(report) / possible : 0;
}

static void print_json_text(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(stream, "\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            fprintf(stream, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, stream);
    }
    fputc('"', stream);
}

static void print_json_worker(FILE *stream, const crew_worker_info *worker, bool last)
{
    fprintf(stream, "    {\"name\": ");
    print_json_text(stream, worker->name);
    fprintf(stream, ", \"rank\": %d, \"host\": ", worker->rank);
    print_json_text(stream, crew_rank_host(worker->rank));
    fprintf(stream, ", \"pid\": %d, \"core\": ", (int)worker->pid);
    if (worker->core < 0)
        fprintf(stream, "null");
    else
        fprintf(stream, "%d", worker->core);
    fprintf(stream, ", \"tasks\": %" PRIu64 ", \"busy_seconds\": %.9f, \"cpu_seconds\": %.9f}%s\n",
            worker->tasks, worker->busy_s, worker->cpu_s, last ? "" : ",");
}

static void print_json_mode(FILE *stream, const struct matmul_report *report,
                            const struct matmul_settings *settings)
{
    if (settings->mode == MATMUL_BATCH) {
        fprintf(stream, "  \"size\": %d,\n  \"repeat\": %d,\n  \"seed\": %" PRIu64 ",\n",
                settings->size, settings->repeat, settings->seed);
        return;
    }
    fprintf(stream, "  \"tile\": %d,\n  \"output\": ", settings->tile);
    print_json_text(stream, settings->output);
    fprintf(stream, ",\n");
    if (report->verified)
        fprintf(stream, "  \"residual\": %.3e,\n  \"tolerance\": %.3e,\n", report->residual,
                report->tolerance);
}

static void print_json(FILE *stream, const struct matmul_report *report,
                       const struct matmul_settings *settings)
{
    fprintf(stream, "{\n  \"mode\": \"%s\",\n",
            settings->mode == MATMUL_BATCH ? "batch" : "product");
    print_json_mode(stream, report, settings);
    fprintf(stream, "  \"ranks\": %d,\n  \"hosts\": %d,\n  \"workers\": %zu,\n", crew_rank_count(),
            crew_host_count(), report->worker_count);
    fprintf(stream, "  \"start_method\": \"%s\",\n",
            matmul_start_method_name(settings->start_method));
    fprintf(stream, "  \"tasks\": %zu,\n  \"run\": %zu,\n  \"chunk\": ", report->tasks,
            report->run);
    if (settings->chunk)
        fprintf(stream, "%zu,\n", settings->chunk);
    else
        fprintf(stream, "\"auto\",\n");
    fprintf(stream, "  \"schedule\": \"%s\",\n", matmul_schedule_name(settings->schedule));
    fprintf(stream, "  \"kernel\": ");
    print_json_text(stream, report->kernel);
    fprintf(stream, ",\n  \"seconds\": %.9f,\n  \"gflops\": %.6f,\n  \"kernel_gflops\": %.6f,\n",
            report->seconds, gflops(report), report->kernel_gflops);
    fprintf(stream, "  \"cores\": %d,\n  \"efficiency\": %.6f,\n  \"sum\": %.17g,\n",
            crew_cpu_count(CREW_ALL_RANKS), efficiency(report), report->sum);
    fprintf(stream, "  \"in_tasks\": %.6f,\n", in_tasks(report));
    fprintf(stream, "  \"per_worker\": [\n");
    for (size_t i = 0; i < report->worker_count; i++)
        print_json_worker(stream, &report->workers[i], i + 1 == report->worker_count);
    fprintf(stream, "  ]\n}\n");
}

static void print_words(FILE *stream, const struct matmul_report *report)
{
    fprintf(stream, "%zu tasks on %zu workers (ranks %d, hosts %d, cores %d), %s\n", report->tasks,
            report->worker_count, crew_rank_count(), crew_host_count(),
            crew_cpu_count(CREW_ALL_RANKS), report->kernel);
    if (report->run < report->tasks)
        fprintf(stream, "%zu of them were in the journal, and %zu were run now\n",
                report->tasks - report->run, report->run);
    fprintf(stream,
            "%.3f s, %.1f GF/s; one worker alone %.1f GF/s; efficiency %.3f; "
            "%.1f%% of the cores' time inside tasks\n",
            report->seconds, gflops(report), report->kernel_gflops, efficiency(report),
            100 * in_tasks(report));
    for (size_t i = 0; i < report->worker_count; i++) {
        const crew_worker_info *worker = &report->workers[i];
        fprintf(stream, "  %-16s rank %d on %s, pid %d, ", worker->name, worker->rank,
                crew_rank_host(worker->rank), (int)worker->pid);
        if (worker->core >= 0)
            fprintf(stream, "core %d, ", worker->core);
        fprintf(stream, "%" PRIu64 " tasks, %.3f s busy\n", worker->tasks, worker->busy_s);
    }
    if (report->verified)
        fprintf(stream, "verified: residual %.2e, at most %.2e expected\n", report->residual,
                report->tolerance);
    fprintf(stream, "sum %.17g\n", report->sum);
}

/* Where the report goes as JSON. What is there is kept if it is no file; a file of another user's
 * choosing is none (runtime/base/path.h). NULL with the reason. */
static FILE *open_json(const char *name, const char **reason)
{
    struct stat status;
    char *resolved = NULL;
    int code = 0, fd;
    if (stat(name, &status) == 0 && !S_ISREG(status.st_mode)) {
        fd = open(name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    } else {
        code = crewi_path_resolve(name, &resolved);
        fd =
            code ? -1 : open(resolved, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    }
    FILE *stream = fd < 0 ? NULL : fdopen(fd, "w");
    if (!stream)
        *reason = crewi_path_reason(code ? code : errno);
    if (!stream && fd >= 0)
        close(fd);
    free(resolved);
    return stream;
}

bool matmul_report_print(const struct matmul_report *report, const struct matmul_settings *settings)
{
    const char *name = settings->json, *reason = NULL;
    if (!name || strcmp(name, "-") != 0)
        print_words(stdout, report);
    FILE *stream = !name || strcmp(name, "-") == 0 ? stdout : open_json(name, &reason);
    if (!stream) {
        fprintf(stderr, "matmul_pool: --json %s: %s\n", name, reason);
        return false;
    }
    if (name)
        print_json(stream, report, settings);
    bool written = fflush(stream) == 0 && !ferror(stream);
    if (stream != stdout) {
        written &= fclose(stream) == 0;
        written &= fflush(stdout) == 0 && !ferror(stdout);
    }
    if (!written)
        fprintf(stderr, "matmul_pool: the report cannot be written: %s\n", strerror(errno));
    return written;
}
