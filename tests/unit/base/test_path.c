/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths of files to be written: links are followed as open() does, but none that somebody else has
 * put into a folder like /tmp. Another user's doing takes root, who can change owners. */
#include "base/path.h"
#include "unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ANOTHER_USER 12345

static char folder[300], before[PATH_MAX];

static int begin(void **state)
{
    const char *temporary = getenv("TMPDIR");
    (void)state;
    snprintf(folder, sizeof folder, "%s/path-XXXXXX", temporary ? temporary : "/tmp");
    return getcwd(before, sizeof before) && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int end(void **state)
{
    char command[400];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return chdir(before) || system(command);
}

static void expect(const char *path, const char *resolved)
{
    char *found = NULL;
    assert_int_equal(crewi_path_resolve(path, &found), 0);
    assert_string_equal(found, resolved);
    free(found);
}

static void refuse(const char *path, int code)
{
    char *found = NULL;
    assert_int_equal(crewi_path_resolve(path, &found), code);
    assert_null(found);
    assert_non_null(crewi_path_reason(code));
}

static void make_file(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

/* The tree of all tests: a/b/file, a/link -> b/file, up -> a/b/.., loop -> loop, no -> a/none. */
static void make_tree(void)
{
    if (access("a", F_OK) == 0)
        return;
    assert_int_equal(mkdir("a", 0755), 0);
    assert_int_equal(mkdir("a/b", 0755), 0);
    make_file("a/b/file");
    assert_int_equal(symlink("b/file", "a/link"), 0);
    assert_int_equal(symlink("a/b/..", "up"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(symlink("a/none", "no"), 0);
}

static void follows_links(void **state)
{
    char absolute[400], resolved[400];
    (void)state;
    make_tree();
    expect("a/b/file", "a/b/file");
    expect("a/link", "a/b/file");
    expect("up/link", "a/b/file");
    expect("up/b/../link", "a/b/file");
    expect("no", "a/none");
    expect(".//a/./new", "a/new");
    expect(":memory:", ":memory:");
    expect("..", "..");
    expect("../..", "../..");
    expect("a/..", ".");
    expect("/..//../usr/../new", "/new");
    snprintf(absolute, sizeof absolute, "%s/up/link", folder);
    snprintf(resolved, sizeof resolved, "%s/a/b/file", folder);
    expect(absolute, resolved);
    snprintf(absolute, sizeof absolute, "%s/a", folder);
    assert_int_equal(symlink(absolute, "far"), 0);
    expect("far/b/../link", resolved);
}

static void refuses_what_open_does(void **state)
{
    char longest[PATH_MAX + 10], name[NAME_MAX + 2];
    (void)state;
    make_tree();
    refuse("", ENOENT);
    refuse("none/file", ENOENT);
    refuse("no/file", ENOENT);
    refuse("a/b/file/more", ENOTDIR);
    refuse("loop", ELOOP);
    refuse("loop/file", ELOOP);
    refuse("a/b/", EISDIR);
    memset(name, 'x', sizeof name);
    name[NAME_MAX] = '\0';
    expect(name, name);
    name[NAME_MAX] = 'x';
    name[NAME_MAX + 1] = '\0';
    refuse(name, ENAMETOOLONG);
    memset(longest, '/', sizeof longest);
    longest[sizeof longest - 2] = 'x';
    longest[sizeof longest - 1] = '\0';
    refuse(longest, ENAMETOOLONG);
    longest[PATH_MAX - 2] = 'x';
    longest[PATH_MAX - 1] = '\0';
    expect(longest, "/x");
}

/* A folder of another user's like /tmp, with what a third one has put there. */
static void plant(mode_t mode, uid_t folder_owner, uid_t owner)
{
    assert_int_equal(system("rm -rf sticky"), 0);
    assert_int_equal(mkdir("sticky", 0777), 0);
    make_file("sticky/file");
    assert_int_equal(symlink("../a/b/file", "sticky/link"), 0);
    assert_int_equal(symlink("../a/b", "sticky/way"), 0);
    assert_int_equal(lchown("sticky/file", owner, owner), 0);
    assert_int_equal(lchown("sticky/link", owner, owner), 0);
    assert_int_equal(lchown("sticky/way", owner, owner), 0);
    assert_int_equal(chown("sticky", folder_owner, folder_owner), 0);
    assert_int_equal(chmod("sticky", mode), 0);
}

static void refuses_what_another_user_has_planted(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    make_tree();
    plant(01777, 0, ANOTHER_USER);
    refuse("sticky/link", CREWI_PATH_FOREIGN_LINK);
    refuse("sticky/way/file", CREWI_PATH_FOREIGN_LINK);
    refuse("sticky/file", CREWI_PATH_FOREIGN_FILE);
    assert_int_equal(symlink("sticky/link", "indirect"), 0);
    refuse("indirect", CREWI_PATH_FOREIGN_LINK);
    expect("sticky/new", "sticky/new");
    assert_true(crewi_path_is_foreign("sticky/file"));
    assert_false(crewi_path_is_foreign("sticky/new"));
    assert_false(crewi_path_is_foreign("a/b/file"));
    assert_non_null(strstr(crewi_path_reason(CREWI_PATH_FOREIGN_LINK), "another user"));
    assert_non_null(strstr(crewi_path_reason(CREWI_PATH_FOREIGN_FILE), "another user"));
}

/* One's own, that of the folder's owner, and anything in a folder that nobody else may write to. */
static void follows_the_links_of_who_may(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    make_tree();
    for (int i = 0; i < 4; i++) {
        plant(i == 2   ? 01755
              : i == 3 ? 0777
                       : 01777,
              i == 1 ? ANOTHER_USER : 0, i == 0 ? 0 : ANOTHER_USER);
        expect("sticky/link", "a/b/file");
        expect("sticky/way/file", "a/b/file");
        expect("sticky/file", "sticky/file");
        assert_false(crewi_path_is_foreign("sticky/file"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_links),
        cmocka_unit_test(refuses_what_open_does),
        cmocka_unit_test(refuses_what_another_user_has_planted),
        cmocka_unit_test(follows_the_links_of_who_may),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
