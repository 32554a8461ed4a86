/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/forkserver_protocol.h"

#include "base/clock.h"
#include "base/descriptor.h"
#include "base/environment.h"
#include "base/options.h"
#include "node/deadline.h"
#include "node/output.h"
#include "node/scheduling.h"
#include "node/signals.h"
#include "node/spare.h"
#include "node/strays.h"
#include "node/title.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long a rank has to end by itself after its launcher is gone. */
#define LAUNCHER_GRACE_NS (3 * CREWI_SECOND)

/* How long what children have printed may take when the rank is gone. */
#define OUTPUT_GRACE_NS (3 * CREWI_SECOND)

struct child {
    pid_t pid; /* 0: none, or it has ended */
    struct crewi_output output;
    struct crewi_child_event end; /* to be told when its output is written */
    bool ended;
    struct crewi_limits limits;
    bool limited;
    crew_end_cause cause; /* why it was killed from here */
    int64_t began_ns;
    struct crewi_port_shared *port; /* for its deadline; NULL: it cannot be watched */
};

struct server {
    const struct crewi_forkserver_setup *setup;
    int socket, signals, rank_watch, launcher_watch;
    pid_t pid, rank, launcher;
    sigset_t mask_before;
    int64_t rank_deadline_ns; /* when the rank is ended by force */
    bool stopping, orderly, launcher_gone;
    bool is_ending;                          /* the children, that is */
    uint32_t slot_end;                       /* no child has a slot from here on */
    uint32_t limited;                        /* children with limits */
    uint32_t untold;                         /* children whose end is still to be told */
    struct child children[CREWI_PORT_LIMIT]; /* by slot */
    bool wants_spare;                        /* a child was started: there may be more */
    struct crewi_spare spare;
    struct crewi_output spare_output;
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
static void leave_server(const struct crewi_output *output)
{
    close(server.socket);
    close(server.signals);
    close(server.rank_watch);
    if (server.launcher_watch >= 0)
        close(server.launcher_watch);
    crewi_output_attach(output);
    crewi_environment_drop_launcher(); /* the server needs it to clean up */
}

/* What a child does with its request, and then the function above. */
static _Noreturn void child(const struct crewi_server_request *request, int port_fd)
{
    sigprocmask(SIG_SETMASK, &server.mask_before, NULL);
    bind_to(&request->cpus);
    crewi_limits_apply(&request->limits);
    crewi_title_set(request->name);
    struct crewi_child self = {
        .port_fd = port_fd,
        .job_fd = server.setup->job_fd,
        .slot = request->slot,
        .bell = server.setup->bell,
    };
    exit(server.setup->child_main(&self));
}

static void add_child(const struct crewi_server_request *request, pid_t pid, int port_fd,
                      const struct crewi_output *output)
{
    const struct crewi_limits *limits = &request->limits;
    struct child *child = &server.children[request->slot];
    *child = (struct child){.pid = pid, .output = *output, .limits = *limits};
    child->limited = limits->memory || limits->cpu_ns || limits->wall_ns;
    server.limited += child->limited;
    child->began_ns = child->limited ? crewi_now_ns() : 0;
    child->port = crewi_port_watch(port_fd);
    if (request->slot >= server.slot_end)
        server.slot_end = request->slot + 1;
}

static void drop_spare(void)
{
    crewi_spare_reaped(&server.spare, server.spare.pid);
    crewi_output_child_ended(&server.spare_output);
}

/* The pid of the spare, which has the request now; 0 when there is none. */
static pid_t use_spare(const struct crewi_server_request *request, int port_fd,
                       struct crewi_output *output)
{
    bool was_there = server.spare.pid != 0;
    pid_t pid = crewi_spare_use(&server.spare, request, sizeof *request, port_fd);
    if (was_there && !pid)
        crewi_output_child_ended(&server.spare_output);
    if (!pid)
        return 0;
    *output = server.spare_output;
    crewi_output_name(output, request->name);
    return pid;
}

static pid_t fork_child(const struct crewi_server_request *request, int port_fd,
                        struct crewi_output *output)
{
    crewi_output_open(output, request->name);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != server.pid)
            _exit(128 + SIGKILL); /* the server died before the line above */
        leave_server(output);
        child(request, port_fd);
    }
    int error = errno;
    crewi_output_forked(output);
    errno = error;
    return pid;
}

static void spawn(struct crewi_server_request *request, int port_fd)
{
    request->name[sizeof request->name - 1] = '\0';
    server.wants_spare = true;
    struct crewi_output output;
    pid_t pid = use_spare(request, port_fd, &output);
    if (!pid)
        pid = fork_child(request, port_fd, &output);
    int error = errno;
    struct crewi_child_event event = {
        .what = CREWI_CHILD_STARTED, .slot = request->slot, .pid = pid};
    if (pid < 0) {
        event.what = CREWI_CHILD_FAILED;
        event.value = error;
        crewi_output_child_ended(&output);
    } else {
        add_child(request, pid, port_fd, &output);
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
        if (request->pid > 0 && request->slot < server.slot_end &&
            server.children[request->slot].pid == request->pid)
            kill(request->pid, request->signal);
        break;
    case CREWI_SERVER_SHARE_OUTPUT:
        crewi_output_share(request->pid);
        break;
    case CREWI_SERVER_END_CHILDREN:
        server.is_ending = true;
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
    fd = crewi_descriptor_move_up(fd);
    obey(&request, fd);
    if (fd >= 0)
        close(fd);
    return !server.stopping;
}

/* Limits */

/* One that the kernel has killed for its processor time was not looked at in time. */
static crew_end_cause cause_of(const struct child *child, int status, const struct rusage *usage)
{
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        return CREW_END_NONE;
    int64_t used_ns = (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * CREWI_SECOND +
                      (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) * CREWI_MICROSECOND;
    if (!child->cause && child->limits.cpu_ns && used_ns > child->limits.cpu_ns)
        return CREW_END_CPU_LIMIT;
    return child->cause;
}

/* Kills those that are over their deadlines. Nanoseconds until the next look; INT64_MAX: none. */
static int64_t enforce_deadlines(void)
{
    struct crewi_bell *bell = server.setup->bell;
    int64_t next_ns = INT64_MAX, now_ns = crewi_now_ns();
    if (!crewi_deadlines_any(bell))
        return INT64_MAX;
    for (uint32_t slot = 0; slot < CREWI_PORT_LIMIT; slot++) {
        struct child *child = &server.children[slot];
        uint64_t word = atomic_load(&bell->timed[slot / 64]);
        if (!word)
            slot |= 63;
        if (!(word >> slot % 64 & 1))
            continue;
        int64_t left_ns = INT64_MAX;
        if (!child->pid || !child->port)
            crewi_deadline_forget(bell, slot);
        else
            left_ns = crewi_deadline_check(child->port, bell, slot, now_ns);
        if (left_ns == 0) {
            child->cause = CREWI_END_TASK_LIMIT;
            kill(child->pid, SIGKILL);
            crewi_deadline_forget(bell, slot);
        } else if (left_ns < next_ns) {
            next_ns = left_ns;
        }
    }
    return next_ns < CREWI_DEADLINE_LOOK_NS ? next_ns : CREWI_DEADLINE_LOOK_NS;
}

/* Kills those that are over their limits. Nanoseconds until the next look; INT64_MAX: none. */
static int64_t enforce_limits(void)
{
    int64_t next_ns = INT64_MAX, now_ns = server.limited ? crewi_now_ns() : 0;
    for (uint32_t slot = 0; slot < server.slot_end && server.limited; slot++) {
        struct child *child = &server.children[slot];
        if (!child->pid || !child->limited || child->cause)
            continue;
        int64_t age_ns = now_ns - child->began_ns;
        child->cause = crewi_limits_check(&child->limits, child->pid, age_ns);
        if (child->cause)
            kill(child->pid, SIGKILL);
        int64_t child_next_ns =
            child->cause ? INT64_MAX : crewi_limits_next(&child->limits, age_ns);
        if (child_next_ns < next_ns)
            next_ns = child_next_ns;
    }
    return next_ns;
}

/* Ends */

static void note_end(pid_t pid, int status, const struct rusage *usage)
{
    for (uint32_t slot = 0; slot < server.slot_end; slot++) {
        struct child *child = &server.children[slot];
        if (child->pid != pid)
            continue;
        child->end = (struct crewi_child_event){.what = CREWI_CHILD_ENDED,
                                                .slot = slot,
                                                .pid = pid,
                                                .value = status,
                                                .cause = cause_of(child, status, usage)};
        server.limited -= child->limited;
        crewi_deadline_forget(server.setup->bell, slot);
        crewi_port_unwatch(child->port);
        child->port = NULL;
        child->pid = 0;
        child->ended = true;
        server.untold++;
        crewi_output_child_ended(&child->output);
        return;
    }
    /* Otherwise one that a child forked and left behind: reaped, and nobody has to know. */
}

/* Of those whose output has been written: it is there when a join returns. */
static void report_ends(void)
{
    for (uint32_t slot = 0; slot < server.slot_end && server.untold; slot++) {
        struct child *child = &server.children[slot];
        if (!child->ended || !crewi_output_is_written(&child->output))
            continue;
        child->ended = false;
        server.untold--;
        report(&child->end);
    }
}

/* A child that has asked to be traced (PTRACE_TRACEME) would stop at each signal, and wait for us:
 * it gets its signal, and is not traced any more. The SIGTRAP of an exec is for a tracer alone. */
static void release_traced(pid_t pid, int signal)
{
    ptrace(PTRACE_DETACH, pid, NULL, (void *)(intptr_t)(signal == SIGTRAP ? 0 : signal));
}

static void reap(void)
{
    struct signalfd_siginfo news;
    while (read(server.signals, &news, sizeof news) > 0)
        ;
    int status;
    struct rusage usage;
    pid_t pid;
    while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
        if (WIFSTOPPED(status)) {
            release_traced(pid, WSTOPSIG(status));
            continue;
        }
        if (server.spare.pid == pid)
            drop_spare();
        note_end(pid, status, &usage);
    }
}

static int watch(pid_t pid)
{
    return pid > 0 ? crewi_descriptor_move_up((int)syscall(SYS_pidfd_open, pid, 0)) : -1;
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
    server.launcher = launcher;
    server.rank_watch = watch(rank);
    server.launcher_watch = watch(launcher);
    server.rank_deadline_ns = CREWI_FOREVER;
    /* Signals for the job's group are not for us: we have to outlive the rank for a moment, to
     * clean up. */
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &server.mask_before);
    crewi_signals_reset(&server.mask_before);
    sigset_t chld;
    sigemptyset(&chld);
    sigaddset(&chld, SIGCHLD);
    server.signals = crewi_descriptor_move_up(signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK));
    if (launcher)
        setpgid(0, 0); /* mpirun kills the whole group of a rank */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    crewi_scheduling_prefer_latency();
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0 && null != STDIN_FILENO) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    crewi_output_begin(crewi_options.output == CREWI_OUTPUT_PREFIX);
    crewi_title_set("crew fork server");
}

/* When there is nothing else to do. */
static void prepare_spare(void)
{
    struct crewi_server_request request;
    server.wants_spare = false;
    if (server.spare.pid)
        return;
    crewi_output_open(&server.spare_output, "");
    pid_t pid = crewi_spare_fork(&server.spare);
    if (pid) {
        crewi_output_forked(&server.spare_output);
        if (pid < 0)
            crewi_output_child_ended(&server.spare_output);
        return;
    }
    leave_server(&server.spare_output);
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
        {.fd = -1}, /* and the two of the output */
        {.fd = -1},
    };
    crewi_output_watch(fds + 4);
    bool ends_rank = server.rank_deadline_ns != CREWI_FOREVER;
    int64_t wait_ns = server.wants_spare ? 0 : enforce_limits(),
            look_ns = server.wants_spare ? 0 : enforce_deadlines();
    if (look_ns < wait_ns)
        wait_ns = look_ns;
    if (ends_rank && wait_ns > 200 * CREWI_MILLISECOND)
        wait_ns = 200 * CREWI_MILLISECOND;
    struct timespec wait = crewi_timespec(wait_ns);
    int found = ppoll(fds, sizeof fds / sizeof *fds, wait_ns == INT64_MAX ? NULL : &wait, NULL);
    if (found == 0 && server.wants_spare)
        prepare_spare();
    crewi_output_step(fds + 4);
    if (fds[1].revents)
        reap();
    report_ends();
    if (fds[2].revents && !fds[0].revents)
        server.stopping = true;
    if (fds[3].revents) {
        server.launcher_gone = true;
        server.rank_deadline_ns = crewi_now_ns() + LAUNCHER_GRACE_NS;
    }
    if (ends_rank && crewi_now_ns() >= server.rank_deadline_ns) {
        kill(server.rank, SIGKILL);
        server.rank_deadline_ns = CREWI_FOREVER;
    }
}

static void end_children(void)
{
    crewi_strays_end();
    crewi_output_finish(CREWI_FOREVER);
    for (uint32_t slot = 0; slot < server.slot_end; slot++) {
        crewi_deadline_forget(server.setup->bell, slot);
        crewi_port_unwatch(server.children[slot].port);
    }
    server.slot_end = server.limited = server.untold = 0;
    crewi_spare_reaped(&server.spare, server.spare.pid);
    server.wants_spare = server.is_ending = false;
    report(&(struct crewi_child_event){.what = CREWI_CHILDREN_ENDED});
}

/* The launcher removes its session directory when all ranks have ended. In case it is killed before
 * it has, a process stays behind that holds nothing, least of all the pipes at whose end the
 * launcher waits, and ends with it. */
static void leave_janitor(void)
{
    if (server.launcher_watch < 0 || !crewi_janitor_is_needed() || fork() != 0)
        return;
    crewi_title_set("crew janitor");
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    int launcher = dup2(server.launcher_watch, STDERR_FILENO + 1);
    close_range(STDERR_FILENO + 2, UINT_MAX, 0);
    struct pollfd end = {.fd = launcher, .events = POLLIN};
    while (poll(&end, 1, -1) <= 0)
        ;
    crewi_janitor_clean(true);
    _exit(0);
}

_Noreturn void crewi_forkserver_main(const struct crewi_forkserver_setup *setup, int socket,
                                     pid_t rank, pid_t launcher)
{
    set_up(setup, socket, rank, launcher);
    while (!server.stopping) {
        wait_for_news();
        while (hear())
            ;
        if (server.is_ending)
            end_children();
    }
    crewi_strays_end();
    crewi_output_finish(server.orderly ? CREWI_FOREVER : crewi_now_ns() + OUTPUT_GRACE_NS);
    bool launcher_gone = has_ended(server.launcher_watch) ||
                         (!server.orderly && crewi_janitor_missed_launcher(server.launcher));
    if (!server.orderly || launcher_gone)
        crewi_janitor_clean(launcher_gone);
    else
        leave_janitor();
    _exit(crewi_output_is_lost() ? CREWI_SERVER_OUTPUT_LOST : 0);
}
