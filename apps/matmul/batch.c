/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel.h"
#include "matmul_pool.h"

#include <stdio.h>
#include <stdlib.h>

struct batch_item {
    uint64_t seed;
    int size, repeat;
};

CREW_TASK(batch_task, struct batch_item, double)
{
    *result = matmul_batch_task(item->seed, item->size, item->repeat);
    if (*result != *result)
        return crew_fail(CREW_ENOMEM, "no memory for matrices of %d x %d", item->size, item->size);
    return CREW_OK;
}

static int compare(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

/* Seconds that a task takes on a core with nothing else to do: the median, since the machine may be
 * interrupted. */
CREW_TASK(calibrate, struct batch_item, double)
{
    enum { MOST = 4096 };
    static double seconds[MOST];
    int count = 0;
    double begin = matmul_now(), last = begin;
    while (count < MOST && (count < 3 || last - begin < MATMUL_CALIBRATION_S)) {
        double sum = matmul_batch_task(item->seed + (uint64_t)count, item->size, item->repeat);
        if (sum != sum)
            return crew_fail(CREW_ENOMEM, "no memory for matrices of %d x %d", item->size,
                             item->size);
        double now = matmul_now();
        seconds[count++] = now - last;
        last = now;
    }
    qsort(seconds, (size_t)count, sizeof *seconds, compare);
    *result = seconds[count / 2];
    return CREW_OK;
}

/* What a process has to do once is done before anything is measured. */
static crew_status prepare(void *arg)
{
    const int *size = arg;
    matmul_kernel_single_thread();
    if (matmul_kernel_prepare(*size))
        return crew_fail(CREW_ENOMEM, "no memory for matrices of %d x %d", *size, *size);
    return CREW_OK;
}

static double flops_of_task(const struct matmul_settings *settings)
{
    double n = settings->size;
    return 2 * n * n * n * settings->repeat;
}

static crew_status measure(crew_pool pool, const struct matmul_settings *settings,
                           struct matmul_report *report)
{
    struct batch_item one = {settings->seed, settings->size, settings->repeat};
    double task_s;
    crew_status status = crew_pool_map(pool, calibrate, &one, &task_s, 1, NULL);
    if (!status)
        report->kernel_gflops = flops_of_task(settings) / task_s / 1e9;
    return status;
}

static crew_status run(crew_pool pool, const struct matmul_settings *settings,
                       struct matmul_report *report)
{
    struct batch_item *items = calloc(settings->tasks, sizeof *items);
    double *results = calloc(settings->tasks, sizeof *results);
    crew_status status = CREW_ENOMEM;
    if (!items || !results) {
        crew_fail(CREW_ENOMEM, "no memory for %zu tasks", settings->tasks);
        goto done;
    }
    for (size_t i = 0; i < settings->tasks; i++)
        items[i] = (struct batch_item){settings->seed + i, settings->size, settings->repeat};
    crew_map_attr attr = matmul_map_attr(settings);
    double begin = matmul_now();
    status = crew_pool_map(pool, batch_task, items, results, settings->tasks, &attr);
    report->seconds = matmul_now() - begin;
    report->tasks = settings->tasks;
    report->flops = flops_of_task(settings) * (double)settings->tasks;
    for (size_t i = 0; i < settings->tasks;
         i++) /* in the order of the tasks, so that it is the same to the last bit */
        report->sum += results[i];
done:
    free(items);
    free(results);
    return status;
}

int matmul_batch(const struct matmul_settings *settings)
{
    struct matmul_report report = {.kernel = matmul_kernel_name(settings->size)};
    int size = settings->size;
    crew_pool pool;
    crew_pool_attr attr = {
        .workers = settings->workers,
        .start_method = settings->start_method,
        .initializer = prepare,
        .initializer_arg = &size,
        .initializer_size = sizeof size,
    };
    if (crew_pool_create(&pool, &attr))
        return matmul_fail(crew_error_message());
    crew_status status = measure(pool, settings, &report);
    if (!status)
        status = matmul_report_begin(&report, pool);
    if (!status)
        status = run(pool, settings, &report);
    if (!status)
        status = matmul_report_workers(&report, pool);
    int code = status ? matmul_fail(crew_error_message()) : MATMUL_EXIT_OK;
    if (crew_pool_destroy(pool) && !code)
        code = matmul_fail(crew_error_message());
    if (!code && !matmul_report_print(&report, settings))
        code = MATMUL_EXIT_FAILURE;
    matmul_report_fini(&report);
    return code;
}
