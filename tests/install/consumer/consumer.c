// SPDX-License-Identifier: BSD-3-Clause
// A program that knows nothing of crew but what is installed.
#include <crew/crew.h>

#include <stdio.h>

static int app(int argc, char **argv)
{
    printf("consumer: %s\n", argc > 1 ? argv[1] : "no argument");
    return 0;
}

CREW_MAIN(app)
