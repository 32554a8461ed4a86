/* SPDX-License-Identifier: BSD-3-Clause */
/* A client in a child and the loop of its rank never lose a wake-up: here all sleeps last five
 * seconds when nobody wakes, and the looks around at intervals that would hide it do not happen. */
#include "base/clock.h"
#include "engine/client.h"
#include "node/futex.h"
#include "node/job.h"
#include "unit.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOST_NS (5 * CREWI_SECOND)

void __real_crewi_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t mask,
                             int64_t deadline_ns);
void __wrap_crewi_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t mask,
                             int64_t deadline_ns);

static _Atomic int *lost; /* shared with the child */

void __wrap_crewi_futex_wait(_Atomic uint32_t *word, uint32_t expected, uint32_t mask,
                             int64_t deadline_ns)
{
    (void)deadline_ns;
    int64_t end_ns = crewi_now_ns() + LOST_NS;
    __real_crewi_futex_wait(word, expected, mask, end_ns);
    if (crewi_now_ns() >= end_ns)
        atomic_fetch_add(lost, 1);
}

static struct crewi_transport *transport;
static struct crewi_bell *bell;
static struct crewi_loop loop;
static int bell_fd, server_end, port_fd;
static uint32_t slot;
static pid_t pid;
static uint64_t messages, bytes;

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    (void)object;
    if (message->op >= CREWI_ENGINE_OPS)
        return;
    messages++;
    bytes += message->size;
    crewi_engine_reply(engine, &message->origin, message->data, message->size);
}

static const struct crewi_kind kind = {.name = "process", .request = request};

static void publish_job(void)
{
    struct crewi_job *job = calloc(1, sizeof *job + sizeof *job->ranks);
    int fd;
    assert_non_null(job);
    /* One core, so that the client goes to sleep at once. */
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

/* The descriptor that goes to the fork server. */
static int passed_descriptor(void)
{
    char bytes_there[512];
    int fd = -1;
    struct iovec data = {.iov_base = bytes_there, .iov_len = sizeof bytes_there};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)];
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    assert_true(recvmsg(server_end, &message, 0) > 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    assert_non_null(header);
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

static int begin(void **state)
{
    int sockets[2];
    (void)state;
    messages = bytes = 0;
    atomic_store(lost, 0);
    if (crewi_transport_create_local(&transport) || crewi_bell_create(&bell, &bell_fd) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
        return -1;
    publish_job();
    crewi_loop_init(&loop, transport, bell);
    loop.engine.kinds[CREWI_KIND_PROCESS] = &kind;
    loop.server = (struct crewi_forkserver){.socket = sockets[0], .bell = bell};
    server_end = sockets[1];
    struct crewi_spawn wanted = {
        .process = 99, .name = "x", .core = -1, .start = crewi_frame_create(0)};
    wanted.start->header.type = CREWI_DELIVERY;
    assert_int_equal(crewi_loop_host.spawn(&loop, &wanted, &slot), CREW_OK);
    port_fd = passed_descriptor();
    struct crewi_child_event event = {.what = CREWI_CHILD_STARTED, .slot = slot, .pid = 4711};
    assert_int_equal(send(server_end, &event, sizeof event, 0), sizeof event);
    assert_true(crewi_ports_hear_server(&loop));
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (pid > 0) { /* the test failed before it had ended */
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    close(port_fd);
    close(loop.server.socket);
    close(server_end);
    crewi_loop_fini(&loop);
    crewi_transport_finish(transport);
    crewi_bell_detach(bell);
    crewi_job_detach();
    return close(bell_fd);
}

static void start(int (*child_main)(struct crewi_client *client))
{
    pid = fork();
    assert_true(pid >= 0);
    if (pid)
        return;
    static struct crewi_client client;
    struct crewi_child child = {.port_fd = port_fd, .slot = slot, .bell = bell};
    struct crewi_frame *frame;
    if (crewi_client_init_remote(&client, &child))
        _exit(98);
    crewi_client_set_process(&client);
    if (crewi_take_delivery(&frame))
        _exit(97);
    _exit(child_main(&client));
}

/* Runs the rank, asleep in between as the loop is, until so many messages have come. */
static void serve(uint64_t count)
{
    while (messages < count && !atomic_load(lost)) {
        crewi_bell_answer(bell);
        bool any = crewi_ports_poll(&loop, false);
        any |= crewi_engine_run(&loop.engine, crewi_now_ns());
        if (!any)
            crewi_bell_sleep(bell, CREWI_BELL_SERVICE, CREWI_FOREVER);
    }
}

/* The child may still wait for the last replies. */
static void finish(void)
{
    int status = 0;
    pid_t waited;
    for (int64_t end_ns = crewi_now_ns() + LOST_NS;
         (waited = waitpid(pid, &status, WNOHANG)) == 0 && crewi_now_ns() < end_ns;) {
        crewi_bell_answer(bell);
        crewi_ports_poll(&loop, false);
        crewi_engine_run(&loop.engine, crewi_now_ns());
        usleep(100);
    }
    assert_int_equal(atomic_load(lost), 0);
    assert_int_equal(waited, pid);
    pid = 0;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static struct crewi_call call_of(void *data, size_t size)
{
    return (struct crewi_call){
        .kind = CREWI_KIND_PROCESS, .op = 1, .head = data, .head_size = size};
}

#define CALLS 20000

static int call_often(struct crewi_client *client)
{
    (void)client;
    for (uint64_t i = 0; i < CALLS; i++) {
        uint64_t back = 0;
        struct crewi_call call = call_of(&i, sizeof i);
        if (crewi_call_fixed(&call, &back, sizeof back) || back != i)
            return 1;
    }
    return 0;
}

static void calls(void **state)
{
    (void)state;
    start(call_often);
    serve(CALLS);
    finish();
}

#define NOTES 1500

static size_t size_of_note(uint64_t i)
{
    uint64_t seed = i + 1;
    unit_random(&seed);
    return (size_t)unit_random_below(&seed, 600000);
}

/* Large ones that say nothing back: the child sleeps for room. */
static int tell_much(struct crewi_client *client)
{
    static unsigned char data[600000];
    (void)client;
    for (uint64_t i = 0; i < NOTES; i++) {
        struct crewi_call note = call_of(data, size_of_note(i));
        if (crewi_tell(&note))
            return 1;
    }
    return 0;
}

static void notes_larger_than_the_ring(void **state)
{
    uint64_t expected = 0;
    (void)state;
    start(tell_much);
    serve(NOTES);
    finish();
    for (uint64_t i = 0; i < NOTES; i++)
        expected += size_of_note(i);
    assert_int_equal(bytes, expected);
}

/* And back: the rank has replies that do not fit. */
static int call_with_much(struct crewi_client *client)
{
    static unsigned char data[600000], back[600000];
    (void)client;
    for (uint64_t i = 0; i < NOTES; i++) {
        size_t size = size_of_note(i);
        memset(data, (int)i & 0xff, size);
        struct crewi_call call = call_of(data, size);
        if (crewi_call_fixed(&call, back, size) || memcmp(data, back, size) != 0)
            return 1;
    }
    return 0;
}

static void replies_larger_than_the_ring(void **state)
{
    (void)state;
    start(call_with_much);
    serve(NOTES);
    while (loop.ports[slot]->out.first &&
           !atomic_load(lost)) { /* the last reply, as far as it goes */
        crewi_bell_answer(bell);
        if (!crewi_ports_poll(&loop, false))
            crewi_bell_sleep(bell, CREWI_BELL_SERVICE, CREWI_FOREVER);
    }
    finish();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls),
        TEST(notes_larger_than_the_ring),
        TEST(replies_larger_than_the_ring),
    };
    lost = mmap(NULL, sizeof *lost, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return lost == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
