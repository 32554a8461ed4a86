// SPDX-License-Identifier: BSD-3-Clause
// What may be under way: a sender waits when nobody receives, and goes on when somebody does.
#include "pipe_cases.h"

#include "check.h"
#include "mark.h"

#include <string.h>

#define EACH 960 // 1024 with what a message counts besides
#define MANY 200

struct sender {
    crew_connection out;
    size_t size;
    int count;
    struct mark begun, done;
};

static int send_all(void *arg)
{
    const struct sender *sender = arg;
    mark_set(&sender->begun, "begun");
    for (int i = 0; i < sender->count; i++)
        send_filled(sender->out, sender->size, (unsigned)i);
    mark_set(&sender->done, "done");
    return check_result();
}

static struct ends make_narrow(size_t capacity)
{
    struct ends ends = {{0}, {0}};
    CHECK_OK(crew_pipe_create(&ends.in, &ends.out, &(crew_pipe_attr){.capacity = capacity}));
    return ends;
}

// Sends until there is no room; how many went.
static int count_room(crew_connection out, size_t size)
{
    static const char data[EAGER];
    int count = 0;
    crew_status status;
    while ((status = crew_send(out, data, size, 0.05)) == CREW_OK && count < 100000)
        count++;
    CHECK_INT(status, CREW_ETIMEDOUT);
    return count;
}

static void check_bound(const struct variant *variant, struct ends ends, size_t size, int count)
{
    struct sender sender = {ends.out, size, count, mark_new(), mark_new()};
    crew_process process = launch(variant, send_all, &sender, sizeof sender);
    drop(ends.out);
    mark_wait(&sender.begun, 1);
    check_sleep(2 * SHORT_S);
    CHECK(!mark_is_set(&sender.done));
    for (int i = 0; i < count; i++)
        expect_filled(ends.in, size, (unsigned)i);
    CHECK(mark_wait(&sender.done, 1));
    expect_eof(ends.in);
    CHECK_INT(finish(process), 0);
    drop(ends.in);
    mark_remove(&sender.begun);
    mark_remove(&sender.done);
}

void bound_small(const struct variant *variant)
{
    check_bound(variant, make_narrow(8 << 10), EACH, MANY);
    check_bound(variant, make_narrow(256 << 10), EAGER, 20);
    check_bound(variant, make_narrow(0), EAGER, 40);
    check_bound(variant, make_narrow(0), EAGER + 1, 2);
}

static int fill_pipe(void *arg)
{
    const struct ends *ends = arg;
    return count_room(ends->out, EACH);
}

// As many bytes as was said, from each rank; whoever is full receives what the others sent.
void bound_timed(const struct variant *variant)
{
    struct ends ends = make_narrow(16 << 10);
    char data[EACH];
    size_t size;
    int count = finish(launch(variant, fill_pipe, &ends, sizeof ends));
    CHECK(count >= 15 && count <= 17);
    for (int i = 0; i < count; i++) {
        CHECK_OK(crew_recv(ends.in, data, sizeof data, &size, LIMIT_S));
        CHECK_INT(size, EACH);
    }
    expect_nothing(ends.in);
    for (int i = 0; i < 3; i++) { // there is room again, each time as much
        count = count_room(ends.out, EACH);
        CHECK(count >= 15 && count <= 17);
        double begin = check_now();
        CHECK_STATUS(crew_send(ends.out, data, sizeof data, 0), CREW_ETIMEDOUT);
        CHECK_STATUS(crew_send(ends.out, data, sizeof data, -5), CREW_ETIMEDOUT);
        CHECK_SECONDS(begin, 0, 2);
        for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
            CHECK_STATUS(crew_send(ends.out, data, sizeof data, 0.05), CREW_ETIMEDOUT);
        CHECK_OK(crew_recv(ends.in, data, sizeof data, &size, CREW_FOREVER));
        CHECK_OK(crew_send(ends.out, data, sizeof data, LIMIT_S));
        for (int k = 0; k < count; k++)
            CHECK_OK(crew_recv(ends.in, data, sizeof data, &size, LIMIT_S));
        expect_nothing(ends.in); // what timed out was not sent
    }
    drop_both(ends);
}

// 1 MiB, with the 64 bytes that an empty message counts, too.
void bound_default(const struct variant *variant)
{
    (void)variant;
    struct ends ends = make_pipe();
    int count = count_room(ends.out, 0);
    CHECK(count >= (1 << 20) / 64 - 1 && count <= (1 << 20) / 64 + 1);
    drop_both(ends);
    ends = make_pipe();
    count = count_room(ends.out, EAGER);
    CHECK(count >= 15 && count <= 16);
    drop_both(ends);
}

// More than the capacity at a time: goes alone.
void bound_oversized(const struct variant *variant)
{
    struct ends ends = make_narrow(1);
    struct sender sender = {ends.out, 1000, 20, mark_new(), mark_new()};
    crew_process process = launch(variant, send_all, &sender, sizeof sender);
    drop(ends.out);
    for (unsigned i = 0; i < 20; i++)
        expect_filled(ends.in, 1000, i);
    expect_eof(ends.in);
    CHECK_INT(finish(process), 0);
    drop(ends.in);
    mark_remove(&sender.begun);
    mark_remove(&sender.done);
}
