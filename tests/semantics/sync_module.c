// SPDX-License-Identifier: BSD-3-Clause
// Actions of a library that only the creator of the barrier has loaded.
#include "sync_cases.h"

#include "check.h"
#include "module.h"
#include "my_function.h"

static int arrive_last(void *arg)
{
    const struct sync_job *job = arg;
    await_waiting(job->barrier, 1);
    CHECK_STATUS(crew_barrier_wait(job->barrier, NULL, LIMIT_S), job->number);
    return check_result();
}

static void trip(const struct variant *variant, crew_barrier_action *action, int asked,
                 crew_status expected)
{
    struct sync_job job = new_marks();
    crew_barrier_attr attr = {.action = action, .arg = &asked, .arg_size = sizeof asked};
    if (!CHECK_OK(crew_barrier_create(&job.barrier, 2, &attr)))
        return;
    job.number = expected;
    crew_process process = launch(variant, arrive_last, &job, sizeof job);
    CHECK_STATUS(crew_barrier_wait(job.barrier, NULL, LIMIT_S),
                 expected == CREW_OK ? CREW_OK : CREW_EBROKEN);
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_barrier_close(job.barrier));
    end_marks(&job);
}

void sync_module(const struct variant *variant)
{
    crew_barrier_action *action = NULL, *other = NULL;
    module_function(MY_FUNCTION_LIBRARY, "my_action", &action);
    module_function(MY_FUNCTION_OTHER, "my_action", &other);
    if (!action || !other)
        return;
    trip(variant, action, 1, CREW_EDOMAIN);
    trip(variant, action, 2, CREW_OK);
    trip(variant, other, 2, CREW_EDOMAIN);
    trip(variant, other, 1, CREW_OK);
}
