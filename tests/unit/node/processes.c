/* SPDX-License-Identifier: BSD-3-Clause */
#include "processes.h"

#include "base/clock.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

void *shared_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    return memory;
}

bool is_gone(pid_t pid)
{
    return kill(pid, 0) < 0 && errno == ESRCH;
}

bool becomes_gone(pid_t pid)
{
    for (int64_t end = crewi_now_ns() + LOST_NS; crewi_now_ns() < end; usleep(500))
        if (is_gone(pid))
            return true;
    return false;
}

bool becomes_set(const _Atomic int *flag)
{
    for (int64_t end = crewi_now_ns() + LOST_NS; crewi_now_ns() < end; usleep(200))
        if (atomic_load(flag))
            return true;
    return false;
}

int exit_code_of(pid_t pid)
{
    int status;
    pid_t waited;
    while ((waited = waitpid(pid, &status, 0)) < 0 && errno == EINTR)
        ;
    return waited == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void child_send(struct child_side *side, struct crewi_frame *frame)
{
    int64_t end = crewi_now_ns() + LOST_NS;
    int sent;
    while ((sent = crewi_port_send(&side->port, frame)) == 0) {
        crewi_port_child_prepare(&side->port, CREWI_WAIT_ROOM);
        sent = crewi_port_send(&side->port, frame);
        if (sent) {
            crewi_port_child_cancel(&side->port, CREWI_WAIT_ROOM);
            break;
        }
        crewi_bell_ring_port(side->bell, side->slot); /* after the last part that went */
        crewi_port_child_sleep(&side->port, CREWI_WAIT_ROOM, end);
        if (crewi_now_ns() >= end)
            _exit(99);
    }
    if (sent < 0)
        _exit(99);
    crewi_bell_ring_port(side->bell, side->slot);
    crewi_frame_destroy(frame);
}

struct crewi_frame *child_receive(struct child_side *side)
{
    int64_t end = crewi_now_ns() + LOST_NS;
    struct crewi_frame *frame;
    struct crewi_record record;
    int found;
    while ((found = crewi_port_receive(&side->port, &frame)) == 0) {
        atomic_thread_fence(
            memory_order_seq_cst); /* what was taken is seen before the word is looked at */
        if (atomic_load(&side->port.shared->rank_waits))
            crewi_bell_ring_port(side->bell, side->slot);
        crewi_port_child_prepare(&side->port, CREWI_WAIT_FRAME);
        if (crewi_ring_peek(&side->port.in, &record))
            crewi_port_child_cancel(&side->port, CREWI_WAIT_FRAME);
        else
            crewi_port_child_sleep(&side->port, CREWI_WAIT_FRAME, end);
        if (crewi_now_ns() >= end)
            _exit(99);
    }
    if (found < 0)
        _exit(99);
    return frame;
}

static unsigned char byte_at(uint64_t seed, uint64_t at)
{
    return (unsigned char)((seed + at) * 0x9E3779B97F4A7C15u >> 56);
}

struct crewi_frame *filled_frame(uint64_t size, uint64_t seed)
{
    struct crewi_frame *frame = crewi_frame_create(size);
    if (!frame)
        return NULL;
    frame->header.type = CREWI_NOTE;
    frame->header.origin.request = seed;
    for (uint64_t i = 0; i < size; i++)
        frame->payload[i] = byte_at(seed, i);
    return frame;
}

bool is_filled(const struct crewi_frame *frame, uint64_t size, uint64_t seed)
{
    if (frame->header.size != size || frame->header.origin.request != seed)
        return false;
    for (uint64_t i = 0; i < size; i++)
        if (frame->payload[i] != byte_at(seed, i))
            return false;
    return true;
}
