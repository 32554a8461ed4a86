// SPDX-License-Identifier: BSD-3-Clause
// Linked twice, with different build ids.
#include <crew/crew.h>
#include <stdio.h>

static int app(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("build %d runs\n", BUILD);
    return 0;
}

CREW_MAIN(app)
