/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel takes to hand something over from one process to another that sleeps: a message
 * to a process that waits asleep cannot be faster.
 *
 *   futex  eventfd  socketpair  semaphore    half of there and back
 *
 * --place one: both processes on one core; two: each on a core of its own.
 */
#include "measure.h"

#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* One of two sides: futexes, descriptors, or semaphores. */
struct side {
    _Atomic uint32_t *mine, *theirs; /* raised by one with each signal */
    uint32_t seen;
    int in, out;
    sem_t *my_semaphore, *their_semaphore;
};

struct way {
    const char *name;
    bool (*make)(struct side sides[2]);
    bool (*signal)(struct side *side);
    bool (*wait)(struct side *side);
};

static bool make_futex(struct side sides[2])
{
    _Atomic uint32_t *words =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (words == MAP_FAILED)
        return false;
    /* On cache lines of their own. */
    sides[0] = (struct side){.mine = words, .theirs = words + 32, .in = -1, .out = -1};
    sides[1] = (struct side){.mine = words + 32, .theirs = words, .in = -1, .out = -1};
    return true;
}

static bool signal_futex(struct side *side)
{
    atomic_fetch_add(side->theirs, 1);
    return syscall(SYS_futex, side->theirs, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0;
}

/* Waiting fails when the word has changed meanwhile, or with a signal: both are seen here. */
static bool wait_futex(struct side *side)
{
    while (atomic_load(side->mine) == side->seen)
        syscall(SYS_futex, side->mine, FUTEX_WAIT, side->seen, NULL, NULL, 0);
    side->seen++;
    return true;
}

static bool make_eventfd(struct side sides[2])
{
    const int one = eventfd(0, EFD_CLOEXEC), other = eventfd(0, EFD_CLOEXEC);
    sides[0] = (struct side){.in = one, .out = other};
    sides[1] = (struct side){.in = other, .out = one};
    return one >= 0 && other >= 0;
}

static bool make_socketpair(struct side sides[2])
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return false;
    for (int i = 0; i < 2; i++)
        sides[i] = (struct side){.in = ends[i], .out = ends[i]};
    return true;
}

static bool signal_descriptor(struct side *side)
{
    const uint64_t one = 1;
    return write(side->out, &one, sizeof one) == sizeof one;
}

static bool wait_descriptor(struct side *side)
{
    uint64_t value = 0;
    return read(side->in, &value, sizeof value) == sizeof value;
}

static bool make_semaphore(struct side sides[2])
{
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    sem_t *one = (sem_t *)memory, *other = (sem_t *)(memory + 128);
    sides[0] = (struct side){.my_semaphore = one, .their_semaphore = other, .in = -1, .out = -1};
    sides[1] = (struct side){.my_semaphore = other, .their_semaphore = one, .in = -1, .out = -1};
    return sem_init(one, 1, 0) == 0 && sem_init(other, 1, 0) == 0;
}

static bool signal_semaphore(struct side *side)
{
    return sem_post(side->their_semaphore) == 0;
}

static bool wait_semaphore(struct side *side)
{
    return sem_wait(side->my_semaphore) == 0;
}

static const struct way ways[] = {
    {"futex", make_futex, signal_futex, wait_futex},
    {"eventfd", make_eventfd, signal_descriptor, wait_descriptor},
    {"socketpair", make_socketpair, signal_descriptor, wait_descriptor},
    {"semaphore", make_semaphore, signal_semaphore, wait_semaphore},
};

/* Those that the program was started with. */
static cpu_set_t usable;

/* The number-th of them, and the first one again after the last. */
static bool go_to_core(int number)
{
    cpu_set_t one;
    number %= CPU_COUNT(&usable);
    CPU_ZERO(&one);
    for (size_t core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &usable) && number-- == 0)
            CPU_SET(core, &one);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

struct measured {
    const struct way *way;
    struct side side;
};

static bool there_and_back(void *context, long count, double *seconds)
{
    struct measured *measured = context;
    const double begin = bench_clock();
    for (long i = 0; i < count; i++)
        if (!measured->way->signal(&measured->side) || !measured->way->wait(&measured->side)) {
            perror("bench_channel_floor");
            return false;
        }
    *seconds = (bench_clock() - begin) / 2;
    return true;
}

/* Until it is killed. */
static _Noreturn void answer(const struct way *way, struct side *side, int core)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (go_to_core(core))
        while (way->wait(side) && way->signal(side))
            continue;
    perror("bench_channel_floor");
    _exit(1);
}

static bool run(const struct bench_settings *settings, const char *word)
{
    struct bench_case which;
    struct measured measured = {0};
    struct bench_result result;
    struct side sides[2];
    bool known = bench_case_read(&which, word);
    for (size_t i = 0; known && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(ways[i].name, which.mode) == 0)
            measured.way = &ways[i];
    if (!measured.way || !measured.way->make(sides)) {
        fprintf(stderr, "bench_channel_floor: cannot run %s\n", word);
        return false;
    }
    const pid_t child = fork();
    if (child == 0)
        answer(measured.way, &sides[1], strcmp(settings->place, "two") == 0);
    measured.side = sides[0];
    const bool done =
        child > 0 && go_to_core(0) && bench_measure(settings, there_and_back, &measured, &result);
    if (done)
        bench_print("floor", settings->place, &which, &result);
    if (child > 0) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    return done;
}

int main(int argc, char **argv)
{
    struct bench_settings settings;
    int first = 0;
    const bool right = bench_settings_read(&settings, argc, argv, &first);
    if (!right || (strcmp(settings.place, "one") != 0 && strcmp(settings.place, "two") != 0)) {
        fprintf(stderr, "usage: bench_channel_floor --place one|two [--seconds S (0.05)] "
                        "[--count N] futex|eventfd|socketpair|semaphore...\n");
        return 2;
    }
    if (sched_getaffinity(0, sizeof usable, &usable)) {
        perror("bench_channel_floor");
        return 1;
    }
    for (int i = first; i < argc; i++)
        if (!run(&settings, argv[i]))
            return 1;
    return 0;
}
