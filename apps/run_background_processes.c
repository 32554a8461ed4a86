/* SPDX-License-Identifier: BSD-3-Clause */
/* run_background_processes.py: a daemon and a process that is none. The main program waits for the
 * second one at its end; the daemon, which has much to do yet, ends with the main program.
 *
 *   mpirun -np 4 ./run_background_processes
 *
 * prints
 *
 *   Starting background_process
 *   ---> 0
 *
 * of the daemon, and of the other one all from `Starting NO_background_process` over `---> 5` to
 * `---> 9` and `Exiting NO_background_process`.
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
    chapter_takes_no_arguments(argc, argv, "Runs a daemon, which ends with the program.");
    crew_process background, no_background;
    crew_process_attr daemon = {.name = "background_process", .daemon = CREW_DAEMON_YES};
    crew_process_attr no_daemon = {.name = "NO_background_process", .daemon = CREW_DAEMON_NO};
    struct numbers low = {0, 4, 10}, high = {5, 9, 0.05};
    CREW_MUST(crew_process_create(&background, count, &low, sizeof low, &daemon));
    CREW_MUST(crew_process_create(&no_background, count, &high, sizeof high, &no_daemon));
    CREW_MUST(crew_process_start(background));
    CREW_MUST(crew_process_start(no_background));
    chapter_sleep(0.1);
    return 0;
}

CREW_MAIN(app)
