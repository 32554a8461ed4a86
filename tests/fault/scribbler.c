// SPDX-License-Identifier: BSD-3-Clause
// Children that write random bytes over the memory that they share with their rank. Nobody but they
// may suffer: others on the rank, a pool among them, go on. Nor may one that tries to make all
// memory that it has inherited shorter, or longer.
//
// usage: scribbler port|bell|both|size|worker ROUNDS [FIRST-SEED]
//   worker: the port of a pool's worker, in the middle of a task
#include "check.h"

#include <crew/crew.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_S 15

struct order {
    uint64_t seed;
    int what; // 1: the port, 2: the bell, 3: both, 4: the sizes
};

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

struct region {
    unsigned char *begin;
    size_t size;
};

static struct region find_region(const char *name)
{
    struct region region = {NULL, 0};
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        unsigned long begin, end;
        if (strstr(line, name) != NULL && sscanf(line, "%lx-%lx rw", &begin, &end) == 2)
            region = (struct region){(unsigned char *)begin, end - begin};
    }
    if (maps != NULL)
        fclose(maps);
    return region;
}

// Words all over it, or a few at its head, where the positions are.
static void scribble(struct region region, uint64_t *state)
{
    if (region.begin == NULL)
        _exit(3);
    size_t span = next_random(state) % 2 ? region.size : 512;
    size_t count = next_random(state) % 2 ? span / 8 : 1 + next_random(state) % 8;
    for (size_t i = 0; i < count; i++) {
        size_t at = 8 * (next_random(state) % (span / 8));
        uint64_t value = next_random(state);
        // Small numbers are more of a danger than large ones.
        value >>= 8 * (next_random(state) % 8);
        memcpy(region.begin + at, &value, sizeof value);
    }
}

// All that the caller has open and is memory. Returns how many refuse to be of another size.
static int resize_all(void)
{
    int refused = 0;
    char path[64], name[64];
    for (int fd = 0; fd < 256; fd++) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, name, sizeof name - 1);
        if (length < 0 || strncmp(name, "/memfd:crew-", 12) != 0)
            continue;
        name[length] = '\0';
        bool is_left = ftruncate(fd, 0) != 0 && errno == EPERM;
        is_left = ftruncate(fd, 1 << 30) != 0 && errno == EPERM && is_left;
        if (!is_left)
            printf("%s has another size now\n", name);
        refused += is_left;
    }
    return refused;
}

static int spoil(void *arg)
{
    struct order order = *(struct order *)arg;
    if (order.what == 4)
        _exit(resize_all() >= 2 ? 0 : 4); // the job and the doorbell
    struct region port = find_region("memfd:crew-port"), bell = find_region("memfd:crew-bell");
    uint64_t state = order.seed * 0x9e3779b97f4a7c15u + 1;
    for (int i = 0; i < 4; i++) {
        if (order.what & 1)
            scribble(port, &state);
        if (order.what & 2)
            scribble(bell, &state);
        // Some say something after that, some leave, some are simply there for a while.
        bool alive;
        if (order.seed % 3 == 0)
            crew_process_is_alive(crew_current_process(), &alive);
        if (order.seed % 3 == 1)
            check_sleep(0.005);
    }
    _exit(0);
}

CREW_TASK(square, int, int)
{
    *result = *item * *item;
    return CREW_OK;
}

static crew_status spoil_task(const void *item, void *result)
{
    struct order order = *(const struct order *)item;
    if (order.what != 0)
        spoil(&order);
    *(int *)result = 1;
    return CREW_OK;
}

static void check_pool(crew_pool pool)
{
    int items[60], results[60];
    for (int i = 0; i < 60; i++)
        items[i] = i;
    CHECK_OK(crew_pool_map(pool, square, items, results, 60, NULL));
    for (int i = 0; i < 60; i++)
        CHECK_INT(results[i], i * i);
}

// A process; whatever becomes of it, it ends and can be joined.
static void spoil_in_process(crew_pool pool, const struct order *order, int rank)
{
    crew_process process;
    crew_process_attr attr = {.placement = CREW_ON_RANK(rank)};
    int code = 1;
    CHECK_OK(crew_process_create(&process, spoil, order, sizeof *order, &attr));
    CHECK_OK(crew_process_start(process));
    check_pool(pool);
    CHECK_OK(crew_process_join(process, LIMIT_S));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK(code == 0 || code == -9 || code == -11 || code == -7);
    CHECK_OK(crew_process_kill(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_OK(crew_process_close(process));
}

// In a task. What comes of that one is open, but all others are done, in bounded time.
static void spoil_in_worker(crew_pool pool, const struct order *order)
{
    const crew_task task = {spoil_task, sizeof(struct order), sizeof(int), "spoil"};
    struct order orders[20] = {{0}};
    int results[20];
    crew_status statuses[20];
    orders[7] = *order;
    crew_pool_map(pool, task, orders, results, 20, &(crew_map_attr){.statuses = statuses});
    CHECK_INT(statuses[7], CREW_EWORKERDIED);
    for (int i = 0; i < 20; i++)
        CHECK(i == 7 || (statuses[i] == CREW_OK && results[i] == 1));
    check_pool(pool);
}

static int app(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 1;
    uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    const char *mode = argc > 1 ? argv[1] : "both";
    bool worker = strcmp(mode, "worker") == 0;
    struct order order = {.what = 3};
    if (worker || strcmp(mode, "port") == 0)
        order.what = 1;
    else if (strcmp(mode, "bell") == 0)
        order.what = 2;
    else if (strcmp(mode, "size") == 0)
        order.what = 4;
    crew_pool pool;
    CHECK_OK(crew_pool_create(&pool, NULL));
    for (int i = 0; i < rounds && check_failures() == 0; i++) {
        char seed[32];
        order.seed = first + (uint64_t)i;
        snprintf(seed, sizeof seed, "seed %llu", (unsigned long long)order.seed);
        check_begin(mode, seed);
        if (!worker)
            spoil_in_process(pool, &order, i % crew_rank_count());
        if (worker || order.what == 2)
            spoil_in_worker(pool, &order);
    }
    CHECK_OK(crew_pool_destroy(pool));
    return check_failures() != 0;
}

CREW_MAIN(app)
