/* SPDX-License-Identifier: BSD-3-Clause */
#include "product_task.h"

#include "kernel.h"
#include "matmul_pool.h"

#include <stdlib.h>
#include <string.h>

/* Of this worker, from product_prepare() to its end. */
static struct {
    struct npy_matrix a, b;
    size_t inner;
    bool visible;
    double *a_panel,
        *b_panel; /* converted panels; the one of A is kept while tasks go along a row of tiles */
    size_t a_room, b_room, a_begin, a_end;
} state;

struct panel {
    const double *elements;
    size_t stride;
};

static bool is_the_file(struct npy_matrix *matrix, const char *path,
                        const struct npy_identity *expected)
{
    struct npy_error error;
    struct npy_identity found;
    if (npy_open(matrix, path, &error))
        return false;
    npy_identity(matrix, &found);
    const char *difference = npy_identity_difference(expected, &found);
    /* A copy on another node's disk may be younger; what counts is what is in it. */
    if (!difference || strcmp(difference, "modification time") == 0)
        return true;
    npy_close(matrix);
    return false;
}

int product_probe(void *arg)
{
    const struct product_inputs *inputs = arg;
    struct npy_matrix a, b;
    if (!is_the_file(&a, inputs->a, &inputs->a_identity))
        return 1;
    bool both = is_the_file(&b, inputs->b, &inputs->b_identity);
    if (both)
        npy_close(&b);
    npy_close(&a);
    return both ? 0 : 1;
}

crew_status product_prepare(void *arg)
{
    const struct product_inputs *inputs = arg;
    struct npy_error error;
    matmul_kernel_single_thread();
    state.inner = inputs->inner;
    state.visible = inputs->visible;
    state.a_begin = state.a_end = 0;
    if (!inputs->visible)
        return CREW_OK;
    if (npy_open(&state.a, inputs->a, &error) || npy_open(&state.b, inputs->b, &error))
        return crew_fail(CREW_ESYSTEM, "%s", error.text);
    return CREW_OK;
}

static crew_status make_room(double **buffer, size_t *room, size_t count)
{
    if (count <= *room)
        return CREW_OK;
    double *grown = realloc(*buffer, count * sizeof *grown);
    if (!grown)
        return crew_fail(CREW_ENOMEM, "no memory for a panel of %zu numbers", count);
    *buffer = grown;
    *room = count;
    return CREW_OK;
}

/* Whether a block can be multiplied in place: the file holds row-major doubles, and not too far
 * apart for the BLAS. Otherwise it is copied into a buffer. */
static bool borrow_panel(const struct npy_matrix *matrix, const struct npy_block *block,
                         struct panel *panel)
{
    panel->elements = npy_borrow_block(matrix, block, &panel->stride);
    return panel->elements && panel->stride <= MATMUL_GEMM_MOST;
}

static crew_status rows_of_a(const struct product_item *item, struct panel *panel)
{
    struct npy_block block = {item->row_begin, item->row_end, 0, state.inner};
    if (borrow_panel(&state.a, &block, panel))
        return CREW_OK;
    *panel = (struct panel){state.a_panel, state.inner};
    if (state.a_begin == item->row_begin && state.a_end == item->row_end && state.a_panel)
        return CREW_OK;
    crew_status status =
        make_room(&state.a_panel, &state.a_room, (item->row_end - item->row_begin) * state.inner);
    if (status)
        return status;
    npy_read_block(&state.a, &block, state.a_panel, state.inner);
    state.a_begin = item->row_begin;
    state.a_end = item->row_end;
    panel->elements = state.a_panel;
    return CREW_OK;
}

static crew_status columns_of_b(const struct product_item *item, struct panel *panel)
{
    struct npy_block block = {0, state.inner, item->col_begin, item->col_end};
    size_t width = item->col_end - item->col_begin;
    if (borrow_panel(&state.b, &block, panel))
        return CREW_OK;
    crew_status status = make_room(&state.b_panel, &state.b_room, width * state.inner);
    if (status)
        return status;
    npy_read_block(&state.b, &block, state.b_panel, width);
    *panel = (struct panel){state.b_panel, width};
    return CREW_OK;
}

static crew_status find_panels(const struct product_item *item, struct panel *a, struct panel *b)
{
    if (state.visible) {
        crew_status status = rows_of_a(item, a);
        return status ? status : columns_of_b(item, b);
    }
    *a = (struct panel){(const double *)(const void *)(item + 1), state.inner};
    *b = (struct panel){a->elements + (item->row_end - item->row_begin) * state.inner,
                        item->col_end - item->col_begin};
    return CREW_OK;
}

crew_status product_tile(const void *data, void *result)
{
    const struct product_item *item = data;
    struct panel a, b;
    size_t rows = item->row_end - item->row_begin, cols = item->col_end - item->col_begin;
    crew_status status = find_panels(item, &a, &b);
    if (status || state.inner == 0)
        return status;
    struct matmul_product product = {
        .m = rows,
        .n = cols,
        .k = state.inner,
        .a = a.elements,
        .lda = a.stride,
        .b = b.elements,
        .ldb = b.stride,
        .c = result,
        .ldc = cols,
    };
    if (matmul_gemm(&product))
        return crew_fail(
            CREW_EINVAL,
            "a tile of %zu x %zu x %zu elements, with rows %zu and %zu elements apart, "
            "is too large for the BLAS: it counts to %zu",
            rows, state.inner, cols, a.stride, b.stride, MATMUL_GEMM_MOST);
    return CREW_OK;
}

crew_status product_calibrate(const void *data, void *result)
{
    const struct product_item *item = data;
    double best = 0, begin = matmul_now(), last = begin;
    double *tile =
        calloc((item->row_end - item->row_begin) * (item->col_end - item->col_begin), sizeof *tile);
    crew_status status = tile ? CREW_OK : crew_fail(CREW_ENOMEM, "no memory for a tile");
    for (int i = 0; !status && (i < 2 || last - begin < MATMUL_CALIBRATION_S); i++) {
        status = product_tile(item, tile);
        double now = matmul_now();
        if (i > 0 && (best == 0 || now - last < best)) /* the first one reads the files */
            best = now - last;
        last = now;
    }
    free(tile);
    *(double *)result = best;
    return status;
}
