// SPDX-License-Identifier: BSD-3-Clause
// Tasks and initializers of a library that was loaded while the program ran.
#include "pool_cases.h"

#include "check.h"
#include "module.h"
#include "my_function.h"

#define TASKS 100

void pool_module(const struct variant *variant)
{
    int items[TASKS], results[TASKS] = {0}, kept = 1000;
    crew_pool pool = {0};
    crew_task task = {.item_size = sizeof(int), .result_size = sizeof(int), .name = "my_task"};
    crew_pool_attr attr = {.workers = 2, .initializer_arg = &kept, .initializer_size = sizeof kept};
    (void)variant;
    module_function(MY_FUNCTION_LIBRARY, "my_task", &task.function);
    module_function(MY_FUNCTION_LIBRARY, "my_initializer", &attr.initializer);
    for (int i = 0; i < TASKS; i++)
        items[i] = i;
    if (!CHECK_OK(crew_pool_create(&pool, &attr)))
        return;
    CHECK_OK(crew_pool_map(pool, task, items, results, TASKS, NULL));
    for (int i = 0; i < TASKS; i++)
        CHECK_INT(results[i], i + 1000);
    end_pool(pool);
}

static void map_other(crew_pool pool, const crew_pool_attr *attr)
{
    int items[TASKS], results[TASKS] = {0};
    crew_task task = {.item_size = sizeof(int), .result_size = sizeof(int), .name = "my_task"};
    (void)attr;
    module_function(MY_FUNCTION_OTHER, "my_task", &task.function);
    for (int i = 0; i < TASKS; i++)
        items[i] = i;
    CHECK_OK(crew_pool_map(pool, task, items, results, TASKS, NULL));
    for (int i = 0; i < TASKS; i++)
        CHECK_INT(results[i], 2 * i);
}

void pool_module_tasks(const struct variant *variant)
{
    (void)variant;
    each_pool(map_other, false);
}
