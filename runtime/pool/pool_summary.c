/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/pool_summary.h"

#include "base/error.h"
#include "pool/pool_call.h"

#include <crew/run.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

crew_status crew_pool_describe(crew_pool pool, crew_pool_info *info)
{
    static const unsigned char without_workers = 0;
    struct crewi_frame *reply;
    if (!info)
        return crewi_error(CREW_EINVAL, "crew_pool_describe: info is NULL");
    crew_status status = crewi_pool_ask(pool, CREWI_POOL_DESCRIBE, &without_workers,
                                        sizeof without_workers, 0, &reply);
    if (status)
        return status;
    crewi_reply_copy(reply, sizeof *info, info, 1);
    return CREW_OK;
}

crew_status crewi_pool_summary_ask(crew_pool pool, struct crewi_pool_summary *summary)
{
    static const unsigned char with_workers = 1;
    struct crewi_frame *reply;
    crew_status status =
        crewi_pool_ask(pool, CREWI_POOL_DESCRIBE, &with_workers, sizeof with_workers, 0, &reply);
    if (status)
        return status;
    size_t bytes = reply->header.size - sizeof(struct crewi_pool_description);
    crew_worker_info *workers = malloc(bytes);
    if (workers) {
        memcpy(workers, reply->payload + sizeof(struct crewi_pool_description), bytes);
        memcpy(&summary->info, reply->payload, sizeof summary->info);
        summary->workers = workers;
        summary->count = bytes / sizeof *workers;
    }
    crewi_frame_destroy(reply);
    return workers ? CREW_OK : crewi_error_memory();
}

void crewi_pool_summary_since(struct crewi_pool_summary *summary,
                              const struct crewi_pool_summary *before)
{
    crew_pool_info *info = &summary->info;
    info->tasks -= before->info.tasks;
    info->failed -= before->info.failed;
    info->retried -= before->info.retried;
    info->replaced -= before->info.replaced;
    info->died -= before->info.died;
    info->start_s = 0;
    info->wall_s -= before->info.wall_s;
    info->working_s -= before->info.working_s;
    info->busy_s -= before->info.busy_s;
    info->cpu_s -= before->info.cpu_s;
    info->home_cpu_s -= before->info.home_cpu_s;
    for (size_t i = 0; i < summary->count && i < before->count; i++) {
        summary->workers[i].tasks -= before->workers[i].tasks;
        summary->workers[i].busy_s -= before->workers[i].busy_s;
        summary->workers[i].cpu_s -= before->workers[i].cpu_s;
    }
}

/* Words */

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

static int widest(int width, const char *text)
{
    return (int)strlen(text) > width ? (int)strlen(text) : width;
}

static void print_workers(const struct crewi_pool_summary *summary, FILE *stream)
{
    double working_s = summary->info.working_s;
    int name = 6, host = 4;
    for (size_t i = 0; i < summary->count; i++) {
        name = widest(name, summary->workers[i].name);
        host = widest(host, crew_rank_host(summary->workers[i].rank));
    }
    fprintf(stream, "%-*s  rank  %-*s  core       tasks    busy     CPU\n", name, "worker", host,
            "host");
    for (size_t i = 0; i < summary->count; i++) {
        const crew_worker_info *worker = &summary->workers[i];
        char core[16] = "-";
        if (worker->core >= 0)
            snprintf(core, sizeof core, "%d", worker->core);
        fprintf(stream, "%-*s  %4d  %-*s  %4s  %10" PRIu64 "  %5.1f%%  %5.1f%%\n", name,
                worker->name, worker->rank, host, crew_rank_host(worker->rank), core, worker->tasks,
                percent(worker->busy_s, working_s), percent(worker->cpu_s, working_s));
    }
}

static void print_totals(const crew_pool_info *info, FILE *stream)
{
    double possible_s = info->working_s * (double)info->workers;
    fprintf(stream,
            "%zu worker%s: %" PRIu64 " task%s in %.3f s (%.4g tasks/s), busy %.1f%%, CPU %.1f%%\n",
            info->workers, info->workers == 1 ? "" : "s", info->tasks, info->tasks == 1 ? "" : "s",
            info->working_s, info->working_s > 0 ? (double)info->tasks / info->working_s : 0,
            percent(info->busy_s, possible_s), percent(info->cpu_s, possible_s));
    if (info->failed || info->retried || info->replaced || info->died)
        fprintf(stream,
                "%" PRIu64 " failed, %" PRIu64 " tried again; workers: %" PRIu64 " died, %" PRIu64
                " replaced\n",
                info->failed, info->retried, info->died, info->replaced);
}

static void print_cost(const crew_pool_info *info, FILE *stream)
{
    if (info->start_s > 0)
        fprintf(stream, "the workers were ready after %.3f s; ", info->start_s);
    fprintf(stream, "the process of rank %d used %.3f s of processor time", info->home,
            info->home_cpu_s);
    if (info->tasks)
        fprintf(stream, ", %.1f us a task", 1e6 * info->home_cpu_s / (double)info->tasks);
    fprintf(stream, "\n");
}

/* In one piece, lest lines of others get in between. */
crew_status crewi_pool_summary_print(const struct crewi_pool_summary *summary, FILE *stream)
{
    char *text = NULL;
    size_t size = 0;
    FILE *words = open_memstream(&text, &size);
    if (!words)
        return crewi_error_memory();
    print_workers(summary, words);
    print_totals(&summary->info, words);
    print_cost(&summary->info, words);
    crew_status status = fclose(words) ? crewi_error_memory() : CREW_OK;
    if (!status && fwrite(text, 1, size, stream) != size)
        status =
            crewi_error(CREW_ESYSTEM, "a summary of a pool cannot be written: %s", strerror(errno));
    free(text);
    return status;
}

crew_status crew_pool_print_summary(crew_pool pool, FILE *stream)
{
    struct crewi_pool_summary summary;
    if (!stream)
        return crewi_error(CREW_EINVAL, "crew_pool_print_summary: stream is NULL");
    crew_status status = crewi_pool_summary_ask(pool, &summary);
    if (status)
        return status;
    status = crewi_pool_summary_print(&summary, stream);
    free(summary.workers);
    return status;
}
