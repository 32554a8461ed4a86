/* SPDX-License-Identifier: BSD-3-Clause */
/* What a child gets of the environment: the difference, there and back. */
#include "base/environment.h"
#include "base/error.h"
#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int begin(void **state)
{
    (void)state;
    if (clearenv() || chdir("/"))
        return 1;
    setenv("SAME", "1", 1);
    setenv("OTHER", "1", 1);
    setenv("GONE", "1", 1);
    return crewi_environment_note();
}

static void expect(const char *packed, size_t size)
{
    char *found;
    size_t found_size;
    assert_int_equal(crewi_environment_pack(&found, &found_size), CREW_OK);
    assert_int_equal(found_size, size);
    if (size > 0)
        assert_memory_equal(found, packed, size);
    else
        assert_null(found);
    free(found);
}

#define EXPECT(text) expect(text, sizeof(text) - 1)

static void no_difference(void **state)
{
    (void)state;
    EXPECT("");
    setenv("SAME", "2", 1);
    setenv("SAME", "1", 1);
    EXPECT("");
    unsetenv("SAME"); /* which changes the order */
    setenv("SAME", "1", 1);
    EXPECT("");
}

static void each_difference(void **state)
{
    (void)state;
    setenv("OTHER", "1=2", 1);
    unsetenv("GONE");
    setenv("NEW", "", 1);
    assert_int_equal(chdir("/usr"), 0);
    EXPECT("/usr\0OTHER=1=2\0NEW=\0GONE\0");
    assert_int_equal(chdir("/"), 0);
    EXPECT("\0OTHER=1=2\0NEW=\0GONE\0");
    setenv("OTHER", "1", 1);
    setenv("GONE", "1", 1);
    unsetenv("NEW");
    EXPECT("");
}

/* A value that is the beginning of another, and a name that is. */
static void beginnings(void **state)
{
    (void)state;
    setenv("OTHER", "1=2", 1);
    assert_int_equal(crewi_environment_note(), CREW_OK);
    setenv("OTHER", "1", 1);
    setenv("OTHE", "1", 1);
    EXPECT("\0OTHER=1\0OTHE=1\0");
    unsetenv("OTHER");
    EXPECT("\0OTHE=1\0OTHER\0");
}

static void there_and_back(void **state)
{
    char *packed, directory[PATH_MAX];
    size_t size;
    (void)state;
    setenv("OTHER", "2", 1);
    unsetenv("GONE");
    setenv("NEW", "a b", 1);
    assert_int_equal(chdir("/usr"), 0);
    assert_int_equal(crewi_environment_pack(&packed, &size), CREW_OK);
    setenv("OTHER", "3", 1);
    setenv("GONE", "3", 1);
    setenv("NEW", "3", 1);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(crewi_environment_apply(packed, size), CREW_OK);
    assert_string_equal(getenv("SAME"), "1");
    assert_string_equal(getenv("OTHER"), "2");
    assert_string_equal(getenv("NEW"), "a b");
    assert_null(getenv("GONE"));
    assert_string_equal(getcwd(directory, sizeof directory), "/usr");
    expect(packed, size); /* and so does a child of the child get it */
    free(packed);
}

static void what_cannot_be_applied(void **state)
{
    (void)state;
    assert_int_equal(crewi_environment_apply(NULL, 0), CREW_OK);
    assert_int_equal(crewi_environment_apply("\0A=1", 4), CREW_EPROTO);
    assert_int_equal(crewi_environment_apply("\0=1", 4), CREW_EPROTO);
    assert_int_equal(crewi_environment_apply("\0", 2), CREW_EPROTO);
    assert_int_equal(crewi_environment_apply("/nowhere", 9), CREW_ESYSTEM);
    assert_non_null(strstr(crew_error_message(), "/nowhere"));
    EXPECT("");
}

/* A directory that was removed has no path: children begin where the program did. */
static void a_directory_that_is_gone(void **state)
{
    char path[] = "/tmp/crew-unit-XXXXXX";
    (void)state;
    assert_non_null(mkdtemp(path));
    assert_int_equal(chdir(path), 0);
    assert_int_equal(rmdir(path), 0);
    EXPECT("");
    setenv("NEW", "1", 1);
    EXPECT("\0NEW=1\0");
    assert_int_equal(chdir("/"), 0);
}

static void what_the_launcher_has_set(void **state)
{
    static const char *const its_own[] = {"OMPI_COMM_WORLD_RANK",
                                          "OMPI_MCA_orte_ess_num_procs",
                                          "OMPI_MCA_ess",
                                          "OMPI_COMMAND",
                                          "PMIX_RANK",
                                          "PMI_FD",
                                          "HFI_NO_BACKTRACE",
                                          "OPAL_OUTPUT_STDERR_FD"};
    static const char *const users[] = {"OMPI_ALLOW_RUN_AS_ROOT",
                                        "OMPI_MCA_btl",
                                        "PMIX_MCA_gds",
                                        "OPAL_PREFIX",
                                        "OMPI_CC",
                                        "PMIXED"};
    (void)state;
    for (size_t i = 0; i < sizeof its_own / sizeof *its_own; i++)
        setenv(its_own[i], "1", 1);
    EXPECT("");
    assert_int_equal(crewi_environment_note(), CREW_OK);
    unsetenv("PMIX_RANK");
    setenv("PMI_FD", "2", 1);
    EXPECT("");
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        setenv(users[i], "1", 1);
    crewi_environment_drop_launcher();
    for (size_t i = 0; i < sizeof its_own / sizeof *its_own; i++)
        assert_null(getenv(its_own[i]));
    for (size_t i = 0; i < sizeof users / sizeof *users; i++)
        assert_string_equal(getenv(users[i]), "1");
    assert_string_equal(getenv("SAME"), "1");
    EXPECT("\0OMPI_ALLOW_RUN_AS_ROOT=1\0OMPI_MCA_btl=1\0PMIX_MCA_gds=1\0OPAL_PREFIX=1\0OMPI_CC=1\0"
           "PMIXED=1\0");
}

static void no_environment_at_all(void **state)
{
    (void)state;
    clearenv();
    EXPECT("\0SAME\0OTHER\0GONE\0");
    assert_int_equal(crewi_environment_note(), CREW_OK);
    EXPECT("");
    crewi_environment_drop_launcher();
    setenv("NEW", "1", 1);
    EXPECT("\0NEW=1\0");
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_difference),
        TEST(each_difference),
        TEST(beginnings),
        TEST(there_and_back),
        TEST(what_cannot_be_applied),
        TEST(a_directory_that_is_gone),
        TEST(what_the_launcher_has_set),
        TEST(no_environment_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
