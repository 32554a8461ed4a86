/* SPDX-License-Identifier: BSD-3-Clause */
/* spawning_processes.py: six processes run one function, each with an argument of its own; process
 * i does i * 1000 steps of work. The main process joins each before it starts the next one.
 *
 *   mpirun -np 4 ./spawning_processes
 *
 * prints what each process does, in the order of their numbers:
 *
 *   calling my_func from process 2
 *   process 2 has done 2000 steps
 */
#include "chapter.h"
#include "do_something.h"

#include <crew/crew.h>
#include <stdio.h>
#include <stdlib.h>

static int my_func(void *arg)
{
    const int *number = arg;
    struct number_list list = {0};
    printf("calling my_func from process %d\n", *number);
    bool done = do_something((size_t)*number * 1000, &list);
    printf("process %d has done %zu steps\n", *number, list.length);
    free(list.numbers);
    return done ? 0 : 1;
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Starts six processes, each with an argument.");
    for (int i = 0; i < 6; i++) {
        crew_process process;
        CREW_MUST(crew_process_create(&process, my_func, &i, sizeof i, NULL));
        CREW_MUST(crew_process_start(process));
        CREW_MUST(crew_process_join(process, CREW_FOREVER));
        CREW_MUST(crew_process_close(process));
    }
    return 0;
}

CREW_MAIN(app)
