// SPDX-License-Identifier: BSD-3-Clause
// Results one by one.
#include "future_cases.h"

#include "check.h"

#include <string.h>

#define COUNT 60
#define LIMIT_S 30

static void check_all(crew_iterator iterator, bool in_order)
{
    bool had[COUNT] = {0};
    struct answer answer;
    size_t index = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (!CHECK_OK(crew_iterator_next(iterator, &answer, &index, LIMIT_S)))
            return;
        CHECK(index < COUNT && !had[index]);
        had[index] = true;
        CHECK(!in_order || index == i);
        CHECK_INT(answer.square, (long)(index * index));
    }
    for (int i = 0; i < 2; i++)
        CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, LIMIT_S), CREW_EOF);
}

// In the order of the items, or each once; whatever travels together.
void pol_03(const struct variant *variant)
{
    static struct step steps[COUNT];
    static const long chunks[] = {0, 1, 7, 100};
    crew_iterator iterator;
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, COUNT);
    for (size_t i = 0; i < 8; i++) {
        crew_imap_attr attr = {.chunk = chunks[i / 2], .unordered = i % 2};
        CHECK_OK(crew_pool_imap(pool, do_step, steps, COUNT, &attr, &iterator));
        check_all(iterator, !attr.unordered);
        CHECK_OK(crew_iterator_close(iterator));
    }
    CHECK_OK(crew_pool_imap(pool, do_step, NULL, 0, NULL, &iterator));
    CHECK_STATUS(crew_iterator_next(iterator, NULL, NULL, 0), CREW_EOF);
    CHECK_OK(crew_iterator_close(iterator));
    for (int unordered = 0; unordered < 2; unordered++) {
        crew_imap_attr attr = {.chunk = -1, .unordered = unordered};
        CHECK_STATUS(crew_pool_imap(pool, do_step, steps, COUNT, &attr, &iterator), CREW_EINVAL);
    }
    close_pool(pool);
}

// An error stands where its item does, and the others can be had.
void pol_04(const struct variant *variant)
{
    static struct step steps[10];
    struct answer answer;
    size_t index;
    crew_iterator iterator;
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, 10);
    steps[4].what = STEP_FAIL;
    for (long chunk = 1; chunk <= 5; chunk += 4) {
        CHECK_OK(
            crew_pool_imap(pool, do_step, steps, 10, &(crew_imap_attr){.chunk = chunk}, &iterator));
        for (size_t i = 0; i < 10; i++) {
            CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, LIMIT_S),
                         i == 4 ? CREW_EDOMAIN : CREW_OK);
            CHECK_INT(index, i);
            if (i == 4)
                CHECK_CONTAINS(crew_error_message(), "task 4 of do_step: step 4 is no good");
        }
        CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, LIMIT_S), CREW_EOF);
        CHECK_OK(crew_iterator_close(iterator));
    }
    close_pool(pool);
}

// All items of an array are submitted by the call, and their results outlive the pool's workers.
void pol_03_closed(const struct variant *variant)
{
    static struct step steps[COUNT];
    crew_iterator iterator;
    (void)variant;
    plan_steps(steps, COUNT);
    for (int unordered = 0; unordered < 2; unordered++) {
        crew_imap_attr attr = {.unordered = unordered};
        crew_pool pool = open_pool(2);
        CHECK_OK(crew_pool_imap(pool, do_step, steps, COUNT, &attr, &iterator));
        CHECK_OK(crew_pool_close(pool));
        if (unordered)
            CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
        check_all(iterator, !unordered);
        CHECK_STATUS(crew_pool_imap(pool, do_step, steps, COUNT, &attr, &iterator), CREW_ESTATE);
        CHECK_OK(crew_iterator_close(iterator));
        CHECK_OK(crew_pool_destroy(pool));
    }
}

// Tasks begin with the call, and not when somebody asks for results.
void pol_03_at_once(const struct variant *variant)
{
    struct step step = waiting_step();
    struct answer answer;
    crew_iterator iterator;
    crew_pool pool = open_pool(1);
    (void)variant;
    CHECK_OK(crew_pool_imap(pool, do_step, &step, 1, NULL, &iterator));
    CHECK(mark_wait(&step.begun, 1));
    let_go(&step);
    CHECK_OK(crew_iterator_next(iterator, &answer, NULL, LIMIT_S));
    CHECK_OK(crew_iterator_close(iterator));
    close_pool(pool);
    mark_remove(&step.begun);
    mark_remove(&step.go);
}

// Each of many that fail says why, in order or not, and they come from the home a part at a time.
void pol_04_many(const struct variant *variant)
{
    enum { MANY = 3000 };
    static struct step steps[MANY];
    struct answer answer;
    char text[64];
    size_t index;
    crew_iterator iterator;
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, MANY);
    for (int i = 0; i < MANY; i += 2)
        steps[i].what = STEP_FAIL;
    for (int unordered = 0; unordered < 2; unordered++) {
        crew_imap_attr attr = {.unordered = unordered};
        CHECK_OK(crew_pool_imap(pool, do_step, steps, MANY, &attr, &iterator));
        size_t wrong = 0;
        for (size_t i = 0; i < MANY; i++) {
            crew_status status = crew_iterator_next(iterator, &answer, &index, LIMIT_S);
            snprintf(text, sizeof text, "task %zu of do_step: step %zu is no good", index, index);
            if (index % 2 == 0)
                wrong += status != CREW_EDOMAIN || !strstr(crew_error_message(), text);
            else
                wrong += status != CREW_OK || answer.square != (long)(index * index);
            wrong += !unordered && index != i;
        }
        CHECK_INT(wrong, 0);
        CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, LIMIT_S), CREW_EOF);
        CHECK_OK(crew_iterator_close(iterator));
    }
    close_pool(pool);
}

struct block {
    unsigned char bytes[100000];
};

static crew_status fill_block(const void *item, void *result)
{
    memset(result, *(const int *)item, sizeof(struct block));
    return CREW_OK;
}

// Results that are more than travels at a time.
void pol_03_blocks(const struct variant *variant)
{
    static const crew_task task = {fill_block, sizeof(int), sizeof(struct block), "fill_block"};
    static struct block block;
    int items[COUNT], wrong = 0;
    size_t index;
    crew_iterator iterator;
    crew_pool pool = open_pool(2);
    (void)variant;
    for (int i = 0; i < COUNT; i++)
        items[i] = i + 1;
    for (int unordered = 0; unordered < 2; unordered++) {
        crew_imap_attr attr = {.unordered = unordered, .chunk = 4};
        CHECK_OK(crew_pool_imap(pool, task, items, COUNT, &attr, &iterator));
        CHECK_OK(crew_iterator_next(iterator, &block, &index, LIMIT_S));
        check_sleep(0.1); // most of the others are done then
        for (int i = 0; i < COUNT; i++) {
            wrong += block.bytes[0] != index + 1 || block.bytes[sizeof block - 1] != index + 1;
            CHECK_STATUS(crew_iterator_next(iterator, &block, &index, LIMIT_S),
                         i + 1 < COUNT ? CREW_OK : CREW_EOF);
        }
        CHECK_OK(crew_iterator_close(iterator));
    }
    CHECK_INT(wrong, 0);
    close_pool(pool);
}

struct source {
    int next, end;
    crew_status last;
};

static crew_status make_step(void *arg, void *item)
{
    struct source *source = arg;
    struct step *step = item;
    if (source->next == source->end)
        return source->last == CREW_EOF ? CREW_EOF : crew_fail(source->last, "the well is dry");
    step->number = source->next++;
    return CREW_OK;
}

// A source that fails: what came before it is delivered, then its error, once.
void pol_15(const struct variant *variant)
{
    struct source source = {.end = COUNT, .last = CREW_EOF};
    struct answer answer;
    crew_iterator iterator;
    crew_pool pool = open_pool(2);
    (void)variant;
    for (int unordered = 0; unordered < 2; unordered++) {
        source.next = 0;
        CHECK_OK(crew_pool_imap_from(pool, do_step, make_step, &source,
                                     &(crew_imap_attr){.unordered = unordered}, &iterator));
        CHECK(source.next > 0 && source.next < COUNT); // the window is full at once
        check_all(iterator, !unordered);
        CHECK_OK(crew_iterator_close(iterator));
    }
    source = (struct source){.end = 5, .last = CREW_EDOMAIN};
    CHECK_OK(crew_pool_imap_from(pool, do_step, make_step, &source, &(crew_imap_attr){.chunk = 3},
                                 &iterator));
    for (int i = 0; i < 5; i++)
        CHECK_OK(crew_iterator_next(iterator, &answer, NULL, LIMIT_S));
    CHECK_STATUS(crew_iterator_next(iterator, &answer, NULL, LIMIT_S), CREW_EDOMAIN);
    CHECK_CONTAINS(crew_error_message(), "item 5: the well is dry");
    CHECK_STATUS(crew_iterator_next(iterator, &answer, NULL, LIMIT_S), CREW_EOF);
    CHECK_OK(crew_iterator_close(iterator));
    close_pool(pool);
}

// A time limit of each task, and retries, as of maps.
void iterator_limits(const struct variant *variant)
{
    struct step steps[5];
    struct answer answer;
    crew_iterator iterator;
    crew_pool pool = open_pool(2);
    (void)variant;
    plan_steps(steps, 5);
    steps[1].what = STEP_HANG;
    steps[3].what = STEP_ABORT_ONCE;
    steps[3].begun = mark_new();
    const crew_imap_attr attr = {
        .task_timeout_s = 0.4, .retries = 1, .retry_on = CREW_RETRY_CRASH, .priority = 2};
    CHECK_OK(crew_pool_imap(pool, do_step, steps, 5, &attr, &iterator));
    for (int i = 0; i < 5; i++) {
        CHECK_STATUS(crew_iterator_next(iterator, &answer, NULL, LIMIT_S),
                     i == 1 ? CREW_ETIMEDOUT : CREW_OK);
        if (i == 1)
            CHECK_CONTAINS(crew_error_message(), "task 1 of do_step: it took longer than 0.4 s");
        else
            CHECK_INT(answer.square, (long)i * i);
    }
    CHECK_STATUS(crew_iterator_next(iterator, &answer, NULL, LIMIT_S), CREW_EOF);
    CHECK_OK(crew_iterator_close(iterator));
    mark_remove(&steps[3].begun);
    close_pool(pool);
}

// Nothing comes after the end of an iteration, and what no worker had is never begun.
static void check_ended(crew_iterator iterator, const struct step *never)
{
    struct answer answer;
    size_t index = 99;
    for (int i = 0; i < 2; i++)
        CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, LIMIT_S), CREW_EOF);
    CHECK_INT(index, 99);
    CHECK_OK(crew_iterator_close(iterator));
    CHECK(never == NULL || !mark_is_set(&never->begun));
}

// In the order of the items, as without an end; an error is the end, as with Python's map.
void fut_06(const struct variant *variant)
{
    static struct step steps[COUNT];
    struct answer answer;
    size_t index = 99;
    crew_iterator iterator;
    crew_imap_attr attr = {.timeout_s = 3600, .stop_on_error = true};
    crew_pool pool = open_pool(1);
    (void)variant;
    plan_steps(steps, COUNT);
    for (attr.chunk = 0; attr.chunk < 8; attr.chunk += 7) {
        CHECK_OK(crew_pool_imap(pool, do_step, steps, COUNT, &attr, &iterator));
        check_all(iterator, true);
        CHECK_OK(crew_iterator_close(iterator));
    }
    attr.chunk = 1;
    steps[1].what = STEP_FAIL;
    struct step *never = &steps[COUNT - 1];
    steps[2] = waiting_step(); // and behind this one, none is begun but what was claimed with it
    *never = waiting_step();
    let_go(never);
    CHECK_OK(crew_pool_imap(pool, do_step, steps, COUNT, &attr, &iterator));
    CHECK_OK(crew_iterator_next(iterator, &answer, &index, LIMIT_S));
    CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, LIMIT_S), CREW_EDOMAIN);
    CHECK_CONTAINS(crew_error_message(), "task 1 of do_step: step 1 is no good");
    CHECK_INT(index, 1);
    let_go(&steps[2]);
    check_ended(iterator, never);
    attr.unordered = true; // whichever came before it, this error is the last word
    CHECK_OK(crew_pool_imap(pool, do_step, steps, 2, &attr, &iterator));
    crew_status status = CREW_OK;
    for (int i = 0; i < 2 && !status; i++)
        status = crew_iterator_next(iterator, &answer, &index, LIMIT_S);
    CHECK_INT(status, CREW_EDOMAIN);
    check_ended(iterator, NULL);
    close_pool(pool);
    mark_remove(&steps[2].begun);
    mark_remove(&steps[2].go);
    mark_remove(&never->go);
}

// Its time begins with the call: what was not begun by its end never is.
static void check_late_begin(crew_pool pool)
{
    struct step steps[] = {waiting_step(), waiting_step()};
    struct answer answer;
    crew_iterator iterator;
    double begin = check_now();
    CHECK_OK(
        crew_pool_imap(pool, do_step, steps, 2, &(crew_imap_attr){.timeout_s = 0.05}, &iterator));
    check_sleep(0.06);
    CHECK_STATUS(crew_iterator_next(iterator, &answer, NULL, CREW_FOREVER), CREW_ETIMEDOUT);
    CHECK_CONTAINS(crew_error_message(), "within 0.05 s");
    CHECK_SECONDS(begin, 0.05, 10);
    for (int i = 0; i < 2; i++)
        let_go(&steps[i]);
    check_ended(iterator, &steps[1]);
    for (int i = 0; i < 2; i++) {
        mark_remove(&steps[i].begun);
        mark_remove(&steps[i].go);
    }
}

// What is done in time can be had, and what is not ends the iteration; what waits behind it is
// cancelled. False: nothing was done in time, as the machine is busy.
static bool check_half_done(crew_pool pool, double timeout_s)
{
    struct step steps[3] = {{.number = 5}, waiting_step(), waiting_step()};
    struct answer answer = {0};
    size_t index = 99;
    crew_iterator iterator;
    const crew_imap_attr attr = {.timeout_s = timeout_s};
    let_go(&steps[2]);
    CHECK_OK(crew_pool_imap(pool, do_step, steps, 3, &attr, &iterator));
    bool in_time = crew_iterator_next(iterator, &answer, &index, CREW_FOREVER) == CREW_OK;
    if (in_time) {
        CHECK_INT(answer.square, 25);
        CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, 0), CREW_ETIMEDOUT);
        CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, CREW_FOREVER), CREW_ETIMEDOUT);
        CHECK_INT(index, 0);
    }
    let_go(&steps[1]);
    check_ended(iterator, &steps[2]);
    mark_remove(&steps[1].begun);
    for (int i = 1; i < 3; i++)
        mark_remove(&steps[i].go);
    return in_time;
}

void fut_06_time(const struct variant *variant)
{
    double timeout_s = 0.2;
    crew_pool pool = open_pool(1);
    (void)variant;
    check_late_begin(pool);
    while (!check_half_done(pool, timeout_s) && CHECK(timeout_s < 100))
        timeout_s *= 4;
    close_pool(pool);
}

// A limit on the wait; and the end in the middle: of the iterator, and of the pool.
void iterator_ends(const struct variant *variant)
{
    struct step busy = waiting_step();
    struct answer answer;
    size_t index;
    crew_iterator iterator;
    crew_pool pool = open_pool(1);
    (void)variant;
    CHECK_OK(crew_pool_imap(pool, do_step, &busy, 1, NULL, &iterator));
    CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, 0), CREW_ETIMEDOUT);
    CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, 0.01), CREW_ETIMEDOUT);
    let_go(&busy);
    CHECK_OK(crew_iterator_next(iterator, &answer, &index, LIMIT_S));
    CHECK_OK(crew_iterator_close(iterator));
    struct source endless = {.end = -1};
    CHECK_OK(crew_pool_imap_from(pool, do_step, make_step, &endless, NULL, &iterator));
    CHECK_OK(crew_iterator_next(iterator, &answer, &index, LIMIT_S));
    CHECK(endless.next < 100); // no further ahead than the workers need
    CHECK_OK(crew_iterator_close(iterator));
    CHECK_OK(crew_iterator_close(iterator));
    CHECK_STATUS(crew_iterator_next(iterator, &answer, &index, 0), CREW_ENOENT);
    CHECK_OK(crew_pool_imap_from(pool, do_step, make_step, &endless, NULL, &iterator));
    CHECK_OK(crew_iterator_next(iterator, &answer, &index, LIMIT_S));
    CHECK_OK(crew_pool_terminate(pool));
    crew_status status = CREW_OK;
    for (int i = 0; i < 100 && status != CREW_EOF; i++)
        status = crew_iterator_next(iterator, &answer, &index, LIMIT_S);
    CHECK_INT(status, CREW_EOF);
    CHECK_OK(crew_iterator_close(iterator));
    CHECK_OK(crew_pool_join(pool, CREW_FOREVER));
    CHECK_OK(crew_pool_destroy(pool));
    mark_remove(&busy.begun);
    mark_remove(&busy.go);
}
