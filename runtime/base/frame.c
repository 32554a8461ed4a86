/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/frame.h"

#include "base/error.h"

struct crewi_frame *crewi_frame_create(uint64_t size)
{
    if (size > CREWI_FRAME_LIMIT)
        return NULL;
    struct crewi_frame *frame = malloc(sizeof *frame + size);
    if (!frame)
        return NULL;
    frame->next = NULL;
    frame->can_wait = 0;
    frame->header = (struct crewi_header){.version = CREWI_FRAME_VERSION, .size = size};
    return frame;
}

void crewi_frame_destroy(struct crewi_frame *frame)
{
    free(frame);
}

crew_status crewi_header_check(const struct crewi_header *header)
{
    if (header->version != CREWI_FRAME_VERSION)
        return crewi_error(CREW_EPROTO, "a message of version %d, expected %d", header->version,
                           CREWI_FRAME_VERSION);
    if (header->type < CREWI_REQUEST || header->type > CREWI_SHUTDOWN)
        return crewi_error(CREW_EPROTO, "a message of the unknown type %d", header->type);
    if (header->size > CREWI_FRAME_LIMIT)
        return crewi_error(CREW_EPROTO, "a message of %llu bytes, more than the limit",
                           (unsigned long long)header->size);
    return CREW_OK;
}

void crewi_frames_init(struct crewi_frames *frames)
{
    frames->first = NULL;
    frames->last = &frames->first;
}

void crewi_frames_push(struct crewi_frames *frames, struct crewi_frame *frame)
{
    frame->next = NULL;
    *frames->last = frame;
    frames->last = &frame->next;
}

struct crewi_frame *crewi_frames_pop(struct crewi_frames *frames)
{
    struct crewi_frame *frame = frames->first;
    if (!frame)
        return NULL;
    frames->first = frame->next;
    if (!frames->first)
        frames->last = &frames->first;
    frame->next = NULL;
    return frame;
}

void crewi_frames_clear(struct crewi_frames *frames)
{
    struct crewi_frame *frame;
    while ((frame = crewi_frames_pop(frames)))
        crewi_frame_destroy(frame);
}
