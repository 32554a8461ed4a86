/* SPDX-License-Identifier: BSD-3-Clause */
/* A program that is linked with this does not end with status 0 when what it printed could not be
 * written, on a full disk for example: C itself says nothing about that at exit. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_output(int status, void *context)
{
    (void)context;
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return;
    int code = errno ? errno : EIO;
    if (status)
        return; /* it has failed, and said why */
    fprintf(stderr, "%s: standard output: %s\n", program_invocation_short_name, strerror(code));
    _exit(EXIT_FAILURE);
}

/* Before main(), so that it runs after what crew_run() has to do at exit. */
__attribute__((constructor)) static void watch_output(void)
{
    on_exit(check_output, NULL);
}
