/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/spare.h"

#include "base/descriptor.h"
#include "node/title.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

pid_t crewi_spare_fork(struct crewi_spare *spare)
{
    int ends[2];
    if (spare->pid)
        return spare->pid;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ||
        crewi_descriptors_move_up(ends))
        return -1;
    pid_t server = getpid(), pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != server)
            _exit(128 + SIGKILL); /* the server died before the line above */
        close(ends[0]);
        *spare = (struct crewi_spare){.socket = ends[1], .group = getpgrp()};
        setpgid(0, 0);
        crewi_title_set("crew spare child");
        return 0;
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return -1;
    }
    *spare = (struct crewi_spare){.pid = pid, .socket = ends[0]};
    return pid;
}

int crewi_spare_wait(const struct crewi_spare *spare, void *request, size_t size)
{
    struct iovec data = {.iov_base = request, .iov_len = size};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t received;
    do
        received = recvmsg(spare->socket, &message, MSG_CMSG_CLOEXEC);
    while (received < 0 && errno == EINTR);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (received != (ssize_t)size || !header || header->cmsg_type != SCM_RIGHTS)
        _exit(0);
    close(spare->socket);
    setpgid(0, spare->group);
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return crewi_descriptor_move_up(fd);
}

static void forget(struct crewi_spare *spare)
{
    close(spare->socket);
    spare->pid = 0;
}

pid_t crewi_spare_use(struct crewi_spare *spare, const void *request, size_t size, int fd)
{
    if (!spare->pid)
        return 0;
    struct iovec data = {.iov_base = (void *)(uintptr_t)request, .iov_len = size};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {0};
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    *header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    pid_t pid = spare->pid;
    ssize_t sent;
    do
        sent = sendmsg(spare->socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    forget(spare);
    return sent == (ssize_t)size ? pid : 0;
}

void crewi_spare_reaped(struct crewi_spare *spare, pid_t pid)
{
    if (spare->pid && spare->pid == pid)
        forget(spare);
}
