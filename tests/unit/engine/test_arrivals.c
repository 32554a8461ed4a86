/* SPDX-License-Identifier: BSD-3-Clause */
/* What comes from other ranks, with the test as the transport. */
#include "engine/loop.h"
#include "unit.h"

#include <unistd.h>

static int polls, left; /* messages that wait, of which a poll hands over two */

static int poll(struct crewi_transport *transport, crewi_receive *receive, void *context)
{
    (void)transport;
    (void)receive;
    (void)context;
    polls++;
    if (left == 0)
        return 0;
    left -= left < 2 ? left : 2;
    return left > 0 ? 2 : 1;
}

static enum crewi_transport_activity activity(const struct crewi_transport *transport)
{
    (void)transport;
    return CREWI_TRANSPORT_IDLE;
}

static const int hosts[] = {0, 0};
static const struct crewi_transport_ops ops = {.poll = poll, .activity = activity};
static struct crewi_transport transport = {.ops = &ops, .rank_count = 2, .host_of_rank = hosts};
static struct crewi_bell *bell, *bells[2];
static struct crewi_loop loop;
static int bell_fd;

static int begin(void **state)
{
    (void)state;
    if (crewi_bell_create(&bell, &bell_fd))
        return -1;
    bells[0] = bell;
    crewi_loop_init(&loop, &transport, bell);
    loop.server.socket = -1;
    crewi_loop_use_doorbells(&loop, bells);
    crewi_loop_pass(&loop); /* the first one looks at everything */
    polls = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    crewi_loop_fini(&loop);
    crewi_bell_detach(bell);
    return close(bell_fd);
}

static int passes_while_rung(void)
{
    int passes = 0;
    while (atomic_load(&bell->rung)) {
        crewi_loop_pass(&loop);
        passes++;
    }
    return passes;
}

static void one_ring_for_all(void **state)
{
    (void)state;
    left = 5;
    crewi_bell_ring_rank(bell, false);
    assert_int_equal(passes_while_rung(), 3);
    assert_int_equal(left, 0);
    assert_int_equal(polls, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_ring_for_all, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
