// SPDX-License-Identifier: BSD-3-Clause
// What crew does through shared memory and descriptors where it can is right where it cannot be
// done: `sem_reach` alone, on ranks of one host, and in pid namespaces of their own
// (in_namespaces); `sem_reach private` where the kernel lets no process look into another one. In
// either, processes that may not read others' memory from some moment on.
#include "check.h"

#include <crew/crew.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 100
#define LARGE 300000
#define LIMIT_S 30.0
#define TASKS 12

static bool is_private;

struct large {
    unsigned char bytes[LARGE];
};

static void fill(struct large *large, int seed)
{
    for (size_t i = 0; i < LARGE; i++)
        large->bytes[i] = (unsigned char)(i * 7 + i / 256 + (size_t)seed);
}

static bool is_filled(const struct large *large, int seed)
{
    for (size_t i = 0; i < LARGE; i++)
        if (large->bytes[i] != (unsigned char)(i * 7 + i / 256 + (size_t)seed))
            return false;
    return true;
}

// From now on, reading another process's memory fails with that error.
static void be_refused(int error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CHECK_INT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

// Two on each rank: the second one has its caches filled while the first one counts.
struct counting {
    crew_lock lock;
    crew_semaphore semaphore;
    crew_event event;
    crew_array array;
};

static int count_up(void *arg)
{
    const struct counting *counting = arg;
    CHECK_OK(crew_event_wait(counting->event, CREW_FOREVER));
    for (int i = 0; i < ROUNDS; i++) {
        int64_t number = 0;
        CHECK_OK(crew_lock_acquire(counting->lock, CREW_FOREVER));
        CHECK_OK(crew_array_get(counting->array, CREW_INT64, 0, &number));
        number++;
        CHECK_OK(crew_array_set(counting->array, CREW_INT64, 0, &number));
        CHECK_OK(crew_lock_release(counting->lock));
    }
    CHECK_OK(crew_semaphore_release(counting->semaphore));
    return check_result();
}

static void count_together(void)
{
    enum { MOST = 16 };
    struct counting counting;
    crew_process processes[MOST];
    int count = 2 * crew_rank_count();
    int64_t number = 0;
    CHECK_OK(crew_lock_create(&counting.lock, NULL));
    CHECK_OK(crew_semaphore_create(&counting.semaphore, 0, NULL));
    CHECK_OK(crew_event_create(&counting.event, NULL));
    CHECK_OK(crew_array_create(&counting.array, CREW_INT64, 1, NULL));
    for (int i = 0; i < count && i < MOST; i++) {
        crew_process_attr attr = {.placement = CREW_ON_RANK(i % crew_rank_count())};
        CHECK_OK(crew_process_create(&processes[i], count_up, &counting, sizeof counting, &attr));
        CHECK_OK(crew_process_start(processes[i]));
    }
    CHECK_OK(crew_event_set(counting.event));
    for (int i = 0; i < count && i < MOST; i++) {
        int code = -1;
        CHECK_OK(crew_process_join(processes[i], LIMIT_S));
        CHECK_OK(crew_process_exitcode(processes[i], &code));
        CHECK_INT(code, 0);
        CHECK_OK(crew_semaphore_acquire(counting.semaphore, CREW_NOW));
    }
    CHECK_OK(crew_array_get(counting.array, CREW_INT64, 0, &number));
    CHECK_INT(number, (int64_t)count * ROUNDS);
    CHECK_OK(crew_array_close(counting.array));
    CHECK_OK(crew_event_close(counting.event));
    CHECK_OK(crew_semaphore_close(counting.semaphore));
    CHECK_OK(crew_lock_close(counting.lock));
}

// Large arguments and messages

static int check_argument(void *arg)
{
    CHECK(is_filled(arg, 3));
    return check_result();
}

static void pass_argument(int rank, crew_start_method method)
{
    struct large *large = malloc(sizeof *large);
    crew_process process;
    int code = -1;
    crew_process_attr attr = {.placement = CREW_ON_RANK(rank), .start_method = method};
    fill(large, 3);
    CHECK_OK(crew_process_create(&process, check_argument, large, sizeof *large, &attr));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, LIMIT_S));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK_INT(code, 0);
    CHECK_OK(crew_process_close(process));
    free(large);
}

struct talk {
    crew_connection end;
    int error; // the number of the refusal; 0: none
};

static int receive_and_answer(void *arg)
{
    const struct talk *talk = arg;
    struct large *large = malloc(sizeof *large);
    size_t size = 0;
    for (int i = 0; i < 3; i++) {
        if (i == 1 && talk->error)
            be_refused(talk->error);
        memset(large, 0, sizeof *large);
        CHECK_OK(crew_recv(talk->end, large, sizeof *large, &size, CREW_FOREVER));
        CHECK_INT(size, sizeof *large);
        CHECK(is_filled(large, i));
        fill(large, i + 1);
        CHECK_OK(crew_send(talk->end, large, sizeof *large, LIMIT_S));
    }
    free(large);
    return check_result();
}

static void exchange_messages(int rank, int error)
{
    struct large *large = malloc(sizeof *large);
    struct talk talk = {.error = error};
    crew_connection own;
    crew_process process;
    int code = -1;
    crew_process_attr attr = {.placement = CREW_ON_RANK(rank)};
    CHECK_OK(crew_pipe_create(&own, &talk.end, &(crew_pipe_attr){.duplex = true}));
    CHECK_OK(crew_process_create(&process, receive_and_answer, &talk, sizeof talk, &attr));
    CHECK_OK(crew_process_start(process));
    for (int i = 0; i < 3; i++) {
        fill(large, i);
        CHECK_OK(crew_send(own, large, sizeof *large, LIMIT_S));
        CHECK_OK(crew_recv(own, large, sizeof *large, NULL, LIMIT_S));
        CHECK(is_filled(large, i + 1));
    }
    CHECK_OK(crew_process_join(process, LIMIT_S));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK_INT(code, 0);
    CHECK_OK(crew_connection_close(own));
    CHECK_OK(crew_connection_close(talk.end));
    free(large);
}

// Pools

CREW_TASK(turn, struct large, struct large)
{
    int seed = item->bytes[0];
    fill(result, seed + 1);
    return is_filled(item, seed) ? CREW_OK : crew_fail(CREW_EFAILED, "another item");
}

CREW_TASK(turn_and_be_refused, struct large, struct large)
{
    static bool is_refused;
    if (!is_refused)
        be_refused(EPERM);
    is_refused = true;
    return turn_body(item, result);
}

static void map_large(crew_pool pool, crew_task task)
{
    struct large *items = malloc(TASKS * sizeof *items), *results = calloc(TASKS, sizeof *results);
    for (int i = 0; i < TASKS; i++)
        fill(&items[i], i);
    CHECK_OK(crew_pool_map(pool, task, items, results, TASKS, &(crew_map_attr){.chunk = 1}));
    for (int i = 0; i < TASKS; i++)
        CHECK(is_filled(&results[i], i + 1));
    free(items);
    free(results);
}

static int map_in_process(void *arg)
{
    crew_pool pool;
    (void)arg;
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 2}));
    map_large(pool, turn);
    CHECK_OK(crew_pool_destroy(pool));
    return check_result();
}

static void use_pools(void)
{
    crew_pool pool;
    crew_process process;
    int code = -1, workers = 2 * crew_rank_count();
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = workers}));
    map_large(pool, turn);
    map_large(pool, turn_and_be_refused);
    map_large(pool, turn);
    CHECK_OK(crew_pool_destroy(pool));
    CHECK_OK(crew_process_create(&process, map_in_process, NULL, 0, NULL));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, LIMIT_S));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK_INT(code, 0);
}

// Memory by name is shared, or it is said that it cannot be.
static int attach(void *arg)
{
    crew_shared_memory block;
    crew_status status = crew_shared_memory_attach(&block, arg);
    if (is_private || status) {
        CHECK_STATUS(status, CREW_ESYSTEM);
        return check_result();
    }
    CHECK_INT(block.size, 5000);
    CHECK_OK(crew_shared_memory_close(&block));
    return check_result();
}

static void use_named_memory(void)
{
    crew_shared_memory block;
    crew_process process;
    int code = -1;
    crew_process_attr attr = {.placement = CREW_ON_RANK(0)};
    CHECK_OK(crew_shared_memory_create(&block, "reach", 5000));
    CHECK_OK(crew_process_create(&process, attach, "reach", sizeof "reach", &attr));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, LIMIT_S));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK_INT(code, 0);
    CHECK_OK(crew_shared_memory_unlink("reach"));
    CHECK_OK(crew_shared_memory_close(&block));
}

static int app(int argc, char **argv)
{
    static const int errors[] = {0, EPERM, ENOSYS, EACCES};
    (void)argc;
    (void)argv;
    count_together();
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        pass_argument(rank, CREW_START_FORKSERVER);
        pass_argument(rank, CREW_START_RANK);
        for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
            exchange_messages(rank, errors[i]);
    }
    use_pools();
    use_named_memory();
    return check_result();
}

// What a program is that may be executed and not be read, or has changed its user. Root may look
// into everything, so it has to be somebody else.
static bool be_private(void)
{
    const uid_t nobody = 65534;
    is_private = true;
    if (geteuid() == 0 && (setresgid(nobody, nobody, nobody) || setresuid(nobody, nobody, nobody)))
        return false;
    return prctl(PR_SET_DUMPABLE, 0) == 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "private") == 0 && !be_private())
        return 77;
    int code = crew_run(argc, argv, app);
    return code ? code : check_failures() != 0;
}
