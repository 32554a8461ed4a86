/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/forkserver.h"

#include "base/descriptor.h"
#include "base/error.h"
#include "node/forkserver_protocol.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

crew_status crewi_forkserver_start(struct crewi_forkserver *server,
                                   const struct crewi_forkserver_setup *setup)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) ||
        crewi_descriptors_move_up(sockets))
        return crewi_error_errno("a socket pair for the fork server");
    fflush(NULL); /* or children would print again what main has printed */
    pid_t rank = getpid(), launcher = setup->launched ? getppid() : 0;
    pid_t pid = fork();
    if (pid < 0) {
        crew_status status = crewi_error_errno("fork the fork server");
        close(sockets[0]);
        close(sockets[1]);
        return status;
    }
    if (pid == 0) {
        close(sockets[0]);
        crewi_forkserver_main(setup, sockets[1], rank, launcher);
    }
    close(sockets[1]);
    *server = (struct crewi_forkserver){.socket = sockets[0], .pid = pid, .bell = setup->bell};
    return CREW_OK;
}

/* One event from the socket. 1: *event is one; 0: none now; -1: the server is gone. */
static int hear(struct crewi_forkserver *server, struct crewi_child_event *event)
{
    ssize_t size;
    do
        size = recv(server->socket, event, sizeof *event, MSG_DONTWAIT);
    while (size < 0 && errno == EINTR);
    if (size == (ssize_t)sizeof *event)
        return 1;
    return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

/* Keeps an event for the next poll. */
static crew_status keep(struct crewi_forkserver *server, const struct crewi_child_event *event)
{
    if (server->early_last == server->early_room) {
        size_t room = server->early_room ? 2 * server->early_room : 64;
        struct crewi_child_event *grown = realloc(server->early, room * sizeof *grown);
        if (!grown)
            return crewi_error_memory();
        server->early = grown;
        server->early_room = room;
    }
    server->early[server->early_last++] = *event;
    atomic_store(&server->bell->server_news, 1);
    crewi_bell_ring(server->bell);
    return CREW_OK;
}

/* The socket is full. The server may wait for us to hear what it has to say, so we do. */
static crew_status wait_for_room(struct crewi_forkserver *server)
{
    struct pollfd socket = {.fd = server->socket, .events = POLLIN | POLLOUT};
    struct crewi_child_event event;
    poll(&socket, 1, -1);
    if (!(socket.revents & POLLIN))
        return CREW_OK;
    int heard = hear(server, &event);
    if (heard < 0)
        return crewi_error(CREW_ESYSTEM, "the fork server is gone");
    return heard ? keep(server, &event) : CREW_OK;
}

static crew_status send_request(struct crewi_forkserver *server,
                                const struct crewi_server_request *request, int fd)
{
    struct iovec data = {.iov_base = (void *)(uintptr_t)request, .iov_len = sizeof *request};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {0};
    if (fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    while (sendmsg(server->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return crewi_error_errno("the fork server does not answer");
        crew_status status = wait_for_room(server);
        if (status)
            return status;
    }
    return CREW_OK;
}

crew_status crewi_forkserver_spawn(struct crewi_forkserver *server, uint32_t slot, int port_fd,
                                   const char *name, const struct crewi_cpus *cpus,
                                   const struct crewi_limits *limits)
{
    struct crewi_server_request request = {.command = CREWI_SERVER_SPAWN, .slot = slot};
    snprintf(request.name, sizeof request.name, "%s", name);
    request.cpus = *cpus;
    if (limits)
        request.limits = *limits;
    return send_request(server, &request, port_fd);
}

crew_status crewi_forkserver_share_output(struct crewi_forkserver *server, pid_t pid)
{
    struct crewi_server_request request = {.command = CREWI_SERVER_SHARE_OUTPUT, .pid = pid};
    return send_request(server, &request, -1);
}

crew_status crewi_forkserver_signal(struct crewi_forkserver *server, uint32_t slot, pid_t pid,
                                    int signal)
{
    struct crewi_server_request request = {
        .command = CREWI_SERVER_SIGNAL, .slot = slot, .pid = pid, .signal = signal};
    return send_request(server, &request, -1);
}

bool crewi_forkserver_poll(struct crewi_forkserver *server, struct crewi_child_event *event)
{
    if (server->early_first < server->early_last) {
        *event = server->early[server->early_first++];
        if (server->early_first == server->early_last)
            server->early_first = server->early_last = 0;
        return true;
    }
    if (server->socket < 0)
        return false;
    int heard = hear(server, event);
    if (heard >= 0)
        return heard;
    close(server->socket);
    server->socket = -1;
    *event = (struct crewi_child_event){.what = CREWI_SERVER_GONE};
    return true;
}

void crewi_forkserver_end_strays(const struct crewi_forkserver *server)
{
    /* Its id is taken as long as the server was not waited for, so the group is no other. */
    if (server->pid > 1)
        kill(-server->pid, SIGKILL);
}

void crewi_forkserver_end_children(struct crewi_forkserver *server)
{
    struct crewi_server_request request = {.command = CREWI_SERVER_END_CHILDREN};
    struct crewi_child_event event = {0};
    bool is_there = server->pid > 0 && server->socket >= 0;
    int heard = !is_there || send_request(server, &request, -1) ? -1 : 0;
    while (heard == 0 || (heard > 0 && event.what != CREWI_CHILDREN_ENDED)) {
        struct pollfd news = {.fd = server->socket, .events = POLLIN};
        poll(&news, 1, -1);
        heard = hear(server, &event);
    }
}

void crewi_forkserver_stop(struct crewi_forkserver *server)
{
    struct crewi_server_request request = {.command = CREWI_SERVER_STOP};
    if (server->socket >= 0) {
        send_request(server, &request, -1);
        close(server->socket);
        server->socket = -1;
    }
    int status = 0;
    while (server->pid > 0 && waitpid(server->pid, &status, 0) < 0 && errno == EINTR)
        ;
    server->output_lost = WIFEXITED(status) && WEXITSTATUS(status) == CREWI_SERVER_OUTPUT_LOST;
    server->pid = 0;
    free(server->early);
    server->early = NULL;
    server->early_first = server->early_last = server->early_room = 0;
}
