/* SPDX-License-Identifier: BSD-3-Clause */
/* run_background_processes_no_daemons.py: two processes, neither of them a daemon. The main program
 * has nothing left to do when they are started; it waits for both at its end.
 *
 *   mpirun -np 4 ./run_background_processes_no_daemons
 *
 * prints
 *
 *   Starting background_process
 *   ---> 0
 *   ...
 *   ---> 4
 *   Exiting background_process
 *
 * and between these lines the same of NO_background_process, from 5 to 9.
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>

struct numbers {
    int first, last;
    double pause_s;
};

static int count(void *arg)
{
    const struct numbers *numbers = arg;
    const char *name = crew_current_name();
    printf("Starting %s\n", name);
    for (int i = numbers->first; i <= numbers->last; i++) {
        printf("---> %d\n", i);
        chapter_sleep(numbers->pause_s);
    }
    printf("Exiting %s\n", name);
    return 0;
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Runs two processes, and waits for both at the end.");
    crew_process background, no_background;
    crew_process_attr first = {.name = "background_process", .daemon = CREW_DAEMON_NO};
    crew_process_attr second = {.name = "NO_background_process", .daemon = CREW_DAEMON_NO};
    struct numbers low = {0, 4, 0.05}, high = {5, 9, 0.05};
    CREW_MUST(crew_process_create(&background, count, &low, sizeof low, &first));
    CREW_MUST(crew_process_create(&no_background, count, &high, sizeof high, &second));
    CREW_MUST(crew_process_start(background));
    CREW_MUST(crew_process_start(no_background));
    return 0;
}

CREW_MAIN(app)
