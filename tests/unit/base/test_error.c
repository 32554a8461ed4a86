/* SPDX-License-Identifier: BSD-3-Clause */
/* Statuses, and the sentence behind the last one. */
#include "base/error.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

static void names_and_words(void **state)
{
    (void)state;
    assert_string_equal(crew_status_name(CREW_OK), "CREW_OK");
    assert_string_equal(crew_status_name(CREW_EFAILED), "CREW_EFAILED");
    assert_string_equal(crew_status_message(CREW_ETIMEDOUT), "the time limit was reached");
    assert_string_equal(crew_status_name((crew_status)1), "CREW_?");
    assert_string_equal(crew_status_name((crew_status)-1000), "CREW_?");
    assert_string_equal(crew_status_message((crew_status)1), "unknown status 1");
#define IS_COMPLETE(name, value, text)                                          \
    assert_string_equal(crew_status_name((crew_status)(value)), "CREW_" #name); \
    assert_string_equal(crew_status_message((crew_status)(value)), text);
    CREW_STATUS_TABLE(IS_COMPLETE)
#undef IS_COMPLETE
}

static void a_reason_is_kept_until_the_next(void **state)
{
    (void)state;
    crewi_error_clear();
    assert_string_equal(crew_error_message(), "");
    assert_int_equal(crewi_error(CREW_ESTATE, "queue %s is %d", "jobs", 3), CREW_ESTATE);
    assert_string_equal(crew_error_message(), "queue jobs is 3");
    assert_string_equal(crew_error_message(), "queue jobs is 3");
    assert_int_equal(crewi_error_memory(), CREW_ENOMEM);
    assert_string_equal(crew_error_message(), "out of memory");
    crewi_error_clear();
    assert_string_equal(crew_error_message(), "");
}

static void long_texts_are_cut(void **state)
{
    (void)state;
    char text[2 * CREWI_ERROR_SIZE];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (void)crewi_error(CREW_EINVAL, "%s", text);
    assert_int_equal(strlen(crew_error_message()), CREWI_ERROR_SIZE - 1);
    crew_fail(CREW_EINVAL, "%s", text);
    assert_in_range(strlen(crew_error_message()), 500, CREWI_ERROR_SIZE - 1);
    assert_memory_equal(crew_error_message(), text, strlen(crew_error_message()));
    errno = ENOENT;
    assert_int_equal(crewi_error_errno("%s", text), CREW_ESYSTEM);
    assert_int_equal(strlen(crew_error_message()), CREWI_ERROR_SIZE - 1);
    crewi_error_text(CREW_EINVAL, text, sizeof text);
    assert_int_equal(strlen(crew_error_message()), CREWI_ERROR_SIZE - 1);
}

static void errno_is_kept_and_worded(void **state)
{
    (void)state;
    errno = EBADF;
    (void)crewi_error(CREW_EINVAL, "%d", 1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(crewi_error_errno("open %s", "/x"), CREW_ESYSTEM);
    assert_int_equal(errno, EBADF);
    assert_string_equal(crew_error_message(), "open /x: Bad file descriptor");
    errno = ENOMEM;
    assert_int_equal(crewi_error_errno("map %s", "it"), CREW_ENOMEM);
    assert_string_equal(crew_error_message(), "map it: Cannot allocate memory");
}

static void a_text_need_not_end(void **state)
{
    (void)state;
    const char text[] = {'a', 'b', 'c', 'd'};
    assert_int_equal(crewi_error_text(CREW_EPERM, text, 3), CREW_EPERM);
    assert_string_equal(crew_error_message(), "abc");
    crewi_error_text(CREW_EPERM, text, 0);
    assert_string_equal(crew_error_message(), "");
}

static void a_task_fails_with_a_negative_status(void **state)
{
    (void)state;
    assert_int_equal(crew_fail(CREW_EDOMAIN, "row %d", 7), CREW_EDOMAIN);
    assert_string_equal(crew_error_message(), "row 7");
    assert_int_equal(crew_fail((crew_status)5, "row %d", 8), CREW_EFAILED);
    assert_string_equal(crew_error_message(), "row 8");
    assert_int_equal(crew_fail(CREW_OK, "%s", ""), CREW_EFAILED);
    assert_int_equal(crew_fail((crew_status)-12345, "%s", ""), -12345);
}

static void a_reason_can_be_put_in_front(void **state)
{
    (void)state;
    crew_fail(CREW_EDOMAIN, "division by zero");
    assert_int_equal(crew_fail(CREW_EFAILED, "row %d: %s", 3, crew_error_message()), CREW_EFAILED);
    assert_string_equal(crew_error_message(), "row 3: division by zero");
    (void)crewi_error(CREW_EDOMAIN, "outer: %s", crew_error_message());
    assert_string_equal(crew_error_message(), "outer: row 3: division by zero");
    errno = ENOENT;
    crewi_error_errno("open (%s)", crew_error_message());
    assert_string_equal(crew_error_message(),
                        "open (outer: row 3: division by zero): No such file or directory");
}

static void *fail_elsewhere(void *context)
{
    (void)context;
    bool empty = !*crew_error_message();
    (void)crewi_error(CREW_EINVAL, "%s", "of another thread");
    return empty ? context : NULL;
}

static void each_thread_has_its_own(void **state)
{
    pthread_t thread;
    void *returned;
    int marker;
    (void)state;
    (void)crewi_error(CREW_EINVAL, "%s", "of this thread");
    assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, &marker), 0);
    assert_int_equal(pthread_join(thread, &returned), 0);
    assert_ptr_equal(returned, &marker);
    assert_string_equal(crew_error_message(), "of this thread");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_words),
        cmocka_unit_test(a_reason_is_kept_until_the_next),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(errno_is_kept_and_worded),
        cmocka_unit_test(a_text_need_not_end),
        cmocka_unit_test(a_task_fails_with_a_negative_status),
        cmocka_unit_test(a_reason_can_be_put_in_front),
        cmocka_unit_test(each_thread_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
