/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings from the environment. */
#include "base/error.h"
#include "base/options.h"
#include "unit.h"

#include <crew/run.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const variables[] = {
#define CREWI_OPTION(field, variable, preset, choices, text) variable,
#include "base/options.def"
#undef CREWI_OPTION
};
#define VARIABLES (sizeof variables / sizeof *variables)

static int clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < VARIABLES; i++)
        unsetenv(variables[i]);
    return crewi_options_load();
}

static void defaults(void **state)
{
    (void)state;
    assert_int_equal(crewi_options.log, CREWI_LOG_WARNING);
    assert_int_equal(crewi_options.bind, CREWI_BIND_CORE);
    assert_int_equal(crewi_options.output, CREWI_OUTPUT_PLAIN);
    assert_int_equal(crewi_options.transport, CREWI_TRANSPORT_AUTO);
    assert_int_equal(crewi_options.doorbell, CREWI_DOORBELL_ON);
}

static void each_choice_can_be_taken(void **state)
{
    static const char *const levels[] = {"error", "warning", "info", "debug"};
    (void)state;
    for (int level = CREWI_LOG_ERROR; level <= CREWI_LOG_DEBUG; level++) {
        setenv("CREW_LOG", levels[level], 1);
        assert_int_equal(crewi_options_load(), CREW_OK);
        assert_int_equal(crewi_options.log, level);
    }
    setenv("CREW_BIND", "none", 1);
    setenv("CREW_OUTPUT", "prefix", 1);
    setenv("CREW_TRANSPORT", "mpi", 1);
    setenv("CREW_DOORBELL", "off", 1);
    assert_int_equal(crewi_options_load(), CREW_OK);
    assert_int_equal(crewi_options.bind, CREWI_BIND_NONE);
    assert_int_equal(crewi_options.output, CREWI_OUTPUT_PREFIX);
    assert_int_equal(crewi_options.transport, CREWI_TRANSPORT_MPI);
    assert_int_equal(crewi_options.doorbell, CREWI_DOORBELL_OFF);
}

static void an_empty_value_is_none(void **state)
{
    (void)state;
    setenv("CREW_LOG", "debug", 1);
    assert_int_equal(crewi_options_load(), CREW_OK);
    setenv("CREW_LOG", "", 1);
    assert_int_equal(crewi_options_load(), CREW_OK);
    assert_int_equal(crewi_options.log, CREWI_LOG_WARNING);
}

static void a_bad_value_is_named(void **state)
{
    static const char *const bad[] = {"loud",          "err", "errors", "ERROR",
                                      "error|warning", "|",   " error", "0"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char expected[64];
        setenv("CREW_LOG", bad[i], 1);
        setenv("CREW_DOORBELL", i % 2 ? "off" : "on", 1);
        assert_int_equal(crewi_options_load(), CREW_EINVAL);
        snprintf(expected, sizeof expected, "CREW_LOG=%s ", bad[i]);
        assert_non_null(strstr(crew_error_message(), expected));
        assert_non_null(strstr(crew_error_message(), "error|warning|info|debug"));
        assert_int_equal(crewi_options.log, CREWI_LOG_WARNING);
        assert_int_equal(crewi_options.doorbell, i % 2 ? CREWI_DOORBELL_OFF : CREWI_DOORBELL_ON);
    }
}

static void help_lists_all(void **state)
{
    char *text = NULL;
    size_t size = 0, lines = 0;
    (void)state;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    crew_options_print(stream);
    fclose(stream);
    for (size_t i = 0; i < VARIABLES; i++)
        assert_non_null(strstr(text, variables[i]));
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 2 * VARIABLES);
    assert_non_null(strstr(text, "  CREW_BIND=none|core (default core)\n"));
    free(text);
    crew_options_print(NULL);
    assert_non_null(strstr(crew_error_message(), "crew_options_print: stream is NULL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults, clear),
        cmocka_unit_test_setup(each_choice_can_be_taken, clear),
        cmocka_unit_test_setup(an_empty_value_is_none, clear),
        cmocka_unit_test_setup(a_bad_value_is_named, clear),
        cmocka_unit_test_setup(help_lists_all, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
