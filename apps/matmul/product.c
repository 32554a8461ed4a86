/* SPDX-License-Identifier: BSD-3-Clause */
/* One large product, in tiles on the pool. */
#include "freivalds.h"
#include "kernel.h"
#include "matmul_pool.h"
#include "product_task.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tiles go through the kernel of large matrices, whatever their size. */
#define LARGE_SIZE 4096

#define ITEM_BYTES_LIMIT ((size_t)1 << 30)

struct product {
    const struct matmul_settings *settings;
    struct npy_matrix a, b;
    struct npy_writer writer;
    struct product_inputs inputs;
    size_t tile, tile_rows, tile_cols; /* tiles one below the other, one beside the other */
    size_t item_size, result_size;
    unsigned char *items;
    double *results;
    size_t wave; /* tiles, and panels that have to be sent along, that are in memory at a time */
    struct matmul_report *report;
};

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

static int open_inputs(struct product *product, struct npy_error *error)
{
    const struct matmul_settings *settings = product->settings;
    if (npy_open(&product->a, settings->a, error))
        return -1;
    if (npy_open(&product->b, settings->b, error)) {
        npy_close(&product->a);
        return -1;
    }
    const struct npy_layout *a = &product->a.layout, *b = &product->b.layout;
    if (a->cols == b->rows && a->cols <= MATMUL_GEMM_MOST)
        return 0;
    snprintf(error->text, sizeof error->text,
             "shapes do not fit: %s is %zu x %zu and %s is %zu x %zu, expected %s", settings->a,
             a->rows, a->cols, settings->b, b->rows, b->cols,
             a->cols == b->rows ? "at most 2147483647 columns"
                                : "as many columns in the first as rows in the second");
    npy_close(&product->b);
    npy_close(&product->a);
    return -1;
}

/* As NumPy: float32 only when both are. */
static struct npy_layout output_layout(const struct product *product)
{
    bool narrow = product->a.layout.dtype == NPY_FLOAT32 && product->b.layout.dtype == NPY_FLOAT32;
    return (struct npy_layout){.rows = product->a.layout.rows,
                               .cols = product->b.layout.cols,
                               .dtype = narrow ? NPY_FLOAT32 : NPY_FLOAT64};
}

static crew_status describe_inputs(struct product *product)
{
    struct product_inputs *inputs = &product->inputs;
    if (!realpath(product->settings->a, inputs->a) || !realpath(product->settings->b, inputs->b))
        return crew_fail(CREW_ESYSTEM, "the path of %s or %s cannot be followed",
                         product->settings->a, product->settings->b);
    npy_identity(&product->a, &inputs->a_identity);
    npy_identity(&product->b, &inputs->b_identity);
    inputs->inner = product->a.layout.cols;
    return CREW_OK;
}

/* Whether all ranks see the input files: a short process on each looks. */
static crew_status find_visibility(struct product *product)
{
    int ranks = crew_rank_count(), started = 0, code = 0;
    crew_process *probes = calloc((size_t)ranks, sizeof *probes);
    if (!probes)
        return crew_fail(CREW_ENOMEM, "no memory for %d probes", ranks);
    crew_status status = CREW_OK;
    for (; started < ranks && !status; started++) {
        crew_process_attr attr = {.name = "probe", .placement = CREW_ON_RANK(started)};
        status = crew_process_create(&probes[started], product_probe, &product->inputs,
                                     sizeof product->inputs, &attr);
        if (!status)
            status = crew_process_start(probes[started]);
    }
    product->inputs.visible = true;
    for (int rank = 0; rank < started && !status; rank++) {
        status = crew_process_join(probes[rank], CREW_FOREVER);
        if (!status)
            status = crew_process_exitcode(probes[rank], &code);
        product->inputs.visible &= code == 0;
        crew_process_close(probes[rank]);
    }
    free(probes);
    return status;
}

static crew_status plan(struct product *product)
{
    size_t rows = product->a.layout.rows, cols = product->b.layout.cols,
           inner = product->inputs.inner;
    size_t tile = (size_t)product->settings->tile;
    product->tile = tile;
    product->tile_rows = (rows + tile - 1) / tile;
    product->tile_cols = (cols + tile - 1) / tile;
    size_t panels = product->inputs.visible
                        ? 0
                        : (smaller(tile, rows) + smaller(tile, cols)) * inner * sizeof(double);
    product->item_size = (sizeof(struct product_item) + panels + 15) & ~(size_t)15;
    product->result_size = smaller(tile, rows) * smaller(tile, cols) * sizeof(double);
    if (product->item_size > ITEM_BYTES_LIMIT)
        return crew_fail(CREW_EINVAL,
                         "a tile's rows and columns take %zu bytes to send, more than 1 GiB: use a "
                         "smaller --tile",
                         product->item_size);
    size_t all = product->tile_rows * product->tile_cols,
           fits = product->settings->memory / (product->item_size + product->result_size + 1);
    product->wave = smaller(all, fits ? fits : 1);
    product->items = calloc(product->wave ? product->wave : 1, product->item_size);
    product->results =
        calloc(product->wave ? product->wave : 1, product->result_size ? product->result_size : 1);
    if (!product->items || !product->results)
        return crew_fail(CREW_ENOMEM, "no memory for %zu tiles", product->wave);
    return CREW_OK;
}

static void fill_item(const struct product *product, size_t number, struct product_item *item)
{
    size_t rows = product->a.layout.rows, cols = product->b.layout.cols,
           inner = product->inputs.inner;
    size_t row = number / product->tile_cols * product->tile,
           col = number % product->tile_cols * product->tile;
    *item = (struct product_item){.row_begin = row,
                                  .row_end = smaller(row + product->tile, rows),
                                  .col_begin = col,
                                  .col_end = smaller(col + product->tile, cols),
                                  .a = product->inputs.a_identity,
                                  .b = product->inputs.b_identity};
    if (product->inputs.visible)
        return;
    double *a = (double *)(void *)(item + 1), *b = a + (item->row_end - item->row_begin) * inner;
    npy_read_block(&product->a, &(struct npy_block){item->row_begin, item->row_end, 0, inner}, a,
                   inner);
    npy_read_block(&product->b, &(struct npy_block){0, inner, item->col_begin, item->col_end}, b,
                   item->col_end - item->col_begin);
}

static struct product_item *item_at(const struct product *product, size_t index)
{
    return (struct product_item *)(void *)(product->items + index * product->item_size);
}

static double flops_of(const struct product *product, const struct product_item *item)
{
    return 2.0 * (double)(item->row_end - item->row_begin) *
           (double)(item->col_end - item->col_begin) * (double)product->inputs.inner;
}

static crew_status measure(struct product *product, crew_pool pool)
{
    crew_task task = {product_calibrate, product->item_size, sizeof(double), "product_calibrate"};
    double seconds = 0;
    if (!product->wave || !product->inputs.inner)
        return CREW_OK;
    fill_item(product, 0, item_at(product, 0));
    crew_status status = crew_pool_map(pool, task, product->items, &seconds, 1, NULL);
    if (!status && seconds > 0)
        product->report->kernel_gflops = flops_of(product, item_at(product, 0)) / seconds / 1e9;
    return status;
}

/* A wave is a map, and each map has a journal of its own. */
static crew_status name_journal(const struct product *product, size_t first, char path[PATH_MAX],
                                crew_map_attr *attr)
{
    if (!attr->journal || !first)
        return CREW_OK;
    int length = snprintf(path, PATH_MAX, "%s.%zu", attr->journal, first / product->wave + 1);
    if (length >= PATH_MAX)
        return crew_fail(CREW_EINVAL, "the name of the journal %s is too long", attr->journal);
    attr->journal = path;
    return CREW_OK;
}

/* Tiles first to first + count - 1: computed, then written. Only computing is timed. */
static crew_status run_wave(struct product *product, crew_pool pool, size_t first, size_t count)
{
    struct npy_error error;
    char journal[PATH_MAX];
    crew_task task = {product_tile, product->item_size, product->result_size, "product_tile"};
    crew_map_attr attr = matmul_map_attr(product->settings);
    for (size_t i = 0; i < count; i++)
        fill_item(product, first + i, item_at(product, i));
    crew_status status = name_journal(product, first, journal, &attr);
    if (status)
        return status;
    double begin = matmul_now();
    status = crew_pool_map(pool, task, product->items, product->results, count, &attr);
    product->report->seconds += matmul_now() - begin;
    for (size_t i = 0; i < count && !status; i++) {
        const struct product_item *item = item_at(product, i);
        const double *tile = product->results + i * (product->result_size / sizeof(double));
        size_t width = item->col_end - item->col_begin,
               size = (item->row_end - item->row_begin) * width;
        struct npy_block where = {item->row_begin, item->row_end, item->col_begin, item->col_end};
        product->report->flops += flops_of(product, item);
        for (size_t at = 0; at < size; at++)
            product->report->sum += tile[at];
        if (npy_writer_put(&product->writer, &where, tile, width, &error))
            status = crew_fail(CREW_ESYSTEM, "%s", error.text);
    }
    return status;
}

/* The file has no name yet, but its descriptor leads to it. */
static crew_status verify(struct product *product)
{
    char path[64];
    struct npy_matrix c;
    struct npy_error error;
    struct matmul_freivalds_report found;
    snprintf(path, sizeof path, "/proc/self/fd/%d", product->writer.fd);
    if (npy_open(&c, path, &error))
        return crew_fail(CREW_ESYSTEM, "%s", error.text);
    struct matmul_freivalds check = {
        .a = &product->a, .b = &product->b, .c = &c, .seed = product->settings->seed};
    int checked = matmul_freivalds(&check, &found, &error);
    npy_close(&c);
    if (checked)
        return crew_fail(CREW_EFAILED, "%s", error.text);
    if (!found.passed)
        return crew_fail(CREW_EFAILED,
                         "the product is WRONG: row %zu is off by %.3e, and rounding explains %.3e",
                         found.row, found.residual, found.tolerance);
    product->report->verified = true;
    product->report->residual = found.residual;
    product->report->tolerance = found.tolerance;
    return CREW_OK;
}

static crew_status compute(struct product *product, crew_pool pool)
{
    size_t all = product->tile_rows * product->tile_cols;
    crew_status status = measure(product, pool);
    if (!status)
        status = matmul_report_begin(product->report, pool);
    for (size_t first = 0; first < all && !status; first += product->wave)
        status = run_wave(product, pool, first, smaller(product->wave, all - first));
    product->report->tasks = all;
    if (!status && product->settings->verify)
        status = verify(product);
    return status ? status : matmul_report_workers(product->report, pool);
}

static crew_status run(struct product *product)
{
    crew_pool pool;
    crew_status status = describe_inputs(product);
    if (!status)
        status = find_visibility(product);
    if (!status)
        status = plan(product);
    if (status)
        return status;
    crew_pool_attr attr = {
        .workers = product->settings->workers,
        .start_method = product->settings->start_method,
        .initializer = product_prepare,
        .initializer_arg = &product->inputs,
        .initializer_size = sizeof product->inputs,
    };
    status = crew_pool_create(&pool, &attr);
    if (status)
        return status;
    status = compute(product, pool);
    crew_status end = crew_pool_destroy(pool);
    return status ? status : end;
}

static int write_output(struct product *product)
{
    struct npy_error error;
    struct npy_layout layout = output_layout(product);
    if (npy_writer_create(&product->writer, product->settings->output, &layout, &error))
        return matmul_fail(error.text);
    if (run(product)) {
        int code = matmul_fail(crew_error_message());
        npy_writer_abort(&product->writer);
        return code;
    }
    return npy_writer_commit(&product->writer, &error) ? matmul_fail(error.text) : MATMUL_EXIT_OK;
}

int matmul_product(const struct matmul_settings *settings)
{
    struct matmul_report report = {.kernel = matmul_kernel_name(LARGE_SIZE)};
    struct product product = {.settings = settings, .report = &report};
    struct npy_error error;
    if (open_inputs(&product, &error))
        return matmul_fail(error.text);
    int code = write_output(&product);
    if (!code && !matmul_report_print(&report, settings))
        code = MATMUL_EXIT_FAILURE;
    matmul_report_fini(&report);
    free(product.items);
    free(product.results);
    npy_close(&product.b);
    npy_close(&product.a);
    return code;
}
