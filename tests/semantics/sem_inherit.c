// SPDX-License-Identifier: BSD-3-Clause
// What a program inherits from whoever starts it, and what its children inherit from it: standard
// streams, signals.
//
// usage: sem_inherit [closed=DIGITS] [ignored=NUMBER] [blocked=NUMBER] [COMMAND...]
// With a command: executes it with those streams closed and that signal ignored or blocked.
// Without: checks what became of that.
#include "cases.h"
#include "check.h"

#include <crew/crew.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct test_case program_cases[] = {{0}};

struct given {
    char closed[4];
    int ignored, blocked; // signals; 0: none
};

static int parse(struct given *given, int argc, char **argv)
{
    int i = 1;
    for (; i < argc; i++)
        if (sscanf(argv[i], "closed=%3s", given->closed) != 1 &&
            sscanf(argv[i], "ignored=%d", &given->ignored) != 1 &&
            sscanf(argv[i], "blocked=%d", &given->blocked) != 1)
            break;
    return i;
}

static int execute(const struct given *given, char **command)
{
    sigset_t mask;
    sigemptyset(&mask);
    if (given->ignored)
        signal(given->ignored, SIG_IGN);
    if (given->blocked) {
        sigaddset(&mask, given->blocked);
        sigprocmask(SIG_BLOCK, &mask, NULL);
    }
    for (const char *digit = given->closed; *digit; digit++)
        close(*digit - '0');
    execv(command[0], command);
    return 127;
}

static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static bool is_blocked(int number)
{
    sigset_t mask;
    return sigprocmask(SIG_SETMASK, NULL, &mask) == 0 && sigismember(&mask, number) == 1;
}

static void handle(int number)
{
    (void)number;
}

// They are open, and none of crew's own.
static void check_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        char name[32], target[256];
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(name, target, sizeof target - 1);
        if (!CHECK(length > 0))
            continue;
        target[length] = '\0';
        CHECK(!strstr(target, "memfd:") && !strstr(target, "socket:"));
    }
}

static int check_child(void *arg)
{
    const struct given *given = arg;
    check_streams();
    bool of_the_job = given->ignored == SIGHUP || given->ignored == SIGINT;
    if (given->ignored)
        CHECK_INT(is_ignored(given->ignored), of_the_job);
    if (given->blocked)
        CHECK(!is_blocked(given->blocked));
    // What the program has set itself, before crew_run().
    struct sigaction now;
    CHECK(sigaction(SIGUSR2, NULL, &now) == 0 && now.sa_handler == handle);
    CHECK(is_ignored(SIGTTOU));
    CHECK(is_blocked(SIGURG));
    CHECK(!is_ignored(SIGCHLD) && !is_blocked(SIGCHLD));
    CHECK_INT(system("exit 3") >> 8, 3);
    return check_result();
}

static int sleep_long(void *arg)
{
    (void)arg;
    check_sleep(60);
    return 0;
}

static void start(crew_process *process, crew_process_function *function, const void *arg,
                  size_t size, const crew_process_attr *attr)
{
    CHECK_OK(crew_process_create(process, function, arg, size, attr));
    CHECK_OK(crew_process_start(*process));
}

// With its standard streams closed by itself, what it then has crew open is somewhere else.
static void check_closed_later(void)
{
    static char large[200000];
    crew_process process;
    crew_queue queue;
    crew_array array;
    int error = dup(STDERR_FILENO);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        close(fd);
    start(&process, sleep_long, large, sizeof large, NULL);
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_OK(crew_queue_put(queue, "text", 5, CREW_FOREVER));
    CHECK_OK(crew_array_create(&array, CREW_INT64, 1 << 20, NULL));
    CHECK_OK(crew_process_kill(process));
    CHECK_INT(finish(process), -SIGKILL);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        CHECK(fcntl(fd, F_GETFD) < 0);
    dup2(error, STDERR_FILENO); // for what check.h has to say
}

static int app(int argc, char **argv)
{
    struct given given = {0};
    crew_process process;
    parse(&given, argc, argv);
    check_streams();
    printf("into standard output, whatever that is\n");
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        crew_process_attr attr = {.placement = CREW_ON_RANK(rank)};
        start(&process, check_child, &given, sizeof given, &attr);
        CHECK_INT(finish(process), 0);
        start(&process, sleep_long, NULL, 0, &attr);
        CHECK_OK(crew_process_terminate(process));
        CHECK_INT(finish(process), -SIGTERM);
    }
    // The main process keeps what it has; mpirun gives its ranks the default itself.
    if (!getenv("OMPI_COMM_WORLD_RANK")) {
        CHECK(!given.ignored || is_ignored(given.ignored));
        CHECK(!given.blocked || is_blocked(given.blocked));
    }
    start(&process, sleep_long, NULL, 0, &(crew_process_attr){.daemon = CREW_DAEMON_YES});
    check_closed_later();
    return check_failures() != 0;
}

int main(int argc, char **argv)
{
    struct given given = {0};
    sigset_t mask;
    int next = parse(&given, argc, argv);
    if (next < argc)
        return execute(&given, argv + next);
    signal(SIGUSR2, handle);
    signal(SIGTTOU, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGURG);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    return crew_run(argc, argv, app);
}
