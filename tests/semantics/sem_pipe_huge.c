// SPDX-License-Identifier: BSD-3-Clause
// A message of more than 2 GiB, from a process and to a process: to one beside this rank, one
// beside another rank, and one inside that.
#include "cases.h"
#include "check.h"

#include <crew/pipe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE (((size_t)2 << 30) + 65537)
#define LIMIT_S 200.0
#define SKIPPED 77

const struct test_case program_cases[] = {{0}};

// Where something is written and looked for: at both ends, around each power of two, and in
// between. All else is zero.
static const size_t places[] = {0,
                                1,
                                65535,
                                65536,
                                1 << 20,
                                123456789,
                                ((size_t)1 << 30) - 1,
                                (size_t)1 << 30,
                                ((size_t)1 << 31) - 1,
                                (size_t)1 << 31,
                                ((size_t)1 << 31) + 1,
                                HUGE - 2,
                                HUGE - 1};
#define PLACES (sizeof places / sizeof *places)

static long available_mib(void)
{
    char line[256];
    long kib = -1;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "MemAvailable: %ld", &kib) != 1)
        ;
    if (file)
        fclose(file);
    return kib / 1024;
}

static void send_huge(crew_connection out)
{
    char *data = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!CHECK(data != MAP_FAILED))
        return;
    for (size_t i = 0; i < PLACES; i++)
        data[places[i]] = (char)(i + 1);
    CHECK_OK(crew_send(out, data, HUGE, CREW_FOREVER));
    munmap(data, HUGE);
}

static void check_huge(const char *data)
{
    for (size_t i = 0; i < PLACES; i++)
        CHECK_INT(data[places[i]], i + 1);
    size_t next = 0, wrong = 0;
    for (size_t at = 0; at < HUGE; at += 4093) {
        while (next < PLACES && places[next] < at)
            next++;
        wrong += (next == PLACES || places[next] != at) && data[at] != 0;
    }
    CHECK_INT(wrong, 0);
}

static void receive_huge(crew_connection in)
{
    char *data = mmap(NULL, HUGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t size = 0;
    if (!CHECK(data != MAP_FAILED))
        return;
    if (CHECK_OK(crew_recv(in, data, HUGE, &size, LIMIT_S))) {
        CHECK_INT(size, HUGE);
        check_huge(data);
    }
    munmap(data, HUGE);
}

static void view_huge(crew_connection in)
{
    crew_view view;
    if (!CHECK_OK(crew_recv_view(in, &view, SIZE_MAX, LIMIT_S)))
        return;
    if (CHECK_INT(view.size, HUGE))
        check_huge(view.data);
    crew_view_release(&view);
}

static int answer(void *arg)
{
    crew_connection end = *(crew_connection *)arg;
    receive_huge(end);
    send_huge(end);
    return check_result();
}

static void exchange(const struct variant *variant)
{
    crew_connection mine, theirs;
    check_begin("CON-12-huge", variant->text);
    CHECK_OK(crew_pipe_create(&mine, &theirs, &(crew_pipe_attr){.duplex = true}));
    crew_process process = launch(variant, answer, &theirs, sizeof theirs);
    CHECK_OK(crew_connection_close(theirs));
    send_huge(mine);
    view_huge(mine);
    CHECK_INT(finish(process), 0);
    CHECK_OK(crew_connection_close(mine));
}

static int app(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (available_mib() < 6144)
        return SKIPPED;
    int last = crew_rank_count() - 1;
    const struct variant variants[] = {
        {"beside the own rank", {.placement = CREW_ON_RANK(0)}},
        {"beside the last rank", {.placement = CREW_ON_RANK(last)}},
        {"inside the last rank",
         {.placement = CREW_ON_RANK(last), .start_method = CREW_START_RANK}},
    };
    for (size_t i = last ? 0 : 1; i < sizeof variants / sizeof *variants; i++)
        exchange(&variants[i]);
    return check_failures() != 0;
}

CREW_MAIN(app)
