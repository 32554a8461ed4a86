/* SPDX-License-Identifier: BSD-3-Clause */
/* do_something_test.py: the same work done four times over, one after the other, in threads, and in
 * processes, with the time that it takes. Threads of C use all cores of a rank, processes those of
 * all ranks; in Python the threads take turns.
 *
 *   mpirun -np 4 ./do_something_test
 *
 * prints
 *
 *   List processing complete.
 *   serial time= 0.030
 *
 * and the same for multithreading and multiprocessing.
 */
#include "chapter.h"
#include "do_something.h"

#include <crew/crew.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMES = 4, COUNT = 1000000 };

static int make_list(void *arg)
{
    struct number_list list = {0};
    (void)arg;
    bool done = do_something(COUNT, &list);
    free(list.numbers);
    return done ? 0 : 1;
}

static void *thread_main(void *arg)
{
    make_list(arg);
    return NULL;
}

static void serial(void)
{
    for (int i = 0; i < TIMES; i++)
        make_list(NULL);
}

static void multithreading(void)
{
    pthread_t threads[TIMES];
    for (int i = 0; i < TIMES; i++)
        CREW_MUST(crew_thread_create(&threads[i], NULL, thread_main, NULL));
    for (int i = 0; i < TIMES; i++)
        pthread_join(threads[i], NULL);
}

static void multiprocessing(void)
{
    crew_process processes[TIMES];
    for (int i = 0; i < TIMES; i++) {
        CREW_MUST(crew_process_create(&processes[i], make_list, NULL, 0, NULL));
        CREW_MUST(crew_process_start(processes[i]));
    }
    for (int i = 0; i < TIMES; i++)
        CREW_MUST(crew_process_join(processes[i], CREW_FOREVER));
}

static void measure(const char *name, void (*way)(void))
{
    double start_s = chapter_now_s();
    way();
    printf("List processing complete.\n%s time= %.3f\n", name, chapter_now_s() - start_s);
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Compares one process, threads and processes.");
    measure("serial", serial);
    measure("multithreading", multithreading);
    measure("multiprocessing", multiprocessing);
    return 0;
}

CREW_MAIN(app)
