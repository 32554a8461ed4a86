// SPDX-License-Identifier: BSD-3-Clause
// A little of everything, each status looked at: what is not CREW_OK ends the job with its reason
// and status 1. It is for tests that make something fail below it; each failure is a clear error
// here, or a clear end. A result that is wrong is 3.
#include <crew/crew.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIMIT_S 10
#define LARGE 100000
#define TASKS 300

#define TRY(call)                                                                           \
    do {                                                                                    \
        crew_status status_ = (call);                                                       \
        if (status_) {                                                                      \
            printf("%s: %s: %s\n", #call, crew_status_name(status_), crew_error_message()); \
            return 1;                                                                       \
        }                                                                                   \
    } while (0)

CREW_TASK(square, int64_t, int64_t)
{
    *result = *item * *item;
    return CREW_OK;
}

CREW_BYTES_TASK(copy)
{
    return crew_output_write(output, item, size);
}

struct shared {
    crew_queue orders, answers;
    crew_lock lock;
    crew_array array;
    crew_dict dict;
    crew_connection out, in;
    char filler[70000]; // more than a frame takes along
};

static int child(void *arg)
{
    const struct shared *shared = arg;
    static char large[LARGE];
    char word[16];
    int64_t before, numbers[10];
    size_t size;
    crew_any value = crew_nil();
    memset(large, 7, sizeof large);
    TRY(crew_queue_get(shared->orders, word, sizeof word, &size, LIMIT_S));
    TRY(crew_lock_acquire(shared->lock, CREW_FOREVER));
    TRY(crew_lock_release(shared->lock));
    TRY(crew_array_fetch_add(shared->array, CREW_INT64, 1, &(int64_t){5}, &before));
    TRY(crew_array_read(shared->array, 0, 10, numbers));
    TRY(crew_dict_set(shared->dict, crew_string("key"), crew_int(3)));
    TRY(crew_dict_get(shared->dict, crew_string("key"), &value));
    crew_any_clear(&value);
    TRY(crew_send(shared->out, "hello", 5, LIMIT_S));
    TRY(crew_send(shared->out, large, sizeof large, LIMIT_S));
    TRY(crew_queue_put(shared->answers, large, sizeof large, LIMIT_S));
    printf("the child is done\n");
    return 0;
}

static int make_shared(struct shared *shared)
{
    TRY(crew_queue_create(&shared->orders, NULL));
    TRY(crew_queue_create(&shared->answers, NULL));
    TRY(crew_lock_create(&shared->lock, NULL));
    TRY(crew_array_create(&shared->array, CREW_INT64, LARGE, NULL));
    TRY(crew_dict_create(&shared->dict, NULL));
    TRY(crew_pipe_create(&shared->in, &shared->out, NULL));
    return 0;
}

static int talk(const struct shared *shared)
{
    static char large[LARGE];
    char word[16];
    size_t size = 0;
    crew_view view = {0};
    TRY(crew_queue_put(shared->orders, "go", 2, CREW_FOREVER));
    TRY(crew_recv(shared->in, word, sizeof word, &size, LIMIT_S));
    TRY(crew_recv_view(shared->in, &view, SIZE_MAX, LIMIT_S));
    bool is_right = view.size == LARGE && ((const char *)view.data)[LARGE - 1] == 7;
    crew_view_release(&view);
    TRY(crew_queue_get(shared->answers, large, sizeof large, &size, LIMIT_S));
    return is_right && size == LARGE && large[0] == 7 ? 0 : 3;
}

static int run_process(crew_start_method method)
{
    static struct shared shared;
    crew_process process = {0};
    int code = -1, failed = make_shared(&shared);
    if (failed)
        return failed;
    TRY(crew_process_create(&process, child, &shared, sizeof shared,
                            &(crew_process_attr){.start_method = method}));
    TRY(crew_process_start(process));
    TRY(crew_connection_close(shared.out)); // so that the child's end is the end of the pipe
    failed = talk(&shared);
    if (failed) {
        crew_process_terminate(process);
        return failed;
    }
    TRY(crew_process_join(process, LIMIT_S));
    TRY(crew_process_exitcode(process, &code));
    if (code)
        printf("the child ended with %d\n", code);
    return code ? 1 : 0;
}

static int use_values(void)
{
    crew_list list;
    crew_any items = crew_nil();
    crew_shared_memory block = {0};
    TRY(crew_list_create(&list, NULL));
    TRY(crew_list_append(list, crew_string("item")));
    TRY(crew_list_items(list, &items));
    crew_any_clear(&items);
    TRY(crew_shared_memory_create(&block, "small-job", 5000));
    memset(block.data, 1, 5000);
    TRY(crew_shared_memory_close(&block));
    TRY(crew_shared_memory_unlink("small-job"));
    return 0;
}

static int run_tasks(crew_pool pool)
{
    static char small[] = "abc", large[2 * LARGE];
    static int64_t items[TASKS], results[TASKS]; // which a map may still use when this ends early
    struct iovec pieces[3] = {{small, 3}, {large, sizeof large}, {small, 1}}, copies[3] = {{0}};
    crew_result result = {0};
    for (int64_t i = 0; i < TASKS; i++)
        items[i] = i;
    TRY(crew_pool_map(pool, square, items, results, TASKS, NULL));
    for (int64_t i = 0; i < TASKS; i++)
        if (results[i] != i * i)
            return 3;
    TRY(crew_pool_map_async(pool, &result, square, items, results, TASKS, NULL));
    TRY(crew_result_get(result, LIMIT_S));
    TRY(crew_pool_map_bytes(pool, copy, pieces, copies, 3, NULL));
    bool is_right = copies[1].iov_len == sizeof large;
    for (int i = 0; i < 3; i++)
        free(copies[i].iov_base);
    return is_right ? 0 : 3;
}

static int member(crew_team team, void *arg)
{
    int64_t one = 1, sum = 0;
    (void)arg;
    TRY(crew_team_allreduce(team, &one, &sum, 1, CREW_INT64, CREW_SUM));
    return sum == crew_team_size(team) ? 0 : 3;
}

static int run_all(crew_pool *pool)
{
    int failed = run_process(CREW_START_FORKSERVER);
    if (!failed)
        failed = run_process(CREW_START_RANK);
    if (!failed)
        failed = use_values();
    if (failed)
        return failed;
    TRY(crew_pool_create(pool, &(crew_pool_attr){.workers = 2}));
    failed = run_tasks(*pool);
    if (failed)
        return failed;
    TRY(crew_team_run(member, NULL, 0, &(crew_team_attr){.size = 2}));
    return 0;
}

static int app(int argc, char **argv)
{
    crew_pool pool = {0};
    (void)argc;
    (void)argv;
    int failed = run_all(&pool);
    if (pool.id)
        crew_pool_destroy(pool);
    printf(failed == 3 ? "a wrong result\n" : failed ? "an error\n" : "all is done\n");
    return failed;
}

CREW_MAIN(app)
