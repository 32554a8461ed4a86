/* SPDX-License-Identifier: BSD-3-Clause */
/* What is reached by a process id shows that it is what was meant; what is another is not even
 * opened. */
#include "node/cookie.h"
#include "unit.h"

#include <crew/status.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct crewi_memfd_place make(uint64_t cookie)
{
    char name[CREWI_COOKIE_NAME];
    crewi_cookie_name(name, "test", cookie);
    int fd = memfd_create(name, MFD_CLOEXEC);
    assert_true(fd >= 0);
    return (struct crewi_memfd_place){.cookie = cookie, .pid = (int32_t)getpid(), .fd = fd};
}

static void is_opened(void **state)
{
    struct crewi_memfd_place place = make(crewi_cookie_new());
    char text[6] = "";
    int fd = -1;
    (void)state;
    assert_int_equal(write(place.fd, "hello", 5), 5);
    assert_int_equal(crewi_cookie_open(&place, O_RDONLY, &fd), CREW_OK);
    assert_int_equal(read(fd, text, 5), 5);
    assert_string_equal(text, "hello");
    assert_int_equal(write(fd, "x", 1), -1);
    close(fd);
    assert_int_equal(crewi_cookie_open(&place, O_RDWR, &fd), CREW_OK);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
    close(place.fd);
}

static void refused(struct crewi_memfd_place place, crew_status status)
{
    int fd = 12345;
    assert_int_equal(crewi_cookie_open(&place, O_RDWR, &fd), status);
    assert_int_equal(fd, 12345);
    assert_true(*crew_error_message());
}

static void another_is_refused(void **state)
{
    struct crewi_memfd_place place = make(crewi_cookie_new()), twin = make(crewi_cookie_new()),
                             bad = place;
    (void)state;
    bad.fd = twin.fd;
    refused(bad, CREW_EPROTO);
    bad = place;
    bad.cookie ^= 1;
    refused(bad, CREW_EPROTO);
    bad.fd = 1000000;
    refused(bad, CREW_ESYSTEM);
    bad = place;
    bad.pid = -1;
    refused(bad, CREW_ESYSTEM);
    close(place.fd);
    refused(place, CREW_ESYSTEM);
    close(twin.fd);
}

/* A file that somebody has named like that, and one whose open() would be noticed: the writer's end
 * of a pipe is not opened, since its reader would then never come to the end. */
static void other_files_are_left_alone(void **state)
{
    char path[] = "/tmp/crew-XXXXXX", file[sizeof path + CREWI_COOKIE_NAME],
         name[CREWI_COOKIE_NAME], byte;
    struct crewi_memfd_place place = {.cookie = crewi_cookie_new(), .pid = (int32_t)getpid()};
    int ends[2];
    (void)state;
    crewi_cookie_name(name, "test", place.cookie);
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/%s", path, name);
    place.fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(place.fd >= 0);
    refused(place, CREW_EPROTO);
    close(place.fd);
    unlink(file);
    rmdir(path);
    assert_int_equal(pipe(ends), 0);
    place.fd = ends[1];
    refused(place, CREW_EPROTO);
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static void cookies_differ(void **state)
{
    uint64_t seen[200];
    (void)state;
    for (int i = 0; i < 200; i++) {
        seen[i] = crewi_cookie_new();
        assert_int_not_equal(seen[i], 0);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(seen[k], seen[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_opened),
        cmocka_unit_test(another_is_refused),
        cmocka_unit_test(other_files_are_left_alone),
        cmocka_unit_test(cookies_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
