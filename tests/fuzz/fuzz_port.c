/* SPDX-License-Identifier: BSD-3-Clause */
/* What a child can write into its port: anything, anywhere in the memory that it shares with its
 * rank, between one step of the rank and the next. The input is the child.
 *
 * As long as nothing but frames was written, all that one side sends reaches the other in order and
 * unchanged; after that, what is taken has to be a frame that can be. */
#include "input.h"
#include "node/port.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP_LIMIT 400
#define RING_SIZE ((size_t)CREWI_PORT_RING_SIZE)

/* The parts of the memory, as port.c lays it out: the header, two rings, the draft. */
static const size_t part_sizes[] = {4096, RING_SIZE, RING_SIZE, CREWI_PORT_DRAFT_SIZE};
#define PARTS (sizeof part_sizes / sizeof *part_sizes)

struct way {
    struct crewi_frame *going; /* not all of it is out */
    uint32_t sent, received;
};

/* Both sides of the one port that there is; each input begins with a copy of them. */
static struct crewi_port fresh_rank, fresh_child;
static struct crewi_port rank, child;
static struct way to_rank, to_child;
static size_t used[PARTS]; /* how far into each part something may have been written */
static bool is_clean, is_broken;

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_port: %s\n", what);
    abort();
}

static void use(size_t part, size_t end)
{
    end = end < part_sizes[part] ? end : part_sizes[part];
    used[part] = end > used[part] ? end : used[part];
}

static void clear_memory(void)
{
    unsigned char *at = (unsigned char *)fresh_rank.shared;
    for (size_t part = 0; part < PARTS; part++) {
        memset(at, 0, used[part]);
        used[part] = 0;
        at += part_sizes[part];
    }
    use(0, sizeof(struct crewi_port_shared));
}

static void begin(void)
{
    if (!fresh_rank.shared) {
        int fd;
        require(!crewi_port_create(&fd) && !crewi_port_attach(&fresh_rank, fd, false) &&
                    !crewi_port_attach(&fresh_child, fd, true),
                "there is no port");
        close(fd);
    }
    clear_memory();
    rank = fresh_rank;
    child = fresh_child;
    to_rank = to_child = (struct way){0};
    is_clean = true;
    is_broken = false;
}

static void end(void)
{
    crewi_frame_destroy(rank.incoming.frame);
    crewi_frame_destroy(child.incoming.frame);
    crewi_frame_destroy(to_rank.going);
    crewi_frame_destroy(to_child.going);
}

/* A frame whose bytes follow from its number. */
static struct crewi_frame *make_frame(uint32_t number, uint32_t size)
{
    struct crewi_frame *frame = crewi_frame_create(size);
    require(frame != NULL, "no memory");
    frame->header.type = CREWI_NOTE;
    frame->header.object = number;
    memset(frame->payload, (int)(number & 0xff), size);
    return frame;
}

static int send(struct crewi_port *port, struct way *way, struct fuzz_input *input)
{
    if (!way->going)
        way->going = make_frame(way->sent + 1, (uint32_t)fuzz_u16(input) * (fuzz_u8(input) % 8));
    int sent = crewi_port_send(port, way->going);
    require(sent >= 0 || !is_clean, "refused without a reason");
    if (sent == 0)
        return sent;
    crewi_frame_destroy(way->going);
    way->going = NULL;
    way->sent++;
    return sent;
}

static int receive(struct crewi_port *port, struct way *way)
{
    struct crewi_frame *frame = NULL;
    int found = crewi_port_receive(port, &frame);
    require(found >= 0 || !is_clean, "what was sent was refused");
    require((found == 1) == (frame != NULL), "a frame comes with 1");
    if (!frame)
        return found;
    require(crewi_header_check(&frame->header) == CREW_OK, "a frame that cannot be");
    way->received++;
    unsigned char all = 0, expected = (unsigned char)way->received;
    for (uint64_t i = 0; i < frame->header.size; i++)
        all |= frame->payload[i] ^ expected;
    require(!is_clean || all == 0, "a frame that was not sent");
    require(!is_clean || frame->header.object == way->received, "out of order");
    crewi_frame_destroy(frame);
    return found;
}

static void write_anywhere(struct fuzz_input *input)
{
    unsigned char *at = (unsigned char *)child.shared;
    uint8_t choice = fuzz_u8(input);
    size_t part = choice % PARTS, size = fuzz_u8(input) % 64;
    size_t offset = choice & 0x80 ? fuzz_u32(input) : fuzz_u16(input) % 512;
    for (size_t i = 0; i < part; i++)
        at += part_sizes[i];
    offset %= part_sizes[part] - size;
    fuzz_read(input, at + offset, size);
    use(part, offset + size);
    is_clean = false;
}

static void move_positions(struct fuzz_input *input)
{
    uint8_t choice = fuzz_u8(input);
    _Atomic uint64_t *position =
        choice & 1 ? &child.shared->to_rank.head : &child.shared->to_child.tail;
    uint64_t value =
        choice & 2 ? *position + (uint64_t)(int64_t)(int8_t)fuzz_u8(input) * 16 : fuzz_u64(input);
    atomic_store(position, value);
    is_clean = false;
}

/* A record of any type and size behind the others; a first part gets a header that may be fine. */
static void put_record(struct fuzz_input *input)
{
    uint8_t type = fuzz_u8(input), choice = fuzz_u8(input);
    uint32_t size = choice & 1 ? fuzz_u16(input) : fuzz_u8(input);
    bool corrupt = false;
    size = size <= crewi_ring_record_limit(child.out.size) ? size : 0;
    unsigned char *room = crewi_ring_reserve(&child.out, size, &corrupt);
    struct crewi_header header = {.version = CREWI_FRAME_VERSION, .type = CREWI_NOTE};
    if (!room)
        return;
    header.size = choice & 2   ? fuzz_u32(input)
                  : choice & 4 ? fuzz_u64(input)
                               : size - sizeof header;
    if (choice & 8)
        fuzz_read(input, &header, sizeof header);
    memcpy(room, &header, size < sizeof header ? size : sizeof header);
    crewi_ring_commit(&child.out, choice & 16 ? fuzz_u32(input) : type % 5, size);
    is_clean = false;
}

static void take_draft(struct fuzz_input *input)
{
    uint32_t size = 0;
    uint64_t progress = 0;
    if (fuzz_u8(input) & 1) {
        crewi_port_draft_begin(&child, fuzz_u32(input));
        crewi_port_draft_advance(&child, fuzz_u64(input));
    }
    unsigned char *draft = crewi_port_draft_copy(&rank, &size, &progress);
    require(!draft || size <= CREWI_PORT_DRAFT_SIZE, "too large a draft");
    free(draft);
}

/* The rank reads no more, and writes no more, once it has seen what cannot be. */
static void step(struct fuzz_input *input)
{
    switch (fuzz_u8(input) % 9) {
    case 0:
        is_broken |= receive(&rank, &to_rank) < 0;
        break;
    case 1:
        is_broken |= send(&rank, &to_child, input) < 0;
        break;
    case 2:
        if (is_clean) /* a frame of its own over garbage is garbage */
            send(&child, &to_rank, input);
        break;
    case 3:
        if (is_clean)
            receive(&child, &to_child);
        break;
    case 4:
        write_anywhere(input);
        break;
    case 5:
        move_positions(input);
        break;
    case 6:
        put_record(input);
        break;
    case 7:
        take_draft(input);
        break;
    default:
        crewi_port_wake_child(&rank, fuzz_u8(input) & 1 ? CREWI_WAIT_ROOM : CREWI_WAIT_FRAME);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    begin();
    for (int i = 0; i < STEP_LIMIT && input.left && !is_broken; i++)
        step(&input);
    while (!is_broken) {
        int found = receive(&rank, &to_rank);
        is_broken = found < 0;
        if (found <= 0)
            break;
    }
    if (is_clean)
        require(to_rank.received == to_rank.sent, "a frame was lost");
    use(1, child.out.head);
    use(2, rank.out.head);
    end();
    return 0;
}
