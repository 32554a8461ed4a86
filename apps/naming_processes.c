/* SPDX-License-Identifier: BSD-3-Clause */
/* naming_processes.py: a process with a name of its own, and one with the name that it gets if none
 * is given. They see their names; so do the log, and whoever calls ps. Then the same with one
 * process after the other, which takes longer.
 *
 *   mpirun -np 4 ./naming_processes
 *
 * prints, in an order that differs,
 *
 *   Starting process name = myFunc process
 *   myFunc process is myFunc process to ps
 *   Exiting process name = myFunc process
 *
 * and the same for Process-2, then `Both at a time: 0.2 s`; the log on standard error has
 * `[INFO/Process-2] at work` and when each begins and ends.
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>

/* What ps -o comm shows; the kernel keeps 15 bytes of it. */
static void read_command(char *command, size_t size)
{
    FILE *file = fopen("/proc/self/comm", "re");
    if (!file || fscanf(file, "%15[^\n]", command) != 1)
        snprintf(command, size, "unknown");
    if (file)
        fclose(file);
}

static int my_func(void *arg)
{
    const char *name = crew_current_name();
    char command[CREW_NAME_SIZE];
    (void)arg;
    printf("Starting process name = %s\n", name);
    read_command(command, sizeof command);
    printf("%s is %s to ps\n", name, command);
    crew_log(CREW_LOG_INFO, "at work");
    chapter_sleep(0.2);
    printf("Exiting process name = %s\n", name);
    return 0;
}

static double run_two(bool together)
{
    double start_s = chapter_now_s();
    crew_process with_name, with_default_name;
    crew_process_attr named = {.name = "myFunc process"};
    CREW_MUST(crew_process_create(&with_name, my_func, NULL, 0, &named));
    CREW_MUST(crew_process_create(&with_default_name, my_func, NULL, 0, NULL));
    CREW_MUST(crew_process_start(with_name));
    if (!together)
        CREW_MUST(crew_process_join(with_name, CREW_FOREVER));
    CREW_MUST(crew_process_start(with_default_name));
    CREW_MUST(crew_process_join(with_name, CREW_FOREVER));
    CREW_MUST(crew_process_join(with_default_name, CREW_FOREVER));
    return chapter_now_s() - start_s;
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Names two processes.");
    CREW_MUST(crew_log_to_stderr(CREW_LOG_INFO));
    printf("Both at a time: %.1f s\n", run_two(true));
    printf("One after the other: %.1f s\n", run_two(false));
    return 0;
}

CREW_MAIN(app)
