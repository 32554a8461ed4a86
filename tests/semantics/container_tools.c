// SPDX-License-Identifier: BSD-3-Clause
#include "container_cases.h"

#include "check.h"

#include <stdlib.h>

struct container_job new_job(void)
{
    struct container_job job = {.number = 0};
    CHECK_OK(crew_list_create(&job.list, NULL));
    CHECK_OK(crew_dict_create(&job.dict, NULL));
    CHECK_OK(crew_set_create(&job.set, NULL));
    CHECK_OK(crew_namespace_create(&job.space, NULL));
    return job;
}

void close_job(const struct container_job *job)
{
    CHECK_OK(crew_list_close(job->list));
    CHECK_OK(crew_dict_close(job->dict));
    CHECK_OK(crew_set_close(job->set));
    CHECK_OK(crew_namespace_close(job->space));
}

void do_twice(const struct variant *variant, crew_process_function *function,
              const struct container_job *job)
{
    struct container_job own = *job;
    CHECK_INT(finish(launch(variant, function, job, sizeof *job)), 0);
    CHECK_INT(function(&own), check_result());
}

void expect_value(crew_any value, const char *words)
{
    char *text = NULL;
    if (CHECK_OK(crew_any_format(value, &text)))
        CHECK_TEXT(text, words);
    free(text);
    crew_any_clear(&value);
}

void expect_list(crew_list list, const char *words)
{
    crew_any items = crew_nil();
    CHECK_OK(crew_list_items(list, &items));
    expect_value(items, words);
}

void expect_dict(crew_dict dict, const char *words)
{
    crew_any items = crew_nil();
    CHECK_OK(crew_dict_items(dict, &items));
    expect_value(items, words);
}

void expect_set(crew_set set, const char *words)
{
    crew_any items = crew_nil();
    CHECK_OK(crew_set_items(set, &items));
    expect_value(items, words);
}

void expect_space(crew_namespace space, const char *words)
{
    crew_any items = crew_nil();
    CHECK_OK(crew_namespace_items(space, &items));
    expect_value(items, words);
}
