// SPDX-License-Identifier: BSD-3-Clause
#include "module.h"

#include "check.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void module_function(const char *library, const char *name, void *function)
{
    void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    void *address = CHECK(handle) ? dlsym(handle, name) : NULL;
    CHECK(address);
    memcpy(function, &address, sizeof address);
}

void module_copy(const char *library, char *copy, size_t size)
{
    static atomic_int last;
    const char *folder = getenv("TMPDIR");
    char buffer[65536];
    size_t got;
    snprintf(copy, size, "%s/copy-%d-%d.so", folder ? folder : "/tmp", (int)getpid(),
             atomic_fetch_add(&last, 1));
    FILE *from = fopen(library, "re"), *to = fopen(copy, "we");
    if (!CHECK(from && to))
        abort();
    while ((got = fread(buffer, 1, sizeof buffer, from)) > 0)
        CHECK_INT(fwrite(buffer, 1, got, to), got);
    fclose(from);
    CHECK_INT(fclose(to), 0);
}
