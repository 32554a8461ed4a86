/* SPDX-License-Identifier: BSD-3-Clause */
/* Nothing outlives its rank: deaths of the server, of the rank, of the launcher, and what children
 * leave behind. */
#include "base/clock.h"
#include "node/forkserver.h"
#include "processes.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child does, by its slot. */
enum { PAUSES, LEAVES_A_CHILD, LEAVES_A_SESSION, HAS_A_CHILD, ROLES };

/* What they all write to, and the test reads. */
struct board {
    _Atomic int children[ROLES], grandchildren[ROLES];
    _Atomic int server, rank;
    _Atomic int may_end; /* the grandchildren */
};

static struct board *board;
static struct crewi_forkserver server;
static struct crewi_bell *bell;
static int bell_fd;

static _Noreturn void grandchild(uint32_t slot)
{
    if (slot == LEAVES_A_SESSION)
        setsid();
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    atomic_store(&board->grandchildren[slot], (int)getpid());
    while (!atomic_load(&board->may_end))
        usleep(1000);
    _exit(0);
}

static bool without_lists;

FILE *__real_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode);

FILE *__wrap_fopen(const char *path, const char *mode)
{
    if (!without_lists || !strstr(path, "/children"))
        return __real_fopen(path, mode);
    errno = ENOENT;
    return NULL;
}

static int child_main(const struct crewi_child *child)
{
    atomic_store(&board->children[child->slot], (int)getpid());
    if (child->slot != PAUSES) {
        pid_t pid = fork();
        if (pid == 0)
            grandchild(child->slot);
        becomes_set(&board->grandchildren[child->slot]);
    }
    if (child->slot == PAUSES || child->slot == HAS_A_CHILD)
        for (;;)
            pause();
    _exit(0);
}

static crew_status start_server(bool launched)
{
    struct crewi_forkserver_setup setup = {
        .bell = bell, .job_fd = bell_fd, .launched = launched, .child_main = child_main};
    crew_status status = crewi_forkserver_start(&server, &setup);
    if (!status)
        atomic_store(&board->server, (int)server.pid);
    return status;
}

static void spawn_all(void)
{
    static const struct crewi_cpus anywhere;
    for (uint32_t slot = 0; slot < ROLES; slot++)
        crewi_forkserver_spawn(&server, slot, bell_fd, "a child", &anywhere, NULL);
}

static bool all_are_there(void)
{
    for (int slot = 0; slot < ROLES; slot++)
        if (!becomes_set(&board->children[slot]) ||
            (slot != PAUSES && !becomes_set(&board->grandchildren[slot])))
            return false;
    return true;
}

static int begin(void **state)
{
    (void)state;
    board = shared_memory(sizeof *board);
    /* Orphans come to the test, which can see that nobody but it has to reap them. */
    return crewi_bell_create(&bell, &bell_fd) || prctl(PR_SET_CHILD_SUBREAPER, 1);
}

static int end(void **state)
{
    (void)state;
    atomic_store(&board->may_end, 1);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    crewi_bell_detach(bell);
    munmap(board, sizeof *board);
    return close(bell_fd);
}

static pid_t parent_of(pid_t pid)
{
    char path[64], line[512] = "";
    int parent = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    const char *after_name = strrchr(line, ')');
    assert_non_null(after_name);
    assert_int_equal(sscanf(after_name, ") %*c %d", &parent), 1);
    return (pid_t)parent;
}

static pid_t adopter_of(pid_t pid, pid_t first_parent)
{
    for (int64_t end_ns = crewi_now_ns() + LOST_NS; crewi_now_ns() < end_ns; usleep(200))
        if (parent_of(pid) != first_parent)
            break;
    return parent_of(pid);
}

static void a_child_of_a_child_is_adopted_and_reaped(void **state)
{
    (void)state;
    assert_int_equal(start_server(false), CREW_OK);
    spawn_all();
    assert_true(all_are_there());
    for (int slot = LEAVES_A_CHILD; slot <= LEAVES_A_SESSION; slot++) {
        assert_true(becomes_gone(board->children[slot]));
        assert_int_equal(adopter_of(board->grandchildren[slot], board->children[slot]), server.pid);
    }
    atomic_store(&board->may_end, 1);
    for (int slot = LEAVES_A_CHILD; slot <= LEAVES_A_SESSION; slot++)
        assert_true(becomes_gone(board->grandchildren[slot]));
    unsigned ended = 0, started = 0;
    struct crewi_child_event event;
    while (crewi_forkserver_poll(&server,
                                 &event)) { /* and nobody is told of a slot that it never had */
        assert_in_range(event.slot, 0, ROLES - 1);
        started += event.what == CREWI_CHILD_STARTED;
        ended += event.what == CREWI_CHILD_ENDED;
        if (event.what == CREWI_CHILD_ENDED)
            assert_in_range(event.slot, LEAVES_A_CHILD, LEAVES_A_SESSION);
    }
    assert_int_equal(started, ROLES);
    assert_int_equal(ended, 2);
    crewi_forkserver_stop(&server);
}

static void a_stop_ends_generations(void **state)
{
    (void)state;
    assert_int_equal(start_server(false), CREW_OK);
    spawn_all();
    assert_true(all_are_there());
    pid_t helper = server.pid;
    crewi_forkserver_stop(&server);
    assert_true(is_gone(helper));
    for (int slot = 0; slot < ROLES; slot++) {
        assert_true(is_gone(board->children[slot]));
        assert_true(slot == PAUSES || is_gone(board->grandchildren[slot]));
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nothing came to us */
}

/* Where the kernel does not list children. */
static void a_stop_without_lists(void **state)
{
    without_lists = true;
    a_stop_ends_generations(state);
    without_lists = false;
}

static void a_server_that_is_killed(void **state)
{
    struct crewi_child_event event;
    static const struct crewi_cpus anywhere;
    (void)state;
    assert_int_equal(start_server(false), CREW_OK);
    spawn_all();
    assert_true(all_are_there());
    kill(server.pid, SIGKILL);
    int64_t end_ns = crewi_now_ns() + LOST_NS;
    do {
        assert_true(crewi_now_ns() < end_ns);
        if (!crewi_forkserver_poll(&server, &event))
            event.what = CREWI_CHILD_STARTED;
    } while (event.what != CREWI_SERVER_GONE);
    assert_false(crewi_forkserver_poll(&server, &event)); /* said once */
    assert_int_equal(crewi_forkserver_spawn(&server, 1, bell_fd, "late", &anywhere, NULL),
                     CREW_ESYSTEM);
    assert_int_equal(crewi_forkserver_signal(&server, PAUSES, board->children[PAUSES], SIGTERM),
                     CREW_ESYSTEM);
    crewi_forkserver_stop(&server);
    assert_true(is_gone(board->server));
    for (int slot = 0; slot < ROLES;
         slot++) { /* the kernel kills them, and the test has to reap them */
        waitpid(board->children[slot], NULL, 0);
        assert_true(is_gone(board->children[slot]));
    }
}

/* A rank of its own: starts a server with children, and waits to be killed. */
static _Noreturn void rank_main(bool launched)
{
    atomic_store(&board->rank, (int)getpid());
    if (start_server(launched))
        _exit(1);
    spawn_all();
    for (;;)
        pause();
}

static void expect_rank_with_children_gone(void)
{
    while (waitpid(board->server, NULL, 0) < 0 && errno == EINTR) /* it came to us as an orphan */
        ;
    assert_true(is_gone(board->server));
    for (int slot = 0; slot < ROLES; slot++) {
        assert_true(is_gone(board->children[slot]));
        assert_true(slot == PAUSES || is_gone(board->grandchildren[slot]));
    }
}

static void a_rank_that_is_killed(void **state)
{
    (void)state;
    pid_t rank = fork();
    assert_true(rank >= 0);
    if (rank == 0)
        rank_main(false);
    assert_true(all_are_there());
    kill(rank, SIGKILL);
    assert_int_equal(waitpid(rank, NULL, 0), rank);
    expect_rank_with_children_gone();
}

/* mpirun kills the group of a rank; the server stays for long enough to end everything. */
static void a_group_that_is_killed(void **state)
{
    (void)state;
    pid_t rank = fork();
    assert_true(rank >= 0);
    if (rank == 0) {
        setpgid(0, 0);
        rank_main(true);
    }
    assert_true(all_are_there());
    assert_int_not_equal(getpgid(board->server), getpgid(rank));
    kill(-rank, SIGKILL);
    assert_int_equal(waitpid(rank, NULL, 0), rank);
    expect_rank_with_children_gone();
}

/* Signals that a terminal or a batch system sends to all of a job are for the rank to handle. */
static void a_server_is_deaf(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGPIPE};
    (void)state;
    static const struct crewi_cpus anywhere;
    assert_int_equal(start_server(false), CREW_OK);
    crewi_forkserver_spawn(&server, PAUSES, bell_fd, "the first", &anywhere, NULL);
    assert_true(becomes_set(&board->children[PAUSES])); /* it has begun */
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        kill(server.pid, signals[i]);
    crewi_forkserver_spawn(&server, HAS_A_CHILD, bell_fd, "the second", &anywhere, NULL);
    assert_true(becomes_set(&board->grandchildren[HAS_A_CHILD]));
    assert_int_equal(waitpid(server.pid, NULL, WNOHANG), 0);
    crewi_forkserver_stop(&server);
    assert_true(is_gone(board->children[PAUSES]) && is_gone(board->grandchildren[HAS_A_CHILD]));
}

/* The launcher dies, and the rank does not follow: the server ends it after a few seconds. */
static void a_launcher_that_is_killed(void **state)
{
    (void)state;
    pid_t launcher = fork();
    assert_true(launcher >= 0);
    if (launcher == 0) {
        if (fork() == 0)
            rank_main(true);
        for (;;)
            pause();
    }
    assert_true(all_are_there());
    kill(launcher, SIGKILL);
    assert_int_equal(waitpid(launcher, NULL, 0), launcher);
    usleep(500000);
    assert_int_equal(waitpid(board->rank, NULL, WNOHANG),
                     0); /* it has some time to end by itself */
    int64_t before = crewi_now_ns();
    int status = 0;
    assert_int_equal(waitpid(board->rank, &status, 0), board->rank);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_in_range(crewi_now_ns() - before, CREWI_SECOND, 5 * CREWI_SECOND);
    expect_rank_with_children_gone();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_child_of_a_child_is_adopted_and_reaped),
        TEST(a_stop_ends_generations),
        TEST(a_stop_without_lists),
        TEST(a_server_that_is_killed),
        TEST(a_rank_that_is_killed),
        TEST(a_group_that_is_killed),
        TEST(a_server_is_deaf),
        TEST(a_launcher_that_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
