/* SPDX-License-Identifier: BSD-3-Clause */
#include "npy_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Leaves more than half of a message to what is wrong. */
#define PATH_SHOWN 200

int npy_fail(struct npy_error *error, const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    for (char *c = error->text; *c != '\0'; c++) {
        if (iscntrl((unsigned char)*c))
            *c = '?';
    }
    errno = saved;
    return -1;
}

const char *npy_short_path(const char *path)
{
    size_t length = strlen(path);
    return length <= PATH_SHOWN ? path : path + (length - PATH_SHOWN);
}
