/* SPDX-License-Identifier: BSD-3-Clause */
/* The blocks of shared memory that a server has made, by their names. */
#include "manager/server.h"

#include "base/error.h"

#include <crew/run.h>
#include <crew/shared_memory.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct block {
    struct block *next;
    char name[CREW_NAME_SIZE];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct block *blocks;
static bool is_over; /* no more are made */

static crew_status read_args(const crew_any *args, size_t count, int64_t *size)
{
    const char *host;
    if (count != 2 || crew_any_to_int(args[0], size) || crew_any_to_string(args[1], &host))
        return crewi_error(CREW_EPROTO,
                           "malformed request for shared memory: %zu arguments, expected a size "
                           "and the name of a host",
                           count);
    const char *own = crew_rank_host(crew_current_rank());
    if (strcmp(host, own) == 0)
        return CREW_OK;
    return crewi_error(CREW_ENOTSUP,
                       "the server of the manager is on host %s, the caller on %s: a block of "
                       "shared memory is of one host",
                       own, host);
}

static crew_status make(struct block *block, int64_t size)
{
    crew_shared_memory memory;
    pthread_mutex_lock(&mutex);
    crew_status status = is_over ? crewi_error(CREW_EBROKEN, "the manager was shut down")
                                 : crew_shared_memory_create(&memory, NULL, size);
    if (!status) {
        memcpy(block->name, memory.name, sizeof block->name);
        crew_shared_memory_close(&memory); /* it stays, by its name */
        block->next = blocks;
        blocks = block;
    }
    pthread_mutex_unlock(&mutex);
    return status;
}

crew_status crewi_server_make_block(const crew_any *args, size_t count,
                                    struct crewi_server_outcome *outcome)
{
    int64_t size;
    crew_status status = read_args(args, count, &size);
    if (status)
        return status;
    struct block *block = calloc(1, sizeof *block);
    if (!block)
        return crewi_error_memory();
    status = make(block, size);
    if (status) {
        free(block);
        return status;
    }
    return crew_any_pack(crew_string(block->name), &outcome->data, &outcome->size);
}

void crewi_server_end_blocks(void)
{
    pthread_mutex_lock(&mutex);
    is_over = true;
    while (blocks) {
        struct block *next = blocks->next;
        crew_shared_memory_unlink(blocks->name); /* somebody may have done so before */
        free(blocks);
        blocks = next;
    }
    pthread_mutex_unlock(&mutex);
}
