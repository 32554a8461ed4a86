/* SPDX-License-Identifier: BSD-3-Clause */
/* The doorbell: no ring is lost, whoever sleeps, whoever rings, and while the driving changes
 * hands. */
#include "base/clock.h"
#include "node/bell.h"
#include "processes.h"
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

static struct crewi_bell *bell;
static int bell_fd;

static int begin(void **state)
{
    (void)state;
    return crewi_bell_create(&bell, &bell_fd);
}

static int end(void **state)
{
    (void)state;
    crewi_bell_detach(bell);
    crewi_bell_detach(NULL);
    return close(bell_fd);
}

/* Sleeps, and says whether it was for the whole time. */
static bool oversleeps(enum crewi_bell_sleeper who, int64_t duration_ns)
{
    int64_t deadline_ns = crewi_now_ns() + duration_ns;
    crewi_bell_sleep(bell, who, deadline_ns);
    return crewi_now_ns() >= deadline_ns;
}

static void ring_answer_sleep(void **state)
{
    (void)state;
    assert_true(oversleeps(CREWI_BELL_SERVICE, 10 * CREWI_MILLISECOND));
    crewi_bell_ring(bell);
    assert_false(oversleeps(CREWI_BELL_SERVICE, LOST_NS));
    assert_false(oversleeps(CREWI_BELL_DRIVER, LOST_NS)); /* not answered yet */
    crewi_bell_answer(bell);
    assert_true(oversleeps(CREWI_BELL_DRIVER, 10 * CREWI_MILLISECOND));
    assert_true(oversleeps(CREWI_BELL_DRIVER, -1));
    assert_int_equal(atomic_load(&bell->sleepers), 0);
}

static void news_of_ports(void **state)
{
    (void)state;
    crewi_bell_ring_port(bell, 0);
    crewi_bell_ring_port(bell, 64);
    crewi_bell_ring_port(bell, 65);
    crewi_bell_ring_port(bell, CREWI_PORT_LIMIT - 1);
    assert_int_equal(atomic_load(&bell->rung), 1);
    crewi_bell_answer(bell);
    assert_int_equal(atomic_load(&bell->rung), 0);
    assert_int_equal(atomic_load(&bell->ports[0]), 1);
    assert_int_equal(atomic_load(&bell->ports[1]), 3);
    assert_true(atomic_load(&bell->ports[CREWI_PORT_LIMIT / 64 - 1]) == (uint64_t)1 << 63);
}

static void news_of_ranks(void **state)
{
    (void)state;
    assert_int_equal(atomic_load(&bell->rank_news), 0);
    crewi_bell_ring_port(bell, 1);
    assert_int_equal(atomic_load(&bell->rank_news), 0);
    crewi_bell_ring_rank(bell, false);
    assert_int_equal(atomic_load(&bell->rank_news), 1);
    assert_int_equal(atomic_load(&bell->rung), 1);
}

/* What a process id and a number mean elsewhere: the bell of a process that is not meant. */
static void not_the_one_that_is_meant(void **state)
{
    struct crewi_bell *twin, *attached = NULL;
    int twin_fd;
    (void)state;
    assert_int_equal(crewi_bell_create(&twin, &twin_fd), CREW_OK);
    struct crewi_memfd_place place = crewi_bell_place(bell, bell_fd);
    place.fd = twin_fd;
    assert_int_equal(crewi_bell_attach(&attached, &place), CREW_EPROTO);
    assert_null(attached);
    crewi_bell_detach(twin);
    close(twin_fd);
}

static void another_mapping(void **state)
{
    struct crewi_bell *other = NULL, *untouched = (void *)state;
    (void)state;
    struct crewi_memfd_place place = crewi_bell_place(bell, bell_fd);
    assert_int_equal(crewi_bell_attach(&other, &place), CREW_OK);
    assert_ptr_not_equal(other, bell);
    crewi_bell_ring_port(other, 3);
    assert_int_equal(atomic_load(&bell->rung), 1);
    assert_int_equal(atomic_load(&bell->ports[0]), 8);
    crewi_bell_detach(other);
    place.fd = 1000000;
    assert_int_equal(crewi_bell_attach(&untouched, &place), CREW_ESYSTEM);
    assert_ptr_equal(untouched, state);
}

/* One thread in a sleep */

struct sleeper {
    pthread_t thread;
    enum crewi_bell_sleeper who;
    bool while_driven;
    bool overslept;
    _Atomic int woken;
};

static void *sleeper_main(void *context)
{
    struct sleeper *sleeper = context;
    int64_t deadline_ns = crewi_now_ns() + LOST_NS;
    if (sleeper->while_driven)
        crewi_bell_sleep_while_driven(bell, deadline_ns);
    else
        crewi_bell_sleep(bell, sleeper->who, deadline_ns);
    sleeper->overslept = crewi_now_ns() >= deadline_ns;
    atomic_store(&sleeper->woken, 1);
    return NULL;
}

static void start(struct sleeper *sleeper, enum crewi_bell_sleeper who, bool while_driven)
{
    uint32_t before = atomic_load(&bell->sleepers);
    *sleeper = (struct sleeper){.who = who, .while_driven = while_driven};
    assert_int_equal(pthread_create(&sleeper->thread, NULL, sleeper_main, sleeper), 0);
    while (atomic_load(&bell->sleepers) == before)
        sched_yield();
    usleep(20000);
    assert_int_equal(atomic_load(&sleeper->woken), 0);
}

static void expect_woken(struct sleeper *sleeper)
{
    assert_int_equal(pthread_join(sleeper->thread, NULL), 0);
    assert_false(sleeper->overslept);
}

static void a_ring_wakes(void **state)
{
    struct sleeper sleeper;
    (void)state;
    start(&sleeper, CREWI_BELL_SERVICE, false);
    crewi_bell_ring(bell);
    expect_woken(&sleeper);
    crewi_bell_answer(bell);
    start(&sleeper, CREWI_BELL_SERVICE, false);
    crewi_bell_wake_service(bell);
    expect_woken(&sleeper);
}

static void the_driver_is_woken_and_not_the_service(void **state)
{
    struct sleeper service, driver;
    (void)state;
    crewi_bell_begin_driving(bell);
    start(&service, CREWI_BELL_SERVICE, true);
    start(&driver, CREWI_BELL_DRIVER, false);
    crewi_bell_ring(bell);
    expect_woken(&driver);
    usleep(20000);
    assert_int_equal(atomic_load(&service.woken), 0);
    crewi_bell_end_driving(bell, false); /* it has rung, and nobody has answered */
    expect_woken(&service);
}

static void a_driver_that_leaves(void **state)
{
    struct sleeper service;
    (void)state;
    crewi_bell_begin_driving(bell);
    start(&service, CREWI_BELL_SERVICE, true);
    crewi_bell_end_driving(bell, true);
    expect_woken(&service);
    crewi_bell_answer(bell);
    crewi_bell_begin_driving(bell);
    start(&service, CREWI_BELL_SERVICE, true);
    crewi_bell_ring(bell);
    crewi_bell_answer(bell);
    crewi_bell_end_driving(bell, false); /* nothing is left to do: the service may sleep on */
    usleep(20000);
    crewi_bell_wake_service(bell);
    expect_woken(&service);
}

static void nobody_drives(void **state)
{
    int64_t before = crewi_now_ns();
    (void)state;
    crewi_bell_sleep_while_driven(bell, before + LOST_NS);
    assert_true(crewi_now_ns() < before + LOST_NS);
    assert_int_equal(atomic_load(&bell->sleepers), 0);
}

/* Stress. A ringer says something, rings, and waits until it was heard. */

#define RINGERS 3
#define RINGS 20000

struct board {
    _Atomic uint32_t said[RINGERS], heard[RINGERS];
};

static struct board *board;

static void ring_often(struct crewi_bell *its_bell, int number)
{
    uint64_t seed = 17 + (uint64_t)number;
    for (uint32_t i = 1; i <= RINGS; i++) {
        atomic_store(&board->said[number], i);
        crewi_bell_ring_port(its_bell, (uint32_t)number);
        while (atomic_load(&board->heard[number]) != i)
            sched_yield();
        for (uint64_t n = unit_random_below(&seed, 300); n; n--)
            crewi_pause();
    }
}

/* True when all have been heard to the end. */
static bool hear(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < RINGERS; i++) {
        uint32_t said = atomic_load(&board->said[i]);
        atomic_store(&board->heard[i], said);
        sum += said;
    }
    return sum == RINGERS * RINGS;
}

static void hear_all(void)
{
    for (;;) {
        crewi_bell_answer(bell);
        if (hear())
            return;
        assert_false(oversleeps(CREWI_BELL_SERVICE, LOST_NS));
    }
}

static void *ringer_main(void *context)
{
    ring_often(bell, (int)(intptr_t)context);
    return NULL;
}

static void rings_of_threads(void **state)
{
    pthread_t threads[RINGERS];
    (void)state;
    board = shared_memory(sizeof *board);
    for (intptr_t i = 0; i < RINGERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ringer_main, (void *)i), 0);
    hear_all();
    for (int i = 0; i < RINGERS; i++)
        pthread_join(threads[i], NULL);
    munmap(board, sizeof *board);
}

static void rings_of_processes(void **state)
{
    pid_t pids[RINGERS];
    struct crewi_memfd_place place = crewi_bell_place(bell, bell_fd);
    (void)state;
    board = shared_memory(sizeof *board);
    for (int i = 0; i < RINGERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0) {
            struct crewi_bell *mine;
            if (crewi_bell_attach(&mine, &place))
                _exit(1);
            ring_often(mine, i);
            _exit(0);
        }
    }
    hear_all();
    for (int i = 0; i < RINGERS; i++)
        assert_int_equal(exit_code_of(pids[i]), 0);
    munmap(board, sizeof *board);
}

/* Driver and service, as the loop has them: a mutex, and whoever is there hears. */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool driving;
static _Atomic bool done;
static _Atomic int lost;

static void step(enum crewi_bell_sleeper who)
{
    crewi_bell_answer(bell);
    if (hear())
        atomic_store(&done, true);
    pthread_mutex_unlock(&mutex);
    if (!atomic_load(&done) && oversleeps(who, CREWI_SECOND) && atomic_load(&bell->rung))
        atomic_fetch_add(&lost, 1);
    pthread_mutex_lock(&mutex);
}

static void *service_main(void *context)
{
    (void)context;
    pthread_mutex_lock(&mutex);
    while (!atomic_load(&done)) {
        if (!driving) {
            step(CREWI_BELL_SERVICE);
            continue;
        }
        pthread_mutex_unlock(&mutex);
        int64_t deadline_ns = crewi_now_ns() + CREWI_SECOND;
        crewi_bell_sleep_while_driven(bell, deadline_ns);
        if (crewi_now_ns() >= deadline_ns && !atomic_load(&bell->driven) &&
            atomic_load(&bell->rung))
            atomic_fetch_add(&lost, 1);
        pthread_mutex_lock(&mutex);
    }
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void driver_and_service_take_turns(void **state)
{
    pthread_t threads[RINGERS], service;
    uint64_t seed = 4;
    (void)state;
    atomic_store(&done, false);
    atomic_store(&lost, 0);
    board = shared_memory(sizeof *board);
    assert_int_equal(pthread_create(&service, NULL, service_main, NULL), 0);
    for (intptr_t i = 0; i < RINGERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ringer_main, (void *)i), 0);
    pthread_mutex_lock(&mutex);
    while (!atomic_load(&done)) {
        driving = true;
        crewi_bell_begin_driving(bell);
        for (uint64_t n = unit_random_below(&seed, 4); n; n--)
            step(CREWI_BELL_DRIVER);
        driving = false;
        crewi_bell_end_driving(bell, unit_random_below(&seed, 2));
        pthread_mutex_unlock(&mutex);
        if (unit_random_below(&seed, 3) == 0)
            sched_yield();
        pthread_mutex_lock(&mutex);
    }
    pthread_mutex_unlock(&mutex);
    crewi_bell_wake_service(bell);
    pthread_join(service, NULL);
    for (int i = 0; i < RINGERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&lost), 0);
    munmap(board, sizeof *board);
}

/* The last moment: the driver leaves a bell that has rung while the service lies down. */

static _Atomic uint32_t turn, served;

static void *waiting_service_main(void *context)
{
    (void)context;
    while (!atomic_load(&done)) {
        int64_t deadline_ns = crewi_now_ns() + CREWI_SECOND;
        crewi_bell_sleep_while_driven(bell, deadline_ns);
        if (crewi_now_ns() >= deadline_ns)
            atomic_fetch_add(&lost, 1);
        if (!atomic_load(&bell->driven))
            atomic_store(&served, atomic_load(&turn));
    }
    return NULL;
}

static void a_driver_leaves_while_the_service_lies_down(void **state)
{
    pthread_t service;
    uint64_t seed = 4;
    (void)state;
    atomic_store(&done, false);
    atomic_store(&lost, 0);
    assert_int_equal(pthread_create(&service, NULL, waiting_service_main, NULL), 0);
    /* For so long, however busy the machine is. */
    int64_t end_ns = crewi_now_ns() + 3 * CREWI_SECOND / 2;
    for (uint32_t i = 1; crewi_now_ns() < end_ns && !atomic_load(&lost); i++) {
        crewi_bell_begin_driving(bell);
        crewi_bell_ring(bell);
        for (uint64_t n = unit_random_below(&seed, 100); n; n--)
            crewi_pause();
        atomic_store(&turn, i);
        crewi_bell_end_driving(bell, true);
        while (atomic_load(&served) != i && !atomic_load(&lost))
            sched_yield();
        crewi_bell_answer(bell);
    }
    atomic_store(&done, true);
    crewi_bell_wake_service(bell);
    pthread_join(service, NULL);
    assert_int_equal(atomic_load(&lost), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ring_answer_sleep),
        TEST(news_of_ports),
        TEST(news_of_ranks),
        TEST(another_mapping),
        TEST(not_the_one_that_is_meant),
        TEST(a_ring_wakes),
        TEST(the_driver_is_woken_and_not_the_service),
        TEST(a_driver_that_leaves),
        TEST(nobody_drives),
        TEST(rings_of_threads),
        TEST(rings_of_processes),
        TEST(driver_and_service_take_turns),
        TEST(a_driver_leaves_while_the_service_lies_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
