/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/path.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As the kernel's own limit. */
#define LINKS_MAX 40

struct walk {
    char done[PATH_MAX]; /* without links; empty at the start of a relative path */
    char rest[PATH_MAX]; /* what is still to be walked */
    int links;
};

/* Whether what has these attributes was put by somebody else into a folder where everybody can. */
static bool path_is_planted(const struct stat *folder, const struct stat *entry)
{
    return (folder->st_mode & (S_ISVTX | S_IWOTH)) == (S_ISVTX | S_IWOTH) &&
           entry->st_uid != geteuid() && entry->st_uid != folder->st_uid;
}

/* Cuts the first component off the rest; the empty one when nothing is left. */
static void walk_take_component(struct walk *walk, char component[NAME_MAX + 2])
{
    size_t skipped = strspn(walk->rest, "/");
    size_t length = strcspn(walk->rest + skipped, "/");
    snprintf(component, NAME_MAX + 2, "%.*s", (int)length, walk->rest + skipped);
    memmove(walk->rest, walk->rest + skipped + length, strlen(walk->rest + skipped + length) + 1);
}

/* No link is left in what is done, so that ".." is what stands before the last slash. */
static int walk_go_up(struct walk *walk)
{
    char *slash = strrchr(walk->done, '/');
    const char *last = slash ? slash + 1 : walk->done;
    if (!*walk->done || strcmp(last, "..") == 0) {
        size_t length = strlen(walk->done);
        int more = snprintf(walk->done + length, PATH_MAX - length, "%s..", length ? "/" : "");
        return (size_t)more < PATH_MAX - length ? 0 : ENAMETOOLONG;
    }
    if (slash == walk->done)
        slash++; /* of the root, nothing is cut off */
    *(slash ? slash : walk->done) = '\0';
    return 0;
}

/* What the link leads to stands before the rest from here on. */
static int walk_follow(struct walk *walk, const char *link)
{
    char target[PATH_MAX], rest[PATH_MAX];
    if (++walk->links > LINKS_MAX)
        return ELOOP;
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0)
        return errno;
    target[length] = '\0';
    if (snprintf(rest, sizeof rest, "%s%s", target, walk->rest) >= (int)sizeof rest)
        return ENAMETOOLONG;
    memcpy(walk->rest, rest, sizeof rest);
    if (*target == '/')
        memcpy(walk->done, "/", sizeof "/");
    return 0;
}

static int walk_enter(struct walk *walk, const char *component)
{
    struct stat folder, entry;
    char next[PATH_MAX];
    const char *between = *walk->done && strcmp(walk->done, "/") != 0 ? "/" : "";
    int length = snprintf(next, sizeof next, "%s%s%s", walk->done, between, component);
    if (length >= (int)sizeof next || strlen(component) > NAME_MAX)
        return ENAMETOOLONG;
    if (stat(*walk->done ? walk->done : ".", &folder))
        return errno;
    if (lstat(next, &entry) == 0) {
        if (S_ISLNK(entry.st_mode))
            return path_is_planted(&folder, &entry) ? CREWI_PATH_FOREIGN_LINK
                                                    : walk_follow(walk, next);
        if (S_ISREG(entry.st_mode) && path_is_planted(&folder, &entry))
            return CREWI_PATH_FOREIGN_FILE;
    } else if (errno != ENOENT || walk->rest[strspn(walk->rest, "/")]) {
        return errno; /* only the last one may be missing */
    }
    memcpy(walk->done, next, sizeof next);
    return 0;
}

int crewi_path_resolve(const char *path, char **resolved)
{
    struct walk walk = {.links = 0};
    char component[NAME_MAX + 2];
    int code = 0;
    if (!*path || path[strlen(path) - 1] == '/')
        return *path ? EISDIR : ENOENT;
    if (snprintf(walk.rest, sizeof walk.rest, "%s", path) >= (int)sizeof walk.rest)
        return ENAMETOOLONG;
    if (*path == '/')
        memcpy(walk.done, "/", sizeof "/");
    do {
        walk_take_component(&walk, component);
        if (strcmp(component, "..") == 0)
            code = walk_go_up(&walk);
        else if (*component && strcmp(component, ".") != 0)
            code = walk_enter(&walk, component);
    } while (*component && !code);
    if (code)
        return code;
    *resolved = strdup(*walk.done ? walk.done : ".");
    return *resolved ? 0 : ENOMEM;
}

bool crewi_path_is_foreign(const char *path)
{
    struct stat folder, entry;
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = slash ? (int)(slash - path) + 1 : 0;
    if (snprintf(parent, sizeof parent, "%.*s.", length, path) >= (int)sizeof parent)
        return false;
    return lstat(path, &entry) == 0 && stat(parent, &folder) == 0 &&
           path_is_planted(&folder, &entry);
}

const char *crewi_path_reason(int code)
{
    if (code == CREWI_PATH_FOREIGN_LINK)
        return "a symbolic link on the way belongs to another user, in a folder that everybody may "
               "write to";
    if (code == CREWI_PATH_FOREIGN_FILE)
        return "the file belongs to another user, in a folder that everybody may write to";
    return strerror(code);
}
