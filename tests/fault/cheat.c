// SPDX-License-Identifier: BSD-3-Clause
// Processes that send what the library never sends: frames that no process may send, and requests
// whose payload cannot be. It is linked with the inside of the library. The sender may suffer, the
// rank and all others go on.
#include "check.h"

#include "engine/client.h"
#include "pool/pool_protocol.h"
#include "process/process_protocol.h"

#include <crew/crew.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define FOREIGN ((uint64_t)1 << 60 | 0xfffff)

struct forgery {
    char what[40];
    struct crewi_header header;
    uint64_t payload; // random bytes
};

static void send_frame(const struct forgery *forgery)
{
    struct crewi_frame *frame = crewi_frame_create(forgery->payload);
    if (!CHECK(frame != NULL))
        return;
    uint8_t version = frame->header.version;
    frame->header = forgery->header;
    frame->header.size = forgery->payload;
    if (frame->header.version == 0)
        frame->header.version = version;
    for (uint64_t i = 0; i < forgery->payload; i++)
        frame->payload[i] = (unsigned char)(rand() >> 7);
    crewi_remote_tell(crewi_client_current(), frame);
}

// Is killed for it.
static int forge(void *arg)
{
    send_frame(arg);
    check_sleep(10);
    return 0;
}

static void check_unharmed(crew_pool pool);

static void expect_death(crew_pool pool, const struct forgery *forgery, int rank)
{
    crew_process process;
    crew_process_attr attr = {.placement = CREW_ON_RANK(rank)};
    int code = 0;
    check_begin("forged", forgery->what);
    CHECK_OK(crew_process_create(&process, forge, forgery, sizeof *forgery, &attr));
    CHECK_OK(crew_process_start(process));
    check_unharmed(pool);
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK_INT(code, -SIGKILL);
    CHECK_OK(crew_process_close(process));
}

static const struct forgery forgeries[] = {
    {"a reply", {.type = CREWI_REPLY, .kind = CREWI_KIND_PROCESS}, 0},
    {"a delivery", {.type = CREWI_DELIVERY, .kind = CREWI_KIND_POOL, .op = CREWI_POOL_STOP}, 16},
    {"the death of a client", {.type = CREWI_CLIENT_GONE, .origin = {.process = FOREIGN}}, 0},
    {"a shutdown", {.type = CREWI_SHUTDOWN}, 0},
    {"type 0", {.type = 0, .kind = CREWI_KIND_PROCESS}, 0},
    {"type 200", {.type = 200, .kind = CREWI_KIND_PROCESS}, 0},
    {"version 77", {.version = 77, .type = CREWI_NOTE, .kind = CREWI_KIND_PROCESS, .op = 1}, 0},
    {"kind 0", {.type = CREWI_NOTE, .kind = 0, .op = 1}, 0},
    {"kind 15", {.type = CREWI_NOTE, .kind = 15, .op = 1}, 0},
    {"kind 255", {.type = CREWI_REQUEST, .kind = 255, .op = 1}, 0},
    {"no such rank",
     {.type = CREWI_NOTE, .kind = CREWI_KIND_PROCESS, .op = 1, .target_rank = 1000},
     0},
    {"another kind", {.type = CREWI_NOTE, .kind = CREWI_KIND_POOL, .op = 1, .object = FOREIGN}, 0},
    {"a pool for a result",
     {.type = CREWI_NOTE, .kind = CREWI_KIND_RESULT, .op = 1, .object = (uint64_t)2 << 60 | 1},
     0},
    {"no such home",
     {.type = CREWI_NOTE,
      .kind = CREWI_KIND_PROCESS,
      .op = 1,
      .object = FOREIGN | (uint64_t)0xffff << 40},
     0},
};

static void expect_deaths(crew_pool pool)
{
    static const uint8_t kinds[] = {CREWI_KIND_PROCESS, CREWI_KIND_POOL, CREWI_KIND_RESULT};
    static const int ops[] = {
        CREWI_ENGINE_OPS, CREWI_OP_CHILD_ENDED, CREWI_PROCESS_SPAWN, CREWI_PROCESS_STOP, 127, 255};
    int last = crew_rank_count() - 1;
    for (size_t i = 0; i < COUNT(forgeries); i++)
        expect_death(pool, &forgeries[i], (int)i % (last + 1));
    for (size_t i = 0; i < COUNT(kinds); i++)
        for (size_t j = 0; j < COUNT(ops); j++) {
            struct forgery forgery = {
                .header = {.type = CREWI_NOTE, .kind = kinds[i], .op = (uint8_t)ops[j]},
                .payload = 40};
            snprintf(forgery.what, sizeof forgery.what, "kind %d, operation %d", kinds[i], ops[j]);
            expect_death(pool, &forgery, last);
        }
}

// What the others are sent to.
struct targets {
    crew_pool pool;
    crew_result result; // of another process
};

// Requests with payloads of all sizes, to all that there is. Survived by the sender as well.
static int send_garbage(void *arg)
{
    static const uint64_t sizes[] = {0, 1, 4, 8, 40, 500, 5000, 300000};
    static const uint8_t kinds[] = {CREWI_KIND_PROCESS, CREWI_KIND_POOL, CREWI_KIND_RESULT};
    const struct targets *targets = arg;
    const uint64_t objects[] = {0, crew_current_process().id, (uint64_t)1 << 60 | 1,
                                targets->pool.id, targets->result.id};
    for (uint8_t op = 1; op < 20; op++)
        for (size_t i = 0; i < COUNT(objects); i++)
            for (size_t j = 0; j < COUNT(sizes) - (op > 4 ? 1 : 0); j++)
                for (size_t k = 0; k < COUNT(kinds); k++) {
                    struct forgery forgery = {.payload = sizes[j]};
                    forgery.header =
                        (struct crewi_header){.type = CREWI_NOTE, .kind = kinds[k], .op = op};
                    if (crewi_id_kind(objects[i]) == kinds[k] || objects[i] == 0) {
                        forgery.header.object = objects[i];
                        send_frame(&forgery);
                    }
                }
    bool alive = false;
    CHECK_OK(crew_process_is_alive(crew_current_process(), &alive));
    return check_result();
}

static crew_status ask_object(uint64_t id, int op, const void *data, size_t size)
{
    struct crewi_call call = {.kind = (uint8_t)crewi_id_kind(id),
                              .op = (uint8_t)op,
                              .object = id,
                              .head = data,
                              .head_size = size};
    return crewi_call(&call, NULL);
}

static crew_status ask(crew_pool pool, int op, const void *data, size_t size)
{
    return ask_object(pool.id, op, data, size);
}

static const int result_ops[] = {CREWI_OP_WAIT,       CREWI_RESULT_PROGRESS, CREWI_RESULT_TAKE,
                                 CREWI_RESULT_ERRORS, CREWI_RESULT_NOTIFY,   CREWI_RESULT_CANCEL,
                                 CREWI_RESULT_KILL,   CREWI_RESULT_NEXT,     CREWI_RESULT_FETCH,
                                 CREWI_RESULT_CLOSE};

// Nobody else may wait for a result, nor take, cancel, kill or close it.
static int use_a_foreign_result(void *arg)
{
    const struct targets *targets = arg;
    crew_result_state state;
    for (size_t i = 0; i < COUNT(result_ops); i++)
        CHECK_STATUS(ask_object(targets->result.id, result_ops[i], "\1", 1), CREW_EPERM);
    CHECK_STATUS(ask_object(targets->result.id, 40, NULL, 0), CREW_EPERM);
    CHECK_STATUS(ask_object(targets->result.id + 1000, CREWI_RESULT_TAKE, NULL, 0), CREW_ENOENT);
    CHECK_STATUS(crew_result_get_state(targets->result, &state), CREW_ENOENT);
    return check_result();
}

// A process may not have its rank look into memory, nor count further than there is.
static int submit_lies(void *arg)
{
    crew_pool pool;
    struct crewi_pool_submission good = {
        .count = 1, .item_size = 8, .result_size = 8, .items = 4096, .results = 4096};
    struct crewi_pool_submission lies[6] = {good, good, good, good, good, good};
    (void)arg;
    lies[0].shared = 1;
    lies[1].count = UINT64_MAX / 8 + 1;
    lies[2].item_size = 0;
    lies[3].result_size = UINT64_MAX;
    lies[4].count = 1000; // and no items
    memset(lies[5].task, 'x', sizeof lies[5].task);
    CHECK_OK(crew_pool_create(&pool, NULL));
    for (size_t i = 0; i < COUNT(lies); i++)
        CHECK_STATUS(ask(pool, CREWI_POOL_SUBMIT, &lies[i], sizeof lies[i]), CREW_EPROTO);
    CHECK_STATUS(ask(pool, CREWI_POOL_SUBMIT, &good, 7), CREW_EPROTO);
    CHECK_STATUS(ask(pool, CREWI_POOL_NEXT_DONE, NULL, 0), CREW_OK); // none, and no time
    CHECK_STATUS(ask(pool, 50, NULL, 0), CREW_EPROTO);
    check_unharmed(pool);
    CHECK_OK(crew_pool_destroy(pool));
    return check_result();
}

static void expect_success(crew_process_function *function, const struct targets *targets, int rank)
{
    crew_process process;
    crew_process_attr attr = {.placement = CREW_ON_RANK(rank)};
    int code = 1;
    CHECK_OK(crew_process_create(&process, function, targets, sizeof *targets, &attr));
    CHECK_OK(crew_process_start(process));
    CHECK_OK(crew_process_join(process, CREW_FOREVER));
    CHECK_OK(crew_process_exitcode(process, &code));
    CHECK_INT(code, 0);
    CHECK_OK(crew_process_close(process));
    check_unharmed(targets->pool);
}

CREW_TASK(square, int, int)
{
    *result = *item * *item;
    return CREW_OK;
}

static void check_unharmed(crew_pool pool)
{
    int items[60], results[60];
    for (int i = 0; i < 60; i++)
        items[i] = i;
    CHECK_OK(crew_pool_map(pool, square, items, results, 60, NULL));
    for (int i = 0; i < 60; i++)
        CHECK_INT(results[i], i * i);
}

// Workers that lie about results

struct lie {
    int number; // 0: none
    uint64_t pool;
};

static void tell_lie(const struct lie *lie)
{
    unsigned char bytes[1024] = {0};
    struct crewi_pool_result result = {
        .map = 1, .begin = 7, .count = 1, .result_size = sizeof(int)};
    struct crewi_pool_failure failure = {
        .index = UINT64_MAX / 2, .status = 5, .reason_size = 1u << 31};
    size_t size = sizeof result + sizeof(int);
    switch (lie->number) {
    case 1: // of another map
        result.map = 1000;
        break;
    case 2: // more than there is
        result.count = UINT64_MAX / 4;
        break;
    case 3: // failures that are not there
        result.failure_bytes = UINT32_MAX;
        break;
    case 4: // a failure that cannot be
        result.failure_bytes = sizeof failure;
        memcpy(bytes + sizeof result, &failure, sizeof failure);
        size += sizeof failure;
        break;
    case 5: // hardly anything
        size = 3;
        break;
    case 6: // nothing, for nothing
        result.count = 0;
        size = sizeof result;
        break;
    default: // its own, before it is done
        break;
    }
    memcpy(bytes, &result, sizeof result);
    struct crewi_call note = {.kind = CREWI_KIND_POOL,
                              .op = CREWI_POOL_RESULT,
                              .object = lie->pool,
                              .head = bytes,
                              .head_size = size};
    crewi_tell(&note);
    note.op = CREWI_POOL_READY;
    note.head_size = 0;
    crewi_tell(&note);
    check_sleep(0.05);
}

CREW_TASK(lie_task, struct lie, int)
{
    if (item->number != 0)
        tell_lie(item);
    *result = 1;
    return CREW_OK;
}

// The liar is killed: the task that it is in then fails with it. That is the one that lied, unless
// it told a result before it was done (lie 7): then it may be in the next one.
static void check_others(const crew_status *statuses, const int *results, int number)
{
    int lost = 0;
    for (int i = 0; i < 20; i++) {
        bool died = number == 7 && statuses[i] == CREW_EWORKERDIED;
        lost += i != 7 && died;
        CHECK(i == 7 || died || (statuses[i] == CREW_OK && results[i] == 1));
    }
    CHECK(lost <= 1);
}

static void check_lies(void)
{
    for (int number = 1; number <= 7; number++) {
        struct lie lies[20] = {{0}};
        crew_status statuses[20];
        char text[16];
        int results[20];
        crew_pool pool;
        snprintf(text, sizeof text, "%d", number);
        check_begin("lie", text);
        if (!CHECK_OK(crew_pool_create(&pool, NULL)))
            return;
        lies[7] = (struct lie){number, pool.id};
        crew_pool_map(pool, lie_task, lies, results, 20,
                      &(crew_map_attr){.chunk = 1, .statuses = statuses});
        check_others(statuses, results, number);
        check_unharmed(pool);
        CHECK_OK(crew_pool_destroy(pool));
    }
}

// The creator itself, with sizes and operations that cannot be. No call of it can do harm.
static void misuse_own_result(crew_pool pool)
{
    static const unsigned char garbage[5000] = {1};
    static const size_t sizes[] = {0, 1, 15, 16, 17, 5000};
    static int item = 3, got; // some are closed before they are done
    for (size_t i = 0; i < COUNT(result_ops) - 1; i++)
        for (size_t j = 0; j < COUNT(sizes); j++) {
            crew_result result;
            CHECK_OK(crew_pool_map_async(pool, &result, square, &item, &got, 1, NULL));
            CHECK_STATUS(ask_object(result.id, 40, garbage, sizes[j]), CREW_EPROTO);
            ask_object(result.id, result_ops[i], garbage, sizes[j]);
            struct crewi_call note = {.kind = CREWI_KIND_RESULT,
                                      .op = CREWI_OP_FORGET_WAITS,
                                      .object = result.id,
                                      .head = garbage,
                                      .head_size = sizes[j]};
            crewi_tell(&note);
            CHECK_OK(crew_result_close(result));
        }
    check_unharmed(pool);
}

static int app(int argc, char **argv)
{
    struct targets targets;
    int items[60] = {0}, results[60];
    (void)argc;
    (void)argv;
    CHECK_OK(crew_pool_create(&targets.pool, NULL));
    expect_deaths(targets.pool);
    CHECK_OK(crew_pool_map_async(targets.pool, &targets.result, square, items, results, 60, NULL));
    for (int rank = 0; rank < crew_rank_count(); rank++) {
        check_begin("garbage", "");
        expect_success(send_garbage, &targets, rank);
        check_begin("submissions", "");
        expect_success(submit_lies, &targets, rank);
        check_begin("results", "");
        expect_success(use_a_foreign_result, &targets, rank);
    }
    CHECK_OK(crew_result_get(targets.result, CREW_FOREVER));
    check_begin("a result of one's own", "");
    misuse_own_result(targets.pool);
    CHECK_OK(crew_pool_destroy(targets.pool));
    check_lies();
    return check_failures() != 0;
}

CREW_MAIN(app)
