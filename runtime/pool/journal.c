/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool/journal.h"

#include "base/error.h"
#include "base/path.h"

#include <errno.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long somebody may be at it who only reads. */
#define PATIENCE_MS 1000

/* "crew", so that file(1) and we tell it from other databases; and which form of it this is. */
#define APPLICATION_ID "1668441463"
#define FORM 2

/* What a row takes beside its results. */
#define ROW_BYTES 1000

#ifndef SQLITE_OPEN_NOFOLLOW /* before 3.31 */
#define SQLITE_OPEN_NOFOLLOW 0
#endif

struct crewi_journal {
    sqlite3 *database;
    sqlite3_stmt *insert;
    char *path;
    uint64_t count, result_size;
    sqlite3_int64 last_old; /* row of what it had when it was opened */
    size_t pending;
    bool in_transaction, is_new;
};

static const char schema[] =
    "CREATE TABLE map (task TEXT NOT NULL, build_id TEXT NOT NULL, function INTEGER NOT NULL,"
    " item_size INTEGER NOT NULL, result_size INTEGER NOT NULL, count INTEGER NOT NULL,"
    " items_hash TEXT NOT NULL, created_at REAL NOT NULL);"
    "CREATE TABLE part (id INTEGER PRIMARY KEY, first INTEGER NOT NULL, count INTEGER NOT NULL,"
    " results BLOB NOT NULL, checksum TEXT NOT NULL, attempts INTEGER NOT NULL, worker TEXT,"
    " rank INTEGER, finished_at REAL NOT NULL);"
    "CREATE TABLE failure (task INTEGER PRIMARY KEY, status INTEGER NOT NULL, message TEXT,"
    " attempts INTEGER NOT NULL, worker TEXT, rank INTEGER, finished_at REAL NOT NULL);"
    "CREATE VIEW result AS WITH RECURSIVE single(task, id, first, last) AS"
    " (SELECT first, id, first, first + count - 1 FROM part"
    " UNION ALL SELECT task + 1, id, first, last FROM single WHERE task < last)"
    " SELECT single.task AS task, 0 AS status,"
    " substr(part.results, (single.task - single.first) * map.result_size + 1, map.result_size)"
    " AS result, part.attempts AS attempts, part.worker AS worker, part.rank AS rank,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', part.finished_at, 'unixepoch') AS finished_at,"
    " NULL AS message FROM single JOIN part ON part.id = single.id, map"
    " UNION ALL SELECT task, status, NULL, attempts, worker, rank,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', finished_at, 'unixepoch'), message FROM failure;"
    "PRAGMA application_id = " APPLICATION_ID ";"
    "PRAGMA user_version = 2;";

/* Words */

static crew_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return CREW_ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return CREW_ESTATE;
    case SQLITE_NOTADB:
        return CREW_EINVAL;
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
        return CREW_EBROKEN;
    default:
        return CREW_ESYSTEM;
    }
}

/* What SQLite says. */
static crew_status failed(const struct crewi_journal *journal, const char *what)
{
    int code = sqlite3_extended_errcode(journal->database);
    crew_status status = status_of(code);
    if (status == CREW_ESTATE)
        return crewi_error(status, "the journal %s is in use by another run or program",
                           journal->path);
    if (status == CREW_EINVAL)
        return crewi_error(status, "%s is no journal: %s", journal->path,
                           sqlite3_errmsg(journal->database));
    int number = sqlite3_system_errno(journal->database);
    return crewi_error(status, "cannot %s the journal %s: %s%s%s", what, journal->path,
                       sqlite3_errmsg(journal->database), number ? ", " : "",
                       number ? strerror(number) : "");
}

static crew_status damaged(const struct crewi_journal *journal)
{
    return crewi_error(CREW_EBROKEN,
                       "the journal %s is damaged: its results do not fit the map. Remove it to "
                       "begin anew",
                       journal->path);
}

/* Of one range: its results, and which tasks they are of, so that ranges cannot be exchanged. */
static void part_checksum(struct crewi_range range, const void *results, uint64_t bytes,
                          char text[33])
{
    struct {
        uint64_t begin, count;
        char results[40]; /* all of them set: no padding */
    } part = {range.begin, range.count, {0}};
    crewi_journal_hash(results, bytes, text);
    memcpy(part.results, text, 33);
    crewi_journal_hash(&part, sizeof part, text);
}

/* Statements */

static crew_status run(struct crewi_journal *journal, const char *sql, const char *what)
{
    return sqlite3_exec(journal->database, sql, NULL, NULL, NULL) ? failed(journal, what) : CREW_OK;
}

static crew_status prepare(struct crewi_journal *journal, const char *sql, sqlite3_stmt **statement)
{
    return sqlite3_prepare_v2(journal->database, sql, -1, statement, NULL) ? failed(journal, "read")
                                                                           : CREW_OK;
}

/* The one number that a query gives; 0 when there is no row. */
static crew_status ask(struct crewi_journal *journal, const char *sql, sqlite3_int64 *number)
{
    sqlite3_stmt *statement;
    crew_status status = prepare(journal, sql, &statement);
    if (status)
        return status;
    int code = sqlite3_step(statement);
    *number = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    status = code == SQLITE_ROW || code == SQLITE_DONE ? CREW_OK : failed(journal, "read");
    sqlite3_finalize(statement);
    return status;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Begins a transaction, if there is none. */
static crew_status begin(struct crewi_journal *journal)
{
    if (journal->in_transaction)
        return CREW_OK;
    crew_status status = run(journal, "BEGIN", "write");
    journal->in_transaction = !status;
    return status;
}

crew_status crewi_journal_commit(struct crewi_journal *journal)
{
    if (!journal->in_transaction)
        return CREW_OK;
    journal->in_transaction = false;
    journal->pending = 0;
    crew_status status = run(journal, "COMMIT", "write");
    if (status)
        sqlite3_exec(journal->database, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* Identity */

static crew_status write_identity(struct crewi_journal *journal,
                                  const struct crewi_journal_identity *identity, const char *hash)
{
    sqlite3_stmt *statement;
    crew_status status = run(journal, "DELETE FROM map; DELETE FROM failure", "write");
    if (!status)
        status = prepare(journal, "INSERT INTO map VALUES (?, ?, ?, ?, ?, ?, ?, ?)", &statement);
    if (status)
        return status;
    sqlite3_bind_text(statement, 1, identity->task, -1, SQLITE_STATIC);
    sqlite3_bind_text(statement, 2, identity->build_id, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 3, (sqlite3_int64)identity->function);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)identity->item_size);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)identity->result_size);
    sqlite3_bind_int64(statement, 6, (sqlite3_int64)identity->count);
    sqlite3_bind_text(statement, 7, hash, -1, SQLITE_STATIC);
    sqlite3_bind_double(statement, 8, seconds_now());
    status = sqlite3_step(statement) == SQLITE_DONE ? CREW_OK : failed(journal, "write");
    sqlite3_finalize(statement);
    return status;
}

static const char *text_of(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? text : "";
}

static crew_status compare_sizes(const struct crewi_journal *journal, sqlite3_stmt *statement,
                                 const struct crewi_journal_identity *identity)
{
    const struct {
        const char *name;
        uint64_t is;
    } wanted[] = {{"item_size", identity->item_size},
                  {"result_size", identity->result_size},
                  {"count", identity->count}};
    for (int i = 0; i < 3; i++)
        if ((uint64_t)sqlite3_column_int64(statement, 3 + i) != wanted[i].is)
            return crewi_error(
                CREW_EINVAL, "the journal %s is of another input: %s is %lld there and %llu here",
                journal->path, wanted[i].name, (long long)sqlite3_column_int64(statement, 3 + i),
                (unsigned long long)wanted[i].is);
    return CREW_OK;
}

static crew_status compare(const struct crewi_journal *journal, sqlite3_stmt *statement,
                           const struct crewi_journal_identity *identity, const char *hash)
{
    const char *task = text_of(statement, 0), *build_id = text_of(statement, 1);
    if (strcmp(task, identity->task) != 0)
        return crewi_error(CREW_EBUILD, "the journal %s is of the function %s, and this is %s",
                           journal->path, task, identity->task);
    if (strcmp(build_id, identity->build_id) != 0)
        return crewi_error(CREW_EBUILD,
                           "the journal %s is of another build of %s: its build id is %s there and "
                           "%s here",
                           journal->path, task, build_id, identity->build_id);
    if ((uint64_t)sqlite3_column_int64(statement, 2) != identity->function)
        return crewi_error(CREW_EBUILD, "the journal %s is of another function named %s",
                           journal->path, task);
    crew_status status = compare_sizes(journal, statement, identity);
    if (!status && strcmp(text_of(statement, 6), hash) != 0)
        status = crewi_error(CREW_EINVAL, "the journal %s is of other items", journal->path);
    return status;
}

static crew_status check_identity(struct crewi_journal *journal,
                                  const struct crewi_journal_identity *identity, const char *hash)
{
    sqlite3_stmt *statement;
    crew_status status = prepare(journal,
                                 "SELECT task, build_id, function, item_size, result_size, count,"
                                 " items_hash FROM map",
                                 &statement);
    if (status)
        return status;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        status = compare(journal, statement, identity, hash);
    else
        status = code == SQLITE_DONE ? damaged(journal) : failed(journal, "read");
    sqlite3_finalize(statement);
    return status;
}

/* Opening */

/* Nobody else is in it from here on. Changes nothing in a database that is not ours. */
static crew_status look_inside(struct crewi_journal *journal)
{
    sqlite3_int64 objects = 0, application = 0, form = 0;
    sqlite3_busy_timeout(journal->database, PATIENCE_MS);
    crew_status status =
        run(journal, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT", "open");
    if (!status)
        status = ask(journal, "SELECT count(*) FROM sqlite_master", &objects);
    if (!status)
        status = ask(journal, "PRAGMA application_id", &application);
    if (!status)
        status = ask(journal, "PRAGMA user_version", &form);
    if (status)
        return status;
    journal->is_new = !objects && !application;
    if (!journal->is_new && application != strtol(APPLICATION_ID, NULL, 10))
        return crewi_error(CREW_EINVAL, "%s is no journal: it is a database of something else",
                           journal->path);
    if (!journal->is_new && form != FORM)
        return crewi_error(CREW_EINVAL,
                           "the journal %s has form %lld, and this crew writes form %d: remove it "
                           "to begin anew",
                           journal->path, (long long)form, FORM);
    return CREW_OK;
}

/* What SQLite finds wrong with the file is found before anything is run. */
static crew_status check_file(struct crewi_journal *journal)
{
    sqlite3_stmt *statement;
    crew_status status = prepare(journal, "PRAGMA quick_check(1)", &statement);
    if (status)
        return status;
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW)
        status = failed(journal, "read");
    else if (strcmp(text_of(statement, 0), "ok") != 0)
        status = crewi_error(CREW_EBROKEN, "the journal %s is damaged: %s. Remove it to begin anew",
                             journal->path, text_of(statement, 0));
    sqlite3_finalize(statement);
    return status;
}

/* One that keeps no result yet is for any map. A commit outlives the process at once, and a failure
 * of the power once the log is brought over. */
static crew_status prepare_to_write(struct crewi_journal *journal,
                                    const struct crewi_journal_identity *identity)
{
    char hash[33];
    crewi_journal_hash(identity->items, identity->count * identity->item_size, hash);
    crew_status status = journal->is_new ? CREW_OK : check_file(journal);
    if (!status && !journal->is_new)
        status = ask(journal, "SELECT max(id) FROM part", &journal->last_old);
    if (!status && journal->last_old)
        status = check_identity(journal, identity, hash);
    if (!status)
        status = run(journal,
                     "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                     "PRAGMA wal_autocheckpoint = 4000; BEGIN",
                     "write");
    if (!status && journal->is_new)
        status = run(journal, schema, "write");
    if (!status && !journal->last_old)
        status = write_identity(journal, identity, hash);
    if (!status)
        status = run(journal, "COMMIT", "write");
    if (!status)
        status = prepare(journal,
                         "INSERT INTO part (first, count, results, checksum, attempts, worker,"
                         " rank, finished_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                         &journal->insert);
    return status;
}

/* SQLite reads its logs like the file itself. */
static bool has_foreign_log(const char *path)
{
    char wal[PATH_MAX + 16], rollback[PATH_MAX + 16];
    snprintf(wal, sizeof wal, "%s-wal", path);
    snprintf(rollback, sizeof rollback, "%s-journal", path);
    return crewi_path_is_foreign(wal) || crewi_path_is_foreign(rollback);
}

/* Finds the file behind the links, none of which SQLite has to follow then. Names like :memory:
 * mean something else to SQLite, and get a folder. */
static crew_status find_file(struct crewi_journal *journal, const char *path)
{
    char *name = NULL;
    int code = crewi_path_resolve(path, &name);
    if (!code && has_foreign_log(name))
        code = CREWI_PATH_FOREIGN_FILE;
    if (!code && asprintf(&journal->path, "%s%s", *name == '/' ? "" : "./", name) < 0) {
        journal->path = NULL;
        code = ENOMEM;
    }
    free(name);
    if (code == ENOMEM)
        return crewi_error_memory();
    return code ? crewi_error(CREW_ESYSTEM, "cannot open the journal %s: %s", path,
                              crewi_path_reason(code))
                : CREW_OK;
}

static crew_status open_file(struct crewi_journal *journal)
{
    int code =
        sqlite3_open_v2(journal->path, &journal->database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);
    if (!journal->database)
        return crewi_error_memory();
    if (code)
        return failed(journal, "open");
    sqlite3_int64 limit = sqlite3_limit(journal->database, SQLITE_LIMIT_LENGTH, -1) - ROW_BYTES;
    if (journal->result_size > (uint64_t)limit)
        return crewi_error(CREW_EINVAL,
                           "results of %llu bytes are more than a journal can keep (%lld bytes)",
                           (unsigned long long)journal->result_size, (long long)limit);
    return look_inside(journal);
}

static void free_journal(struct crewi_journal *journal)
{
    sqlite3_finalize(journal->insert);
    sqlite3_close(journal->database);
    free(journal->path);
    free(journal);
}

crew_status crewi_journal_open(struct crewi_journal **journal, const char *path,
                               const struct crewi_journal_identity *identity)
{
    if (!*path)
        return crewi_error(CREW_EINVAL, "the journal has an empty name");
    struct crewi_journal *opened = calloc(1, sizeof *opened);
    if (!opened)
        return crewi_error_memory();
    opened->count = identity->count;
    opened->result_size = identity->result_size;
    crew_status status = find_file(opened, path);
    if (!status)
        status = open_file(opened);
    if (!status)
        status = prepare_to_write(opened, identity);
    if (status)
        crewi_journal_abandon(opened);
    else
        *journal = opened;
    return status;
}

/* Reading */

/* Columns of the statements that read ranges. */
#define PART_COLUMNS "first, count, results, checksum"

/* The range of the row that a statement is at, which has been found to be as it was written. */
static crew_status take_range(const struct crewi_journal *journal, sqlite3_stmt *statement,
                              struct crewi_range *range)
{
    char checksum[33];
    sqlite3_int64 first = sqlite3_column_int64(statement, 0);
    sqlite3_int64 count = sqlite3_column_int64(statement, 1);
    *range = (struct crewi_range){(uint64_t)first, (uint64_t)count};
    const void *results = sqlite3_column_blob(statement, 2);
    uint64_t bytes = (uint64_t)sqlite3_column_bytes(statement, 2);
    if (first < 0 || count <= 0 || range->begin >= journal->count ||
        range->count > journal->count - range->begin ||
        bytes != range->count * journal->result_size)
        return damaged(journal);
    part_checksum(*range, results, bytes, checksum);
    if (strcmp(text_of(statement, 3), checksum) != 0)
        return crewi_error(CREW_EBROKEN,
                           "the journal %s is damaged: the results of tasks %lld to %lld are not "
                           "those that were written. Remove it to begin anew",
                           journal->path, (long long)first, (long long)(first + count - 1));
    return CREW_OK;
}

static bool add_range(struct crewi_range **ranges, size_t *count, struct crewi_range range)
{
    bool full = (*count & (*count - 1)) == 0; /* 0, 1, 2, 4, ... */
    if (full) {
        struct crewi_range *grown = realloc(*ranges, (*count ? 2 * *count : 1) * sizeof *grown);
        if (!grown)
            return false;
        *ranges = grown;
    }
    (*ranges)[(*count)++] = range;
    return true;
}

crew_status crewi_journal_missing(struct crewi_journal *journal, struct crewi_range **ranges,
                                  size_t *count)
{
    struct crewi_range done, *list = NULL;
    sqlite3_stmt *statement;
    uint64_t next = 0;
    size_t length = 0;
    int code = SQLITE_DONE;
    crew_status status =
        prepare(journal, "SELECT " PART_COLUMNS " FROM part ORDER BY first", &statement);
    if (status)
        return status;
    while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        status = take_range(journal, statement, &done);
        if (!status && done.begin < next)
            status = damaged(journal);
        else if (!status && done.begin > next &&
                 !add_range(&list, &length, (struct crewi_range){next, done.begin - next}))
            status = crewi_error_memory();
        next = done.begin + done.count;
    }
    if (!status && code != SQLITE_DONE)
        status = failed(journal, "read");
    if (!status && next < journal->count &&
        !add_range(&list, &length, (struct crewi_range){next, journal->count - next}))
        status = crewi_error_memory();
    sqlite3_finalize(statement);
    if (status) {
        free(list);
        return status;
    }
    *ranges = list;
    *count = length;
    return CREW_OK;
}

static crew_status load_part(const struct crewi_journal *journal, sqlite3_stmt *statement,
                             unsigned char *results, crew_status *statuses)
{
    struct crewi_range range;
    crew_status status = take_range(journal, statement, &range);
    if (status)
        return status;
    if (journal->result_size)
        memcpy(results + range.begin * journal->result_size, sqlite3_column_blob(statement, 2),
               range.count * journal->result_size);
    for (uint64_t i = 0; statuses && i < range.count; i++)
        statuses[range.begin + i] = CREW_OK;
    return CREW_OK;
}

crew_status crewi_journal_load(struct crewi_journal *journal, void *results, crew_status *statuses)
{
    sqlite3_stmt *statement;
    int code = SQLITE_DONE;
    crew_status status =
        prepare(journal, "SELECT " PART_COLUMNS " FROM part WHERE id <= ?", &statement);
    if (status)
        return status;
    sqlite3_bind_int64(statement, 1, journal->last_old);
    while (!status && (code = sqlite3_step(statement)) == SQLITE_ROW)
        status = load_part(journal, statement, results, statuses);
    if (!status && code != SQLITE_DONE)
        status = failed(journal, "read");
    sqlite3_finalize(statement);
    return status;
}

/* Writing */

crew_status crewi_journal_append(struct crewi_journal *journal,
                                 const struct crewi_journal_part *part)
{
    char checksum[33];
    uint64_t bytes = part->range.count * journal->result_size;
    crew_status status = begin(journal);
    if (status)
        return status;
    part_checksum(part->range, part->results, bytes, checksum);
    sqlite3_stmt *insert = journal->insert;
    sqlite3_bind_int64(insert, 1, (sqlite3_int64)part->range.begin);
    sqlite3_bind_int64(insert, 2, (sqlite3_int64)part->range.count);
    int code = sqlite3_bind_blob64(insert, 3, bytes ? part->results : "", bytes, SQLITE_STATIC);
    sqlite3_bind_text(insert, 4, checksum, -1, SQLITE_STATIC);
    sqlite3_bind_int64(insert, 5, part->attempts);
    sqlite3_bind_text(insert, 6, part->worker, -1, SQLITE_STATIC);
    sqlite3_bind_int(insert, 7, part->rank);
    sqlite3_bind_double(insert, 8, seconds_now());
    if (!code)
        code = sqlite3_step(insert);
    status = code == SQLITE_DONE ? CREW_OK : failed(journal, "write");
    sqlite3_reset(insert);
    sqlite3_clear_bindings(insert);
    journal->pending += status ? 0 : bytes + ROW_BYTES;
    return status;
}

size_t crewi_journal_pending(const struct crewi_journal *journal)
{
    return journal->pending;
}

static crew_status note_failure(struct crewi_journal *journal, sqlite3_stmt *statement,
                                const crew_task_error *error)
{
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)error->index);
    sqlite3_bind_int(statement, 2, error->status);
    sqlite3_bind_text(statement, 3, error->message, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 4, error->attempts);
    sqlite3_bind_text(statement, 5, error->worker, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 6, error->rank);
    sqlite3_bind_double(statement, 7, seconds_now());
    crew_status status =
        sqlite3_step(statement) == SQLITE_DONE ? CREW_OK : failed(journal, "write");
    sqlite3_reset(statement);
    return status;
}

crew_status crewi_journal_note_failures(struct crewi_journal *journal,
                                        const crew_task_error *errors, size_t count)
{
    sqlite3_stmt *statement;
    crew_status status = begin(journal);
    if (!status)
        status = run(journal, "DELETE FROM failure", "write");
    if (!status)
        status = prepare(journal, "INSERT INTO failure VALUES (?, ?, ?, ?, ?, ?, ?)", &statement);
    if (status)
        return status;
    for (size_t i = 0; i < count && !status; i++)
        status = note_failure(journal, statement, &errors[i]);
    sqlite3_finalize(statement);
    return status;
}

/* The end */

crew_status crewi_journal_close(struct crewi_journal *journal)
{
    crew_status status = crewi_journal_commit(journal);
    if (!status)
        status = run(journal, "PRAGMA wal_checkpoint(TRUNCATE)", "write");
    free_journal(journal);
    return status;
}

void crewi_journal_abandon(struct crewi_journal *journal)
{
    free_journal(journal);
}
