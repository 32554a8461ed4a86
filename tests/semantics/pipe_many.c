// SPDX-License-Identifier: BSD-3-Clause
// Several senders and several receivers on one end: each message goes to one, and those of one
// sender stay in order. And many pipes.
#include "pipe_cases.h"

#include "check.h"

#include <dirent.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SENDERS 4
#define RECEIVERS 3
#define EACH 200
#define PIPES 1000
#define ROUNDS 4
#define SETTLE_S 3

struct item {
    int sender, number, receiver, size;
    char rest[80000];
};

struct worker {
    crew_connection from, to;
    int number;
};

// Few bytes, and now and then a rendezvous.
static size_t size_of(int number)
{
    return number % 40 == 7 ? sizeof(struct item) : 16 + (size_t)(number * 13 % 700);
}

static void *send_items(void *arg)
{
    const struct worker *worker = arg;
    struct item *item = calloc(1, sizeof *item);
    if (!CHECK(item != NULL))
        return NULL;
    item->sender = worker->number;
    for (int i = 0; i < EACH; i++) {
        item->number = i;
        item->size = (int)size_of(i);
        CHECK_OK(crew_send(worker->to, item, size_of(i), CREW_FOREVER));
    }
    free(item);
    return NULL;
}

static int send_items_alone(void *arg)
{
    send_items(arg);
    return check_result();
}

// Says of each what it was.
static void *receive_items(void *arg)
{
    const struct worker *worker = arg;
    struct item *item = calloc(1, sizeof *item);
    crew_status status = CREW_ENOMEM;
    size_t size = 0;
    while (item && !(status = crew_recv(worker->from, item, sizeof *item, &size, CREW_FOREVER))) {
        CHECK_INT(size, item->size);
        CHECK_INT(size, size_of(item->number));
        item->receiver = worker->number;
        CHECK_OK(crew_send(worker->to, item, 16, CREW_FOREVER));
    }
    CHECK_INT(status, CREW_EOF);
    free(item);
    return NULL;
}

static int receive_items_alone(void *arg)
{
    receive_items(arg);
    return check_result();
}

// Each once, and for each receiver those of one sender in order.
static void check_items(crew_connection reports, int senders, int receivers)
{
    int seen[SENDERS][EACH] = {{0}}, last[RECEIVERS][SENDERS], count = 0;
    struct item item;
    memset(last, -1, sizeof last);
    while (count < senders * EACH &&
           CHECK_OK(crew_recv(reports, &item, sizeof item, NULL, LIMIT_S))) {
        count++;
        if (!CHECK(item.sender >= 0 && item.sender < senders && item.number >= 0 &&
                   item.number < EACH && item.receiver >= 0 && item.receiver < receivers))
            continue;
        seen[item.sender][item.number]++;
        CHECK(item.number > last[item.receiver][item.sender]);
        last[item.receiver][item.sender] = item.number;
    }
    for (int i = 0; i < senders; i++)
        for (int k = 0; k < EACH; k++)
            if (seen[i][k] != 1)
                CHECK_INT(seen[i][k], 1);
    expect_eof(reports);
}

static crew_process launch_on(int rank, crew_process_function *function, crew_connection from,
                              crew_connection to, int number)
{
    struct variant place = {"", {.placement = CREW_ON_RANK(rank % crew_rank_count())}};
    struct worker worker = {from, to, number};
    return launch(&place, function, &worker, sizeof worker);
}

// All senders and receivers on ranks of their own as far as there are ranks.
static void run_many(int senders, int receivers)
{
    struct ends items = make_pipe(), reports = make_pipe();
    crew_process processes[SENDERS + RECEIVERS];
    for (int i = 0; i < receivers; i++)
        processes[i] = launch_on(i, receive_items_alone, items.in, reports.out, i);
    for (int i = 0; i < senders; i++)
        processes[receivers + i] =
            launch_on(i + 1, send_items_alone, (crew_connection){0}, items.out, i);
    drop_both(items);
    drop(reports.out);
    check_items(reports.in, senders, receivers);
    for (int i = 0; i < senders + receivers; i++)
        CHECK_INT(finish(processes[i]), 0);
    drop(reports.in);
}

void many_senders(const struct variant *variant)
{
    (void)variant;
    run_many(SENDERS, 1);
}

void many_both(const struct variant *variant)
{
    (void)variant;
    run_many(SENDERS, RECEIVERS);
    run_many(1, RECEIVERS);
}

static int run_threads(void *arg)
{
    crew_connection reports = *(crew_connection *)arg;
    pthread_t senders[2], receivers[2];
    struct ends items = make_pipe();
    struct worker out[2] = {{{0}, items.out, 0}, {{0}, items.out, 1}},
                  in[2] = {{items.in, reports, 0}, {items.in, reports, 1}};
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&receivers[i], NULL, receive_items, &in[i]) == 0);
        CHECK(pthread_create(&senders[i], NULL, send_items, &out[i]) == 0);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(senders[i], NULL);
    drop(items.out); // the receivers hear of it
    for (int i = 0; i < 2; i++)
        pthread_join(receivers[i], NULL);
    drop(items.in);
    return check_failures() != 0;
}

// Threads of one process at both ends, beside other processes.
void many_threads(const struct variant *variant)
{
    struct ends reports = make_pipe();
    crew_process process = launch(variant, run_threads, &reports.out, sizeof reports.out);
    drop(reports.out);
    check_items(reports.in, 2, 2);
    CHECK_INT(finish(process), 0);
    drop(reports.in);
}

// Many pipes

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

// What a rank has, as seen from inside.
struct possession {
    size_t bytes, descriptors;
};

static struct possession look(void)
{
    return (struct possession){mallinfo2().uordblks, count_descriptors()};
}

// Uses the pipes that it is sent, and says what its rank has when it is asked.
static int use_pipes(void *arg)
{
    crew_connection control = *(crew_connection *)arg;
    struct ends ends;
    size_t size;
    while (crew_recv(control, &ends, sizeof ends, &size, CREW_FOREVER) == CREW_OK) {
        if (size == sizeof ends) {
            expect_text(ends.in, "there");
            send_filled(ends.out, 100, 0);
            drop_both(ends);
        } else {
            struct possession possession = look();
            CHECK_OK(crew_send(control, &possession, sizeof possession, CREW_FOREVER));
        }
    }
    return check_result();
}

static void use_many_pipes(crew_connection control, int count)
{
    for (int i = 0; i < count; i++) {
        struct ends there = make_pipe(), back = make_pipe(), theirs = {there.in, back.out};
        CHECK_OK(crew_send(control, &theirs, sizeof theirs, CREW_FOREVER));
        drop_both(theirs);
        send_text(there.out, "there");
        expect_filled(back.in, 100, 0);
        drop(there.out);
        if (i % 2)
            expect_eof(back.in);
        drop(back.in);
    }
}

static struct possession ask(crew_connection control)
{
    struct possession possession = {0};
    CHECK_OK(crew_send(control, NULL, 0, CREW_FOREVER));
    CHECK_OK(crew_recv(control, &possession, sizeof possession, NULL, LIMIT_S));
    return possession;
}

static bool is_more(struct possession now, struct possession before)
{
    return now.bytes > before.bytes + PIPES * 16 || now.descriptors > before.descriptors;
}

// What is on its way back to its home may take a moment. Whether there are more bytes after that.
static bool check_same(struct possession before, struct possession (*take)(crew_connection control),
                       crew_connection control)
{
    double begin = check_now();
    struct possession now = take(control);
    while (is_more(now, before) && check_now() - begin < SETTLE_S) {
        check_sleep(0.05);
        now = take(control);
    }
    CHECK_INT(now.descriptors, before.descriptors);
    return now.bytes > before.bytes + PIPES * 16;
}

static struct possession look_here(crew_connection control)
{
    (void)control;
    return look();
}

// Thousands of pipes leave nothing on either rank. A table may have grown with the first ones, and
// the buffers of MPI once when much was under way at a time; what is lost grows with every round.
void many_pipes(const struct variant *variant)
{
    struct ends control = make_duplex();
    crew_process process = launch(variant, use_pipes, &control.out, sizeof control.out);
    drop(control.out);
    use_many_pipes(control.in, PIPES / 2);
    bool more = true;
    for (int round = 0; round < ROUNDS && more; round++) {
        struct possession there = ask(control.in), here = look();
        use_many_pipes(control.in, PIPES);
        more = check_same(there, ask, control.in);
        more = check_same(here, look_here, control.in) || more;
    }
    CHECK(!more);
    drop(control.in);
    CHECK_INT(finish(process), 0);
}
