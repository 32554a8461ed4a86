/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

void crewi_descriptors_open_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        /* All below are open, so this is the number that open() returns. Children and programs that
         * are executed need it too: no O_CLOEXEC. */
        int opened = open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
        if (opened >= 0 && opened != fd)
            close(opened);
        if (opened != fd)
            return;
    }
}

int crewi_descriptor_move_up(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1), error = errno;
    close(fd);
    errno = error;
    return moved;
}

int crewi_descriptors_move_up(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        fds[i] = crewi_descriptor_move_up(fds[i]);
        if (fds[i] >= 0)
            continue;
        int error = errno;
        close(fds[!i]);
        errno = error;
        return -1;
    }
    return 0;
}

int crewi_descriptor_create_memory(const char *name, unsigned flags)
{
    return crewi_descriptor_move_up(memfd_create(name, flags | MFD_CLOEXEC));
}
