/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Frames: the messages between engines and clients, as they lie in memory and on the wire.
 *
 * A frame is a header of fixed width and a payload behind it, aligned to 16 bytes. All ranks of a
 * job have the same build, so the header carries no byte order; its version catches a library that
 * differs all the same.
 */
#ifndef CREWI_BASE_FRAME_H
#define CREWI_BASE_FRAME_H

#include <crew/status.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define CREWI_FRAME_VERSION 1

/** The largest payload, a little below what one MPI call counts; more is refused, whoever sends it.
 */
#define CREWI_FRAME_LIMIT ((uint64_t)0x7fff0000)

enum crewi_frame_type {
    CREWI_REQUEST = 1, /* asks an object at its home; exactly one reply comes back */
    CREWI_NOTE,        /* tells an object something; no reply */
    CREWI_REPLY,       /* to the client that asked */
    CREWI_DELIVERY,    /* to a client that did not ask: into its inbox */
    CREWI_CLIENT_GONE, /* to an engine: the client named in origin has ended */
    CREWI_SHUTDOWN     /* to an engine: the job is over */
};

/** Who asks: enough to find the way back. */
struct crewi_origin {
    uint32_t rank, slot; /* the rank that the client is on, and its place there */
    uint64_t process; /* its process id in crew: a place may have been given to another meanwhile */
    uint64_t request; /* the client's own number for the request */
};

struct crewi_header {
    uint8_t version, type, kind, op;
    int32_t status;  /* of a reply; the payload is the reason in words when it is not CREW_OK */
    uint64_t object; /* 0: the engine of target_rank itself */
    uint32_t target_rank;
    uint32_t reserved;
    int64_t timeout_ns; /* of a request: how long it may be parked */
    struct crewi_origin origin;
    uint64_t size; /* bytes of payload */
};

struct crewi_frame {
    struct crewi_frame *next;
    /* Not sent along: the receiver has no hurry, and looks soon anyway. Its rank is told that there
     * is something, and not woken. */
    uint64_t can_wait;
    struct crewi_header header;
    _Alignas(16) unsigned char payload[];
};

/** A list of frames, first in, first out. */
struct crewi_frames {
    struct crewi_frame *first, **last;
};

_Static_assert(sizeof(struct crewi_header) == 64, "the header's size is part of the protocol");
_Static_assert(offsetof(struct crewi_frame, payload) ==
                   offsetof(struct crewi_frame, header) + sizeof(struct crewi_header),
               "header and payload go out in one piece");

/** A frame with room for @p size bytes, its header zero but for version and size; NULL when there
 * is no memory. */
struct crewi_frame *crewi_frame_create(uint64_t size);

/** NULL is fine. */
void crewi_frame_destroy(struct crewi_frame *frame);

/** Whether a header that came from outside can be: version, type and size. */
crew_status crewi_header_check(const struct crewi_header *header);

void crewi_frames_init(struct crewi_frames *frames);
void crewi_frames_push(struct crewi_frames *frames, struct crewi_frame *frame);
struct crewi_frame *crewi_frames_pop(struct crewi_frames *frames);
void crewi_frames_clear(struct crewi_frames *frames);

#endif
