/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that wait: their order, their deadlines, and the death of who asked. The kind of this
 * test parks everything. */
#include "base/clock.h"
#include "engine/parking.h"
#include "fake_job.h"
#include "unit.h"

#include <string.h>

#define KIND 5

static struct fake_job *job;
static struct fake_client one, other;
static struct crewi_parking parking;

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    (void)object;
    crewi_park(engine, &parking, message);
}

static void client_gone(struct crewi_engine *engine, uint64_t process)
{
    crewi_parking_drop_client(engine, &parking, process);
}

static const struct crewi_kind kind = {
    .name = "test", .request = request, .client_gone = client_gone};

static int begin(void **state)
{
    (void)state;
    parking = (struct crewi_parking){0};
    job = fake_job_create(2);
    fake_engine(job, 0)->kinds[KIND] = fake_engine(job, 1)->kinds[KIND] = &kind;
    fake_client_begin(&one, job, 0);
    fake_client_begin(&other, job, 1);
    return 0;
}

static int end(void **state)
{
    (void)state;
    crewi_parking_clear(fake_engine(job, 0), &parking);
    assert_int_equal(fake_engine(job, 0)->timers.count, 0);
    if (one.attached)
        fake_client_end(&one);
    if (other.attached)
        fake_client_end(&other);
    fake_job_destroy(job);
    return 0;
}

static uint64_t park(struct fake_client *client, int64_t timeout_ns)
{
    struct fake_call call = {.kind = KIND, .timeout_ns = timeout_ns};
    uint64_t asked = fake_ask(client, &call);
    fake_job_run(job);
    return asked;
}

static void replies_come_in_order(void **state)
{
    uint64_t requests[20];
    (void)state;
    for (int i = 0; i < 20; i++)
        requests[i] = park(&one, i % 2 ? CREWI_FOREVER : CREWI_SECOND);
    assert_null(one.arrived.first);
    crewi_parking_reply_all(fake_engine(job, 0), &parking, "yes", 3);
    fake_job_run(job);
    for (int i = 0; i < 20; i++) {
        struct crewi_frame *frame = fake_delivery(&one);
        assert_null(frame);
        frame = crewi_frames_pop(&one.arrived);
        assert_non_null(frame);
        assert_int_equal(frame->header.origin.request, requests[i]);
        assert_int_equal(frame->header.size, 3);
        assert_memory_equal(frame->payload, "yes", 3);
        crewi_frame_destroy(frame);
    }
    assert_null(parking.first);
    fake_job_pass_time(job, 2 * CREWI_SECOND); /* no second answer */
    assert_null(one.arrived.first);
}

static void each_has_its_deadline(void **state)
{
    (void)state;
    uint64_t late = park(&one, 300), early = park(&other, 100), never = park(&one, CREWI_FOREVER),
             middle = park(&other, 200);
    fake_job_pass_time(job, 99);
    fake_expect_parked(&other, early);
    fake_job_pass_time(job, 1);
    fake_expect_reply(&other, early, NULL, 0);
    fake_expect_parked(&other, middle);
    fake_job_pass_time(job, 150);
    fake_expect_reply(&other, middle, NULL, 0);
    fake_expect_parked(&one, late);
    fake_job_pass_time(job, 50);
    fake_expect_reply(&one, late, NULL, 0);
    fake_job_pass_time(job, INT64_MAX / 4);
    fake_expect_parked(&one, never);
    crewi_parking_reply_all(fake_engine(job, 0), &parking, NULL, 0);
    fake_expect_reply(&one, never, NULL, 0);
}

static void no_time_at_all(void **state)
{
    (void)state;
    fake_expect_reply(&one, park(&one, 0), NULL, 0);
    fake_expect_reply(&one, park(&one, -5), NULL, 0);
    fake_expect_reply(&one, park(&one, INT64_MIN), NULL, 0);
    assert_null(parking.first);
}

static void a_refusal_at_the_deadline(void **state)
{
    (void)state;
    parking.at_deadline = CREW_ETIMEDOUT;
    parking.reason = "nothing came in 100% of the time";
    fake_expect_refusal(&one, park(&one, 0), CREW_ETIMEDOUT, "nothing came in 100% of the time");
    uint64_t asked = park(&one, 10);
    fake_expect_parked(&one, asked);
    fake_job_pass_time(job, 10);
    fake_expect_refusal(&one, asked, CREW_ETIMEDOUT, "nothing came in 100% of the time");
}

static void a_deadline_beyond_all_time(void **state)
{
    (void)state;
    uint64_t asked = park(&one, CREWI_FOREVER - 1);
    fake_job_pass_time(job, CREWI_FOREVER / 2);
    fake_expect_parked(&one, asked);
}

static void refuse_all(void **state)
{
    (void)state;
    uint64_t first = park(&one, CREWI_FOREVER), second = park(&other, 1000);
    crewi_parking_refuse_all(fake_engine(job, 0), &parking, CREW_ECLOSED, "100% closed");
    fake_expect_refusal(&one, first, CREW_ECLOSED, "100% closed");
    fake_expect_refusal(&other, second, CREW_ECLOSED, "100% closed");
    assert_int_equal(fake_engine(job, 0)->timers.count, 0);
}

static void a_client_that_is_gone(void **state)
{
    uint64_t left[6];
    (void)state;
    for (int i = 0; i < 6; i++) {
        left[i] = park(&one, 1000);
        park(&other, 1000);
        park(&other, CREWI_FOREVER);
    }
    assert_int_equal(fake_engine(job, 0)->timers.count, 12);
    fake_client_end(&other); /* of another rank: home 0 hears of it */
    fake_job_run(job);
    assert_int_equal(fake_engine(job, 0)->timers.count, 6);
    fake_job_pass_time(job, 500);
    crewi_parking_reply_all(fake_engine(job, 0), &parking, "x", 1);
    for (int i = 0; i < 6; i++)
        fake_expect_reply(&one, left[i], NULL, 1);
}

static void first_middle_and_last_leave(void **state)
{
    (void)state;
    uint64_t first = park(&one, 10), second = park(&one, 40), third = park(&one, 20),
             fourth = park(&one, 30);
    fake_job_pass_time(job, 10);
    fake_expect_reply(&one, first, NULL, 0);
    fake_job_pass_time(job, 10);
    fake_expect_reply(&one, third, NULL, 0);
    fake_job_pass_time(job, 10);
    fake_expect_reply(&one, fourth, NULL, 0);
    uint64_t fifth = park(&one, 100);
    crewi_parking_reply_all(fake_engine(job, 0), &parking, NULL, 0);
    fake_expect_reply(&one, second, NULL, 0);
    fake_expect_reply(&one, fifth, NULL, 0);
}

static void take_the_first_ones(void **state)
{
    struct crewi_origin origin;
    (void)state;
    assert_false(crewi_parking_take_first(fake_engine(job, 0), &parking, &origin, NULL));
    uint64_t first = park(&one, 10), second = park(&other, CREWI_FOREVER), third = park(&one, 20);
    assert_true(crewi_parking_take_first(fake_engine(job, 0), &parking, &origin, NULL));
    assert_int_equal(origin.process, one.base.process);
    assert_int_equal(origin.request, first);
    assert_true(crewi_parking_take_first(fake_engine(job, 0), &parking, &origin, NULL));
    assert_int_equal(origin.process, other.base.process);
    assert_int_equal(origin.request, second);
    fake_job_pass_time(job, 10); /* it has no deadline any more */
    fake_expect_parked(&one, first);
    fake_job_pass_time(job, 10);
    fake_expect_reply(&one, third, NULL, 0);
    assert_false(crewi_parking_take_first(fake_engine(job, 0), &parking, &origin, NULL));
    uint64_t last = park(&one, CREWI_FOREVER);
    assert_true(crewi_parking_take_first(fake_engine(job, 0), &parking, &origin, NULL));
    assert_int_equal(origin.request, last);
    assert_null(parking.first);
    assert_null(parking.last);
}

static void refuse_those_of_one_client(void **state)
{
    uint64_t refused[3], left[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        refused[i] = park(&one, 1000 - i);
        left[i] = park(&other, 1000 + i);
    }
    crewi_parking_refuse_client(fake_engine(job, 0), &parking, one.base.process, CREW_ECLOSED,
                                "100% closed");
    for (int i = 0; i < 3; i++) {
        fake_expect_refusal(&one, refused[i], CREW_ECLOSED, "100% closed");
        fake_expect_parked(&other, left[i]);
    }
    assert_int_equal(fake_engine(job, 0)->timers.count, 3);
    crewi_parking_refuse_client(fake_engine(job, 0), &parking, one.base.process, CREW_ECLOSED, "");
    fake_job_pass_time(job, 2000);
    for (int i = 0; i < 3; i++)
        fake_expect_reply(&other, left[i], NULL, 0);
    assert_null(one.arrived.first);
}

static int expired_count;
static bool was_last;

static void count_expired(struct crewi_engine *engine, struct crewi_parking *of)
{
    (void)engine;
    assert_ptr_equal(of, &parking);
    expired_count++;
    was_last = !of->first;
}

/* The one who left is out of the queue then. */
static void who_owns_the_queue_hears_of_deadlines(void **state)
{
    (void)state;
    expired_count = 0;
    parking.expired = count_expired;
    park(&one, 10);
    park(&one, 20);
    park(&one, 0);
    uint64_t answered = park(&one, CREWI_FOREVER), dropped = park(&other, 30);
    assert_int_equal(expired_count, 0);
    fake_job_pass_time(job, 10);
    assert_int_equal(expired_count, 1);
    assert_false(was_last);
    crewi_parking_drop_requests(fake_engine(job, 0), &parking, other.base.process, dropped,
                                dropped);
    crewi_parking_drop_requests(fake_engine(job, 0), &parking, one.base.process, answered,
                                answered);
    assert_int_equal(expired_count, 1);
    fake_job_pass_time(job, 100);
    assert_int_equal(expired_count, 2);
    assert_true(was_last);
}

static struct crewi_origin moved[2];
static int moved_count;

static void move(struct crewi_engine *engine, struct crewi_parking *of,
                 const struct crewi_origin *origin)
{
    (void)engine;
    assert_ptr_equal(of, &parking);
    moved[moved_count++] = *origin;
}

/* It is out of the queue, and the one who owns that answers. */
static void who_owns_the_queue_gets_what_is_due(void **state)
{
    (void)state;
    moved_count = 0;
    parking.due = move;
    uint64_t at_once = park(&one, 0), later = park(&other, 10);
    assert_int_equal(moved_count, 1);
    assert_int_equal(moved[0].request, at_once);
    fake_job_pass_time(job, 10);
    assert_int_equal(moved_count, 2);
    assert_int_equal(moved[1].request, later);
    assert_null(parking.first);
    fake_expect_parked(&one, at_once);
    fake_expect_parked(&other, later);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(replies_come_in_order),
        TEST(each_has_its_deadline),
        TEST(no_time_at_all),
        TEST(a_refusal_at_the_deadline),
        TEST(a_deadline_beyond_all_time),
        TEST(refuse_all),
        TEST(a_client_that_is_gone),
        TEST(first_middle_and_last_leave),
        TEST(take_the_first_ones),
        TEST(refuse_those_of_one_client),
        TEST(who_owns_the_queue_hears_of_deadlines),
        TEST(who_owns_the_queue_gets_what_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
