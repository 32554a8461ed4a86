/* SPDX-License-Identifier: BSD-3-Clause */
/* killing_processes.py: a process that counts is terminated while it does (SIGTERM); a second one
 * is killed (SIGKILL), and a third one ends by a limit of its time, which Python leaves to the
 * program.
 *
 *   mpirun -np 4 ./killing_processes
 *
 * prints, and between these lines what the processes count,
 *
 *   Process before execution: Process-1 is not alive
 *   Process running: Process-1 is alive
 *   Process terminated
 *   Process joined: Process-1 is not alive
 *   Process exit code: -15
 *   Process killed, exit code: -9
 *   Process over its time limit, exit code: -9
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>

static int count(void *arg)
{
    (void)arg;
    printf("Starting function\n");
    for (int i = 0; i < 1000; i++) {
        printf("---> %d\n", i);
        chapter_sleep(0.1);
    }
    printf("Finished function\n");
    return 0;
}

static void show(const char *when, crew_process process)
{
    char name[CREW_NAME_SIZE];
    bool alive;
    CREW_MUST(crew_process_name(process, name, sizeof name));
    CREW_MUST(crew_process_is_alive(process, &alive));
    printf("Process %s: %s is %s\n", when, name, alive ? "alive" : "not alive");
}

static int joined(crew_process process)
{
    int exitcode;
    CREW_MUST(crew_process_join(process, CREW_FOREVER));
    CREW_MUST(crew_process_exitcode(process, &exitcode));
    return exitcode;
}

static int app(int argc, char **argv)
{
    crew_process process;
    crew_end_cause cause;
    chapter_takes_no_arguments(argc, argv, "Ends processes while they count.");

    CREW_MUST(crew_process_create(&process, count, NULL, 0, NULL));
    show("before execution", process);
    CREW_MUST(crew_process_start(process));
    show("running", process);
    chapter_sleep(0.2);
    CREW_MUST(crew_process_terminate(process));
    printf("Process terminated\n");
    int exitcode = joined(process);
    show("joined", process);
    printf("Process exit code: %d\n", exitcode);

    CREW_MUST(crew_process_create(&process, count, NULL, 0, NULL));
    CREW_MUST(crew_process_start(process));
    CREW_MUST(crew_process_kill(process));
    printf("Process killed, exit code: %d\n", joined(process));

    crew_process_attr limited = {.wall_limit_s = 0.3};
    CREW_MUST(crew_process_create(&process, count, NULL, 0, &limited));
    CREW_MUST(crew_process_start(process));
    exitcode = joined(process);
    CREW_MUST(crew_process_end_cause(process, &cause));
    if (cause == CREW_END_WALL_LIMIT)
        printf("Process over its time limit, exit code: %d\n", exitcode);
    return 0;
}

CREW_MAIN(app)
