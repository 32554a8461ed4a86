// SPDX-License-Identifier: BSD-3-Clause
// Sentinels, and waiting for several of them.
#include "process_cases.h"

#include "check.h"
#include "mark.h"

#include <signal.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static crew_waitable sentinel_of(crew_process process)
{
    crew_waitable sentinel = {0};
    CHECK_OK(crew_process_sentinel(process, &sentinel));
    CHECK(sentinel.id != 0);
    return sentinel;
}

static bool is_ready(crew_waitable object, double timeout_s)
{
    bool ready = false;
    size_t count = 99;
    crew_status status = crew_wait(&object, 1, &ready, &count, timeout_s);
    if (status == CREW_ETIMEDOUT) {
        CHECK_INT(count, 99); // neither is touched
        return ready;
    }
    CHECK_OK(status);
    CHECK_INT(count, ready);
    return ready;
}

void prc_28(const struct variant *variant)
{
    crew_waitable sentinel = {77};
    crew_process process = make(variant, run_until_ended, NULL, 0);
    CHECK_STATUS(crew_process_sentinel(process, &sentinel), CREW_ESTATE);
    CHECK_INT(sentinel.id, 77);
    CHECK_OK(crew_process_start(process));
    sentinel = sentinel_of(process);
    CHECK(!is_ready(sentinel, 0));
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.05);)
        CHECK(!is_ready(sentinel, 0.05));
    CHECK_OK(crew_process_terminate(process));
    CHECK(is_ready(sentinel, CREW_FOREVER));
    CHECK_INT(exitcode_of(process), -SIGTERM); // without a join
    CHECK(is_ready(sentinel, 0));
    CHECK_INT(finish(process), -SIGTERM);
}

static int wait_for_mark(void *arg)
{
    return !mark_wait(arg, 1);
}

// The ready ones, in the order in which they were given; the others are not touched.
void wait_several(const struct variant *variant)
{
    enum { ALL = 3 };
    bool inside = variant_is_inside(variant);
    size_t all = inside ? 1 : ALL, count = 99; // one has a place there
    struct mark marks[ALL];
    crew_process processes[ALL];
    crew_waitable sentinels[ALL];
    bool ready[ALL] = {true, true, true};
    for (size_t i = 0; i < all; i++) {
        marks[i] = mark_new();
        processes[i] = launch(variant, wait_for_mark, &marks[i], sizeof marks[i]);
        sentinels[i] = sentinel_of(processes[i]);
    }
    CHECK_STATUS(crew_wait(sentinels, all, ready, &count, 0), CREW_ETIMEDOUT);
    CHECK_INT(count, 99);
    for (size_t i = all; i-- > 0;) { // the last one ends first
        mark_set(&marks[i], "go");
        CHECK_OK(crew_wait(sentinels, i + 1, ready, NULL, CREW_FOREVER));
        for (size_t k = 0; k <= i; k++)
            CHECK_INT(ready[k], k == i);
    }
    CHECK_OK(crew_wait(sentinels, all, ready, &count, CREW_FOREVER));
    CHECK_INT(count, all);
    for (size_t i = 0; i < all; i++) {
        CHECK_INT(finish(processes[i]), 0);
        mark_remove(&marks[i]);
    }
}

static int wait_for_both(void *arg)
{
    bool ready[2] = {false, false};
    CHECK_OK(crew_wait(arg, 2, ready, NULL, CREW_FOREVER));
    CHECK(ready[0] || ready[1]);
    return check_result();
}

// Whoever has a sentinel may wait for it; join is for the parent alone.
void wait_elsewhere(const struct variant *variant)
{
    struct variant beside = {.attr = {.placement = variant->attr.placement}};
    crew_process ending = launch(&beside, run_until_ended, NULL, 0),
                 lasting = launch(&beside, run_until_ended, NULL, 0);
    crew_waitable both[] = {sentinel_of(lasting), sentinel_of(ending)};
    crew_process waiter = launch(variant, wait_for_both, both, sizeof both);
    check_sleep(0.01);
    CHECK_OK(crew_process_terminate(ending));
    CHECK_INT(finish(waiter), 0);
    CHECK_OK(crew_process_terminate(lasting));
    CHECK_INT(finish(lasting), -SIGTERM);
    CHECK_INT(finish(ending), -SIGTERM);
}

// A thousand waits that end early leave nothing parked.
void wait_often(const struct variant *variant)
{
    crew_process process = launch(variant, run_until_ended, NULL, 0);
    crew_waitable sentinel = sentinel_of(process);
    bool ready;
    for (int i = 0; i < 200; i++)
        CHECK_STATUS(crew_wait(&sentinel, 1, &ready, NULL, 0.0001), CREW_ETIMEDOUT);
    CHECK_OK(crew_process_terminate(process));
    CHECK_OK(crew_wait(&sentinel, 1, &ready, NULL, CREW_FOREVER));
    CHECK(ready);
    CHECK_INT(finish(process), -SIGTERM);
}

void wait_wrong(const struct variant *variant)
{
    crew_process process = launch(variant, run_until_ended, NULL, 0);
    crew_waitable sentinel = sentinel_of(process), objects[2] = {sentinel, {0}};
    bool ready[2];
    CHECK_STATUS(crew_wait(objects, 2, ready, NULL, 0), CREW_EINVAL); // an empty one
    CHECK_STATUS(crew_wait(NULL, 1, ready, NULL, 0), CREW_EINVAL);
    CHECK_STATUS(crew_wait(objects, 1, NULL, NULL, 0), CREW_EINVAL);
    CHECK_STATUS(crew_wait(NULL, 0, NULL, NULL, CREW_FOREVER), CREW_EINVAL);
    for (struct timing timing = {0}; CHECK_TIMED(&timing, 0.02);)
        CHECK_STATUS(crew_wait(NULL, 0, NULL, NULL, 0.02), CREW_ETIMEDOUT);
    objects[1].id = sentinel.id + 1000000;
    CHECK_STATUS(crew_wait(objects, 2, ready, NULL, CREW_FOREVER), CREW_ENOENT);
    objects[1].id = (uint64_t)15 << 60 | 1;
    CHECK_STATUS(crew_wait(objects, 2, ready, NULL, CREW_FOREVER), CREW_EINVAL);
    CHECK_STATUS(crew_process_sentinel(process, NULL), CREW_EINVAL);
    CHECK_STATUS(crew_process_sentinel((crew_process){0}, &sentinel), CREW_EINVAL);
    CHECK_OK(crew_process_terminate(process));
    CHECK_INT(finish(process), -SIGTERM);
    CHECK_STATUS(crew_wait(objects, 1, ready, NULL, CREW_FOREVER), CREW_ECLOSED);
}
