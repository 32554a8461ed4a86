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
    CHECK_STATUS(
        crew_pool_imap(pool, do_step, steps, COUNT, &(crew_imap_attr){.chunk = -1}, &iterator),
        CREW_EINVAL);
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
    CHECK_OK(crew_pool_imap_from(pool, do_step, make_step, &source, NULL, &iterator));
    check_all(iterator, true);
    CHECK_OK(crew_iterator_close(iterator));
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
    CHECK_OK(crew_pool_join(pool));
    CHECK_OK(crew_pool_destroy(pool));
    mark_remove(&busy.begun);
    mark_remove(&busy.go);
}
