/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes that processes share: taken over, mapped, and what is no parcel. */
#include "node/parcel.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE ((size_t)300000)

static unsigned char bytes[SIZE];

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 256);
    return 0;
}

static void expect_bytes(const struct crewi_parcel *parcel)
{
    void *memory;
    assert_int_equal(crewi_parcel_map(parcel, &memory), CREW_OK);
    assert_memory_equal(memory, bytes, SIZE);
    assert_int_equal((uintptr_t)memory % 16, 0);
    memset(memory, 0xee, SIZE); /* a copy of its own */
    munmap(memory, SIZE);
}

static void from_hand_to_hand(void **state)
{
    struct crewi_parcel first, second;
    (void)state;
    assert_int_equal(crewi_parcel_create(&first, bytes, SIZE), CREW_OK);
    assert_int_equal(first.size, SIZE);
    assert_int_equal(first.memfd.pid, getpid());
    second = first;
    assert_int_equal(crewi_parcel_take(&second), CREW_OK);
    assert_int_not_equal(second.memfd.fd, first.memfd.fd);
    expect_bytes(&first);
    crewi_parcel_close(&first);
    assert_int_equal(first.size, 0);
    crewi_parcel_close(&first);
    expect_bytes(&second);
    expect_bytes(&second);
    crewi_parcel_close(&second);
}

/* Pieces one behind the other, each filled up to 16 bytes. */
static void gathered(void **state)
{
    struct crewi_parcel parcel;
    const struct iovec pieces[] = {{bytes, 1},       {NULL, 0},       {bytes + 1, 16},
                                   {bytes, 250000},  {bytes + 3, 33}, {bytes, 65536},
                                   {bytes + 5, 100}, {NULL, 0}};
    size_t total = 0;
    void *memory;
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        total += (pieces[i].iov_len + 15) / 16 * 16;
    assert_int_equal(crewi_parcel_gather(&parcel, pieces, sizeof pieces / sizeof *pieces), CREW_OK);
    assert_int_equal(parcel.size, total);
    assert_int_equal(crewi_parcel_map(&parcel, &memory), CREW_OK);
    const unsigned char *at = memory;
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t size = pieces[i].iov_len;
        if (size)
            assert_memory_equal(at, pieces[i].iov_base, size);
        for (; size % 16; size++)
            assert_int_equal(at[size], 0);
        at += size;
    }
    munmap(memory, total);
    crewi_parcel_close(&parcel);
}

static void from_another_process(void **state)
{
    struct crewi_parcel parcel;
    (void)state;
    assert_int_equal(crewi_parcel_create(&parcel, bytes, SIZE), CREW_OK);
    pid_t pid = fork();
    if (pid == 0) {
        void *memory;
        close(parcel.memfd.fd);
        if (crewi_parcel_map(&parcel, &memory) || memcmp(memory, bytes, SIZE) != 0)
            _exit(1);
        _exit(crewi_parcel_take(&parcel) || parcel.memfd.pid != getpid() ? 2 : 0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    crewi_parcel_close(&parcel);
}

static void refused(struct crewi_parcel parcel, crew_status status)
{
    void *memory = bytes;
    struct crewi_parcel before = parcel;
    assert_int_equal(crewi_parcel_map(&parcel, &memory), status);
    assert_ptr_equal(memory, bytes);
    assert_int_equal(crewi_parcel_take(&parcel), status);
    assert_memory_equal(&parcel, &before, sizeof parcel);
}

static void what_is_none(void **state)
{
    struct crewi_parcel good, bad;
    char name[CREWI_COOKIE_NAME];
    (void)state;
    assert_int_equal(crewi_parcel_create(&good, bytes, SIZE), CREW_OK);
    bad = good;
    bad.size++; /* a mapping would end in SIGBUS */
    refused(bad, CREW_EPROTO);
    bad = good;
    bad.memfd.pid = -1;
    refused(bad, CREW_ESYSTEM);
    bad = good;
    bad.memfd.fd = 1000000;
    refused(bad, CREW_ESYSTEM);
    bad = good;
    bad.memfd.cookie++;
    refused(bad, CREW_EPROTO);
    bad = good;
    crewi_cookie_name(name, "open", bad.memfd.cookie);
    bad.memfd.fd = memfd_create(name, MFD_CLOEXEC); /* may shrink */
    assert_int_equal(ftruncate(bad.memfd.fd, (off_t)SIZE), 0);
    refused(bad, CREW_EPROTO);
    close(bad.memfd.fd);
    bad.memfd.fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    refused(bad, CREW_EPROTO);
    close(bad.memfd.fd);
    crewi_parcel_close(&good);
}

static void nobody_changes_it(void **state)
{
    struct crewi_parcel parcel;
    (void)state;
    assert_int_equal(crewi_parcel_create(&parcel, bytes, SIZE), CREW_OK);
    assert_int_equal(write(parcel.memfd.fd, "x", 1), -1);
    assert_int_equal(ftruncate(parcel.memfd.fd, 0), -1);
    assert_true(mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, parcel.memfd.fd, 0) == MAP_FAILED);
    crewi_parcel_close(&parcel);
}

static void no_descriptors(void **state)
{
    struct crewi_parcel parcel = {.size = 77};
    struct rlimit before, none;
    (void)state;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    crew_status status = crewi_parcel_create(&parcel, bytes, SIZE);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_not_equal(status, CREW_OK);
    assert_int_equal(parcel.size, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(from_hand_to_hand),    cmocka_unit_test(gathered),
        cmocka_unit_test(from_another_process), cmocka_unit_test(what_is_none),
        cmocka_unit_test(nobody_changes_it),    cmocka_unit_test(no_descriptors),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
