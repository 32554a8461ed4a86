/* SPDX-License-Identifier: BSD-3-Clause */
/* communicating_with_pipe.py: two pipes in a row. One process creates the numbers 0 to 9, a second
 * one squares them, and the main process prints what it receives until the end of the pipe, which
 * comes when nobody is left who could send.
 *
 *   mpirun -np 4 ./communicating_with_pipe
 *
 * prints 0, 1, 4, 9 ... 81, one on each line, and then
 *
 *   End
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>

struct ends {
    crew_connection in, out;
};

static int create_items(void *arg)
{
    const struct ends *ends = arg;
    for (int item = 0; item < 10; item++)
        CREW_MUST(crew_send(ends->out, &item, sizeof item, CREW_FOREVER));
    return 0;
}

static int multiply_items(void *arg)
{
    const struct ends *ends = arg;
    int item;
    while (crew_recv(ends->in, &item, sizeof item, NULL, CREW_FOREVER) == CREW_OK) {
        int square = item * item;
        CREW_MUST(crew_send(ends->out, &square, sizeof square, CREW_FOREVER));
    }
    return 0;
}

/* What is handed over is closed here: the end of a pipe comes when all copies of its end to send to
 * are gone. */
static void start(crew_process *process, crew_process_function *function, struct ends ends)
{
    CREW_MUST(crew_process_create(process, function, &ends, sizeof ends, NULL));
    CREW_MUST(crew_process_start(*process));
    if (ends.in.id)
        CREW_MUST(crew_connection_close(ends.in));
    CREW_MUST(crew_connection_close(ends.out));
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Squares numbers on their way through two pipes.");
    crew_connection items, items_out, squares, squares_out;
    crew_process creator, multiplier;
    CREW_MUST(crew_pipe_create(&items, &items_out, NULL));
    CREW_MUST(crew_pipe_create(&squares, &squares_out, NULL));
    start(&creator, create_items, (struct ends){.out = items_out});
    start(&multiplier, multiply_items, (struct ends){items, squares_out});

    int square;
    while (crew_recv(squares, &square, sizeof square, NULL, CREW_FOREVER) == CREW_OK)
        printf("%d\n", square);
    printf("End\n");
    CREW_MUST(crew_process_join(creator, CREW_FOREVER));
    CREW_MUST(crew_process_join(multiplier, CREW_FOREVER));
    return 0;
}

CREW_MAIN(app)
