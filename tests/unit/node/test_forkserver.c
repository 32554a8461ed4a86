/* SPDX-License-Identifier: BSD-3-Clause */
/* The fork server at work: children, their ends, signals, a fork that fails. What a child does
 * follows from its slot. */
#include "base/clock.h"
#include "node/deadline.h"
#include "node/forkserver.h"
#include "processes.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Slots below 256 end with their number as exit code. */
enum {
    SLOT_PAUSE = 300,
    SLOT_PAUSE_TOO,
    SLOT_RAISE,
    SLOT_LOOK,
    SLOT_DEAF,
    SLOT_EXIT,
    SLOT_SPIN,
    SLOT_HOG,
    SLOT_TRACED,
    SLOT_LATE,
    SLOT_LATE_STOPPED,
    SLOT_IN_TIME,
    SLOT_BUSY = 1000
};

static struct crewi_forkserver server;
static struct crewi_bell *bell;
static int bell_fd, job_fd;
static pid_t guard;
static _Atomic int *fork_fails; /* of whatever process; an errno */

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
    int code = fork_fails ? atomic_load(fork_fails) : 0;
    if (!code)
        return __real_fork();
    errno = code;
    return -1;
}

/* A bit for each thing that a child does not have as it should. */
static int look_around(const struct crewi_child *child)
{
    char name[16];
    int death_signal, wrong = 0;
    struct crewi_port port;
    struct stat input, null;
    sigset_t mask;
    cpu_set_t cpus;
    prctl(PR_GET_NAME, name);
    wrong |= strcmp(name, "Process-7") != 0;
    prctl(PR_GET_PDEATHSIG, &death_signal);
    wrong |= (death_signal != SIGKILL) << 1;
    wrong |= (child->slot != SLOT_LOOK) << 2;
    wrong |= (crewi_port_attach(&port, child->port_fd, true) != CREW_OK) << 3;
    wrong |= (child->job_fd != job_fd || fcntl(job_fd, F_GETFD) < 0) << 4;
    wrong |= (child->bell == NULL) << 5;
    sigprocmask(SIG_SETMASK, NULL, &mask);
    wrong |=
        (sigismember(&mask, SIGTERM) || sigismember(&mask, SIGCHLD) || !sigismember(&mask, SIGUSR2))
        << 6;
    wrong |=
        (fstat(STDIN_FILENO, &input) || stat("/dev/null", &null) || input.st_rdev != null.st_rdev ||
         sched_getaffinity(0, sizeof cpus, &cpus) || CPU_COUNT(&cpus) != 1 || !CPU_ISSET(0, &cpus))
        << 7;
    return wrong;
}

#define MIB ((size_t)1 << 20)

static int take_memory(void)
{
    char *memory =
        mmap(NULL, 160 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    memset(memory, 1, 160 * MIB);
    for (;;)
        pause();
}

/* Signals that it handles, ignores, and stops at are no end, and neither is an exec. */
static int be_traced(void)
{
    signal(SIGUSR1, SIG_IGN);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        return 1;
    raise(SIGUSR1);
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
        return 2;
    execl("/bin/sh", "sh", "-c", "exit 46", (char *)NULL);
    return 3;
}

static void set_deadline(const struct crewi_child *child, struct crewi_port *port, int64_t ns)
{
    crewi_deadline_set(port->shared, child->bell, child->slot,
                       ns ? crewi_deadline_ns(crewi_now_ns(), ns) : 0);
}

/* One that is over, be it that the child is stopped; or many that are kept, and none at the end. */
static int have_deadlines(const struct crewi_child *child)
{
    struct crewi_port port;
    if (crewi_port_attach(&port, child->port_fd, true))
        return 1;
    for (int i = 0; i < 20 && child->slot == SLOT_IN_TIME; i++) {
        set_deadline(child, &port, 20 * CREWI_SECOND);
        set_deadline(child, &port, 10 * CREWI_SECOND);
        set_deadline(child, &port, 0);
        usleep(3000);
    }
    if (child->slot == SLOT_IN_TIME) {
        usleep(100000);
        return 47;
    }
    set_deadline(child, &port, 50 * CREWI_MILLISECOND);
    if (child->slot == SLOT_LATE_STOPPED)
        raise(SIGSTOP);
    usleep(200000);
    set_deadline(child, &port, CREWI_SECOND); /* too late */
    return 48;
}

static int child_main(const struct crewi_child *child)
{
    switch (child->slot) {
    case SLOT_TRACED:
        return be_traced();
    case SLOT_LATE:
    case SLOT_LATE_STOPPED:
    case SLOT_IN_TIME:
        return have_deadlines(child);
    case SLOT_DEAF:
        signal(SIGTERM, SIG_IGN);
        crewi_bell_ring_port(child->bell, SLOT_DEAF);
        /* fall through */
    case SLOT_PAUSE:
    case SLOT_PAUSE_TOO:
        for (;;)
            pause();
    case SLOT_RAISE:
        raise(SIGUSR1);
        return 0;
    case SLOT_LOOK:
        return look_around(child);
    case SLOT_EXIT:
        exit(45);
    case SLOT_SPIN:
        for (volatile unsigned turns = 0;; turns++)
            ;
    case SLOT_HOG:
        return take_memory();
    default:
        _exit(child->slot < 256 ? (int)child->slot : 0);
    }
}

static int begin(void **state)
{
    sigset_t blocked, before;
    (void)state;
    if (crewi_bell_create(&bell, &bell_fd))
        return -1;
    job_fd = memfd_create("job", MFD_CLOEXEC);
    struct crewi_forkserver_setup setup = {
        .bell = bell, .job_fd = job_fd, .child_main = child_main};
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    crew_status status = crewi_forkserver_start(&server, &setup);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}

static int end(void **state)
{
    pid_t pid = server.pid;
    (void)state;
    crewi_forkserver_stop(&server);
    crewi_forkserver_stop(&server); /* of one that is stopped nothing is left to free */
    if (guard) {
        kill(guard, SIGKILL);
        waitpid(guard, NULL, 0);
        guard = 0;
    }
    bool gone = !pid || is_gone(pid);
    crewi_bell_detach(bell);
    close(bell_fd);
    close(job_fd);
    return gone && waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD ? 0 : -1;
}

static struct crewi_child_event next_event(void)
{
    struct crewi_child_event event;
    int64_t end_ns = crewi_now_ns() + LOST_NS;
    for (;;) {
        crewi_bell_answer(bell);
        if (crewi_forkserver_poll(&server, &event))
            return event;
        crewi_bell_sleep(bell, CREWI_BELL_SERVICE, end_ns);
        assert_true(crewi_now_ns() < end_ns);
    }
}

static void expect_nothing(void)
{
    struct crewi_child_event event;
    assert_false(crewi_forkserver_poll(&server, &event));
}

static void ask_for(uint32_t slot, const struct crewi_cpus *cpus, const struct crewi_limits *limits)
{
    static const struct crewi_cpus anywhere;
    int fd;
    struct crewi_port port;
    assert_int_equal(crewi_port_create(&fd), CREW_OK);
    assert_int_equal(crewi_port_attach(&port, fd, false), CREW_OK);
    assert_int_equal(
        crewi_forkserver_spawn(&server, slot, fd, "Process-7", cpus ? cpus : &anywhere, limits),
        CREW_OK);
    crewi_port_detach(&port);
    close(fd);
}

static pid_t spawn_limited(uint32_t slot, const struct crewi_limits *limits)
{
    ask_for(slot, NULL, limits);
    struct crewi_child_event event = next_event();
    assert_int_equal(event.what, CREWI_CHILD_STARTED);
    assert_int_equal(event.slot, slot);
    assert_true(event.pid > 0 && event.pid != server.pid);
    return event.pid;
}

static pid_t spawn(uint32_t slot)
{
    return spawn_limited(slot, NULL);
}

/* The status that waitpid() gave the server. */
static int expect_end(uint32_t slot, pid_t pid)
{
    struct crewi_child_event event = next_event();
    assert_int_equal(event.what, CREWI_CHILD_ENDED);
    assert_int_equal(event.slot, slot);
    assert_int_equal(event.pid, pid);
    assert_true(is_gone(pid));
    return event.value;
}

static void exit_codes(void **state)
{
    static const uint32_t codes[] = {0, 1, 2, 7, 127, 128, 137, 254, 255};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        int status = expect_end(codes[i], spawn(codes[i]));
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), codes[i]);
    }
    int status = expect_end(SLOT_EXIT, spawn(SLOT_EXIT));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 45);
    expect_nothing();
}

static void a_child_has_what_it_needs(void **state)
{
    struct crewi_cpus first = {{1}};
    cpu_set_t allowed;
    (void)state;
    sched_getaffinity(0, sizeof allowed, &allowed);
    if (!CPU_ISSET(0, &allowed))
        skip();
    ask_for(SLOT_LOOK, &first, NULL);
    struct crewi_child_event event = next_event();
    assert_int_equal(event.what, CREWI_CHILD_STARTED);
    int status = expect_end(SLOT_LOOK, event.pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void news_ring_the_bell(void **state)
{
    (void)state;
    crewi_bell_answer(bell);
    atomic_store(&bell->server_news, 0);
    ask_for(0, NULL, NULL);
    crewi_bell_sleep(bell, CREWI_BELL_SERVICE, crewi_now_ns() + LOST_NS);
    assert_int_equal(atomic_load(&bell->rung), 1);
    assert_int_equal(atomic_load(&bell->server_news), 1);
}

static void ends_by_signal(void **state)
{
    (void)state;
    int status = expect_end(SLOT_RAISE, spawn(SLOT_RAISE));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGUSR1);
    static const int signals[] = {SIGTERM, SIGKILL, SIGINT};
    for (int i = 0; i < 3; i++) {
        pid_t pid = spawn(SLOT_PAUSE);
        assert_int_equal(crewi_forkserver_signal(&server, SLOT_PAUSE, pid, signals[i]), CREW_OK);
        status = expect_end(SLOT_PAUSE, pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), signals[i]);
    }
}

static void a_stop_is_no_end(void **state)
{
    (void)state;
    int status = expect_end(SLOT_TRACED, spawn(SLOT_TRACED));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 46);
    expect_nothing();
}

static void deadlines(void **state)
{
    static const uint32_t late[] = {SLOT_LATE, SLOT_LATE_STOPPED};
    (void)state;
    for (int i = 0; i < 4; i++) {
        uint32_t slot = late[i / 2];
        pid_t pid = spawn(slot);
        struct crewi_child_event event = next_event();
        assert_int_equal(event.what, CREWI_CHILD_ENDED);
        assert_int_equal(event.pid, pid);
        assert_true(WIFSIGNALED(event.value));
        assert_int_equal(WTERMSIG(event.value), SIGKILL);
        assert_int_equal(event.cause, CREWI_END_TASK_LIMIT);
        assert_int_equal(atomic_load(&bell->timed[slot / 64]), 0);
    }
}

/* The server sleeps again when there are none. */
static void deadlines_that_are_kept(void **state)
{
    (void)state;
    int status = expect_end(SLOT_IN_TIME, spawn(SLOT_IN_TIME));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 47);
    assert_int_equal(atomic_load(&bell->timed[SLOT_IN_TIME / 64]), 0);
    for (int i = 0; i < 1000 && !atomic_load(&bell->server_sleeps); i++)
        usleep(1000);
    assert_int_equal(atomic_load(&bell->server_sleeps), 1);
}

static void signals_for_somebody_else(void **state)
{
    (void)state;
    pid_t pid = spawn(SLOT_PAUSE), other = spawn(SLOT_PAUSE_TOO);
    crewi_forkserver_signal(&server, SLOT_PAUSE, other, SIGKILL);
    crewi_forkserver_signal(&server, SLOT_PAUSE, getpid(), SIGKILL);
    crewi_forkserver_signal(&server, SLOT_PAUSE, 0, SIGKILL);
    crewi_forkserver_signal(&server, SLOT_PAUSE, -1, SIGKILL);
    crewi_forkserver_signal(&server, 5, pid, SIGKILL);
    crewi_forkserver_signal(&server, 5, 0, 0);
    crewi_forkserver_signal(&server, SLOT_PAUSE_TOO, other, SIGKILL);
    assert_int_equal(WTERMSIG(expect_end(SLOT_PAUSE_TOO, other)), SIGKILL);
    assert_false(is_gone(pid));
    crewi_forkserver_signal(&server, SLOT_PAUSE_TOO, other, SIGKILL); /* it has ended */
    assert_int_equal(WEXITSTATUS(expect_end(0, spawn(0))), 0);
    expect_nothing();
}

static void one_that_does_not_hear(void **state)
{
    (void)state;
    pid_t pid = spawn(SLOT_DEAF);
    for (int64_t end_ns = crewi_now_ns() + LOST_NS; !atomic_load(&bell->ports[SLOT_DEAF / 64]);
         usleep(100))
        assert_true(crewi_now_ns() < end_ns);
    crewi_forkserver_signal(&server, SLOT_DEAF, pid, SIGTERM);
    assert_int_equal(WEXITSTATUS(expect_end(0, spawn(0))), 0);
    assert_false(is_gone(pid));
    crewi_forkserver_signal(&server, SLOT_DEAF, pid, SIGKILL);
    assert_int_equal(WTERMSIG(expect_end(SLOT_DEAF, pid)), SIGKILL);
}

static void a_fork_that_fails(void **state)
{
    (void)state;
    atomic_store(fork_fails, EAGAIN);
    ask_for(9, NULL, NULL);
    struct crewi_child_event event = next_event();
    atomic_store(fork_fails, 0);
    assert_int_equal(event.what, CREWI_CHILD_FAILED);
    assert_int_equal(event.slot, 9);
    assert_int_equal(event.value, EAGAIN);
    crewi_forkserver_signal(&server, 9, -1, SIGKILL); /* would be everybody */
    assert_int_equal(WEXITSTATUS(expect_end(9, spawn(9))), 9);
}

static void a_server_that_cannot_be_forked(void **state)
{
    struct crewi_forkserver other = {.socket = 77, .pid = 77};
    struct crewi_forkserver_setup setup = {
        .bell = bell, .job_fd = job_fd, .child_main = child_main};
    (void)state;
    int before = dup(0);
    close(before);
    atomic_store(fork_fails, ENOMEM);
    assert_int_equal(crewi_forkserver_start(&other, &setup), CREW_ENOMEM);
    atomic_store(fork_fails, 0);
    assert_int_equal(other.socket, 77);
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

static void stop_with_children_alive(void **state)
{
    (void)state;
    pid_t one = spawn(SLOT_PAUSE), two = spawn(SLOT_DEAF), helper = server.pid;
    crewi_forkserver_stop(&server);
    assert_true(is_gone(one));
    assert_true(is_gone(two));
    assert_true(is_gone(helper));
    assert_int_equal(server.pid, 0);
    expect_nothing();
    crewi_forkserver_stop(&server);
}

static void expect_cause(uint32_t slot, pid_t pid, crew_end_cause cause)
{
    struct crewi_child_event event = next_event();
    assert_int_equal(event.what, CREWI_CHILD_ENDED);
    assert_int_equal(event.slot, slot);
    assert_int_equal(event.pid, pid);
    assert_true(WIFSIGNALED(event.value));
    assert_int_equal(WTERMSIG(event.value), SIGKILL);
    assert_int_equal(event.cause, cause);
}

static void limits(void **state)
{
    static const struct crewi_limits cpu = {.cpu_ns = 50 * CREWI_MILLISECOND},
                                     wall = {.wall_ns = 50 * CREWI_MILLISECOND},
                                     memory = {.memory = 128 * MIB};
    (void)state;
    /* Beside each other: one is over each, and one over none. */
    pid_t other = spawn(SLOT_PAUSE), spinner = spawn_limited(SLOT_SPIN, &cpu);
    expect_cause(SLOT_SPIN, spinner, CREW_END_CPU_LIMIT);
    expect_cause(SLOT_HOG, spawn_limited(SLOT_HOG, &memory), CREW_END_MEMORY_LIMIT);
    expect_cause(SLOT_PAUSE_TOO, spawn_limited(SLOT_PAUSE_TOO, &wall), CREW_END_WALL_LIMIT);
    assert_false(is_gone(other));
    crewi_forkserver_signal(&server, SLOT_PAUSE, other, SIGKILL);
    expect_cause(SLOT_PAUSE, other, CREW_END_NONE);
}

/* The slot of one with a limit is free for one without. */
static void limits_are_of_one_child(void **state)
{
    static const struct crewi_limits wall = {.wall_ns = 20 * CREWI_MILLISECOND};
    (void)state;
    expect_cause(SLOT_PAUSE, spawn_limited(SLOT_PAUSE, &wall), CREW_END_WALL_LIMIT);
    pid_t pid = spawn(SLOT_PAUSE);
    usleep(60000);
    assert_false(is_gone(pid));
    crewi_forkserver_signal(&server, SLOT_PAUSE, pid, SIGKILL);
    expect_cause(SLOT_PAUSE, pid, CREW_END_NONE);
}

static bool is_zombie(pid_t pid)
{
    char path[64], state = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
    fclose(file);
    return state == 'Z';
}

/* The kernel ends one that spins while the server does not look; it is called by its name. */
static void a_server_that_does_not_look(void **state)
{
    static const struct crewi_limits cpu = {.cpu_ns = 500 * CREWI_MILLISECOND};
    (void)state;
    pid_t pid = spawn_limited(SLOT_SPIN, &cpu);
    kill(server.pid, SIGSTOP);
    for (int64_t end_ns = crewi_now_ns() + 3 * LOST_NS; !is_zombie(pid); usleep(10000))
        assert_true(crewi_now_ns() < end_ns);
    kill(server.pid, SIGCONT);
    expect_cause(SLOT_SPIN, pid, CREW_END_CPU_LIMIT);
}

/* Asks for all of them before it hears anything, if the server's answers fit somewhere. */
static void many(uint32_t count)
{
    static const struct crewi_cpus anywhere;
    unsigned started = 0, ended = 0;
    int fd;
    assert_int_equal(crewi_port_create(&fd), CREW_OK);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(
            crewi_forkserver_spawn(&server, SLOT_BUSY + i, fd, "many", &anywhere, NULL), CREW_OK);
    close(fd);
    while (ended < count) {
        struct crewi_child_event event = next_event();
        assert_in_range(event.slot, SLOT_BUSY, SLOT_BUSY + count - 1);
        assert_in_range(event.what, CREWI_CHILD_STARTED, CREWI_CHILD_ENDED);
        assert_int_not_equal(event.what, CREWI_CHILD_FAILED);
        started += event.what == CREWI_CHILD_STARTED;
        ended += event.what == CREWI_CHILD_ENDED;
        if (event.what == CREWI_CHILD_ENDED) {
            assert_true(is_gone(event.pid));
            assert_true(WIFEXITED(event.value));
        }
    }
    assert_int_equal(started, count);
    expect_nothing();
}

static void two_hundred(void **state)
{
    (void)state;
    many(200);
}

/* A pool may have thousands of workers, which its home asks for in one go: rank and server must not
 * wait for each other. */
static void more_than_the_socket_holds(void **state)
{
    (void)state;
    pid_t helper = server.pid;
    guard = __real_fork();
    if (guard == 0) { /* ends a server that waits for us as we wait for it */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sleep(40);
        kill(helper, SIGKILL);
        _exit(0);
    }
    many(1000);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exit_codes),
        TEST(a_child_has_what_it_needs),
        TEST(news_ring_the_bell),
        TEST(ends_by_signal),
        TEST(a_stop_is_no_end),
        TEST(deadlines),
        TEST(deadlines_that_are_kept),
        TEST(signals_for_somebody_else),
        TEST(one_that_does_not_hear),
        TEST(limits),
        TEST(limits_are_of_one_child),
        TEST(a_server_that_does_not_look),
        TEST(a_fork_that_fails),
        TEST(a_server_that_cannot_be_forked),
        TEST(stop_with_children_alive),
        TEST(two_hundred),
        TEST(more_than_the_socket_holds),
    };
    signal(SIGINT, SIG_DFL); /* a shell has those ignore it that it starts in the background */
    fork_fails = shared_memory(sizeof *fork_fails);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
