// SPDX-License-Identifier: BSD-3-Clause
// What the main process leaves behind when it ends. Each way to leave is a run of its own, for it
// shows at the end of the program: the first argument names it.
#include "check.h"

#include <crew/crew.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TASKS 600
#define WORKERS 2

// Processes beside one rank share it, and main() looks at it when everything is over.
static struct {
    atomic_long begun;   // tasks
    atomic_long done;    // tasks
    atomic_long workers; // that were started
    atomic_long calls;   // of callbacks
} * seen;

static int ranks; // how many there are; known to the main process and its children

static int64_t items[TASKS], results[TASKS];
static crew_status statuses[TASKS];

CREW_TASK(add_one, int64_t, int64_t)
{
    seen->begun++;
    check_sleep(0.001);
    *result = *item + 1;
    seen->done++;
    return CREW_OK;
}

static crew_status count_worker(void *arg)
{
    (void)arg;
    seen->workers++;
    return CREW_OK;
}

static crew_pool make_pool(void)
{
    crew_pool pool = {0};
    CHECK_OK(crew_pool_create(&pool,
                              &(crew_pool_attr){.workers = WORKERS, .initializer = count_worker}));
    return pool;
}

// A map with its results in static memory, some of which are there.
static crew_pool begin_map(const crew_map_attr *attr)
{
    crew_pool pool = make_pool();
    crew_result result;
    for (int i = 0; i < TASKS; i++)
        items[i] = i;
    CHECK_OK(crew_pool_map_async(pool, &result, add_one, items, results, TASKS, attr));
    while (seen->done < 10)
        check_sleep(0.001);
    return pool;
}

// Pools that are left open

// After the pools have ended nothing is written any more.
static crew_status fill_results(void *arg)
{
    (void)arg;
    memset(results, 7, sizeof results);
    memset(statuses, 7, sizeof statuses);
    return CREW_OK;
}

static int leave_map(void)
{
    CHECK_OK(crew_at_exit(NULL, fill_results, NULL, -1));
    begin_map(&(crew_map_attr){.statuses = statuses, .chunk = 1});
    return 0;
}

static void check_map(void)
{
    for (int i = 0; i < TASKS; i++) {
        CHECK(results[i] == 0x0707070707070707);
        CHECK(statuses[i] == 0x07070707);
    }
    CHECK(seen->begun < TASKS);
    CHECK_INT(seen->workers, WORKERS / ranks); // none was replaced
}

// As leave_map(), but what it leaves is on its stack.
static int leave_stack(void)
{
    int64_t own[TASKS] = {0}, values[TASKS];
    crew_status outcomes[TASKS];
    crew_pool pool = make_pool();
    crew_result result;
    CHECK_OK(crew_pool_map_async(pool, &result, add_one, own, values, TASKS,
                                 &(crew_map_attr){.statuses = outcomes, .chunk = 1}));
    return 0;
}

static int leave_iterator(void)
{
    int64_t value = 0;
    crew_iterator iterator;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(crew_pool_imap(make_pool(), add_one, items, TASKS, NULL, &iterator));
        CHECK_OK(crew_iterator_next(iterator, &value, NULL, CREW_FOREVER));
        CHECK_INT(value, 1);
    }
    return 0;
}

static crew_status never_ends(void *arg, void *item)
{
    (void)arg;
    *(int64_t *)item = 1;
    return CREW_OK;
}

static int leave_generator(void)
{
    int64_t value = 0;
    crew_iterator iterator;
    CHECK_OK(crew_pool_imap_from(make_pool(), add_one, never_ends, NULL,
                                 &(crew_imap_attr){.unordered = true, .chunk = 4}, &iterator));
    CHECK_OK(crew_iterator_next(iterator, &value, NULL, CREW_FOREVER));
    return 0;
}

CREW_BYTES_TASK(repeat)
{
    check_sleep(0.001);
    return crew_output_write(output, item, size);
}

static int leave_bytes(void)
{
    static char byte[300000];
    static struct iovec pieces[64], rooms[64];
    crew_result result;
    for (int i = 0; i < 64; i++)
        pieces[i] = (struct iovec){byte, sizeof byte};
    CHECK_OK(crew_pool_map_bytes_async(make_pool(), &result, repeat, pieces, rooms, 64, NULL));
    check_sleep(0.02);
    return 0;
}

static void count_call(crew_result result, crew_status status, void *arg)
{
    (void)result;
    (void)arg;
    if (status == CREW_OK)
        seen->calls++;
}

static int leave_callback(void)
{
    begin_map(&(crew_map_attr){.callback = count_call, .error_callback = count_call});
    return 0;
}

// Whoever leaves may be any process.
static int leave_in_process(void *arg)
{
    (void)arg;
    leave_stack();
    return check_result();
}

static int leave_in(crew_start_method method)
{
    crew_process process;
    int code = -1;
    CHECK_OK(crew_process_create(
        &process, leave_in_process, NULL, 0,
        &(crew_process_attr){.start_method = method, .placement = CREW_ON_RANK(0)}));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK_INT(code, 0);
    CHECK_INT(seen->workers, WORKERS / ranks);
    return 0;
}

static int leave_in_child(void)
{
    return leave_in(CREW_START_FORKSERVER);
}

static int leave_in_rank(void)
{
    return leave_in(CREW_START_RANK);
}

static void check_few(void)
{
    CHECK(seen->begun < TASKS);
}

// Pools that were closed finish

static crew_status check_results(void *arg)
{
    (void)arg;
    for (int i = 0; i < TASKS; i++) {
        CHECK_INT(results[i], i + 1);
        CHECK_OK(statuses[i]);
    }
    return CREW_OK;
}

static int finish_shut_down(void)
{
    CHECK_OK(crew_at_exit(NULL, check_results, NULL, 100));
    crew_pool pool = begin_map(&(crew_map_attr){.statuses = statuses});
    CHECK_OK(crew_pool_shutdown(pool, false));
    return 0;
}

static int finish_closed(void)
{
    CHECK_OK(crew_at_exit(NULL, check_results, NULL, 100));
    crew_pool pool = begin_map(&(crew_map_attr){
        .statuses = statuses, .callback = count_call, .error_callback = count_call});
    CHECK_OK(crew_pool_close(pool));
    return 0;
}

struct large {
    int64_t number;
    char rest[200000]; // so that it is read where it is
};

CREW_TASK(add_one_large, struct large, struct large)
{
    check_sleep(0.01);
    *result = *item;
    result->number++;
    seen->calls += item->number == item->rest[sizeof item->rest - 1];
    return CREW_OK;
}

// Both are on the stack that is left while most tasks have not begun.
static int finish_stack(void)
{
    struct large own[8] = {0}, values[8];
    crew_pool pool;
    crew_result result;
    int here = 0;
    for (int i = 0; i < 8; i++) {
        own[i].number = 'a' + i;
        own[i].rest[sizeof own[i].rest - 1] = (char)('a' + i);
    }
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.ranks = &here, .rank_count = 1}));
    CHECK_OK(crew_pool_map_async(pool, &result, add_one_large, own, values, 8,
                                 &(crew_map_attr){.chunk = 1}));
    CHECK_OK(crew_pool_close(pool));
    return 0;
}

static int finish_in_process(void *arg)
{
    (void)arg;
    CHECK_OK(crew_pool_shutdown(begin_map(NULL), false));
    return check_result();
}

static int finish_in(crew_start_method method)
{
    crew_process process;
    int code = -1;
    CHECK_OK(crew_process_create(
        &process, finish_in_process, NULL, 0,
        &(crew_process_attr){.start_method = method, .placement = CREW_ON_RANK(0)}));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK_INT(code, 0);
    return 0;
}

static int finish_in_child(void)
{
    return finish_in(CREW_START_FORKSERVER);
}

static int finish_in_rank(void)
{
    return finish_in(CREW_START_RANK);
}

static void check_done(void)
{
    CHECK(ranks > 1 || seen->done == TASKS); // other ranks have counted the others
}

static void check_called(void)
{
    check_done();
    CHECK_INT(seen->calls, 1);
}

static void check_large(void)
{
    CHECK_INT(seen->calls, 8);
}

// Messages that are still under way to rank 0

static int put_for_ever(void *arg)
{
    static char item[60000];
    crew_queue queue;
    memcpy(&queue, arg, sizeof queue);
    signal(SIGTERM, SIG_IGN);
    while (!crew_queue_put(queue, item, sizeof item, CREW_FOREVER))
        ;
    return 0;
}

static int start_putters(void *arg)
{
    crew_process process;
    for (int i = 0; i < 3; i++) {
        CHECK_OK(crew_process_create(&process, put_for_ever, arg, sizeof(crew_queue),
                                     &(crew_process_attr){.placement = CREW_HERE}));
        CHECK_OK(crew_process_start(process));
    }
    return pause();
}

// Their parent is killed; they do not listen to SIGTERM, so half a second later they are, too.
static int leave_putters(void)
{
    crew_queue queue;
    crew_process process;
    size_t count = 0;
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_OK(crew_process_create(&process, start_putters, &queue, sizeof queue,
                                 &(crew_process_attr){.placement = CREW_ON_RANK(ranks - 1)}));
    CHECK_OK(crew_process_start(process));
    while (count < 20)
        CHECK_OK(crew_queue_size(queue, &count));
    CHECK_OK(crew_process_kill(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    return 0;
}

struct block {
    int64_t number;
    char rest[9000]; // results of a few are sent by rendezvous
};

CREW_TASK(copy_block, struct block, struct block)
{
    *result = *item;
    return CREW_OK;
}

static int leave_blocks(void)
{
    static struct block own[400], values[400];
    crew_pool pool;
    crew_result result;
    for (int i = 0; i < 4; i++) {
        CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = WORKERS}));
        CHECK_OK(crew_pool_map_async(pool, &result, copy_block, own, values, 400, NULL));
    }
    return 0;
}

// Threads that go along with the process

static struct {
    crew_queue empty, filled;
    crew_connection in, out;
    crew_event event;
    crew_lock lock;
    crew_semaphore semaphore;
    crew_value value;
} used;

// None of its calls returns.
static void *wait_for_ever(void *arg)
{
    static atomic_int last;
    char text[16];
    (void)arg;
    switch (last++ % 5) {
    case 0:
        crew_queue_get(used.empty, text, sizeof text, NULL, CREW_FOREVER);
        break;
    case 1:
        crew_recv(used.in, text, sizeof text, NULL, CREW_FOREVER);
        break;
    case 2:
        crew_event_wait(used.event, CREW_FOREVER);
        break;
    case 3:
        crew_lock_acquire(used.lock, CREW_FOREVER);
        break;
    default:
        crew_queue_get(used.empty, text, sizeof text, NULL, CREW_FOREVER);
    }
    printf("a call has returned\n");
    exit(77);
}

static void *call_on(void *arg)
{
    char text[16] = "";
    int kind = (int)(intptr_t)arg;
    crew_status status = CREW_OK;
    while (!status || status == CREW_ETIMEDOUT) {
        if (kind == 0)
            status = crew_queue_put(used.filled, text, sizeof text, CREW_FOREVER);
        else if (kind == 1)
            status = crew_event_wait(used.event, 0.0001);
        else if (kind == 2)
            status = crew_semaphore_release(used.semaphore);
        else if (kind == 3)
            status = crew_value_add_int64(used.value, 1);
        else if (kind == 4)
            crew_log(CREW_LOG_DEBUG, "still here on rank %d", crew_current_rank());
        else
            crew_rank_host(crew_rank_count() - 1);
    }
    printf("call %d has failed: %s\n", kind, crew_error_message());
    exit(77);
}

static void *hold_stream(void *arg)
{
    char text[16];
    return fgets(text, sizeof text, arg);
}

static void make_used(void)
{
    CHECK_OK(crew_queue_create(&used.empty, NULL));
    CHECK_OK(crew_queue_create(&used.filled, NULL));
    CHECK_OK(crew_pipe_create(&used.in, &used.out, NULL));
    CHECK_OK(crew_event_create(&used.event, NULL));
    CHECK_OK(crew_lock_create(&used.lock, NULL));
    CHECK_OK(crew_lock_acquire(used.lock, CREW_FOREVER));
    CHECK_OK(crew_semaphore_create(&used.semaphore, 1, NULL));
    CHECK_OK(crew_value_create(&used.value, CREW_INT64, NULL, NULL));
}

static void start_threads(void *(*function)(void *), int count)
{
    pthread_t thread;
    for (int i = 0; i < count; i++)
        CHECK_INT(pthread_create(&thread, NULL, function, (void *)(intptr_t)i), 0);
    check_sleep(0.02);
}

static int leave_waiting(void)
{
    make_used();
    start_threads(wait_for_ever, 10);
    return 0;
}

static int leave_calling(void)
{
    make_used();
    start_threads(call_on, 12);
    return 0;
}

static int leave_two(void)
{
    make_used();
    start_threads(wait_for_ever, 2); // one of them moves the messages of all
    return 0;
}

// What is printed comes out although a thread reads for ever.
static int leave_reading(void)
{
    int ends[2];
    pthread_t thread;
    CHECK_INT(pipe(ends), 0);
    CHECK_INT(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    CHECK_INT(pthread_create(&thread, NULL, hold_stream, stdin), 0);
    check_sleep(0.02);
    return 0;
}

static int leave_all(void *arg)
{
    (void)arg;
    leave_waiting();
    leave_calling();
    return check_result();
}

static int leave_in_children(void)
{
    for (int rank = 0; rank < ranks; rank++) {
        crew_process process;
        int code = -1;
        CHECK_OK(crew_process_create(&process, leave_all, NULL, 0,
                                     &(crew_process_attr){.placement = CREW_ON_RANK(rank)}));
        CHECK_OK(crew_process_start(process));
        CHECK_OK(crew_process_join(process, CREW_FOREVER));
        CHECK_OK(crew_process_exitcode(process, &code));
        CHECK_INT(code, 0);
    }
    return 0;
}

static void check_nothing(void)
{
}

static const struct {
    const char *name;
    int (*run)(void);
    void (*check)(void); // when all is over
} ways[] = {
    {"map", leave_map, check_map},
    {"stack", leave_stack, check_few},
    {"iterator", leave_iterator, check_few},
    {"generator", leave_generator, check_nothing},
    {"bytes", leave_bytes, check_nothing},
    {"callback", leave_callback, check_few},
    {"in-child", leave_in_child, check_few},
    {"in-rank", leave_in_rank, check_few},
    {"blocks", leave_blocks, check_nothing},
    {"putters", leave_putters, check_nothing},
    {"two-threads", leave_two, check_nothing},
    {"waiting-threads", leave_waiting, check_nothing},
    {"calling-threads", leave_calling, check_nothing},
    {"reading-thread", leave_reading, check_nothing},
    {"threads-in-children", leave_in_children, check_nothing},
    {"shut-down", finish_shut_down, check_done},
    {"closed", finish_closed, check_called},
    {"closed-stack", finish_stack, check_large},
    {"closed-in-child", finish_in_child, check_done},
    {"closed-in-rank", finish_in_rank, check_done},
};

static size_t find_way(const char *name)
{
    size_t way = 0;
    while (way < sizeof ways / sizeof *ways && strcmp(ways[way].name, name) != 0)
        way++;
    return way;
}

static int app(int argc, char **argv)
{
    size_t way = find_way(argc > 1 ? argv[1] : "");
    if (way == sizeof ways / sizeof *ways)
        return 99;
    ranks = crew_rank_count();
    ways[way].run();
    if (argc > 2) // by exit() instead of by return
        exit(check_result());
    return check_result();
}

int main(int argc, char **argv)
{
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seen == MAP_FAILED)
        return 98;
    int code = crew_run(argc, argv, app);
    if (ranks && !code) // the main process's rank
        ways[find_way(argv[1])].check();
    return check_result() ? 1 : code;
}
