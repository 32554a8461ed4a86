/* SPDX-License-Identifier: BSD-3-Clause */
/* Processes inside the rank: threads of this test, with its own thread as the main process and as
 * the service. */
#include "base/clock.h"
#include "base/error.h"
#include "node/job.h"
#include "process/process.h"
#include "unit.h"

#include <crew/process.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct crewi_transport *transport;
static struct crewi_bell *bell;
static struct crewi_loop loop;
static struct crewi_client main_client;
static int bell_fd;
static bool threads_fail;
static _Atomic int step; /* how far a process is to go, and has gone */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*routine)(void *),
                          void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*routine)(void *),
                          void *arg);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*routine)(void *),
                          void *arg)
{
    return threads_fail ? EAGAIN : __real_pthread_create(thread, attr, routine, arg);
}

static void publish_job(void)
{
    struct crewi_job *job = calloc(1, sizeof *job + sizeof *job->ranks);
    int fd;
    assert_non_null(job);
    *job = (struct crewi_job){.rank_count = 1,
                              .host_count = 1,
                              .cpu_count = 1,
                              .host_rank_count = 1,
                              .host_cpu_count = 1};
    assert_int_equal(crewi_job_create(&fd), CREW_OK);
    assert_int_equal(crewi_job_publish(fd, job), CREW_OK);
    close(fd);
    free(job);
}

static int begin(void **state)
{
    (void)state;
    threads_fail = false;
    atomic_store(&step, 0);
    if (crewi_modules_load() || crewi_transport_create_local(&transport) ||
        crewi_bell_create(&bell, &bell_fd))
        return -1;
    publish_job();
    crewi_loop_init(&loop, transport, bell);
    loop.server.socket = -1;
    main_client = (struct crewi_client){0};
    if (crewi_processes_init(&loop) || crewi_process_begin_main(&loop, &main_client))
        return -1;
    crewi_client_set_process(&main_client);
    return 0;
}

static int end(void **state)
{
    (void)state;
    crewi_loop_lock(&loop);
    crewi_client_detach_local(&main_client);
    crewi_engine_run(&loop.engine, crewi_now_ns());
    crewi_loop_unlock(&loop);
    crewi_client_set_process(NULL);
    crewi_client_fini_local(&main_client);
    crewi_processes_fini(&loop);
    crewi_loop_fini(&loop);
    crewi_transport_finish(transport);
    crewi_bell_detach(bell);
    crewi_job_detach();
    crewi_modules_unload();
    return close(bell_fd);
}

static crew_process create(crew_process_function *function, const void *arg, size_t size)
{
    crew_process process;
    crew_process_attr attr = {.start_method = CREW_START_RANK};
    assert_int_equal(crew_process_create(&process, function, arg, size, &attr), CREW_OK);
    return process;
}

static int exitcode_of(crew_process process)
{
    int code = 12345;
    assert_int_equal(crew_process_join(process, CREW_FOREVER), CREW_OK);
    assert_int_equal(crew_process_exitcode(process, &code), CREW_OK);
    return code;
}

static int returns_its_argument(void *arg)
{
    int code;
    char name[CREW_NAME_SIZE];
    memcpy(&code, arg, sizeof code);
    if (crew_process_name(crew_current_process(), name, sizeof name) ||
        strcmp(name, "Process-1") != 0)
        return 1;
    return code;
}

static int waits_for_the_test(void *arg)
{
    (void)arg;
    while (!atomic_load(&step))
        usleep(100);
    return 6;
}

static int calls_for_ever(void *arg)
{
    bool daemon;
    (void)arg;
    while (crew_process_daemon(crew_current_process(), &daemon) == CREW_OK)
        atomic_store(&step, 1);
    return 1;
}

static void a_life(void **state)
{
    int code = 300 + 44;
    pid_t pid;
    (void)state;
    crew_process process = create(returns_its_argument, &code, sizeof code);
    assert_int_equal(crew_process_start(process), CREW_OK);
    assert_int_equal(exitcode_of(process), (300 + 44) & 0xff);
    assert_int_equal(crew_process_pid(process, &pid), CREW_OK);
    assert_int_equal(pid, getpid());
    assert_int_equal(crew_process_close(process), CREW_OK);
}

/* <crew/process.h>: CREW_ESTATE when its rank already runs a CREW_START_RANK process. */
static void one_at_a_time(void **state)
{
    (void)state;
    crew_process one = create(waits_for_the_test, NULL, 0),
                 two = create(waits_for_the_test, NULL, 0);
    assert_int_equal(crew_process_start(one), CREW_OK);
    crew_status status = crew_process_start(two);
    assert_non_null(strstr(crew_error_message(), "runs a process inside already"));
    atomic_store(&step, 1);
    assert_int_equal(exitcode_of(one), 6);
    assert_int_equal(crew_process_start(two), CREW_OK); /* now it can */
    assert_int_equal(exitcode_of(two), 6);
    assert_int_equal(status, CREW_ESTATE);
}

static void terminate_at_the_next_call(void **state)
{
    (void)state;
    crew_process process = create(calls_for_ever, NULL, 0);
    assert_int_equal(crew_process_start(process), CREW_OK);
    while (!atomic_load(&step))
        usleep(100);
    assert_int_equal(crew_process_kill(process), CREW_ENOTSUP);
    assert_int_equal(crew_process_terminate(process), CREW_OK);
    assert_int_equal(exitcode_of(process), -15);
}

static void a_thread_that_cannot_be(void **state)
{
    bool alive = true;
    (void)state;
    crew_process process = create(waits_for_the_test, NULL, 0);
    threads_fail = true;
    crew_status status = crew_process_start(process);
    threads_fail = false;
    assert_int_equal(status, CREW_ESYSTEM);
    assert_non_null(strstr(crew_error_message(), "pthread_create"));
    crew_process_join(process, 0); /* whatever is still under way comes first */
    assert_int_equal(crew_process_is_alive(process, &alive), CREW_OK);
    assert_false(alive);
    atomic_store(&step, 1);
    assert_int_equal(crew_process_start(process), CREW_OK);
    assert_int_equal(exitcode_of(process), 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_life),
        TEST(one_at_a_time),
        TEST(terminate_at_the_next_call),
        TEST(a_thread_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
