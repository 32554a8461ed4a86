// SPDX-License-Identifier: BSD-3-Clause
// The start and the end of a program, seen from outside: exit statuses and what is printed. The
// first argument says what to do; the expectations are in CMakeLists.txt.
#include "check.h"

#include <crew/crew.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_process(crew_process_function *function, const void *arg, size_t size,
                        const crew_process_attr *attr)
{
    crew_process process;
    CHECK_OK(crew_process_create(&process, function, arg, size, attr));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
}

static int fail(void *arg)
{
    (void)arg;
    return 1;
}

static int greet(void *arg)
{
    printf("hello from %s on rank %d\n", (const char *)arg, crew_current_rank());
    return 0;
}

static int take_time(void *arg)
{
    (void)arg;
    check_sleep(0.1);
    printf("the child is done\n");
    return 0;
}

static void leave(int number)
{
    static const char text[] = "the daemon got its signal\n";
    (void)number;
    _exit(write(STDOUT_FILENO, text, sizeof text - 1) < 0);
}

static int serve(void *arg)
{
    (void)arg;
    signal(SIGTERM, leave);
    printf("the daemon is ready\n");
    fflush(stdout);
    while (pause() != 0)
        ;
    return 0;
}

CREW_TASK(twice, int, int)
{
    *result = 2 * *item;
    check_sleep(0.005);
    return CREW_OK;
}

static volatile sig_atomic_t heard[3];
static const int passed_on[3] = {SIGUSR1, SIGUSR2, SIGALRM};

static void hear(int number)
{
    for (int i = 0; i < 3; i++)
        heard[i] |= number == passed_on[i];
}

// What mpirun passes on to all ranks reaches the main process, and ends nobody.
static int do_passed_on(void)
{
    pid_t target = getenv("OMPI_COMM_WORLD_RANK") ? getppid() : getpid();
    for (int i = 0; i < 3; i++)
        signal(passed_on[i], hear);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(kill(target, passed_on[i]), 0);
        for (int wait = 0; wait < 1000 && !heard[i]; wait++)
            check_sleep(0.01);
        CHECK(heard[i]);
    }
    check_sleep(0.05); // for those of the other ranks
    run_process(greet, "a process", 10,
                &(crew_process_attr){.placement = CREW_ON_RANK(crew_rank_count() - 1)});
    return check_result();
}

static int do_log(void)
{
    run_process(greet, "a process", 10,
                &(crew_process_attr){.placement = CREW_ON_RANK(crew_rank_count() - 1)});
    return 0;
}

static int warn_and_exit(void *arg)
{
    (void)arg;
    crew_log(CREW_LOG_WARNING, "of the program");
    crew_log(CREW_LOG_DEBUG, "not seen");
    exit(3);
}

static int do_log_to_stderr(void)
{
    CHECK_OK(crew_log_to_stderr(CREW_LOG_INFO));
    run_process(warn_and_exit, NULL, 0,
                &(crew_process_attr){.placement = CREW_ON_RANK(crew_rank_count() - 1)});
    return 0;
}

// Lines of one letter each, of up to 3000, from four at once, one of them inside its rank.
static int log_lines(void *arg)
{
    int letter = *(const int *)arg;
    for (int i = 0; i < 60; i++) {
        char line[4000];
        int length = 1 + (i * 137 + letter * 11) % 3000;
        memset(line, letter, (size_t)length);
        crew_log(CREW_LOG_WARNING, "%.*s", length, line);
    }
    return 0;
}

static int do_log_lines(void)
{
    crew_process processes[4];
    CHECK_OK(crew_log_to_stderr(CREW_LOG_NOTSET));
    for (int i = 0; i < 4; i++) {
        int letter = 'a' + i;
        crew_process_attr attr = {.placement = CREW_ON_RANK(i % crew_rank_count()),
                                  .start_method = i ? CREW_START_FORKSERVER : CREW_START_RANK};
        CHECK_OK(crew_process_create(&processes[i], log_lines, &letter, sizeof letter, &attr));
        CHECK_OK(crew_process_start(processes[i]));
    }
    for (int i = 0; i < 4; i++)
        CHECK_OK(crew_process_join(processes[i], CREW_FOREVER));
    return 0;
}

static crew_status print_last(void *arg)
{
    printf("%s\n", (const char *)arg);
    return CREW_OK;
}

static crew_status fail_at_exit(void *arg)
{
    (void)arg;
    return crew_fail(CREW_EFAILED, "on purpose");
}

static int do_finalizers(void)
{
    static char text[] = "the last";
    CHECK_OK(crew_at_exit(NULL, print_last, text, -1));
    CHECK_OK(crew_at_exit(NULL, fail_at_exit, NULL, 1));
    return 0;
}

static int do_finalizers_exit(void)
{
    exit(do_finalizers());
}

static int do_failing(void)
{
    run_process(fail, NULL, 0, NULL);
    return 0;
}

static int do_output(void)
{
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        crew_process_attr attr = {.placement = CREW_ON_RANK(rank)};
        run_process(greet, "a child", 8, &attr);
        attr.start_method = CREW_START_RANK;
        run_process(greet, "the rank itself", 16, &attr);
    }
    printf("hello from the main process");
    return 0;
}

// A process that the main process forks itself is none of crew's: its exit() ends nothing else.
static int do_forked(void)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        exit(3);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    run_process(greet, "a process", 10, NULL);
    return 0;
}

#define LINE_WRITERS 8
#define LINES 300

// Lines of one letter each, of all lengths, some to standard error.
static int write_lines(void *arg)
{
    int letter = *(const int *)arg;
    for (int i = 0; i < LINES; i++) {
        char line[4000];
        int length = 1 + (i * 37 + letter * 11) % 3000;
        memset(line, letter, (size_t)length);
        fprintf(i % 10 ? stdout : stderr, "<%.*s>\n", length, line);
    }
    return 0;
}

// From everywhere at once: beside each rank, in each rank, and in the main process.
static int do_lines(void)
{
    crew_process processes[2 * LINE_WRITERS];
    int count = 0, letter = 'a';
    for (int i = 0; i < LINE_WRITERS; i++, letter++) {
        crew_process_attr attr = {.placement = CREW_ON_RANK(i % crew_rank_count())};
        CHECK_OK(
            crew_process_create(&processes[count++], write_lines, &letter, sizeof letter, &attr));
    }
    for (int rank = 0; rank < crew_rank_count(); rank++, letter++) {
        crew_process_attr attr = {.placement = CREW_ON_RANK(rank), .start_method = CREW_START_RANK};
        CHECK_OK(
            crew_process_create(&processes[count++], write_lines, &letter, sizeof letter, &attr));
    }
    for (int i = 0; i < count; i++)
        CHECK_OK(crew_process_start(processes[i]));
    write_lines(&letter);
    for (int i = 0; i < count; i++)
        CHECK_OK(crew_process_join(processes[i], CREW_FOREVER));
    return 0;
}

static void *finish_later(void *arg)
{
    (void)arg;
    check_sleep(0.2);
    printf("the thread is done\n");
    return NULL;
}

static int do_threads(void)
{
    pthread_t thread;
    CHECK_OK(crew_thread_create(&thread, NULL, finish_later, NULL));
    pthread_detach(thread);
    return 4;
}

static int print_and_die(void *arg)
{
    (void)arg;
    printf("a line of one that dies\nand a");
    printf(" part of one");
    raise(SIGKILL);
    return 0;
}

static int run_shell(void *arg)
{
    (void)arg;
    return system("echo from a shell; echo and its errors >&2");
}

static int do_death(void)
{
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        crew_process_attr attr = {.placement = CREW_ON_RANK(rank)};
        run_process(print_and_die, NULL, 0, &attr);
        run_process(run_shell, NULL, 0, &attr);
    }
    return 0;
}

// What a process has printed is at its place when join returns.
static int do_order(void)
{
    for (int i = 0; i < 50; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        run_process(greet, name, strlen(name) + 1,
                    &(crew_process_attr){.placement = CREW_ON_RANK(crew_current_rank())});
        printf("%d is over\n", i);
    }
    return 0;
}

static void start_more(void)
{
    crew_process process;
    CHECK_OK(crew_process_create(&process, take_time, NULL, 0, NULL));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_create(&process, serve, NULL, 0,
                                 &(crew_process_attr){.daemon = CREW_DAEMON_YES}));
    CHECK_OK(crew_process_start(process));
    check_sleep(0.05);
}

static int do_end(void)
{
    start_more();
    return 4;
}

static int do_exit(void)
{
    start_more();
    exit(4);
}

static int do_open(void)
{
    int items[10] = {0}, results[10];
    crew_pool pool;
    crew_process process;
    CHECK_OK(crew_pool_create(&pool, NULL));
    CHECK_OK(crew_pool_map(pool, twice, items, results, 10, NULL));
    CHECK_OK(crew_process_create(&process, fail, NULL, 0, NULL)); // neither started nor closed
    return 0;
}

static int do_progress(void)
{
    int items[50] = {0}, results[50];
    crew_pool pool;
    CHECK_OK(crew_pool_create(&pool, NULL));
    CHECK_OK(crew_pool_map(pool, twice, items, results, 50, &(crew_map_attr){.progress = true}));
    return crew_pool_destroy(pool);
}

static int do_nothing(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static int run_again(void *arg)
{
    (void)arg;
    char *words[] = {NULL};
    return crew_run(0, words, do_nothing);
}

static int do_again(void)
{
    CHECK_INT(run_again(NULL), 1);
    return 0;
}

// Not in a process either.
static int do_again_in_process(void)
{
    crew_process process;
    int code = 0;
    CHECK_OK(crew_process_create(&process, run_again, NULL, 0, NULL));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, 5));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK_INT(code, 1);
    return 0;
}

static int do_options(void)
{
    crew_options_print(stdout);
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} modes[] = {
    {"log", do_log},
    {"failing", do_failing},
    {"forked", do_forked},
    {"output", do_output},
    {"end", do_end},
    {"exit", do_exit},
    {"open", do_open},
    {"passed-on", do_passed_on},
    {"progress", do_progress},
    {"again", do_again},
    {"again-in-process", do_again_in_process},
    {"options", do_options},
    {"lines", do_lines},
    {"death", do_death},
    {"order", do_order},
    {"threads", do_threads},
    {"log-to-stderr", do_log_to_stderr},
    {"log-lines", do_log_lines},
    {"finalizers-return", do_finalizers},
    {"finalizers-exit", do_finalizers_exit},
};

static int app(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "status") == 0)
        return atoi(argv[2]);
    if (strcmp(mode, "exit-status") == 0)
        exit(atoi(argv[2]));
    if (strcmp(mode, "arguments") == 0) {
        run_process(greet, "a process", 10, NULL); // which changes its title
        CHECK_INT(argc, 5);
        CHECK_TEXT(argv[2], "a b");
        CHECK_TEXT(argv[3], "--");
        CHECK_TEXT(argv[4], "last");
        CHECK(argv[5] == NULL);
        return check_result();
    }
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(mode, modes[i].name) == 0) {
            int code = modes[i].run();
            return code ? code : check_result();
        }
    return 99;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "output") == 0)
        printf("before\n"); // and not flushed
    int code = crew_run(argc, argv, app);
    if (strcmp(mode, "twice") == 0)
        code = crew_run(argc, argv, app) == 1 ? 0 : 5;
    return code;
}
