/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal of a map: what it keeps, whose it is, and files that are something else. */
#include "pool/journal.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT 100

static char path[300];
static int64_t items[COUNT];

static struct crewi_journal_identity identity(void)
{
    return (struct crewi_journal_identity){.task = "square",
                                           .build_id = "0123456789abcdef",
                                           .function = 4096,
                                           .item_size = sizeof(int64_t),
                                           .result_size = sizeof(int64_t),
                                           .count = COUNT,
                                           .items = items};
}

static int begin(void **state)
{
    const char *folder = getenv("TMPDIR");
    (void)state;
    for (int i = 0; i < COUNT; i++)
        items[i] = 3 * i;
    snprintf(path, sizeof path, "%s/journal-XXXXXX", folder ? folder : "/tmp");
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int end(void **state)
{
    char beside[310];
    (void)state;
    snprintf(beside, sizeof beside, "%s-wal", path);
    unlink(beside);
    snprintf(beside, sizeof beside, "%s-journal", path);
    unlink(beside);
    return unlink(path);
}

static struct crewi_journal *open_it(void)
{
    struct crewi_journal *journal = NULL;
    struct crewi_journal_identity mine = identity();
    assert_int_equal(crewi_journal_open(&journal, path, &mine), CREW_OK);
    return journal;
}

static void refused(const struct crewi_journal_identity *other, crew_status status,
                    const char *words)
{
    struct crewi_journal *journal = NULL;
    assert_int_equal(crewi_journal_open(&journal, path, other), status);
    assert_non_null(strstr(crew_error_message(), words));
    assert_null(journal);
}

/* Results of some tasks: ten times the index. */
static void keep(struct crewi_journal *journal, uint64_t first, uint64_t count)
{
    int64_t results[COUNT];
    for (uint64_t i = 0; i < count; i++)
        results[i] = (int64_t)(10 * (first + i));
    struct crewi_journal_part part = {{first, count}, 2, "PoolWorker-1", 7, results};
    assert_int_equal(crewi_journal_append(journal, &part), CREW_OK);
}

static void expect_missing(struct crewi_journal *journal, const struct crewi_range *expected,
                           size_t expected_count)
{
    struct crewi_range *ranges = NULL;
    size_t count = 99;
    assert_int_equal(crewi_journal_missing(journal, &ranges, &count), CREW_OK);
    assert_int_equal(count, expected_count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ranges[i].begin, expected[i].begin);
        assert_int_equal(ranges[i].count, expected[i].count);
    }
    free(ranges);
}

/* The one number that a query gives, to somebody who knows nothing of crew. */
static long long query(const char *sql)
{
    sqlite3 *database;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    long long number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(database);
    return number;
}

static void change(const char *sql)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open_v2(path, &database, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void keeps_and_gives_back(void **state)
{
    (void)state;
    struct crewi_journal *journal = open_it();
    expect_missing(journal, (struct crewi_range[]){{0, COUNT}}, 1);
    keep(journal, 20, 5);
    keep(journal, 0, 1);
    assert_true(crewi_journal_pending(journal) >= 6 * sizeof(int64_t));
    assert_int_equal(crewi_journal_commit(journal), CREW_OK);
    assert_int_equal(crewi_journal_pending(journal), 0);
    assert_int_equal(crewi_journal_commit(journal), CREW_OK);
    keep(journal, 25, 75);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);

    journal = open_it();
    expect_missing(journal, (struct crewi_range[]){{1, 19}}, 1);
    int64_t results[COUNT];
    crew_status statuses[COUNT];
    memset(results, 0x77, sizeof results);
    memset(statuses, 0x77, sizeof statuses);
    keep(journal, 1, 2); /* is in its place already */
    assert_int_equal(crewi_journal_load(journal, results, statuses), CREW_OK);
    for (int i = 0; i < COUNT; i++) {
        bool there = i == 0 || i >= 20;
        assert_int_equal(results[i], there ? 10 * i : 0x7777777777777777);
        assert_int_equal(statuses[i], there ? 0 : 0x77777777);
    }
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
}

static void what_was_not_committed(void **state)
{
    (void)state;
    struct crewi_journal *journal = open_it();
    keep(journal, 0, 10);
    assert_int_equal(crewi_journal_commit(journal), CREW_OK);
    keep(journal, 10, 10);
    crewi_journal_abandon(journal);
    journal = open_it();
    expect_missing(journal, (struct crewi_range[]){{10, 90}}, 1);
    keep(journal, 10, 90);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    journal = open_it();
    expect_missing(journal, NULL, 0);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
}

/* A commit outlives a process that is killed. */
static void killed(void **state)
{
    int status;
    (void)state;
    pid_t child = fork();
    if (!child) {
        struct crewi_journal *journal = open_it();
        keep(journal, 30, 40);
        crewi_journal_commit(journal);
        keep(journal, 0, 30);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct crewi_journal *journal = open_it();
    expect_missing(journal, (struct crewi_range[]){{0, 30}, {70, 30}}, 2);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
}

static void of_something_else(void **state)
{
    (void)state;
    struct crewi_journal *journal = open_it();
    keep(journal, 0, 1);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    struct crewi_journal_identity other = identity();
    other.task = "cube";
    refused(&other, CREW_EBUILD, "is of the function square, and this is cube");
    other = identity();
    other.build_id = "fedc";
    refused(&other, CREW_EBUILD, "0123456789abcdef there and fedc here");
    other = identity();
    other.function++;
    refused(&other, CREW_EBUILD, "another function named square");
    other = identity();
    other.count--;
    refused(&other, CREW_EINVAL, "count is 100 there and 99 here");
    other = identity();
    other.result_size = 4;
    refused(&other, CREW_EINVAL, "result_size is 8 there and 4 here");
    other = identity();
    other.item_size = 4;
    refused(&other, CREW_EINVAL, "item_size is 8 there and 4 here");
    other = identity();
    items[COUNT - 1]++;
    refused(&other, CREW_EINVAL, "other items");
    other.result_size = (uint64_t)1 << 30;
    refused(&other, CREW_EINVAL, "more than a journal can keep");
    items[COUNT - 1]--;
    crewi_journal_abandon(open_it());
}

/* One that keeps nothing yet is for anybody. */
static void of_nothing_yet(void **state)
{
    (void)state;
    crewi_journal_abandon(open_it());
    struct crewi_journal_identity other = identity();
    struct crewi_journal *journal;
    other.task = "cube";
    assert_int_equal(crewi_journal_open(&journal, path, &other), CREW_OK);
    keep(journal, 0, 1);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    other = identity();
    refused(&other, CREW_EBUILD, "cube");
    assert_int_equal(query("SELECT count(*) FROM map"), 1);
}

static void in_use(void **state)
{
    struct crewi_journal_identity mine = identity();
    (void)state;
    struct crewi_journal *journal = open_it();
    refused(&mine, CREW_ESTATE, "in use");
    keep(journal, 0, 5);
    assert_int_equal(crewi_journal_commit(journal), CREW_OK);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
}

static void write_file(const void *data, size_t size)
{
    int file = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(file, data, size), size);
    close(file);
}

static void garbage(void **state)
{
    struct crewi_journal_identity mine = identity();
    char text[20000];
    (void)state;
    memset(text, 'x', sizeof text);
    write_file(text, sizeof text);
    refused(&mine, CREW_EINVAL, "is no journal");
    write_file("", 0);
    change("CREATE TABLE mine(number); INSERT INTO mine VALUES(7)");
    refused(&mine, CREW_EINVAL, "a database of something else");
    assert_int_equal(query("SELECT number FROM mine"), 7);
    write_file("", 0);
    struct crewi_journal *journal = open_it();
    keep(journal, 0, 50);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    change("PRAGMA user_version = 1");
    refused(&mine, CREW_EINVAL, "form 1");
}

/* Opens what is there, and looks whether all is in it. */
static crew_status read_all(void)
{
    struct crewi_journal_identity mine = identity();
    struct crewi_journal *journal;
    struct crewi_range *ranges;
    size_t count;
    int64_t results[COUNT];
    crew_status status = crewi_journal_open(&journal, path, &mine);
    if (status)
        return status;
    status = crewi_journal_missing(journal, &ranges, &count);
    if (!status) {
        free(ranges);
        assert_int_equal(count, 0);
        assert_int_equal(crewi_journal_load(journal, results, NULL), CREW_OK);
        for (int i = 0; i < COUNT; i++)
            assert_int_equal(results[i], 10 * i);
    }
    crewi_journal_abandon(journal);
    return status;
}

/* Whatever is missing of a file, there is an error, or it was empty space. */
static void truncated(void **state)
{
    struct stat whole;
    (void)state;
    struct crewi_journal *journal = open_it();
    keep(journal, 0, COUNT);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    assert_int_equal(stat(path, &whole), 0);
    for (off_t size = whole.st_size - 512; size > 0; size -= 512) {
        assert_int_equal(truncate(path, size), 0);
        crew_status status = read_all();
        assert_true(status == CREW_EBROKEN || status == CREW_EINVAL ||
                    (!status && size > whole.st_size / 2));
    }
}

static void damaged(void **state)
{
    static const char *const changes[] = {
        "UPDATE part SET first = -1",
        "UPDATE part SET count = 101",
        "UPDATE part SET count = 0",
        "INSERT INTO part (first, count, results, checksum, attempts, finished_at)"
        " VALUES (5, 1, x'00', '', 1, 0)",
        "INSERT INTO part (first, count, results, checksum, attempts, finished_at)"
        " SELECT first, count, results, checksum, attempts, finished_at FROM part",
    };
    struct crewi_range *ranges;
    size_t count;
    int64_t results[COUNT];
    struct crewi_journal *journal = open_it();
    (void)state;
    keep(journal, 0, 10);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        change(changes[i]);
        journal = open_it();
        assert_int_equal(crewi_journal_missing(journal, &ranges, &count), CREW_EBROKEN);
        crewi_journal_abandon(journal);
        change("DELETE FROM part WHERE id > 1; UPDATE part SET first = 0, count = 10");
    }
    change("UPDATE part SET results = x'0011'");
    journal = open_it();
    assert_int_equal(crewi_journal_load(journal, results, NULL), CREW_EBROKEN);
    assert_non_null(strstr(crew_error_message(), "damaged"));
    crewi_journal_abandon(journal);
}

/* Results that were changed are not believed, and neither are those of other tasks. */
static void changed_results(void **state)
{
    static const char *const changes[] = {
        "UPDATE part SET results = zeroblob(80) WHERE first = 10",
        "UPDATE part SET results = substr(results, 1, 79) || x'01' WHERE first = 10",
        "UPDATE part SET checksum = '' WHERE first = 10",
        "UPDATE part SET first = 20 WHERE first = 10",
        "UPDATE part SET first = 0 WHERE first = 10; UPDATE part SET first = 10 WHERE id = 1",
    };
    struct crewi_range *ranges;
    size_t count;
    int64_t results[COUNT];
    (void)state;
    struct crewi_journal *journal = open_it();
    keep(journal, 0, 10);
    keep(journal, 10, 10);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    change("CREATE TABLE copy AS SELECT * FROM part");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        change(changes[i]);
        journal = open_it();
        assert_int_equal(crewi_journal_missing(journal, &ranges, &count), CREW_EBROKEN);
        assert_non_null(strstr(crew_error_message(), "not those that were written"));
        assert_int_equal(crewi_journal_load(journal, results, NULL), CREW_EBROKEN);
        crewi_journal_abandon(journal);
        change("DELETE FROM part; INSERT INTO part SELECT * FROM copy");
    }
    journal = open_it();
    expect_missing(journal, (struct crewi_range[]){{20, 80}}, 1);
    assert_int_equal(crewi_journal_load(journal, results, NULL), CREW_OK);
    crewi_journal_abandon(journal);
}

/* In a folder like /tmp: a link, a file, or one of SQLite's logs that another user has put there.
 */
static void planted(void **state)
{
    char folder[310], link[320], wal[330], command[400];
    struct crewi_journal_identity mine = identity();
    struct crewi_journal *journal = NULL;
    (void)state;
    if (geteuid() != 0) /* to make somebody else of it */
        skip();
    snprintf(folder, sizeof folder, "%s-folder", path);
    snprintf(link, sizeof link, "%s/run.db", folder);
    snprintf(wal, sizeof wal, "%s-wal", link);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(chmod(folder, 01777), 0);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(crewi_journal_open(&journal, link, &mine), CREW_OK); /* one's own */
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    journal = NULL;
    assert_int_equal(lchown(link, 12345, 12345), 0);
    assert_int_equal(crewi_journal_open(&journal, link, &mine), CREW_ESYSTEM);
    assert_non_null(strstr(crew_error_message(), "symbolic link"));
    assert_int_equal(unlink(link), 0);
    for (int i = 0; i < 2; i++) {
        int file = open(i ? wal : link, O_CREAT | O_EXCL | O_WRONLY, 0666);
        assert_true(file >= 0);
        assert_int_equal(fchown(file, 12345, 12345), 0);
        close(file);
        assert_int_equal(crewi_journal_open(&journal, link, &mine), CREW_ESYSTEM);
        assert_non_null(strstr(crew_error_message(), "belongs to another user"));
        assert_int_equal(unlink(i ? wal : link), 0);
    }
    assert_null(journal);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void names(void **state)
{
    struct crewi_journal_identity mine = identity();
    struct crewi_journal *journal = NULL;
    (void)state;
    assert_int_equal(crewi_journal_open(&journal, "", &mine), CREW_EINVAL);
    assert_int_equal(crewi_journal_open(&journal, "/nowhere/at/all", &mine), CREW_ESYSTEM);
    assert_non_null(strstr(crew_error_message(), "No such file"));
    assert_int_equal(crewi_journal_open(&journal, "/", &mine), CREW_ESYSTEM);
    assert_null(journal);
}

/* What sqlite3 shows. */
static void reading(void **state)
{
    crew_task_error errors[2] = {{.index = 5, .status = CREW_EDOMAIN, .attempts = 3, .rank = 1},
                                 {.index = 7, .status = CREW_EFAILED, .attempts = 1}};
    snprintf(errors[0].message, sizeof errors[0].message, "no good");
    (void)state;
    struct crewi_journal *journal = open_it();
    keep(journal, 90, 10);
    keep(journal, 8, 2);
    assert_int_equal(crewi_journal_note_failures(journal, &errors[1], 1), CREW_OK);
    assert_int_equal(crewi_journal_note_failures(journal, errors, 2), CREW_OK);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    assert_int_equal(query("SELECT count FROM map WHERE task = 'square'"), COUNT);
    assert_int_equal(query("SELECT count(*) FROM result WHERE status = 0"), 12);
    assert_int_equal(query("SELECT count(*) FROM result WHERE status = 0 AND attempts = 2 AND"
                           " worker = 'PoolWorker-1' AND rank = 7 AND finished_at LIKE '20%Z'"),
                     12);
    assert_int_equal(query("SELECT sum(task) FROM result WHERE status = 0"), 17 + 945);
    /* 930 is 0x3a2, and its bytes come in the order of x86 and most others */
    assert_int_equal(query("SELECT hex(result) = 'A203000000000000' FROM result WHERE task = 93"),
                     1);
    assert_int_equal(query("SELECT count(*) FROM result WHERE status < 0"), 2);
    assert_int_equal(query("SELECT attempts FROM result WHERE task = 5 AND message = 'no good'"),
                     3);
    journal = open_it();
    assert_int_equal(crewi_journal_note_failures(journal, NULL, 0), CREW_OK);
    assert_int_equal(crewi_journal_close(journal), CREW_OK);
    assert_int_equal(query("SELECT count(*) FROM failure"), 0);
}

static void hash(void **state)
{
    char one[33], other[33], data[41] = {0};
    (void)state;
    crewi_journal_hash(data, 0, one);
    assert_int_equal(strlen(one), 32);
    for (size_t size = 1; size < sizeof data; size++) {
        crewi_journal_hash(data, size, other);
        assert_string_not_equal(one, other); /* zeros count */
        crewi_journal_hash(data, size, one);
        assert_string_equal(one, other);
        data[size - 1] ^= 1;
        crewi_journal_hash(data, size, other);
        assert_string_not_equal(one, other);
        data[size - 1] ^= 1;
    }
}

#define test_of(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_of(keeps_and_gives_back),
        test_of(what_was_not_committed),
        test_of(killed),
        test_of(of_something_else),
        test_of(of_nothing_yet),
        test_of(in_use),
        test_of(garbage),
        test_of(truncated),
        test_of(damaged),
        test_of(changed_results),
        test_of(planted),
        test_of(names),
        test_of(reading),
        cmocka_unit_test(hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
