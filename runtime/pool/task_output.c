/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/task_output.h"

#include "base/error.h"
#include "node/memory.h"
#include "pool/pool_protocol.h"

#include <stdlib.h>
#include <string.h>

void crewi_task_output_begin(struct crew_output *output, unsigned char *small, size_t small_room,
                             uint64_t room)
{
    output->data = small;
    output->size = 0;
    output->room = room < CREWI_POOL_PIECE_LIMIT ? room : CREWI_POOL_PIECE_LIMIT;
    output->refused = 0;
    output->small = small;
    output->small_room = small_room;
}

static crew_status refuse(struct crew_output *output, size_t size)
{
    output->refused = size;
    return crewi_error(CREW_ETOOSMALL, "a result of %zu bytes, and there is room for %llu", size,
                       (unsigned long long)output->room);
}

/* Memory for so much, with what is there by now. */
static crew_status grow(struct crew_output *output, size_t size)
{
    if (size > output->large_room) {
        unsigned char *grown = crewi_memory_grow(output->large, size);
        if (!grown)
            return crewi_error_memory();
        if (output->data == output->large)
            output->data = grown;
        output->large = grown;
        output->large_room = size;
    }
    if (output->data == output->small) {
        if (output->size)
            memcpy(output->large, output->small, output->size);
        output->data = output->large;
    }
    return CREW_OK;
}

/* Has place for @p needed bytes, and if it has to be made, for @p wanted. */
static crew_status have_place(struct crew_output *output, size_t needed, size_t wanted)
{
    size_t place = output->data == output->small ? output->small_room : output->large_room;
    return needed <= place ? CREW_OK : grow(output, wanted);
}

crew_status crew_output_reserve(crew_output *output, size_t size, void **data)
{
    if (!output || !data)
        return crewi_error(CREW_EINVAL, "crew_output_reserve: %s is NULL",
                           output ? "data" : "output");
    if (size > output->room)
        return refuse(output, size);
    crew_status status = have_place(output, size, size);
    if (status)
        return status;
    output->refused = 0;
    output->size = size;
    *data = output->data;
    return CREW_OK;
}

crew_status crew_output_write(crew_output *output, const void *data, size_t size)
{
    if (!output || (size && !data))
        return crewi_error(CREW_EINVAL, "crew_output_write: %s is NULL",
                           output ? "data" : "output");
    if (size > output->room - output->size)
        return refuse(output, size > SIZE_MAX - output->size ? SIZE_MAX : output->size + size);
    size_t needed = output->size + size;
    size_t wanted = needed < output->room / 2 ? 2 * needed : output->room;
    crew_status status = have_place(output, needed, wanted);
    if (status)
        return status;
    if (size)
        memcpy(output->data + output->size, data, size);
    output->size = needed;
    return CREW_OK;
}
