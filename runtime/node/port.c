/* SPDX-License-Identifier: BSD-3-Clause */
#include "node/port.h"

#include "base/clock.h"
#include "base/error.h"
#include "node/futex.h"
#include "node/memory.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x43524557u /* "CREW" */
#define VERSION 2
#define HEADER_SPACE 4096
#define DRAFT_OFFSET (HEADER_SPACE + 2 * CREWI_PORT_RING_SIZE)
#define MAPPING_SIZE (DRAFT_OFFSET + CREWI_PORT_DRAFT_SIZE)

/* The memory that a frame gets before more than its first part is there. */
#define FIRST_ROOM ((uint64_t)1 << 20)

_Static_assert(sizeof(struct crewi_port_shared) <= HEADER_SPACE, "the header fits in its page");

crew_status crewi_port_create(int *fd)
{
    return crewi_memfd_create("crew-port", MAPPING_SIZE, fd);
}

crew_status crewi_port_attach(struct crewi_port *port, int fd, bool child)
{
    unsigned char *memory = mmap(NULL, MAPPING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return crewi_error_errno("map a port");
    *port = (struct crewi_port){.shared = (void *)memory};
    struct crewi_ring *to_rank = child ? &port->out : &port->in,
                      *to_child = child ? &port->in : &port->out;
    crewi_ring_init(to_rank, &port->shared->to_rank, memory + HEADER_SPACE, CREWI_PORT_RING_SIZE);
    crewi_ring_init(to_child, &port->shared->to_child, memory + HEADER_SPACE + CREWI_PORT_RING_SIZE,
                    CREWI_PORT_RING_SIZE);
    if (!child) {
        port->shared->magic = MAGIC;
        port->shared->version = VERSION;
    } else if (port->shared->magic != MAGIC || port->shared->version != VERSION) {
        crewi_port_detach(port);
        return crewi_error(CREW_EPROTO, "the port is not one of this version");
    }
    return CREW_OK;
}

struct crewi_port_shared *crewi_port_watch(int fd)
{
    struct stat info;
    if (fstat(fd, &info) || info.st_size < (off_t)MAPPING_SIZE)
        return NULL;
    void *memory = mmap(NULL, HEADER_SPACE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (!madvise(memory, HEADER_SPACE, MADV_DONTFORK)) /* no child sees the port of another one */
        return memory;
    munmap(memory, HEADER_SPACE);
    return NULL;
}

void crewi_port_unwatch(struct crewi_port_shared *shared)
{
    if (shared)
        munmap(shared, HEADER_SPACE);
}

void crewi_port_touch(struct crewi_port *port)
{
    volatile unsigned char *memory = (unsigned char *)port->shared + HEADER_SPACE;
    memory[0] = 0; /* the first page of the ring to the rank, and of the other one */
    memory[CREWI_PORT_RING_SIZE] = 0;
}

void crewi_port_detach(struct crewi_port *port)
{
    crewi_frame_destroy(port->incoming.frame);
    if (port->shared)
        munmap(port->shared, MAPPING_SIZE);
    *port = (struct crewi_port){0};
}

/* The next part of a frame: 1 sent, 0 no room, -1 corrupt. The first part carries the header. */
static int send_part(struct crewi_port *port, struct crewi_frame *frame)
{
    const unsigned char *bytes = (const unsigned char *)&frame->header;
    uint64_t total = sizeof frame->header + frame->header.size, left = total - port->sent;
    uint32_t limit = crewi_ring_record_limit(port->out.size);
    uint32_t part = left < limit ? (uint32_t)left : limit;
    bool corrupt = false;
    void *room = crewi_ring_reserve(&port->out, part, &corrupt);
    if (!room)
        return corrupt ? -1 : 0;
    memcpy(room, bytes + port->sent, part);
    uint32_t type = port->sent      ? CREWI_RECORD_MORE
                    : part == total ? CREWI_RECORD_WHOLE
                                    : CREWI_RECORD_FIRST;
    crewi_ring_commit(&port->out, type, part);
    port->sent += part;
    return 1;
}

int crewi_port_send(struct crewi_port *port, struct crewi_frame *frame)
{
    uint64_t total = sizeof frame->header + frame->header.size;
    while (port->sent < total) {
        int sent = send_part(port, frame);
        if (sent <= 0)
            return sent;
    }
    port->sent = 0;
    return 1;
}

/* A child may announce more than it ever sends, so memory comes as its bytes do. */
static bool make_room(struct crewi_assembly *incoming, uint64_t size)
{
    uint64_t whole = incoming->frame->header.size;
    if (size <= incoming->room)
        return true;
    uint64_t room = 2 * incoming->room < whole ? 2 * incoming->room : whole;
    struct crewi_frame *grown = realloc(incoming->frame, sizeof *grown + room);
    if (!grown)
        return false;
    incoming->frame = grown;
    incoming->room = room;
    return true;
}

static int begin_frame(struct crewi_assembly *incoming, const struct crewi_record *record)
{
    struct crewi_header header;
    if (incoming->frame || record->size < sizeof header)
        return -1;
    memcpy(&header, record->data, sizeof header);
    uint64_t part = record->size - sizeof header;
    if (crewi_header_check(&header) || part > header.size ||
        (record->type == CREWI_RECORD_WHOLE) != (part == header.size))
        return -1;
    incoming->room = header.size < FIRST_ROOM ? header.size : FIRST_ROOM;
    incoming->frame = crewi_frame_create(incoming->room);
    if (!incoming->frame)
        return -2;
    incoming->frame->header = header;
    memcpy(incoming->frame->payload, record->data + sizeof header, part);
    incoming->filled = part;
    return 1;
}

static int continue_frame(struct crewi_assembly *incoming, const struct crewi_record *record)
{
    /* One with nothing in it: whoever writes those all the time would keep the reader here. */
    if (!incoming->frame || !record->size ||
        record->size > incoming->frame->header.size - incoming->filled)
        return -1;
    if (!make_room(incoming, incoming->filled + record->size))
        return -2;
    memcpy(incoming->frame->payload + incoming->filled, record->data, record->size);
    incoming->filled += record->size;
    return 1;
}

int crewi_port_receive(struct crewi_port *port, struct crewi_frame **frame)
{
    struct crewi_assembly *incoming = &port->incoming;
    struct crewi_record record;
    int found;
    while ((found = crewi_ring_peek(&port->in, &record)) > 0) {
        bool first = record.type == CREWI_RECORD_WHOLE || record.type == CREWI_RECORD_FIRST;
        if (!first && record.type != CREWI_RECORD_MORE)
            return -1;
        int taken = first ? begin_frame(incoming, &record) : continue_frame(incoming, &record);
        if (taken < 0)
            return taken;
        crewi_ring_pop(&port->in);
        if (incoming->filled == incoming->frame->header.size) {
            *frame = incoming->frame;
            *incoming = (struct crewi_assembly){0};
            return 1;
        }
    }
    return found;
}

void crewi_port_wake_child(struct crewi_port *port, enum crewi_port_wait what)
{
    _Atomic uint32_t *sleeps = &port->shared->child_sleeps[what];
    /* Sequentially consistent with the child's store in prepare: the child sees what we did, or we
     * see that it sleeps. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!atomic_load_explicit(sleeps, memory_order_relaxed))
        return;
    atomic_store(sleeps, 0);
    crewi_futex_wake(sleeps, 1, UINT32_MAX);
}

void crewi_port_child_prepare(struct crewi_port *port, enum crewi_port_wait what)
{
    atomic_store(&port->shared->child_sleeps[what], 1);
    atomic_thread_fence(memory_order_seq_cst);
}

void crewi_port_child_sleep(struct crewi_port *port, enum crewi_port_wait what, int64_t deadline_ns)
{
    crewi_futex_wait(&port->shared->child_sleeps[what], 1, UINT32_MAX, deadline_ns);
    crewi_port_child_cancel(port, what);
}

void crewi_port_child_cancel(struct crewi_port *port, enum crewi_port_wait what)
{
    atomic_store(&port->shared->child_sleeps[what], 0);
}

static unsigned char *draft_area(const struct crewi_port *port)
{
    return (unsigned char *)port->shared + DRAFT_OFFSET;
}

void *crewi_port_draft(struct crewi_port *port)
{
    return draft_area(port);
}

/* Between fork() and exec() nothing may be said, and without memory for a copy nothing can be done
 * but to take the area away. */
void crewi_port_keep_draft(const struct crewi_port *port)
{
    void *area = draft_area(port);
    void *copy = mmap(NULL, CREWI_PORT_DRAFT_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy != MAP_FAILED) {
        memcpy(copy, area, CREWI_PORT_DRAFT_SIZE);
        copy = mremap(copy, CREWI_PORT_DRAFT_SIZE, CREWI_PORT_DRAFT_SIZE,
                      MREMAP_MAYMOVE | MREMAP_FIXED, area);
    }
    if (copy == MAP_FAILED)
        munmap(area, CREWI_PORT_DRAFT_SIZE);
}

void crewi_port_draft_begin(struct crewi_port *port, uint32_t size)
{
    atomic_store_explicit(&port->shared->draft_size, size, memory_order_relaxed);
    atomic_store_explicit(&port->shared->draft_progress, 0, memory_order_relaxed);
    /* Release: pairs with the acquire in copy, though the child's death orders the two already. */
    atomic_store_explicit(&port->shared->draft_active, 1, memory_order_release);
}

void crewi_port_draft_advance(struct crewi_port *port, uint64_t progress)
{
    atomic_store_explicit(&port->shared->draft_progress, progress, memory_order_release);
}

void crewi_port_draft_end(struct crewi_port *port)
{
    atomic_store_explicit(&port->shared->draft_active, 0, memory_order_release);
}

void *crewi_port_draft_copy(const struct crewi_port *port, uint32_t *size, uint64_t *progress)
{
    if (!atomic_load_explicit(&port->shared->draft_active, memory_order_acquire))
        return NULL;
    uint32_t bytes = atomic_load_explicit(&port->shared->draft_size, memory_order_relaxed);
    if (bytes > CREWI_PORT_DRAFT_SIZE)
        return NULL;
    void *copy = malloc(bytes ? bytes : 1);
    if (!copy)
        return NULL;
    memcpy(copy, draft_area(port), bytes);
    *size = bytes;
    *progress = atomic_load(&port->shared->draft_progress);
    return copy;
}
