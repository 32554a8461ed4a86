/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/options.h"

#include "base/error.h"

#include <crew/run.h>
#include <stdlib.h>
#include <string.h>

struct option {
    const char *variable, *preset, *choices, *text;
    int *field;
};

struct crewi_options crewi_options = {.log = CREWI_LOG_WARNING, .bind = CREWI_BIND_CORE};

static const struct option options[] = {
#define CREWI_OPTION(name, variable, preset, choices, text) \
    {variable, preset, choices, text, &crewi_options.name},
#include "base/options.def"
#undef CREWI_OPTION
};

/* The index of value among "a|b|c", or -1. */
static int choice_index(const char *choices, const char *value)
{
    size_t length = strlen(value);
    int index = 0;
    for (const char *at = choices;; index++) {
        const char *end = strchrnul(at, '|');
        if ((size_t)(end - at) == length && strncmp(at, value, length) == 0)
            return index;
        if (*end == '\0')
            return -1;
        at = end + 1;
    }
}

static crew_status load(const struct option *option)
{
    const char *value = getenv(option->variable);
    if (!value || !*value)
        value = option->preset;
    int index = choice_index(option->choices, value);
    if (index < 0)
        return crewi_error(CREW_EINVAL, "%s=%s in the environment: expected one of %s",
                           option->variable, value, option->choices);
    *option->field = index;
    return CREW_OK;
}

crew_status crewi_options_load(void)
{
    crew_status status = CREW_OK;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        crew_status one = load(&options[i]);
        if (one)
            status = one;
    }
    return status;
}

void crew_options_print(FILE *stream)
{
    if (!stream) {
        crewi_error_word("crew_options_print: stream is NULL");
        return;
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        fprintf(stream, "  %s=%s (default %s)\n      %s\n", options[i].variable, options[i].choices,
                options[i].preset, options[i].text);
}
