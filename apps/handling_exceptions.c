/* SPDX-License-Identifier: BSD-3-Clause */
/* handling_exceptions.py: of the tasks of a pool one divides by zero: once it finds out and says
 * so, once it crashes. In both cases the pool says what happened where, the other tasks have their
 * results, and the pool goes on. Then a process that fails tells its parent why.
 *
 *   mpirun -np 4 ./handling_exceptions
 *
 * prints
 *
 *   Error: task 2 of divide: division by zero (PoolWorker-1 on rank 0, node1)
 *   10 / -2 = -5
 *   10 / 0 failed: division by zero
 *
 * and the other results, the same again with `Floating point exception` and SIGFPE (as on x86; some
 * processors do not trap), and then
 *
 *   divider ended with exit code 1: division by zero
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>
#include <string.h>

enum { COUNT = 5 };

static crew_status divide_ten(int divisor, int *quotient)
{
    if (divisor == 0)
        return crew_fail(CREW_EDOMAIN, "division by zero");
    *quotient = 10 / divisor;
    return CREW_OK;
}

CREW_TASK(divide, int, int)
{
    return divide_ten(*item, result);
}

CREW_TASK(divide_blindly, int, int)
{
    *result = 10 / *item;
    return CREW_OK;
}

static void divide_all(crew_pool pool, crew_task task)
{
    const int divisors[COUNT] = {-2, -1, 0, 1, 2};
    int quotients[COUNT];
    crew_result result;
    crew_task_error error;
    size_t failed;
    CREW_MUST(crew_pool_map_async(pool, &result, task, divisors, quotients, COUNT, NULL));
    if (crew_result_get(result, CREW_FOREVER) != CREW_OK)
        printf("Error: %s\n", crew_error_message());
    CREW_MUST(crew_result_errors(result, &error, 1, &failed));
    for (size_t i = 0; i < COUNT; i++)
        if (failed && error.index == i)
            printf("10 / %d failed: %s\n", divisors[i],
                   error.signal ? strsignal(error.signal) : error.message);
        else
            printf("10 / %d = %d\n", divisors[i], quotients[i]);
    CREW_MUST(crew_result_close(result));
}

static int divider(void *arg)
{
    const crew_connection *parent = arg;
    int quotient;
    if (divide_ten(0, &quotient) == CREW_OK)
        return 0;
    const char *reason = crew_error_message();
    CREW_MUST(crew_send(*parent, reason, strlen(reason) + 1, CREW_FOREVER));
    return 1;
}

static void divide_in_process(void)
{
    crew_process process;
    crew_connection in, out;
    crew_process_attr named = {.name = "divider"};
    char reason[512];
    int exitcode;
    CREW_MUST(crew_pipe_create(&in, &out, NULL));
    CREW_MUST(crew_process_create(&process, divider, &out, sizeof out, &named));
    CREW_MUST(crew_process_start(process));
    CREW_MUST(crew_connection_close(out));
    CREW_MUST(crew_recv(in, reason, sizeof reason, NULL, CREW_FOREVER));
    CREW_MUST(crew_process_join(process, CREW_FOREVER));
    CREW_MUST(crew_process_exitcode(process, &exitcode));
    printf("divider ended with exit code %d: %s\n", exitcode, reason);
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Divides by zero in tasks and in a process.");
    crew_pool pool;
    crew_pool_attr two = {.workers = 2};
    CREW_MUST(crew_pool_create(&pool, &two));
    divide_all(pool, divide);
    divide_all(pool, divide_blindly);
    CREW_MUST(crew_pool_destroy(pool));
    divide_in_process();
    return 0;
}

CREW_MAIN(app)
