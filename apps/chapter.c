/* SPDX-License-Identifier: BSD-3-Clause */
#include "chapter.h"

#include <argp.h>
#include <crew/run.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define EXIT_USAGE 2

const char *argp_program_version = "crew " CREW_VERSION;

static error_t refuse(int key, char *text, struct argp_state *state)
{
    if (key != ARGP_KEY_ARG)
        return ARGP_ERR_UNKNOWN;
    fprintf(state->err_stream, "%s: it takes no arguments, but got %s (see --help)\n",
            program_invocation_short_name, text);
    exit(EXIT_USAGE);
}

void chapter_takes_no_arguments(int argc, char **argv, const char *doc)
{
    const struct argp argp = {.parser = refuse, .doc = doc};
    argp_err_exit_status = EXIT_USAGE;
    if (argp_parse(&argp, argc, argv, 0, NULL, NULL))
        exit(EXIT_USAGE);
}

void chapter_sleep(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) && errno == EINTR)
        continue;
}

double chapter_now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
