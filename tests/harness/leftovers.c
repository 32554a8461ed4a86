// SPDX-License-Identifier: BSD-3-Clause
#include "leftovers.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// Names that Open MPI gives, then those that crew and its programs give.
static const char *const launcher_names[] = {
    "ompi.*",     "openmpi-sessions*", "pmix*", "vader_segment.*",
    "osc_rdma.*", "sm_segment.*",      "mpi_*", NULL};
static const char *const crew_names[] = {"crew*", "sem.crew*", "*.npy", "*.npy.*", NULL};

// Those of the tests' own marks.
static const char *const mark_names[] = {"mark-*", NULL};

// TMPDIR moves Open MPI's session folders out of /tmp; one that is there is somebody else's.
static const char *const no_names[] = {NULL};

static bool matches(const char *name, const char *const *patterns)
{
    for (; *patterns != NULL; patterns++)
        if (fnmatch(*patterns, name, 0) == 0)
            return true;
    return false;
}

static void name_list_fini(struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->names[i]);
    free(list->names);
    *list = (struct name_list){0};
}

static bool name_list_has(const struct name_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0)
            return true;
    return false;
}

static bool name_list_append(struct name_list *list, const char *name)
{
    char **names = realloc(list->names, (list->count + 1) * sizeof *names);
    if (names == NULL)
        return false;
    list->names = names;
    names[list->count] = strdup(name);
    return names[list->count] != NULL && ++list->count > 0;
}

// A folder that is not there counts as empty.
static bool name_list_read(struct name_list *list, const char *folder)
{
    *list = (struct name_list){0};
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return errno == ENOENT;
    bool fine = true;
    for (struct dirent *entry; fine && (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            fine = name_list_append(list, entry->d_name);
    closedir(dir);
    if (!fine)
        name_list_fini(list);
    return fine;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool maps_name(const char *pid, const char *path)
{
    char line[PATH_MAX + 128];
    snprintf(line, sizeof line, "/proc/%s/maps", pid);
    FILE *maps = fopen(line, "re");
    if (maps == NULL)
        return false;
    bool found = false;
    while (!found && fgets(line, sizeof line, maps) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const char *name = strchr(line, '/');
        found = name != NULL && strcmp(name, path) == 0;
    }
    fclose(maps);
    return found;
}

static bool opens_name(const char *pid, const char *path)
{
    char folder[NAME_MAX + 16];
    snprintf(folder, sizeof folder, "/proc/%s/fd", pid);
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(dir)) != NULL;) {
        char target[PATH_MAX];
        ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
        if (length <= 0)
            continue;
        target[length] = '\0';
        found = strcmp(target, path) == 0;
    }
    closedir(dir);
    return found;
}

// Whether a process on this machine that we may look into holds the file.
static bool is_held(const char *path)
{
    DIR *dir = opendir("/proc");
    if (dir == NULL)
        return false;
    bool held = false;
    for (struct dirent *entry; !held && (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            held = maps_name(entry->d_name, path) || opens_name(entry->d_name, path);
    closedir(dir);
    return held;
}

static bool is_ours(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0 && status.st_uid == getuid();
}

// Counts what is left in a shared folder; with report also prints and removes it.
static size_t check_shared(const char *folder, const struct name_list *before,
                           const char *const *launcher, bool allow_launcher, bool report)
{
    struct name_list now;
    size_t left = 0;
    if (!name_list_read(&now, folder))
        return 0;
    for (size_t i = 0; i < now.count; i++) {
        char path[PATH_MAX];
        bool by_launcher = matches(now.names[i], launcher);
        if ((!by_launcher && !matches(now.names[i], crew_names)) ||
            name_list_has(before, now.names[i]))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, now.names[i]);
        if (!is_ours(path) || is_held(path))
            continue;
        bool forgiven = by_launcher && allow_launcher;
        left += forgiven ? 0 : 1;
        if (report && !forgiven)
            fprintf(stderr, "run_case: FAILED: the run left %s behind\n", path);
        // What is reported in /tmp stays: it may be somebody else's.
        if (report && (forgiven || strcmp(folder, "/tmp") != 0))
            remove_tree(path);
    }
    name_list_fini(&now);
    return left;
}

static size_t check_own(const struct leftovers *self, bool report)
{
    struct name_list now;
    size_t left = 0;
    if (!name_list_read(&now, self->tmp_dir))
        return 0;
    for (size_t i = 0; i < now.count; i++) {
        if ((self->allow_launcher && matches(now.names[i], launcher_names)) ||
            (self->allow_marks && matches(now.names[i], mark_names)))
            continue;
        left++;
        if (report)
            fprintf(stderr, "run_case: FAILED: the run left %s in its TMPDIR\n", now.names[i]);
    }
    name_list_fini(&now);
    return left;
}

static size_t check_all(const struct leftovers *self, bool report)
{
    return check_own(self, report) +
           check_shared("/dev/shm", &self->shm, launcher_names, self->allow_launcher, report) +
           check_shared("/tmp", &self->tmp, no_names, self->allow_launcher, report);
}

// Makes a folder and those above it.
static bool make_folders(const char *path)
{
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return false;
        *slash = '/';
    }
    return mkdir(part, 0777) == 0 || errno == EEXIST;
}

// Open MPI needs an absolute TMPDIR.
bool leftovers_init(struct leftovers *self, const char *base)
{
    memset(self, 0, sizeof *self);
    char *absolute = make_folders(base) ? realpath(base, NULL) : NULL;
    if (absolute == NULL)
        return false;
    int length = snprintf(self->tmp_dir, sizeof self->tmp_dir, "%s/%d", absolute, (int)getpid());
    free(absolute);
    if (length < 0 || (size_t)length >= sizeof self->tmp_dir) {
        errno = ENAMETOOLONG;
        return false;
    }
    remove_tree(self->tmp_dir);
    return mkdir(self->tmp_dir, 0700) == 0 && name_list_read(&self->shm, "/dev/shm") &&
           name_list_read(&self->tmp, "/tmp");
}

size_t leftovers_check(struct leftovers *self, double patience_s)
{
    size_t left = check_all(self, false);
    for (double waited_s = 0; left > 0 && waited_s < patience_s; waited_s += 0.1) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        left = check_all(self, false);
    }
    // No second look after a clean one: another run may have made something meanwhile.
    if (left > 0 || self->allow_launcher)
        left = check_all(self, true);
    remove_tree(self->tmp_dir);
    return left;
}

void leftovers_fini(struct leftovers *self)
{
    name_list_fini(&self->shm);
    name_list_fini(&self->tmp);
}
