/* SPDX-License-Identifier: BSD-3-Clause */
/* spawning_processes_namespace.py: processes run a function that another file has, my_func.c; then
 * the one of a library that is loaded while the program runs. Each process loads it again, from the
 * same path.
 *
 *   mpirun -np 4 ./spawning_processes_namespace
 *
 * prints what each process does, once, and again after the line `the same from a library`:
 *
 *   calling my_func from process 2
 *   output from my_func is: 0
 *   output from my_func is: 1
 */
#include "chapter.h"
#include "my_func.h"

#include <crew/crew.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static void spawn(crew_process_function *function)
{
    for (int i = 0; i < 4; i++) {
        crew_process process;
        CREW_MUST(crew_process_create(&process, function, &i, sizeof i, NULL));
        CREW_MUST(crew_process_start(process));
        CREW_MUST(crew_process_join(process, CREW_FOREVER));
        CREW_MUST(crew_process_close(process));
    }
}

/* The library lies beside the program, whose run path says so. */
static crew_process_function *load(const char *library, const char *name)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    union {
        void *address;
        crew_process_function *function;
    } symbol = {.address = handle ? dlsym(handle, name) : NULL};
    if (!symbol.address) {
        fprintf(stderr, "%s\n", dlerror());
        exit(EXIT_FAILURE);
    }
    return symbol.function;
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Runs a function of another file, and of a library.");
    spawn(my_func);
    printf("the same from a library\n");
    spawn(load("libmy_func.so", "my_func"));
    return 0;
}

CREW_MAIN(app)
