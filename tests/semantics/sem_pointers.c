// SPDX-License-Identifier: BSD-3-Clause
// CREW_CHECK=pointers: each call that takes data for another process refuses pointers in it, and
// says where they are.
#include "check.h"

#include <crew/crew.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

struct item {
    long number;
    const char *text;
};

CREW_TASK(measure, struct item, long)
{
    *result = item->number;
    return CREW_OK;
}

static crew_status measure_bytes(const void *item, size_t size, crew_output *output)
{
    (void)item;
    (void)output;
    return size ? CREW_OK : CREW_EFAILED;
}

static int child(void *arg)
{
    (void)arg;
    return 0;
}

static crew_status begin_worker(void *arg)
{
    (void)arg;
    return CREW_OK;
}

struct class_object {
    crew_process_class base;
    const char *text;
};

static void check_maps(const struct item *good, const struct item *bad)
{
    static const crew_bytes_task task = {measure_bytes, "measure_bytes"};
    struct item items[] = {*good, *bad};
    struct iovec pieces[] = {{&items[0], sizeof *items}, {&items[1], sizeof *items}}, out[2];
    long results[2];
    crew_pool pool, other;
    crew_result result;
    crew_iterator iterator;
    const crew_pool_attr attr = {
        .initializer = begin_worker, .initializer_arg = bad, .initializer_size = sizeof *bad};
    CHECK_STATUS(crew_pool_create(&other, &attr), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "initializer_arg has a pointer at offset 8, to ");
    memset(out, 0, sizeof out);
    CHECK_OK(crew_pool_create(&pool, NULL));
    CHECK_OK(crew_pool_map(pool, measure, good, results, 1, NULL));
    CHECK_STATUS(crew_pool_map(pool, measure, items, results, 2, NULL), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "crew_pool_map: item 1 has a pointer at offset 8, to ");
    CHECK_STATUS(crew_pool_map_async(pool, &result, measure, items, results, 2, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_pool_imap(pool, measure, items, 2, NULL, &iterator), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "crew_pool_imap: item 1 has a pointer");
    CHECK_STATUS(crew_pool_map_bytes(pool, task, pieces, out, 2, NULL), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "item 1 has a pointer at offset 8");
    CHECK_OK(crew_pool_destroy(pool));
}

static void check_messages(const struct item *good, const struct item *bad)
{
    crew_queue queue;
    crew_connection in, out;
    CHECK_OK(crew_queue_create(&queue, NULL));
    CHECK_OK(crew_queue_put(queue, good, sizeof *good, CREW_FOREVER));
    CHECK_STATUS(crew_queue_put(queue, bad, sizeof *bad, CREW_FOREVER), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "crew_queue_put: the item has a pointer at offset 8");
    CHECK_OK(crew_queue_close(queue));
    CHECK_OK(crew_pipe_create(&in, &out, NULL));
    CHECK_OK(crew_send(out, good, sizeof *good, CREW_FOREVER));
    CHECK_STATUS(crew_send(out, bad, sizeof *bad, CREW_FOREVER), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "crew_send: the message has a pointer at offset 8");
    CHECK_OK(crew_connection_close(in));
    CHECK_OK(crew_connection_close(out));
}

static void check_arguments(const struct item *good, const struct item *bad)
{
    crew_process process;
    struct class_object object = {.base = {.size = sizeof object, .run = NULL, .name = "Class"}};
    CHECK_STATUS(crew_process_create(&process, child, bad, sizeof *bad, NULL), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "the argument has a pointer at offset 8");
    CHECK_OK(crew_process_create(&process, child, good, sizeof *good, NULL));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_OK(crew_process_close(process));
    CHECK_OK(crew_process_create_class(&process, &object.base, NULL)); // its base has pointers
    CHECK_OK(crew_process_close(process));
    object.text = bad->text;
    CHECK_STATUS(crew_process_create_class(&process, &object.base, NULL), CREW_EINVAL);
    CHECK_CONTAINS(crew_error_message(), "the object, behind its base, has a pointer at offset 0");
}

static int app(int argc, char **argv)
{
    char *text = strdup("text");
    const struct item good = {7, NULL}, bad = {8, text};
    (void)argc;
    (void)argv;
    check_maps(&good, &bad);
    check_messages(&good, &bad);
    check_arguments(&good, &bad);
    free(text);
    return check_failures() != 0;
}

int main(int argc, char **argv)
{
    setenv("CREW_CHECK", "pointers", 1);
    return crew_run(argc, argv, app);
}
