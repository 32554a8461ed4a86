// SPDX-License-Identifier: BSD-3-Clause
// Runs one test program, on ranks or alone, and checks that nothing stays behind: no process
// (orphan or zombie), no file in its TMPDIR, nothing of it in /dev/shm and /tmp. usage() has the
// options.
//
// It is a subreaper: what loses its parent becomes its child, so it sees every process of the run,
// and ends them all when the test hangs. leftovers.h has the rules for files.
#include "leftovers.h"
#include "proc_tree.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_ANY = -1, STATUS_NONZERO = -2, STATUS_SKIP = 77 };
enum { MAX_WORDS = 64, MAX_ZOMBIES = 256 };

struct options {
    const char *ranks;
    const char *crewrun;
    const char *tmp_base;
    const char *launch[MAX_WORDS]; // more options for crewrun
    int launch_count;
    double timeout_s;
    double grace_s;
    int expected; // exit status, or STATUS_ANY, STATUS_NONZERO
    bool direct;
    bool allow_marks;
    double signal_after_s; // below 0: no signal
    int signal;
    char **program;
};

struct zombie {
    struct proc proc;
    double since_s;
};

struct run {
    pid_t pid;
    double started_s;
    bool ended;
    int wait_status;
    int failures;
    struct zombie zombies[MAX_ZOMBIES];
    size_t zombie_count;
};

static void usage(FILE *out)
{
    fputs(
        "usage: run_case [options] [--] PROGRAM [ARGS...]\n"
        "  --np N               ranks (default 1)\n"
        "  --crewrun PATH       the script that starts them (default: crewrun on PATH)\n"
        "  --launch-option WORD one more word for crewrun; can be repeated\n"
        "  --no-mpirun          run PROGRAM itself instead\n"
        "  --timeout S          after that long the run is killed and has failed (default 60)\n"
        "  --grace S            how long processes may outlive PROGRAM, and zombies last "
        "(default 5)\n"
        "  --expect-status K    exit status that is right (default 0), or: any, nonzero;\n"
        "                       128 + the signal's number for a death by signal\n"
        "  --signal-after S:SIG send SIG (KILL, TERM, 2...) to PROGRAM or its mpirun after S "
        "seconds\n"
        "  --allow-marks        forgive the tests' own marks: for killing at no particular moment\n"
        "  --tmp DIR            where the run's TMPDIR is made (default /tmp/crew-tests)\n"
        "CREW_TEST_STACKS=1 in the environment: with the time limit over, gdb also prints all "
        "stacks.\n"
        "exit status: 0 as expected and nothing left, 77 the program says it cannot run here,\n"
        "1 failed, 2 wrong use\n",
        out);
}

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static bool parse_seconds(const char *text, double *value)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value >= 0;
}

static bool parse_status(const char *text, int *status)
{
    char *end;
    if (strcmp(text, "any") == 0 || strcmp(text, "nonzero") == 0) {
        *status = text[0] == 'a' ? STATUS_ANY : STATUS_NONZERO;
        return true;
    }
    long value = strtol(text, &end, 10);
    *status = (int)value;
    return end != text && *end == '\0' && value >= 0 && value <= 255;
}

static int signal_number(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end != text)
        return *end == '\0' && number > 0 && number < NSIG ? (int)number : 0;
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (int i = 1; i < NSIG; i++) {
        const char *name = sigabbrev_np(i);
        if (name != NULL && strcasecmp(name, text) == 0)
            return i;
    }
    return 0;
}

static bool parse_signal(const char *text, struct options *options)
{
    char seconds[32];
    const char *colon = strchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof seconds)
        return false;
    snprintf(seconds, sizeof seconds, "%.*s", (int)(colon - text), text);
    options->signal = signal_number(colon + 1);
    return options->signal != 0 && parse_seconds(seconds, &options->signal_after_s);
}

static bool parse_option(int option, struct options *options)
{
    switch (option) {
    case 'n':
        options->ranks = optarg;
        return atoi(optarg) > 0;
    case 'c':
        options->crewrun = optarg;
        return true;
    case 'l':
        if (options->launch_count == MAX_WORDS)
            return false;
        options->launch[options->launch_count++] = optarg;
        return true;
    case 'd':
        options->direct = true;
        return true;
    case 't':
        return parse_seconds(optarg, &options->timeout_s);
    case 'g':
        return parse_seconds(optarg, &options->grace_s);
    case 'e':
        return parse_status(optarg, &options->expected);
    case 's':
        return parse_signal(optarg, options);
    case 'f':
        options->allow_marks = true;
        return true;
    case 'm':
        options->tmp_base = optarg;
        return true;
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option table[] = {
        {"np", required_argument, NULL, 'n'},
        {"crewrun", required_argument, NULL, 'c'},
        {"launch-option", required_argument, NULL, 'l'},
        {"no-mpirun", no_argument, NULL, 'd'},
        {"timeout", required_argument, NULL, 't'},
        {"grace", required_argument, NULL, 'g'},
        {"expect-status", required_argument, NULL, 'e'},
        {"signal-after", required_argument, NULL, 's'},
        {"allow-marks", no_argument, NULL, 'f'},
        {"tmp", required_argument, NULL, 'm'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    *options = (struct options){.ranks = "1",
                                .crewrun = "crewrun",
                                .tmp_base = "/tmp/crew-tests",
                                .timeout_s = 60,
                                .grace_s = 5,
                                .signal_after_s = -1};
    for (int option; (option = getopt_long(argc, argv, "+", table, NULL)) != -1;) {
        if (option == 'h') {
            usage(stdout);
            exit(0);
        }
        if (!parse_option(option, options)) {
            if (option != '?')
                fprintf(stderr, "run_case: the option's value '%s' makes no sense\n", optarg);
            return false;
        }
    }
    options->program = argv + optind;
    if (options->program[0] == NULL)
        fputs("run_case: no program given\n", stderr);
    return options->program[0] != NULL;
}

static void fail(struct run *run, const char *reason)
{
    fprintf(stderr, "run_case: FAILED: %s\n", reason);
    run->failures++;
}

// The words to execute: the program's own, or crewrun's with the program's behind them.
static char **command_words(const struct options *options)
{
    size_t count = 0;
    while (options->program[count] != NULL)
        count++;
    char **words = calloc(count + (size_t)options->launch_count + 5, sizeof *words);
    if (words == NULL || options->direct) {
        free(words);
        return options->direct ? options->program : NULL;
    }
    size_t at = 0;
    words[at++] = (char *)options->crewrun;
    words[at++] = "-n";
    words[at++] = (char *)options->ranks;
    for (int i = 0; i < options->launch_count; i++)
        words[at++] = (char *)options->launch[i];
    words[at++] = "--";
    memcpy(words + at, options->program, count * sizeof *words);
    return words;
}

// In the child. If run_case is killed, the run gets a SIGTERM, by which mpirun cleans up.
static void become_program(char **words, pid_t parent, const sigset_t *mask)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(127);
    sigprocmask(SIG_SETMASK, mask, NULL);
    execvp(words[0], words);
    fprintf(stderr, "run_case: cannot run %s: %s\n", words[0], strerror(errno));
    _exit(127);
}

static bool start(const struct options *options, const char *tmp_dir, const sigset_t *mask,
                  struct run *run)
{
    char **words = command_words(options);
    pid_t parent = getpid();
    if (words == NULL)
        return false;
    setenv("TMPDIR", tmp_dir, 1);
    run->started_s = now_s();
    run->pid = fork();
    if (run->pid == 0)
        become_program(words, parent, mask);
    if (!options->direct)
        free(words);
    return run->pid > 0;
}

static void reap(struct run *run)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == run->pid) {
            run->ended = true;
            run->wait_status = status;
        }
    }
}

static struct zombie *find_zombie(struct run *run, const struct proc *proc)
{
    for (size_t i = 0; i < run->zombie_count; i++) {
        struct zombie *zombie = &run->zombies[i];
        if (zombie->proc.pid == proc->pid && zombie->proc.start == proc->start)
            return zombie;
    }
    return NULL;
}

// Fails once for each descendant that is dead for longer than the grace and that its parent, which
// lives, does not wait for.
static void watch_zombies(const struct options *options, struct run *run)
{
    struct proc_list list;
    if (!proc_list_descendants(&list))
        return;
    for (size_t i = 0; i < list.count; i++) {
        const struct proc *proc = &list.items[i];
        if (proc->state != 'Z' || proc->parent == getpid())
            continue;
        struct zombie *zombie = find_zombie(run, proc);
        if (zombie == NULL && run->zombie_count < MAX_ZOMBIES) {
            run->zombies[run->zombie_count++] = (struct zombie){*proc, now_s()};
        } else if (zombie != NULL && zombie->since_s > 0 &&
                   now_s() - zombie->since_s > options->grace_s) {
            char reason[160];
            snprintf(reason, sizeof reason,
                     "zombie: process %d (%s) is not waited for by its parent %d", (int)proc->pid,
                     proc->name, (int)proc->parent);
            fail(run, reason);
            zombie->since_s = 0;
        }
    }
    proc_list_fini(&list);
}

static void print_descendants(bool stacks)
{
    struct proc_list list;
    if (!proc_list_descendants(&list))
        return;
    proc_list_print(&list);
    if (stacks)
        proc_list_print_stacks(&list);
    proc_list_fini(&list);
}

// Waits for a signal that concerns us, up to a tenth of a second. False: we are asked to stop.
static bool wait_a_little(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    int number = sigtimedwait(&set, NULL, &(struct timespec){.tv_nsec = 100000000});
    return number != SIGINT && number != SIGTERM && number != SIGHUP;
}

// Until the program has ended, or has to be ended.
static void watch(const struct options *options, struct run *run)
{
    bool signalled = options->signal_after_s < 0;
    double next_look_s = 0;
    while (!run->ended) {
        double passed_s = now_s() - run->started_s;
        if (!signalled && passed_s >= options->signal_after_s) {
            kill(run->pid, options->signal);
            signalled = true;
        }
        if (passed_s > options->timeout_s) {
            fail(run, "the time limit is over; these processes were running:");
            print_descendants(getenv("CREW_TEST_STACKS") != NULL);
            return;
        }
        if (passed_s >= next_look_s) {
            watch_zombies(options, run);
            next_look_s = passed_s + 0.5;
        }
        if (!wait_a_little()) {
            fail(run, "stopped from outside");
            return;
        }
        reap(run);
    }
}

static size_t count_descendants(void)
{
    struct proc_list list;
    if (!proc_list_descendants(&list))
        return 0;
    size_t count = list.count;
    proc_list_fini(&list);
    return count;
}

// Gives the rest of the run's processes the grace to end by themselves, then ends them.
static void settle(const struct options *options, struct run *run)
{
    double deadline_s = now_s() + options->grace_s;
    bool fine = run->ended;
    while (fine && count_descendants() > 0 && now_s() < deadline_s) {
        fine = wait_a_little();
        reap(run);
    }
    if (run->ended && count_descendants() > 0) {
        fail(run, "the program has ended, but these processes of it have not:");
        print_descendants(false);
    }
    proc_kill_descendants();
}

static int exit_status(const struct run *run)
{
    return WIFSIGNALED(run->wait_status) ? 128 + WTERMSIG(run->wait_status)
                                         : WEXITSTATUS(run->wait_status);
}

static void check_status(const struct options *options, struct run *run)
{
    int status = exit_status(run);
    if (options->expected == STATUS_ANY || status == options->expected || status == STATUS_SKIP)
        return;
    if (options->expected == STATUS_NONZERO && status != 0)
        return;
    char expected[16] = "not 0";
    char reason[96];
    if (options->expected != STATUS_NONZERO)
        snprintf(expected, sizeof expected, "%d", options->expected);
    snprintf(reason, sizeof reason, "exit status %d, expected %s", status, expected);
    fail(run, reason);
}

static int conduct(const struct options *options, const sigset_t *mask, struct leftovers *leftovers)
{
    static struct run run;
    if (!start(options, leftovers->tmp_dir, mask, &run)) {
        fprintf(stderr, "run_case: cannot start: %s\n", strerror(errno));
        return 2;
    }
    watch(options, &run);
    settle(options, &run);
    if (run.ended)
        check_status(options, &run);
    // Whoever is killed here had no chance to clean up.
    leftovers->allow_launcher = !run.ended;
    leftovers->allow_marks = options->allow_marks;
    run.failures += (int)leftovers_check(leftovers, run.failures ? 0 : options->grace_s);
    if (run.failures > 0)
        return 1;
    bool skipped = exit_status(&run) == STATUS_SKIP && options->expected != STATUS_SKIP;
    return skipped ? STATUS_SKIP : 0;
}

int main(int argc, char **argv)
{
    struct options options;
    struct leftovers leftovers;
    sigset_t blocked, mask;
    if (!parse(argc, argv, &options)) {
        usage(stderr);
        return 2;
    }
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigaddset(&blocked, SIGINT);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGHUP);
    sigprocmask(SIG_BLOCK, &blocked, &mask);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || !leftovers_init(&leftovers, options.tmp_base)) {
        fprintf(stderr, "run_case: cannot prepare %s: %s\n", options.tmp_base, strerror(errno));
        return 2;
    }
    int status = conduct(&options, &mask, &leftovers);
    leftovers_fini(&leftovers);
    return status;
}
