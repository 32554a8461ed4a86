/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports of a rank: a real loop without threads, with the test in place of the fork server and
 * of the children. */
#include "base/clock.h"
#include "base/error.h"
#include "engine/loop.h"
#include "node/forkserver_protocol.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct crewi_transport *transport;
static struct crewi_bell *bell;
static struct crewi_loop loop;
static int bell_fd, server_end;

/* What the process kind was told. */
static struct {
    uint8_t op;
    struct crewi_child_note note;
    unsigned char draft[64];
    uint64_t draft_size;
} told[16];
static int told_count, messages;
static uint64_t gone;

static void request(struct crewi_engine *engine, struct crewi_object *object,
                    const struct crewi_message *message)
{
    (void)engine;
    (void)object;
    if (message->op < CREWI_ENGINE_OPS) {
        messages++;
        crewi_engine_reply(engine, &message->origin, message->data, message->size);
        return;
    }
    assert_true(told_count < 16 && message->size >= sizeof told->note);
    told[told_count].op = message->op;
    memcpy(&told[told_count].note, message->data, sizeof told->note);
    told[told_count].draft_size = message->size - sizeof told->note;
    assert_true(told[told_count].draft_size <= sizeof told->draft);
    memcpy(told[told_count].draft, (const char *)message->data + sizeof told->note,
           told[told_count].draft_size);
    told_count++;
}

static void client_gone(struct crewi_engine *engine, uint64_t process)
{
    (void)engine;
    gone = process;
    assert_int_equal(told_count && told[told_count - 1].op == CREWI_OP_CHILD_ENDED,
                     0); /* first the client, then the process */
}

static const struct crewi_kind kind = {
    .name = "process", .request = request, .client_gone = client_gone};

static int begin(void **state)
{
    int sockets[2];
    (void)state;
    told_count = messages = 0;
    gone = 0;
    if (crewi_transport_create_local(&transport) || crewi_bell_create(&bell, &bell_fd) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
        return -1;
    crewi_loop_init(&loop, transport, bell);
    loop.engine.kinds[CREWI_KIND_PROCESS] = &kind;
    loop.server = (struct crewi_forkserver){.socket = sockets[0], .bell = bell};
    server_end = sockets[1];
    return 0;
}

static int end(void **state)
{
    (void)state;
    close(loop.server.socket);
    close(server_end);
    crewi_loop_fini(&loop);
    crewi_transport_finish(transport);
    crewi_bell_detach(bell);
    return close(bell_fd);
}

/* The fork server's side */

static bool hear_request(struct crewi_server_request *asked, int *fd)
{
    struct iovec data = {.iov_base = asked, .iov_len = sizeof *asked};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof *fd)];
    struct msghdr message = {.msg_iov = &data,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    *fd = -1;
    if (recvmsg(server_end, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != (ssize_t)sizeof *asked)
        return false;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header)
        memcpy(fd, CMSG_DATA(header), sizeof *fd);
    return true;
}

static void say(const struct crewi_child_event *event)
{
    assert_int_equal(send(server_end, event, sizeof *event, 0), sizeof *event);
    atomic_store(&bell->server_news, 1);
    crewi_bell_ring(bell);
}

static void expect_signal(uint32_t slot, pid_t pid, int signal)
{
    struct crewi_server_request asked;
    int fd;
    assert_true(hear_request(&asked, &fd));
    assert_int_equal(asked.command, CREWI_SERVER_SIGNAL);
    assert_int_equal(asked.slot, slot);
    assert_int_equal(asked.pid, pid);
    assert_int_equal(asked.signal, signal);
}

static void expect_no_request(void)
{
    struct crewi_server_request asked;
    int fd;
    assert_false(hear_request(&asked, &fd));
}

/* Moves all there is. */
static void pass(void)
{
    for (int i = 0; i < 1000; i++)
        if (!crewi_loop_pass(&loop))
            return;
    fail_msg("the loop does not come to rest");
}

/* A child: the test at the other end of a port. */

struct child {
    uint64_t process;
    uint32_t slot;
    struct crewi_port port;
};

static void spawn(struct child *child, uint64_t process)
{
    struct crewi_server_request asked;
    struct crewi_frame *frame = crewi_frame_create(5);
    int fd;
    assert_non_null(frame);
    frame->header.type = CREWI_DELIVERY;
    memcpy(frame->payload, "start", 5);
    struct crewi_spawn wanted = {
        .process = process, .name = "Process-1", .core = -1, .start = frame};
    assert_int_equal(crewi_loop_host.spawn(&loop, &wanted, &child->slot), CREW_OK);
    child->process = process;
    assert_true(hear_request(&asked, &fd));
    assert_int_equal(asked.command, CREWI_SERVER_SPAWN);
    assert_int_equal(asked.slot, child->slot);
    assert_string_equal(asked.name, "Process-1");
    assert_int_equal(crewi_port_attach(&child->port, fd, true), CREW_OK);
    close(fd);
    assert_int_equal(crewi_port_receive(&child->port, &frame), 1);
    assert_int_equal(frame->header.size, 5);
    assert_memory_equal(frame->payload, "start", 5);
    crewi_frame_destroy(frame);
}

static void started(const struct child *child, pid_t pid)
{
    say(&(struct crewi_child_event){.what = CREWI_CHILD_STARTED, .slot = child->slot, .pid = pid});
    pass();
}

static void ended(const struct child *child, pid_t pid, int status)
{
    say(&(struct crewi_child_event){
        .what = CREWI_CHILD_ENDED, .slot = child->slot, .pid = pid, .value = status});
    pass();
}

static void ask(struct child *child, uint64_t size)
{
    struct crewi_frame *frame = crewi_frame_create(size);
    assert_non_null(frame);
    memset(frame->payload, 'q', size);
    frame->header.type = CREWI_REQUEST;
    frame->header.kind = CREWI_KIND_PROCESS;
    frame->header.op = 1;
    frame->header.origin.request = 1;
    assert_int_equal(crewi_port_send(&child->port, frame), 1);
    crewi_frame_destroy(frame);
    crewi_bell_ring_port(bell, child->slot);
}

static void a_life(void **state)
{
    struct child child;
    struct crewi_frame *frame;
    (void)state;
    spawn(&child, 70);
    started(&child, 500);
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].op, CREWI_OP_CHILD_STARTED);
    assert_int_equal(told[0].note.process, 70);
    assert_int_equal(told[0].note.pid, 500);
    ask(&child, 1000);
    pass();
    assert_int_equal(messages, 1);
    assert_int_equal(crewi_port_receive(&child.port, &frame), 1);
    assert_int_equal(frame->header.type, CREWI_REPLY);
    assert_int_equal(frame->header.size, 1000);
    crewi_frame_destroy(frame);
    ask(&child, 3); /* its last words, and nobody rings for them */
    atomic_store(&bell->ports[0], 0);
    ended(&child, 500, 7 << 8);
    assert_int_equal(messages, 2);
    assert_int_equal(gone, 70);
    assert_int_equal(told_count, 2);
    assert_int_equal(told[1].op, CREWI_OP_CHILD_ENDED);
    assert_int_equal(told[1].note.process, 70);
    assert_int_equal(told[1].note.value, 7 << 8);
    assert_int_equal(told[1].draft_size, 0);
    assert_null(loop.ports[child.slot]);
    expect_no_request();
    crewi_port_detach(&child.port);
}

static void a_draft_comes_with_the_end(void **state)
{
    struct child child;
    (void)state;
    spawn(&child, 71);
    started(&child, 501);
    memcpy(crewi_port_draft(&child.port), "a draft", 7);
    crewi_port_draft_begin(&child.port, 7);
    crewi_port_draft_advance(&child.port, 3);
    ended(&child, 501, SIGKILL);
    assert_int_equal(told[1].note.draft_size, 7);
    assert_int_equal(told[1].note.draft_progress, 3);
    assert_int_equal(told[1].draft_size, 7);
    assert_memory_equal(told[1].draft, "a draft", 7);
    crewi_port_detach(&child.port);
}

static void a_fork_that_failed(void **state)
{
    struct child child;
    (void)state;
    spawn(&child, 72);
    say(&(struct crewi_child_event){
        .what = CREWI_CHILD_FAILED, .slot = child.slot, .value = EAGAIN});
    pass();
    assert_int_equal(told_count, 1);
    assert_int_equal(told[0].op, CREWI_OP_CHILD_FAILED);
    assert_int_equal(told[0].note.process, 72);
    assert_int_equal(told[0].note.value, EAGAIN);
    assert_int_equal(gone, 72);
    assert_null(loop.ports[child.slot]);
    say(&(struct crewi_child_event){.what = CREWI_CHILD_ENDED, .slot = child.slot}); /* of nobody */
    say(&(struct crewi_child_event){.what = CREWI_CHILD_ENDED, .slot = UINT32_MAX});
    pass();
    assert_int_equal(told_count, 1);
    crewi_port_detach(&child.port);
}

static void a_signal_waits_for_the_pid(void **state)
{
    struct child child;
    (void)state;
    spawn(&child, 73);
    assert_int_equal(crewi_loop_host.signal(&loop, child.slot, SIGTERM), CREW_OK);
    expect_no_request();
    started(&child, 503);
    expect_signal(child.slot, 503, SIGTERM);
    crewi_loop_host.signal(&loop, child.slot, SIGKILL);
    expect_signal(child.slot, 503, SIGKILL);
    crewi_port_detach(&child.port);
}

static void write_garbage(struct child *child)
{
    bool corrupt;
    void *room = crewi_ring_reserve(&child->port.out, 10, &corrupt);
    assert_non_null(room);
    memset(room, 0xee, 10);
    crewi_ring_commit(&child->port.out, 1, 10);
    crewi_bell_ring_port(bell, child->slot);
}

static void garbage_is_the_end_of_a_child(void **state)
{
    struct child child;
    (void)state;
    spawn(&child, 74);
    started(&child, 504);
    memcpy(crewi_port_draft(&child.port), "a draft", 7);
    crewi_port_draft_begin(&child.port, 7);
    write_garbage(&child);
    pass();
    expect_signal(child.slot, 504, SIGKILL);
    crewi_bell_ring_port(bell, child.slot);
    pass();
    expect_no_request(); /* once */
    ended(&child, 504, SIGKILL);
    assert_int_equal(told[1].op, CREWI_OP_CHILD_ENDED);
    assert_int_equal(told[1].draft_size, 0); /* of one that writes garbage nothing is believed */
    crewi_port_detach(&child.port);
}

/* The child is quick, and the fork server has not said its pid yet. */
static void garbage_before_the_pid_is_known(void **state)
{
    struct child child;
    (void)state;
    spawn(&child, 75);
    write_garbage(&child);
    pass();
    struct crewi_server_request asked;
    int fd;
    while (hear_request(&asked, &fd)) /* a signal to pid 0 reaches nobody */
        assert_int_not_equal(asked.pid, 505);
    started(&child, 505);
    expect_signal(child.slot, 505, SIGKILL);
    crewi_port_detach(&child.port);
}

/* The same when it is found out while something is on its way to the child. */
static void a_bad_position_before_the_pid_is_known(void **state)
{
    struct child child;
    (void)state;
    spawn(&child, 81);
    child.port.shared->to_child.tail = 1u << 30;
    struct crewi_origin origin = {.slot = child.slot, .process = 81};
    struct crewi_frame *frame =
        crewi_engine_delivery(&loop.engine, &origin, CREWI_KIND_PROCESS, 1, 0);
    assert_non_null(frame);
    crewi_engine_send(&loop.engine, frame);
    pass();
    struct crewi_server_request asked;
    int fd;
    while (hear_request(&asked, &fd))
        assert_int_not_equal(asked.pid, 506);
    started(&child, 506);
    expect_signal(child.slot, 506, SIGKILL);
    crewi_port_detach(&child.port);
}

static void what_no_client_may_send_is_its_end(void **state)
{
    struct child child;
    (void)state;
    spawn(&child, 76);
    started(&child, 506);
    struct crewi_frame *frame = crewi_frame_create(0);
    assert_non_null(frame);
    frame->header.type = CREWI_NOTE;
    frame->header.kind = CREWI_KIND_PROCESS;
    frame->header.op = CREWI_OP_CHILD_ENDED;
    assert_int_equal(crewi_port_send(&child.port, frame), 1);
    crewi_frame_destroy(frame);
    crewi_bell_ring_port(bell, child.slot);
    pass();
    assert_int_equal(told_count, 1);
    expect_signal(child.slot, 506, SIGKILL);
    crewi_port_detach(&child.port);
}

/* More than fits into the ring waits with the rank, in order, and goes as the child makes room. */
static void what_does_not_fit_waits(void **state)
{
    struct child child;
    struct crewi_frame *frame;
    (void)state;
    spawn(&child, 77);
    started(&child, 507);
    for (uint32_t i = 0; i < 30; i++) {
        struct crewi_origin origin = {.slot = child.slot, .process = 77};
        frame = crewi_engine_delivery(&loop.engine, &origin, CREWI_KIND_PROCESS, (uint8_t)i, 50000);
        assert_non_null(frame);
        memset(frame->payload, (int)i, 50000);
        crewi_engine_send(&loop.engine, frame);
    }
    pass();
    assert_int_equal(atomic_load(&child.port.shared->rank_waits), 1);
    for (uint32_t i = 0; i < 30; i++) {
        int found;
        while (!(found = crewi_port_receive(&child.port, &frame))) {
            crewi_bell_ring_port(bell, child.slot);
            pass();
        }
        assert_int_equal(found, 1);
        assert_int_equal(frame->header.op, i);
        assert_int_equal(frame->header.size, 50000);
        assert_int_equal(frame->payload[49999], i);
        crewi_frame_destroy(frame);
    }
    crewi_bell_ring_port(bell, child.slot);
    pass();
    assert_int_equal(atomic_load(&child.port.shared->rank_waits), 0);
    crewi_port_detach(&child.port);
}

/* One child with much to say does not keep the others waiting. */
static void ports_take_turns(void **state)
{
    struct child busy, quiet;
    (void)state;
    spawn(&busy, 78);
    spawn(&quiet, 79);
    started(&busy, 508);
    started(&quiet, 509);
    for (int i = 0; i < 500; i++)
        ask(&busy, 10);
    ask(&quiet, 10);
    crewi_loop_pass(&loop);
    assert_in_range(messages, 2, 499);
    struct crewi_frame *frame;
    assert_int_equal(crewi_port_receive(&quiet.port, &frame), 1);
    crewi_frame_destroy(frame);
    pass();
    assert_int_equal(messages, 501); /* and nobody had to ring again */
    crewi_port_detach(&busy.port);
    crewi_port_detach(&quiet.port);
}

static void a_server_that_is_gone(void **state)
{
    struct crewi_frame *start = crewi_frame_create(0);
    struct crewi_spawn wanted = {.process = 80, .name = "x", .core = -1, .start = start};
    uint32_t slot = 4711;
    (void)state;
    close(server_end);
    assert_int_equal(crewi_loop_host.spawn(&loop, &wanted, &slot), CREW_ESYSTEM);
    assert_int_equal(slot, 4711);
    for (uint32_t i = 0; i < CREWI_PORT_LIMIT; i++)
        assert_null(loop.ports[i]);
    server_end = dup(bell_fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_life),
        TEST(a_draft_comes_with_the_end),
        TEST(a_fork_that_failed),
        TEST(a_signal_waits_for_the_pid),
        TEST(garbage_is_the_end_of_a_child),
        TEST(garbage_before_the_pid_is_known),
        TEST(a_bad_position_before_the_pid_is_known),
        TEST(what_no_client_may_send_is_its_end),
        TEST(what_does_not_fit_waits),
        TEST(ports_take_turns),
        TEST(a_server_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
