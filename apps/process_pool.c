/* SPDX-License-Identifier: BSD-3-Clause */
/* process_pool.py: the squares of 0 to 99 by a pool of four workers, in four ways: one by one and
 * all in one call, waiting for the results and asking for them later.
 *
 *   mpirun -np 4 ./process_pool
 *
 * prints four lines that end alike:
 *
 *   Pool apply       : [0, 1, 4, 9, ..., 9801]
 */
#include "chapter.h"

#include <crew/crew.h>
#include <inttypes.h>
#include <stdio.h>

enum { COUNT = 100 };

CREW_TASK(function_square, int64_t, int64_t)
{
    *result = *item * *item;
    return CREW_OK;
}

static void print_list(const char *title, const int64_t *list)
{
    printf("%s: [", title);
    for (int i = 0; i < COUNT; i++)
        printf("%s%" PRId64, i ? ", " : "", list[i]);
    printf("]\n");
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Squares 0 to 99 on a pool of four workers.");
    int64_t inputs[COUNT], outputs[4][COUNT];
    crew_result result, pending[COUNT];
    crew_pool pool;
    crew_pool_attr four = {.workers = 4};
    CREW_MUST(crew_pool_create(&pool, &four));
    for (int i = 0; i < COUNT; i++)
        inputs[i] = i;

    for (int i = 0; i < COUNT; i++)
        CREW_MUST(crew_pool_apply(pool, function_square, &inputs[i], &outputs[0][i]));
    print_list("Pool apply       ", outputs[0]);

    CREW_MUST(crew_pool_map(pool, function_square, inputs, outputs[1], COUNT, NULL));
    print_list("Pool map         ", outputs[1]);

    for (int i = 0; i < COUNT; i++)
        CREW_MUST(crew_pool_apply_async(pool, &pending[i], function_square, &inputs[i],
                                        &outputs[2][i], NULL));
    for (int i = 0; i < COUNT; i++)
        CREW_MUST(crew_result_get(pending[i], CREW_FOREVER));
    print_list("Pool apply_async ", outputs[2]);

    CREW_MUST(crew_pool_map_async(pool, &result, function_square, inputs, outputs[3], COUNT, NULL));
    CREW_MUST(crew_result_get(result, CREW_FOREVER));
    print_list("Pool map_async   ", outputs[3]);

    CREW_MUST(crew_pool_close(pool));
    CREW_MUST(crew_pool_join(pool, CREW_FOREVER));
    CREW_MUST(crew_pool_destroy(pool));
    return 0;
}

CREW_MAIN(app)
