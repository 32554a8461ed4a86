/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/title.h"

#include "base/error.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

static char *region;
static size_t region_size;

/* The kernel lays the strings out one after the other; only as far as that holds they may be
 * written over. */
static void find_region(int argc, char **argv)
{
    char *end = argc > 0 ? argv[0] : NULL;
    for (int i = 0; i < argc && argv[i] == end; i++)
        end = argv[i] + strlen(argv[i]) + 1;
    region = argc > 0 ? argv[0] : NULL;
    region_size = region ? (size_t)(end - region) : 0;
}

char **crewi_title_init(int argc, char **argv)
{
    size_t size = ((size_t)argc + 1) * sizeof *argv;
    for (int i = 0; i < argc; i++)
        size += strlen(argv[i]) + 1;
    char **copy = malloc(size);
    if (!copy) {
        crewi_error_word("out of memory for the arguments of the program");
        return NULL;
    }
    char *text = (char *)(copy + argc + 1);
    for (int i = 0; i < argc; i++) {
        copy[i] = text;
        text = stpcpy(text, argv[i]) + 1;
    }
    copy[argc] = NULL;
    find_region(argc, argv);
    return copy;
}

void crewi_title_set(const char *text)
{
    prctl(PR_SET_NAME, text);
    if (region_size == 0)
        return;
    memset(region, 0, region_size);
    snprintf(region, region_size, "%s", text);
}
