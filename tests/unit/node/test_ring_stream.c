/* SPDX-License-Identifier: BSD-3-Clause */
/* A million records of random sizes from one thread to another, and from one process to another. */
#include "node/ring.h"
#include "processes.h"
#include "unit.h"

#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RECORDS 1000000
#define SIZE ((uint64_t)16 * 1024)

struct stream {
    struct crewi_ring_shared shared;
    _Alignas(64) unsigned char data[SIZE];
};

/* Mostly small, as messages are, and some up to the limit. */
static uint32_t next_size(uint64_t *seed)
{
    uint32_t limit = crewi_ring_record_limit(SIZE);
    return (uint32_t)unit_random_below(seed, unit_random_below(seed, 64) ? 200 : limit + 1);
}

static uint32_t type_of(uint32_t i)
{
    return i % 1000 + 1;
}

static bool write_all(struct stream *stream)
{
    struct crewi_ring ring;
    uint64_t seed = 99;
    crewi_ring_init(&ring, &stream->shared, stream->data, SIZE);
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint32_t size = next_size(&seed);
        unsigned char *room;
        bool corrupt = false;
        while (!(room = crewi_ring_reserve(&ring, size, &corrupt)) && !corrupt)
            sched_yield();
        if (corrupt)
            return false;
        memset(room, (int)(i & 0xff), size);
        if (size >= sizeof i)
            memcpy(room, &i, sizeof i);
        crewi_ring_commit(&ring, type_of(i), size);
    }
    return true;
}

static bool is_record(const struct crewi_record *record, uint32_t i, uint32_t size)
{
    uint32_t at = 0, number = i;
    if (record->size != size || record->type != type_of(i))
        return false;
    if (size >= sizeof number) {
        memcpy(&number, record->data, sizeof number);
        at = sizeof number;
    }
    for (; at < size; at++)
        if (record->data[at] != (unsigned char)i)
            return false;
    return number == i;
}

static void read_all(struct stream *stream)
{
    struct crewi_ring ring;
    struct crewi_record record;
    uint64_t seed = 99;
    crewi_ring_init(&ring, &stream->shared, stream->data, SIZE);
    for (uint32_t i = 0; i < RECORDS; i++) {
        int found;
        while (!(found = crewi_ring_peek(&ring, &record)))
            sched_yield();
        assert_int_equal(found, 1);
        assert_true(is_record(&record, i, next_size(&seed)));
        crewi_ring_pop(&ring);
    }
    assert_int_equal(crewi_ring_peek(&ring, &record), 0);
    assert_true(crewi_ring_check(&ring));
}

static void *writer(void *context)
{
    return write_all(context) ? context : NULL;
}

static void between_threads(void **state)
{
    pthread_t thread;
    void *result;
    (void)state;
    struct stream *stream = shared_memory(sizeof *stream);
    assert_int_equal(pthread_create(&thread, NULL, writer, stream), 0);
    read_all(stream);
    pthread_join(thread, &result);
    assert_ptr_equal(result, stream);
    munmap(stream, sizeof *stream);
}

static void between_processes(void **state)
{
    (void)state;
    struct stream *stream = shared_memory(sizeof *stream);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        _exit(write_all(stream) ? 0 : 1);
    read_all(stream);
    assert_int_equal(exit_code_of(pid), 0);
    munmap(stream, sizeof *stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(between_threads),
        cmocka_unit_test(between_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
