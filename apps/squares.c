/* SPDX-License-Identifier: BSD-3-Clause */
/* The README's first program: the squares of 0 to 99 on a pool of workers.
 *
 *   mpirun -np 4 ./squares      prints 9801
 */
#include <crew/crew.h>
#include <inttypes.h>
#include <stdio.h>

CREW_TASK(square, int64_t, int64_t) /* task, item type, result type */
{
    *result = *item * *item;
    return CREW_OK;
}

static int app(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int64_t items[100], results[100];
    for (int i = 0; i < 100; i++)
        items[i] = i;

    crew_pool pool;
    if (crew_pool_create(&pool, NULL) || crew_pool_map(pool, square, items, results, 100, NULL)) {
        fprintf(stderr, "%s\n", crew_error_message());
        return 1;
    }
    printf("%" PRId64 "\n", results[99]);
    return crew_pool_destroy(pool) ? 1 : 0;
}

CREW_MAIN(app)
