// SPDX-License-Identifier: BSD-3-Clause
// Copies of processes that a program makes itself with fork(): every call is refused there, and
// where a function returns that crew has called, they end.
#include "cases.h"
#include "check.h"

#include <crew/pool_bytes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_S 30.0
#define TASKS 40
#define BAD_TASK(n) ((n) % 10 == 3)

struct objects {
    crew_lock lock;
    crew_rlock rlock;
    crew_semaphore semaphore;
    crew_event event;
    crew_condition condition;
    crew_barrier barrier;
    crew_queue queue;
    crew_connection in, out;
    crew_array array;
    crew_dict dict;
    crew_list list;
};

static struct objects make_objects(void)
{
    struct objects o;
    CHECK_OK(crew_lock_create(&o.lock, NULL));
    CHECK_OK(crew_rlock_create(&o.rlock, NULL));
    CHECK_OK(crew_semaphore_create(&o.semaphore, 5, NULL));
    CHECK_OK(crew_event_create(&o.event, NULL));
    CHECK_OK(crew_condition_create(&o.condition, NULL));
    CHECK_OK(crew_barrier_create(&o.barrier, 1, NULL));
    CHECK_OK(crew_queue_create(&o.queue, NULL));
    CHECK_OK(crew_pipe_create(&o.in, &o.out, NULL));
    CHECK_OK(crew_array_create(&o.array, CREW_INT64, 4, NULL));
    CHECK_OK(crew_dict_create(&o.dict, NULL));
    CHECK_OK(crew_list_create(&o.list, NULL));
    return o;
}

static void close_objects(const struct objects *o)
{
    CHECK_OK(crew_lock_close(o->lock));
    CHECK_OK(crew_rlock_close(o->rlock));
    CHECK_OK(crew_semaphore_close(o->semaphore));
    CHECK_OK(crew_event_close(o->event));
    CHECK_OK(crew_condition_close(o->condition));
    CHECK_OK(crew_barrier_close(o->barrier));
    CHECK_OK(crew_queue_close(o->queue));
    CHECK_OK(crew_connection_close(o->in));
    CHECK_OK(crew_connection_close(o->out));
    CHECK_OK(crew_array_close(o->array));
    CHECK_OK(crew_dict_close(o->dict));
    CHECK_OK(crew_list_close(o->list));
}

// Each of them, so that the process knows them: in a copy, what it knows would be enough for some.
static void use_objects(const struct objects *o)
{
    char byte = 0;
    crew_any value;
    CHECK_OK(crew_lock_acquire(o->lock, CREW_FOREVER));
    CHECK_OK(crew_lock_release(o->lock));
    CHECK_OK(crew_rlock_acquire(o->rlock, CREW_FOREVER));
    CHECK_OK(crew_rlock_release(o->rlock));
    CHECK_OK(crew_semaphore_acquire(o->semaphore, CREW_FOREVER));
    CHECK_OK(crew_semaphore_release(o->semaphore));
    CHECK_OK(crew_event_set(o->event));
    CHECK_OK(crew_condition_acquire(o->condition, CREW_FOREVER));
    CHECK_OK(crew_condition_notify(o->condition, 1));
    CHECK_OK(crew_condition_release(o->condition));
    CHECK_OK(crew_barrier_wait(o->barrier, NULL, CREW_FOREVER));
    CHECK_OK(crew_queue_put(o->queue, &byte, 1, CREW_FOREVER));
    CHECK_OK(crew_queue_get(o->queue, &byte, 1, NULL, CREW_FOREVER));
    CHECK_OK(crew_send(o->out, &byte, 1, CREW_FOREVER));
    CHECK_OK(crew_recv(o->in, &byte, 1, NULL, CREW_FOREVER));
    CHECK_OK(crew_array_set(o->array, CREW_INT64, 0, &(int64_t){5}));
    CHECK_OK(crew_dict_set(o->dict, crew_int(1), crew_int(2)));
    CHECK_OK(crew_dict_get(o->dict, crew_int(1), &value));
    CHECK_OK(crew_list_append(o->list, crew_int(1)));
}

static void refused(crew_status status, const char *call, int line)
{
    check_status(status, CREW_ESTATE, call, __FILE__, line);
    check_contains(crew_error_message(), "fork()", call, __FILE__, line);
}
#define CHECK_REFUSED(call) refused((call), #call, __LINE__)

static void check_sync_refused(const struct objects *o)
{
    crew_lock lock;
    bool set;
    long value;
    CHECK_REFUSED(crew_lock_create(&lock, NULL));
    CHECK_REFUSED(crew_lock_acquire(o->lock, CREW_FOREVER));
    CHECK_REFUSED(crew_lock_acquire(o->lock, CREW_NOW));
    CHECK_REFUSED(crew_lock_release(o->lock));
    CHECK_REFUSED(crew_lock_close(o->lock));
    CHECK_REFUSED(crew_rlock_acquire(o->rlock, CREW_FOREVER));
    CHECK_REFUSED(crew_semaphore_acquire(o->semaphore, CREW_FOREVER));
    CHECK_REFUSED(crew_semaphore_value(o->semaphore, &value));
    CHECK_REFUSED(crew_semaphore_release(o->semaphore));
    CHECK_REFUSED(crew_event_is_set(o->event, &set));
    CHECK_REFUSED(crew_event_set(o->event));
    CHECK_REFUSED(crew_event_clear(o->event));
    CHECK_REFUSED(crew_condition_acquire(o->condition, CREW_FOREVER));
    CHECK_REFUSED(crew_condition_wait(o->condition, CREW_FOREVER));
    CHECK_REFUSED(crew_condition_notify_all(o->condition));
    CHECK_REFUSED(crew_barrier_wait(o->barrier, NULL, CREW_FOREVER));
    CHECK_REFUSED(crew_barrier_abort(o->barrier));
}

static void check_data_refused(const struct objects *o)
{
    char byte = 0;
    int64_t number;
    size_t count;
    crew_any value;
    crew_waitable waitable;
    bool ready;
    CHECK_REFUSED(crew_queue_put(o->queue, &byte, 1, CREW_FOREVER));
    CHECK_REFUSED(crew_queue_get(o->queue, &byte, 1, NULL, CREW_NOW));
    CHECK_REFUSED(crew_queue_size(o->queue, &count));
    CHECK_REFUSED(crew_queue_close(o->queue));
    CHECK_REFUSED(crew_send(o->out, &byte, 1, CREW_FOREVER));
    CHECK_REFUSED(crew_recv(o->in, &byte, 1, NULL, 0));
    CHECK_REFUSED(crew_connection_close(o->in));
    CHECK_REFUSED(crew_array_get(o->array, CREW_INT64, 0, &number));
    CHECK_REFUSED(crew_array_set(o->array, CREW_INT64, 0, &(int64_t){6}));
    CHECK_REFUSED(crew_array_acquire(o->array, CREW_FOREVER));
    CHECK_REFUSED(crew_dict_get(o->dict, crew_int(1), &value));
    CHECK_REFUSED(crew_dict_set(o->dict, crew_int(1), crew_int(3)));
    CHECK_REFUSED(crew_list_append(o->list, crew_int(2)));
    if (!crew_queue_waitable(o->queue, &waitable))
        CHECK_REFUSED(crew_wait(&waitable, 1, &ready, NULL, 0));
}

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

static crew_status finalize(void *arg)
{
    (void)arg;
    return CREW_OK;
}

static void *thread_body(void *arg)
{
    return arg;
}

CREW_TASK(square, long, long)
{
    *result = *item * *item;
    return CREW_OK;
}

static void check_processes_refused(void)
{
    crew_process process;
    crew_pool pool;
    crew_manager manager;
    crew_shared_memory block;
    crew_result result;
    pthread_t thread;
    size_t count;
    long number = 1;
    CHECK_REFUSED(crew_process_create(&process, do_nothing, NULL, 0, NULL));
    CHECK_REFUSED(crew_active_children(NULL, 0, &count));
    CHECK_REFUSED(crew_process_find("MainProcess", &process));
    CHECK_REFUSED(crew_pool_create(&pool, NULL));
    CHECK_REFUSED(crew_pool_map((crew_pool){1}, square, &number, &number, 1, NULL));
    CHECK_REFUSED(crew_pool_apply_async((crew_pool){1}, &result, square, &number, &number, NULL));
    CHECK_REFUSED(crew_manager_create(&manager, NULL));
    CHECK_REFUSED(crew_shared_memory_create(&block, NULL, 10));
    CHECK_REFUSED(crew_at_exit(NULL, finalize, NULL, 0));
    CHECK_REFUSED(crew_thread_create(&thread, NULL, thread_body, NULL));
    CHECK_REFUSED(crew_log_to_stderr(CREW_LOG_INFO));
    CHECK_INT(crew_current_process().id, 0);
    CHECK_TEXT(crew_current_name(), "");
}

// The end of a copy that was given so much time: its exit code, or -1.
static int copy_end(pid_t pid)
{
    int status = 0;
    pid_t ended = 0;
    for (double begin = check_now(); !ended && check_now() - begin < LIMIT_S; check_sleep(0.001))
        ended = waitpid(pid, &status, WNOHANG);
    if (!ended) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Everything is refused in a copy, and nothing of that is seen by the process.
static int be_copied(void *arg)
{
    const struct objects *o = arg;
    int64_t number = 0;
    use_objects(o);
    pid_t pid = fork();
    if (pid == 0) {
        check_sync_refused(o);
        check_data_refused(o);
        check_processes_refused();
        return check_failures() ? 1 : 7;
    }
    CHECK_INT(copy_end(pid), 7);
    use_objects(o);
    CHECK_OK(crew_array_get(o->array, CREW_INT64, 0, &number));
    CHECK_INT(number, 5);
    return check_result();
}

static void copy_of_process(const struct variant *variant)
{
    struct objects o = make_objects();
    CHECK_INT(finish(launch(variant, be_copied, &o, sizeof o)), 0);
    close_objects(&o);
}

// The copy of the main process ends as its program wants it to: exit() runs nothing of crew's.
static void copy_of_main(const struct variant *variant)
{
    (void)variant;
    struct objects o = make_objects();
    use_objects(&o);
    pid_t pid = fork();
    if (pid == 0) {
        check_sync_refused(&o);
        check_data_refused(&o);
        check_processes_refused();
        exit(check_failures() ? 1 : 7);
    }
    CHECK_INT(copy_end(pid), 7);
    use_objects(&o);
    close_objects(&o);
}

// Tasks

// What a copy makes of its result is its own: the process's comes after that and before its end.
CREW_TASK(copy_goes_on, long, long)
{
    *result = *item * 2;
    if (!BAD_TASK(*item))
        return CREW_OK;
    pid_t pid = fork();
    if (pid == 0) {
        *result = -1;
        return crew_fail(CREW_ESYSTEM, "this is the copy");
    }
    return copy_end(pid) == 1 ? CREW_OK : crew_fail(CREW_EFAILED, "the copy has not ended well");
}

CREW_TASK(copy_executes, long, long)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
        return crew_fail(CREW_ESYSTEM, "no shell");
    }
    *result = copy_end(pid) + *item;
    return CREW_OK;
}

CREW_BYTES_TASK(bytes_go_on)
{
    void *data;
    crew_status status = crew_output_reserve(output, size, &data);
    if (status)
        return status;
    memcpy(data, item, size);
    pid_t pid = fork();
    if (pid == 0) {
        memset(data, 0, size);
        return CREW_OK;
    }
    return copy_end(pid) == 0 ? CREW_OK : crew_fail(CREW_EFAILED, "the copy has not ended well");
}

static void fill(long *items)
{
    for (long i = 0; i < TASKS; i++)
        items[i] = i;
}

static void copy_tasks(crew_start_method start_method)
{
    long items[TASKS], results[TASKS];
    static char bytes[] = "some bytes";
    struct iovec item = {bytes, sizeof bytes}, result = {NULL, 0};
    crew_pool pool;
    CHECK_OK(crew_pool_create(&pool,
                              &(crew_pool_attr){.workers = start_method == CREW_START_RANK ? 1 : 2,
                                                .start_method = start_method}));
    fill(items);
    CHECK_OK(crew_pool_map(pool, copy_goes_on, items, results, TASKS, NULL));
    for (long i = 0; i < TASKS; i++)
        CHECK_INT(results[i], 2 * i);
    CHECK_OK(crew_pool_map(pool, copy_executes, items, results, 10, NULL));
    for (long i = 0; i < 10; i++)
        CHECK_INT(results[i], 5 + i);
    CHECK_OK(crew_pool_map_bytes(pool, bytes_go_on, &item, &result, 1, NULL));
    CHECK_INT(result.iov_len, item.iov_len);
    CHECK(result.iov_base && memcmp(result.iov_base, item.iov_base, item.iov_len) == 0);
    free(result.iov_base);
    CHECK_OK(crew_pool_destroy(pool));
}

static void copies_of_tasks(const struct variant *variant)
{
    (void)variant;
    copy_tasks(CREW_START_FORKSERVER);
    copy_tasks(CREW_START_RANK);
}

static crew_status copied_initializer(void *arg)
{
    (void)arg;
    pid_t pid = fork();
    if (pid == 0)
        return CREW_OK; // and no second worker
    return copy_end(pid) == 0 ? CREW_OK : crew_fail(CREW_EFAILED, "the copy has not ended well");
}

static void copies_of_initializers(const struct variant *variant)
{
    long items[TASKS], results[TASKS];
    crew_pool pool;
    (void)variant;
    fill(items);
    CHECK_OK(crew_pool_create(&pool,
                              &(crew_pool_attr){.workers = 2, .initializer = copied_initializer}));
    CHECK_OK(crew_pool_map(pool, square, items, results, TASKS, NULL));
    for (long i = 0; i < TASKS; i++)
        CHECK_INT(results[i], i * i);
    CHECK_OK(crew_pool_destroy(pool));
}

// Callbacks, threads and finalizers of a process

static _Atomic int called;

static void copied_callback(crew_result result, crew_status status, void *arg)
{
    (void)result;
    (void)status;
    (void)arg;
    pid_t pid = fork();
    if (pid == 0)
        return;
    CHECK_INT(copy_end(pid), 0);
    called++;
}

static void copies_of_callbacks(const struct variant *variant)
{
    long item = 3, number = 0;
    crew_pool pool;
    crew_result result;
    (void)variant;
    called = 0;
    CHECK_OK(crew_pool_create(&pool, &(crew_pool_attr){.workers = 1}));
    CHECK_OK(crew_pool_apply_async(pool, &result, square, &item, &number,
                                   &(crew_map_attr){.callback = copied_callback}));
    CHECK_OK(crew_result_get(result, LIMIT_S));
    CHECK_INT(number, 9);
    CHECK_INT(called, 1);
    CHECK_OK(crew_result_close(result));
    CHECK_OK(crew_pool_destroy(pool));
}

static void *copied_thread(void *arg)
{
    pid_t pid = fork();
    if (pid > 0)
        CHECK_INT(copy_end(pid), 0);
    return arg;
}

static crew_status copied_finalizer(void *arg)
{
    (void)arg;
    pid_t pid = fork();
    if (pid == 0)
        return CREW_OK;
    if (copy_end(pid) != 0)
        _exit(9);
    return CREW_OK;
}

static int have_threads_copied(void *arg)
{
    pthread_t thread;
    (void)arg;
    CHECK_OK(crew_thread_create(&thread, NULL, copied_thread, NULL));
    pthread_join(thread, NULL);
    CHECK_OK(crew_at_exit(NULL, copied_finalizer, NULL, 1));
    CHECK_OK(crew_at_exit(NULL, copied_finalizer, NULL, 0));
    return check_result();
}

static void copies_of_threads(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, have_threads_copied, NULL, 0)), 0);
}

// A copy that lives on after its process has ended is no reason to wait, and ends with the job.
static int leave_copy_behind(void *arg)
{
    (void)arg;
    if (fork() == 0)
        for (;;)
            pause();
    return 3;
}

static void copy_stays_behind(const struct variant *variant)
{
    CHECK_INT(finish(launch(variant, leave_copy_behind, NULL, 0)), 3);
}

// Managers

static crew_status create_thing(void **object, const crew_any *args, size_t count)
{
    (void)args;
    (void)count;
    *object = calloc(1, sizeof(int64_t));
    return *object ? CREW_OK : CREW_ENOMEM;
}

static crew_status copied_method(void *object, const crew_any *args, size_t count, crew_any *result)
{
    int64_t *number = object;
    (void)args;
    (void)count;
    pid_t pid = fork();
    if (pid == 0) {
        *result = crew_int(-1);
        return CREW_OK;
    }
    *result = crew_int(++*number);
    return copy_end(pid) == 0 ? CREW_OK : crew_fail(CREW_EFAILED, "the copy has not ended well");
}

static const crew_method thing_methods[] = {{"next", copied_method}, {NULL, NULL}};
static const crew_manager_type thing_type = {"Thing", create_thing, free, thing_methods, false};

static void copies_of_methods(const struct variant *variant)
{
    crew_manager manager;
    crew_proxy proxy;
    (void)variant;
    CHECK_OK(crew_manager_create(&manager, NULL));
    CHECK_OK(crew_manager_register(manager, &thing_type, NULL));
    CHECK_OK(crew_manager_start(manager));
    CHECK_OK(crew_proxy_create(&proxy, manager, "Thing", NULL, 0, LIMIT_S));
    for (int64_t i = 1; i <= 5; i++) {
        crew_any result = crew_nil();
        int64_t number = 0;
        CHECK_OK(crew_proxy_call(proxy, "next", NULL, 0, &result, LIMIT_S));
        CHECK_OK(crew_any_to_int(result, &number));
        CHECK_INT(number, i);
    }
    CHECK_OK(crew_proxy_close(proxy));
    CHECK_OK(crew_manager_shutdown(manager));
}

const struct test_case program_cases[] = {
    {"process", copy_of_process, 0},
    {"main", copy_of_main, CASE_ONCE | CASE_MAIN},
    {"tasks", copies_of_tasks, CASE_ONCE | CASE_MAIN},
    {"initializers", copies_of_initializers, CASE_ONCE | CASE_MAIN},
    {"callbacks", copies_of_callbacks, CASE_ONCE | CASE_MAIN},
    {"threads", copies_of_threads, CASE_KILLABLE},
    {"behind", copy_stays_behind, CASE_KILLABLE},
    {"methods", copies_of_methods, CASE_ONCE},
    {0},
};

int main(int argc, char **argv)
{
    int code = crew_run(argc, argv, cases_main);
    return code ? code : check_failures() != 0;
}
