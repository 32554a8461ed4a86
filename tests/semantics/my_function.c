// SPDX-License-Identifier: BSD-3-Clause
// A library that a test loads when it runs already.
#include "my_function.h"

#include <fcntl.h>
#include <unistd.h>

static int kept;

__attribute__((constructor)) static void loaded(void)
{
    char path[4096];
    my_function_log(path, sizeof path);
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return;
    dprintf(fd, "%d\n", (int)getpid());
    close(fd);
}

int my_function(void *arg)
{
    return *(const int *)arg + MY_FUNCTION_BUILD;
}

crew_status my_initializer(void *arg)
{
    kept = *(const int *)arg;
    return CREW_OK;
}

crew_status my_task(const void *item, void *result)
{
    *(int *)result = *(const int *)item * MY_FUNCTION_BUILD + kept;
    return CREW_OK;
}

crew_status my_action(void *arg)
{
    return *(const int *)arg == MY_FUNCTION_BUILD ? crew_fail(CREW_EDOMAIN, "as asked") : CREW_OK;
}
