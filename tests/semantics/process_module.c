// SPDX-License-Identifier: BSD-3-Clause
// Functions of a library that was loaded while the program ran.
#include "process_cases.h"

#include "check.h"
#include "module.h"
#include "my_function.h"

#include <fcntl.h>
#include <unistd.h>

// How often the library was loaded since the first look.
static int count_loads(void)
{
    char path[4096];
    int lines = 0, letter;
    my_function_log(path, sizeof path);
    FILE *log = fopen(path, "a+e");
    rewind(log);
    while ((letter = getc(log)) != EOF)
        lines += letter == '\n';
    fclose(log);
    return lines;
}

static void remove_log(void)
{
    char path[4096];
    my_function_log(path, sizeof path);
    CHECK_INT(unlink(path), 0);
}

// The process loads it, and no rank does.
void module_later(const struct variant *variant)
{
    crew_process_function *function = NULL;
    int number = 30;
    module_function(MY_FUNCTION_LIBRARY, "my_function", &function);
    int before = count_loads();
    CHECK_INT(finish(launch(variant, function, &number, sizeof number)), 31);
    CHECK_INT(finish(launch(variant, function, &number, sizeof number)), 31);
    if (variant_is_inside(variant))
        CHECK(count_loads() <= before + 1);
    else
        CHECK_INT(count_loads(), before + 2);
    remove_log();
}

// From a process that has it from its creator.
static int give_on(void *arg)
{
    struct variant variant = *(const struct variant *)arg;
    crew_process_function *function = NULL;
    int number = 40;
    module_function(MY_FUNCTION_OTHER, "my_function", &function);
    CHECK_INT(finish(launch(&variant, function, &number, sizeof number)), 42);
    return check_result();
}

void module_nested(const struct variant *variant)
{
    struct variant inner = {"nested", {.placement = CREW_ON_RANK(crew_rank_count() - 1)}};
    CHECK_INT(finish(launch(variant, give_on, &inner, sizeof inner)), 0);
}

static void refuse_start(const struct variant *variant, crew_process process, const char *copy,
                         const char *reason)
{
    CHECK_STATUS(crew_process_start(process), CREW_EBUILD);
    CHECK_CONTAINS(crew_error_message(), copy);
    CHECK_CONTAINS(crew_error_message(), crew_rank_host(variant->attr.placement.rank));
    CHECK_CONTAINS(crew_error_message(), "build id");
    CHECK_CONTAINS(crew_error_message(), reason);
    CHECK_OK(crew_process_close(process));
}

// CREW_EBUILD at the start, and at the creation when it is gone by then.
void module_missing(const struct variant *variant)
{
    crew_process_function *function = NULL;
    crew_process none = {77};
    char copy[4096];
    int number = 1;
    module_copy(MY_FUNCTION_LIBRARY, copy, sizeof copy);
    module_function(copy, "my_function", &function);
    crew_process process = make(variant, function, &number, sizeof number);
    CHECK_INT(unlink(copy), 0);
    refuse_start(variant, process, copy, "No such file");
    CHECK_STATUS(crew_process_create(&none, function, &number, sizeof number, &variant->attr),
                 CREW_EBUILD);
    CHECK_CONTAINS(crew_error_message(), copy);
    CHECK_INT(none.id, 77);
}

void module_exchanged(const struct variant *variant)
{
    crew_process_function *function = NULL;
    char copy[4096], other[4096];
    int number = 1;
    module_copy(MY_FUNCTION_LIBRARY, copy, sizeof copy);
    module_copy(MY_FUNCTION_OTHER, other, sizeof other);
    module_function(copy, "my_function", &function);
    crew_process process = make(variant, function, &number, sizeof number);
    CHECK_INT(rename(other, copy), 0);
    refuse_start(variant, process, copy, "another build");
    CHECK_INT(unlink(copy), 0);
}
