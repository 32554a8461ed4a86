/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/schedule.h"

#include "base/clock.h"
#include "base/error.h"
#include "node/claim.h"

#include <stdlib.h>

/* Handing a chunk out and back wakes three engines, which costs 50 to 100 µs of somebody's core: a
 * chunk is to be worth several times that, as long as there is one for every worker. Below the
 * lesser figure even an idle worker would not help. */
#define WORTHWHILE_CHUNK_NS (500 * CREWI_MICROSECOND)
#define SMALLEST_CHUNK_NS (100 * CREWI_MICROSECOND)

/* Chunks that take less than this are handed out several ahead, so that no worker waits for the way
 * there and back. */
#define IN_HAND_NS (300 * CREWI_MICROSECOND)
#define CHUNKS_IN_HAND 8

/* Chunks of a chosen size that take no longer than this all in all travel together. */
#define BUNDLE_NS (20 * CREWI_MICROSECOND)

/* With less than this in hand a worker gets the next chunk, whoever might be done with it earlier;
 * with more than that the way there and back does not matter, but who has the last tasks does. */
#define SHORT_NS (1 * CREWI_MILLISECOND)
#define LONG_NS (10 * CREWI_MILLISECOND)

/* A home is not much faster: when all its workers come for chunks that take less than this for each
 * of them, they wait for it. */
#define HOME_CHUNK_NS (2 * CREWI_MICROSECOND)

/* A worker with so much to do still does not wait for a chunk that its rank is not woken for. (It
 * may when that is all one chunk; then others have the core for the moment of a wake-up, which
 * costs less than the wake-ups saved.) */
#define BUSY_NS (1 * CREWI_MILLISECOND)

#define MEASURED_LIMIT_NS (1000000 * CREWI_SECOND)

void crewi_schedule_init(struct crewi_schedule *schedule, uint64_t count, size_t item_size,
                         uint64_t fixed, uint32_t workers)
{
    uint64_t limit = item_size ? CREWI_SCHEDULE_BYTES / item_size : CREWI_CLAIM_TASKS;
    *schedule = (struct crewi_schedule){
        .count = count, .fixed = fixed, .limit = limit ? limit : 1, .workers = workers};
}

void crewi_schedule_fini(struct crewi_schedule *schedule)
{
    free(schedule->returned);
    schedule->returned = NULL;
    schedule->returned_count = 0;
}

uint64_t crewi_schedule_remaining(const struct crewi_schedule *schedule)
{
    return schedule->count - schedule->next + schedule->returned_tasks;
}

static uint64_t share(uint64_t tasks, uint64_t shares)
{
    return tasks / shares + (tasks % shares != 0);
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many tasks take so long; 1 while nobody knows. */
static uint64_t tasks_for(const struct crewi_schedule *schedule, int64_t ns)
{
    int64_t task_ns = crewi_schedule_task_ns(schedule);
    return task_ns ? (uint64_t)(ns / task_ns) : 1;
}

/* The first tasks say little of the others: they are not taken for more than as many again. */
static uint64_t smallest_size(const struct crewi_schedule *schedule)
{
    return smaller(tasks_for(schedule, SMALLEST_CHUNK_NS), larger(schedule->measured_tasks, 1));
}

/* Chunks of a chosen size that are over at once travel together, for the way of each would take
 * longer than its tasks. */
static uint64_t together(const struct crewi_schedule *schedule, uint64_t size)
{
    if (!schedule->bundles)
        return size;
    uint64_t most = share(crewi_schedule_remaining(schedule), 4 * (uint64_t)schedule->workers);
    return larger(size, smaller(tasks_for(schedule, BUNDLE_NS), most) / size * size);
}

/* The square of the coefficient of variation of what tasks take, from what chunks took; 0 while
 * nobody knows. Tasks that grow with their indices count as uneven, too. */
static double unevenness(const struct crewi_schedule *schedule)
{
    double tasks = (double)schedule->measured_tasks, ns = (double)schedule->measured_ns;
    if (schedule->measured_chunks < 2 || ns <= 0)
        return 0;
    double mean = ns / tasks, variance = (schedule->measured_squares - ns * mean) /
                                         (double)(schedule->measured_chunks - 1);
    return variance > 0 ? variance / (mean * mean) : 0;
}

/* The most tasks that take, for the unluckiest one of all workers, no longer than @p fair tasks do
 * in the mean; at least 1. Of W sums of c tasks the longest is about sqrt(2 c ln W) standard
 * deviations longer than their mean; a little more (log2 instead of ln) for those that are skewed.
 */
static uint64_t safe_size(const struct crewi_schedule *schedule, double fair)
{
    double spread = 2.0 * (32 - __builtin_clz(schedule->workers)) * unevenness(schedule);
    uint64_t low = 1, high = (uint64_t)fair;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        double left = fair - (double)middle;
        if (spread * (double)middle <= left * left)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* What each worker would get if what is left were shared out now. */
static double fair_share(const struct crewi_schedule *schedule)
{
    return (double)crewi_schedule_remaining(schedule) / schedule->workers;
}

/* What a worker may get that has so many tasks to do. */
static uint64_t even_size(const struct crewi_schedule *schedule, uint64_t in_hand)
{
    double fair = fair_share(schedule);
    uint64_t safe = safe_size(schedule, fair + (double)in_hand),
             least = smaller(tasks_for(schedule, HOME_CHUNK_NS * (int64_t)schedule->workers),
                             (uint64_t)(fair / 2));
    return larger(safe > in_hand ? safe - in_hand : 1, least);
}

static uint64_t guided_size(const struct crewi_schedule *schedule, uint64_t in_hand)
{
    uint64_t most = share(schedule->count, 4 * (uint64_t)schedule->workers);
    uint64_t size = share(crewi_schedule_remaining(schedule), 2 * (uint64_t)schedule->workers);
    if (!schedule->measured_chunks && in_hand)
        return share(most, 4); /* only to bridge the way: who knows what they take */
    size = smaller(size, even_size(schedule, in_hand));
    size = smaller(most, larger(size, tasks_for(schedule, WORTHWHILE_CHUNK_NS)));
    return larger(size, smallest_size(schedule));
}

/* A round begins when the one before has given a chunk to every worker. */
static uint64_t factoring_size(struct crewi_schedule *schedule)
{
    if (!schedule->round_left) {
        schedule->round_left = schedule->workers;
        schedule->round_size =
            share(crewi_schedule_remaining(schedule), 2 * (uint64_t)schedule->workers);
    }
    schedule->round_left--;
    return larger(schedule->round_size, smallest_size(schedule));
}

/* What a worker says of its time may be anything: no more than four times, no less than a quarter.
 */
static uint64_t weighted_size(const struct crewi_schedule *schedule, double speed, uint64_t in_hand)
{
    double weight = speed > 4 ? 4 : speed >= 0.25 ? speed : 0.25;
    return larger((uint64_t)((double)guided_size(schedule, in_hand) * weight), 1);
}

static uint64_t chunk_size(struct crewi_schedule *schedule, double speed, uint64_t in_hand)
{
    if (schedule->fixed)
        return smaller(together(schedule, schedule->fixed), schedule->limit);
    switch (schedule->policy) {
    case CREW_SCHEDULE_STATIC:
        return smaller(share(schedule->count, schedule->workers), schedule->limit);
    case CREW_SCHEDULE_DYNAMIC:
        return smaller(together(schedule, 1), schedule->limit);
    case CREW_SCHEDULE_FACTORING:
        return smaller(factoring_size(schedule), schedule->limit);
    case CREW_SCHEDULE_WEIGHTED:
        return smaller(weighted_size(schedule, speed, in_hand), schedule->limit);
    default:
        return smaller(guided_size(schedule, in_hand), schedule->limit);
    }
}

void crewi_schedule_choose(struct crewi_schedule *schedule, crew_schedule policy)
{
    schedule->policy = policy;
}

static void take_from(struct crewi_range *from, uint64_t size, struct crewi_range *chunk)
{
    *chunk = (struct crewi_range){from->begin, size < from->count ? size : from->count};
    from->begin += chunk->count;
    from->count -= chunk->count;
}

bool crewi_schedule_take(struct crewi_schedule *schedule, struct crewi_range *chunk)
{
    return crewi_schedule_take_for(schedule, 1, 0, chunk);
}

bool crewi_schedule_take_for(struct crewi_schedule *schedule, double speed, uint64_t in_hand,
                             struct crewi_range *chunk)
{
    if (!crewi_schedule_remaining(schedule))
        return false; /* and no round of nothing begins */
    return crewi_schedule_take_some(schedule, chunk_size(schedule, speed, in_hand), chunk);
}

bool crewi_schedule_take_some(struct crewi_schedule *schedule, uint64_t tasks,
                              struct crewi_range *chunk)
{
    uint64_t size = smaller(tasks, schedule->limit);
    if (!crewi_schedule_remaining(schedule) || !size)
        return false;
    if (schedule->returned_count) {
        struct crewi_range *last = &schedule->returned[schedule->returned_count - 1];
        take_from(last, size, chunk);
        schedule->returned_tasks -= chunk->count;
        if (!last->count)
            schedule->returned_count--;
        return true;
    }
    struct crewi_range fresh = {schedule->next, schedule->count - schedule->next};
    take_from(&fresh, size, chunk);
    schedule->next = fresh.begin;
    return true;
}

/* There is room for it where it came from. */
void crewi_schedule_shorten(struct crewi_schedule *schedule, struct crewi_range *chunk,
                            uint64_t count)
{
    struct crewi_range rest = {chunk->begin + count, chunk->count - count};
    chunk->count = count;
    if (!rest.count)
        return;
    if (rest.begin + rest.count == schedule->next) {
        schedule->next = rest.begin;
        return;
    }
    struct crewi_range *last = schedule->returned + schedule->returned_count;
    schedule->returned_tasks += rest.count;
    if (schedule->returned_count && last[-1].begin == rest.begin + rest.count) {
        last[-1].begin = rest.begin;
        last[-1].count += rest.count;
        return;
    }
    *last = rest;
    schedule->returned_count++;
}

crew_status crewi_schedule_return(struct crewi_schedule *schedule, struct crewi_range range)
{
    if (!range.count)
        return CREW_OK;
    if (schedule->returned_count == schedule->returned_room) {
        size_t room = schedule->returned_room ? 2 * schedule->returned_room : 8;
        struct crewi_range *grown = realloc(schedule->returned, room * sizeof *grown);
        if (!grown)
            return crewi_error_memory();
        schedule->returned = grown;
        schedule->returned_room = room;
    }
    schedule->returned[schedule->returned_count++] = range;
    schedule->returned_tasks += range.count;
    return CREW_OK;
}

void crewi_schedule_measure(struct crewi_schedule *schedule, uint64_t tasks, int64_t busy_ns)
{
    /* What a worker says may be anything. */
    if (busy_ns < 0 || busy_ns > MEASURED_LIMIT_NS ||
        schedule->measured_ns > INT64_MAX - MEASURED_LIMIT_NS)
        return;
    if (!tasks)
        return;
    schedule->measured_tasks += tasks;
    schedule->measured_chunks++;
    schedule->measured_ns += busy_ns;
    schedule->measured_squares += (double)busy_ns * (double)busy_ns / (double)tasks;
}

int64_t crewi_schedule_task_ns(const struct crewi_schedule *schedule)
{
    if (!schedule->measured_tasks)
        return 0;
    int64_t mean = schedule->measured_ns / (int64_t)schedule->measured_tasks;
    return mean > 0 ? mean : 1;
}

bool crewi_schedule_wants_more(const struct crewi_schedule *schedule, uint64_t tasks,
                               uint32_t chunks)
{
    uint64_t remaining = crewi_schedule_remaining(schedule);
    if (!remaining || chunks >= CHUNKS_IN_HAND)
        return false;
    if (!chunks)
        return true;
    if (schedule->policy == CREW_SCHEDULE_STATIC && !schedule->fixed)
        return false; /* the others have theirs to come */
    int64_t task_ns = crewi_schedule_task_ns(schedule);
    double in_hand_ns = (double)tasks * (double)task_ns, fair = fair_share(schedule);
    if (!task_ns)
        return chunks < 2 && remaining > 2 * (uint64_t)schedule->workers;
    if (chunks >= 2) /* many that are short by what is known so far may be long */
        return in_hand_ns < (double)IN_HAND_NS &&
               (tasks < CHUNKS_IN_HAND || 2 * (double)tasks <= fair);
    if (in_hand_ns >= (double)LONG_NS)
        return false;
    return in_hand_ns < (double)SHORT_NS || tasks < safe_size(schedule, fair + (double)tasks);
}

bool crewi_schedule_can_wait(const struct crewi_schedule *schedule, uint64_t tasks)
{
    int64_t task_ns = crewi_schedule_task_ns(schedule);
    return task_ns && (double)tasks * (double)task_ns >= (double)BUSY_NS;
}

bool crewi_schedule_check(const struct crewi_schedule *schedule)
{
    uint64_t returned = 0;
    for (size_t i = 0; i < schedule->returned_count; i++) {
        const struct crewi_range *range = &schedule->returned[i];
        if (!range->count || range->begin + range->count > schedule->next)
            return false;
        returned += range->count;
    }
    return schedule->next <= schedule->count && returned == schedule->returned_tasks &&
           schedule->workers > 0;
}
