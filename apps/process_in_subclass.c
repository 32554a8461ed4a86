/* SPDX-License-Identifier: BSD-3-Clause */
/* process_in_subclass.py: a class of processes with a run of its own: a struct that begins with
 * crew_process_class. Several objects of it, each with a number, are started and joined.
 *
 *   mpirun -np 4 ./process_in_subclass
 *
 * prints
 *
 *   called run method in MyProcess-1 with number 0
 *
 * and the same for four more.
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>

struct my_process {
    crew_process_class base;
    int number;
};

static int my_process_run(void *arg)
{
    const struct my_process *self = arg;
    const char *name = crew_current_name();
    printf("called run method in %s with number %d\n", name, self->number);
    return 0;
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Starts five processes of a class with its own run.");
    for (int i = 0; i < 5; i++) {
        struct my_process object = {{my_process_run, sizeof object, "MyProcess"}, i};
        crew_process process;
        CREW_MUST(crew_process_create_class(&process, &object.base, NULL));
        CREW_MUST(crew_process_start(process));
        CREW_MUST(crew_process_join(process, CREW_FOREVER));
        CREW_MUST(crew_process_close(process));
    }
    return 0;
}

CREW_MAIN(app)
