/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/forkserver_protocol.h"

#include "base/clock.h"
#include "node/scheduling.h"
#include "node/spare.h"
#include "node/title.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a rank has to end by itself after its launcher is gone. */
#define LAUNCHER_GRACE_NS (3 * CREWI_SECOND)

struct server {
    const struct crewi_forkserver_setup *setup;
    int socket, signals, rank_watch, launcher_watch;
    pid_t pid, rank;
    sigset_t mask_before;
    int64_t rank_deadline_ns; /* when the rank is ended by force */
    bool stopping, orderly, launcher_gone;
    bool wants_spare; /* a child was started: there may be more */
    struct crewi_spare spare;
    pid_t children[CREWI_PORT_LIMIT]; /* by slot; 0: none */
};

static struct server server; /* one in a process, and too large for a stack */

static void report(const struct crewi_child_event *event)
{
    while (send(server.socket, event, sizeof *event, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
    atomic_store(&server.setup->bell->server_news, 1);
    crewi_bell_ring(server.setup->bell);
}

static void bind_to(const struct crewi_cpus *cpus)
{
    cpu_set_t set;
    bool any = false;
    CPU_ZERO(&set);
    for (int cpu = 0; cpu < CREWI_CPU_LIMIT; cpu++) {
        if (!(cpus->bits[cpu / 64] >> (cpu % 64) & 1))
            continue;
        CPU_SET((size_t)cpu, &set);
        any = true;
    }
    if (any)
        sched_setaffinity(0, sizeof set, &set);
}

/* Away with what belongs to the server. */
static void leave_server(void)
{
    close(server.socket);
    close(server.signals);
    close(server.rank_watch);
    if (server.launcher_watch >= 0)
        close(server.launcher_watch);
    signal(SIGCHLD, SIG_DFL);
}

/* What a child does with its request, and then the function above. */
static _Noreturn void child(const struct crewi_server_request *request, int port_fd)
{
    sigprocmask(SIG_SETMASK, &server.mask_before, NULL);
    bind_to(&request->cpus);
    crewi_title_set(request->name);
    struct crewi_child self = {
        .port_fd = port_fd,
        .job_fd = server.setup->job_fd,
        .slot = request->slot,
        .bell = server.setup->bell,
    };
    exit(server.setup->child_main(&self));
}

static void spawn(struct crewi_server_request *request, int port_fd)
{
    request->name[sizeof request->name - 1] = '\0';
    server.wants_spare = true;
    pid_t pid = crewi_spare_use(&server.spare, request, sizeof *request, port_fd);
    if (!pid && (pid = fork()) == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != server.pid)
            _exit(128 + SIGKILL); /* the server died before the line above */
        leave_server();
        child(request, port_fd);
    }
    struct crewi_child_event event = {
        .what = CREWI_CHILD_STARTED, .slot = request->slot, .pid = pid};
    if (pid < 0) {
        event.what = CREWI_CHILD_FAILED;
        event.value = errno;
    } else {
        server.children[request->slot] = pid;
    }
    report(&event);
}

static void obey(struct crewi_server_request *request, int fd)
{
    switch (request->command) {
    case CREWI_SERVER_SPAWN:
        spawn(request, fd);
        break;
    case CREWI_SERVER_SIGNAL:
        if (request->pid > 0 && server.children[request->slot] == request->pid)
            kill(request->pid, request->signal);
        break;
    default:
        server.stopping = server.orderly = true;
    }
}

/* One request; false when there is none now. The end of the socket is the end of the rank. */
static bool hear(void)
{
    struct crewi_server_request request = {0};
    struct iovec data = {.iov_base = &request, .iov_len = sizeof request};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t size = recvmsg(server.socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size != (ssize_t)sizeof request || request.slot >= CREWI_PORT_LIMIT) {
        server.stopping = true;
        return false;
    }
    int fd = -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    obey(&request, fd);
    if (fd >= 0)
        close(fd);
    return !server.stopping;
}

static void report_end(pid_t pid, int status)
{
    for (uint32_t slot = 0; slot < CREWI_PORT_LIMIT; slot++) {
        if (server.children[slot] != pid)
            continue;
        server.children[slot] = 0;
        report(&(struct crewi_child_event){
            .what = CREWI_CHILD_ENDED, .slot = slot, .pid = pid, .value = status});
        return;
    }
    /* Otherwise one that a child forked and left behind: reaped, and nobody has to know. */
}

static void reap(void)
{
    struct signalfd_siginfo news;
    while (read(server.signals, &news, sizeof news) > 0)
        ;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        crewi_spare_reaped(&server.spare, pid);
        report_end(pid, status);
    }
}

/* Kills all that is left below us, generation by generation: what a child forked comes back to us
 * when it dies. */
static void end_everything(void)
{
    for (;;) {
        char path[64];
        snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)server.pid);
        FILE *list = fopen(path, "re");
        int pid, found = 0;
        while (list && fscanf(list, "%d", &pid) == 1)
            found += kill(pid, SIGKILL) == 0;
        if (list)
            fclose(list);
        if (!found)
            for (uint32_t slot = 0; slot < CREWI_PORT_LIMIT; slot++)
                if (server.children[slot])
                    kill(server.children[slot], SIGKILL);
        if (waitpid(-1, NULL, 0) < 0 && errno == ECHILD)
            return;
    }
}

static int watch(pid_t pid)
{
    return pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
}

static bool has_ended(int watched)
{
    struct pollfd end = {.fd = watched, .events = POLLIN};
    return watched >= 0 && poll(&end, 1, 0) > 0;
}

static void set_up(const struct crewi_forkserver_setup *setup, int socket, pid_t rank,
                   pid_t launcher)
{
    server.setup = setup;
    server.socket = socket;
    server.pid = getpid();
    server.rank = rank;
    server.rank_watch = watch(rank);
    server.launcher_watch = watch(launcher);
    server.rank_deadline_ns = CREWI_FOREVER;
    /* Signals for the job's group are not for us: we have to outlive the rank for a moment, to
     * clean up. */
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &server.mask_before);
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    server.signals = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
    if (launcher)
        setpgid(0, 0); /* mpirun kills the whole group of a rank */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    crewi_scheduling_prefer_latency();
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && null != STDIN_FILENO) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    crewi_title_set("crew fork server");
}

/* When there is nothing else to do. */
static void prepare_spare(void)
{
    server.wants_spare = false;
    if (crewi_spare_fork(&server.spare))
        return;
    struct crewi_server_request request;
    leave_server();
    int port_fd = crewi_spare_wait(&server.spare, &request, sizeof request);
    child(&request, port_fd);
}

static void wait_for_news(void)
{
    struct pollfd fds[] = {
        {.fd = server.socket, .events = POLLIN},
        {.fd = server.signals, .events = POLLIN},
        {.fd = server.rank_watch, .events = POLLIN},
        {.fd = server.launcher_gone ? -1 : server.launcher_watch, .events = POLLIN},
    };
    bool limited = server.rank_deadline_ns != CREWI_FOREVER;
    if (poll(fds, sizeof fds / sizeof *fds,
             server.wants_spare ? 0
             : limited          ? 200
                                : -1) == 0 &&
        server.wants_spare)
        prepare_spare();
    if (fds[1].revents)
        reap();
    if (fds[2].revents && !fds[0].revents)
        server.stopping = true;
    if (fds[3].revents) {
        server.launcher_gone = true;
        server.rank_deadline_ns = crewi_now_ns() + LAUNCHER_GRACE_NS;
    }
    if (limited && crewi_now_ns() >= server.rank_deadline_ns) {
        kill(server.rank, SIGKILL);
        server.rank_deadline_ns = CREWI_FOREVER;
    }
}

_Noreturn void crewi_forkserver_main(const struct crewi_forkserver_setup *setup, int socket,
                                     pid_t rank, pid_t launcher)
{
    set_up(setup, socket, rank, launcher);
    while (!server.stopping) {
        wait_for_news();
        while (hear())
            ;
    }
    end_everything();
    if (!server.orderly)
        crewi_janitor_clean(has_ended(server.launcher_watch));
    _exit(0);
}
