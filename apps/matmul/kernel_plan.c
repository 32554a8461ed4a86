/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernel_plan.h"

#include "kernel.h"

#include <stddef.h>
#include <stdio.h>

#include <cblas.h>

#ifdef MATMUL_HAVE_XSMM
#include <errno.h>
#include <fcntl.h>
#include <libxsmm.h>
#include <stdarg.h>
#include <string.h>

/*
 * Sizes up to this one are libxsmm's. On an AVX-512 Xeon, libxsmm 1.17 beats OpenBLAS 0.3.21 by 1.6
 * at 20, is level with it from 64 to 97 and beats it by 1.2 to 1.5 from there to 200; it falls
 * behind where the matrices leave the second cache.
 */
#define XSMM_LARGEST 200

struct plan {
    bool made;
    libxsmm_dmmfunction xsmm; /* NULL: dgemm */
};

static struct plan plans[XSMM_LARGEST + 1];

/*
 * libxsmm creates a file of this name when it is loaded or first used, through symbolic links if
 * need be, to find out whether it runs in another process of the user; a killed process leaves it
 * behind. Its answer matters to libxsmm's debugging only, and without the file it goes on. No
 * setting keeps it from that, so its calls to open() come here: see --wrap in CMakeLists.txt.
 */
#define XSMM_MARKER "/tmp/.libxsmm."

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (strncmp(path, XSMM_MARKER, strlen(XSMM_MARKER)) == 0) {
        errno = EACCES;
        return -1;
    }
    if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    return __real_open(path, flags, mode);
}

static void start_xsmm(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    libxsmm_init();
}

static const struct plan *plan_for(int n)
{
    static const struct plan dgemm = {.made = true};
    const double one = 1.0;
    const double zero = 0.0;
    if (n > XSMM_LARGEST)
        return &dgemm;
    struct plan *plan = &plans[n];
    if (!plan->made) {
        start_xsmm();
        plan->xsmm = libxsmm_dmmdispatch(n, n, n, NULL, NULL, NULL, &one, &zero, NULL, NULL);
        plan->made = true;
    }
    return plan;
}

/* Returns whether it did it. libxsmm is column-major: it takes our C = A * B for C^T = B^T * A^T.
 */
static bool multiply_xsmm(int n, const double *a, const double *b, double *c, int repeat)
{
    libxsmm_dmmfunction kernel = plan_for(n)->xsmm;
    if (kernel == NULL)
        return false;
    for (int i = 0; i < repeat; i++)
        kernel(b, a, c);
    return true;
}

static const char *xsmm_target(int n)
{
    return plan_for(n)->xsmm == NULL ? NULL : libxsmm_get_target_arch();
}

void matmul_plan_prepare(int n)
{
    plan_for(n);
}

#else

static bool multiply_xsmm(int n, const double *a, const double *b, double *c, int repeat)
{
    (void)n, (void)a, (void)b, (void)c, (void)repeat;
    return false;
}

static const char *xsmm_target(int n)
{
    (void)n;
    return NULL;
}

void matmul_plan_prepare(int n)
{
    (void)n;
}

#endif

void matmul_plan_multiply(int n, const double *a, const double *b, double *c, int repeat)
{
    if (multiply_xsmm(n, a, b, c, repeat))
        return;
    const size_t side = (size_t)n;
    const struct matmul_product product = {.m = side,
                                           .n = side,
                                           .k = side,
                                           .a = a,
                                           .lda = side,
                                           .b = b,
                                           .ldb = side,
                                           .c = c,
                                           .ldc = side};
    for (int i = 0; i < repeat; i++)
        matmul_gemm(&product); /* an int is never too large */
}

const char *matmul_kernel_name(int n)
{
    static char name[64];
    const char *target = n < 1 ? NULL : xsmm_target(n);
    if (target != NULL)
        snprintf(name, sizeof name, "libxsmm (%s)", target);
    else
#ifdef MATMUL_HAVE_OPENBLAS
        snprintf(name, sizeof name, "OpenBLAS (%s)", openblas_get_corename());
#else
        snprintf(name, sizeof name, "CBLAS");
#endif
    return name;
}

void matmul_kernel_single_thread(void)
{
#ifdef MATMUL_HAVE_OPENBLAS
    openblas_set_num_threads(1);
#endif
}

int matmul_gemm(const struct matmul_product *product)
{
    const struct matmul_product *p = product;
    const size_t numbers[] = {p->m, p->n, p->k, p->lda, p->ldb, p->ldc};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i] > MATMUL_GEMM_MOST)
            return -1;
    }
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)p->m, (int)p->n, (int)p->k, 1.0,
                p->a, (int)p->lda, p->b, (int)p->ldb, p->accumulate ? 1.0 : 0.0, p->c, (int)p->ldc);
    return 0;
}
