/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of a file that is being written: how it gets its name. What was computed is not lost for
 * want of it: a file that cannot be linked is copied, and one that cannot take its name keeps
 * another, which the error names.
 */
#include "npy_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int npy_fail_write(const struct npy_writer *writer, int code, struct npy_error *error)
{
    return npy_fail(error, "%s: cannot write the matrix: %s.", npy_short_path(writer->path),
                    strerror(code));
}

void npy_link_name(int fd, char name[NPY_LINK_NAME_MAX])
{
    snprintf(name, NPY_LINK_NAME_MAX, "/proc/self/fd/%d", fd);
}

mode_t npy_first_mode(const struct npy_writer *writer)
{
    return writer->replaces ? 0600 : 0666;
}

void npy_keep_permissions(const struct npy_writer *writer, int fd)
{
    mode_t mode = writer->mode;
    struct stat status;
    if (!writer->replaces)
        return;
    /* Only root may give files away; a group is given to who is in it. */
    if (fchown(fd, writer->owner, writer->group) != 0)
        (void)!fchown(fd, (uid_t)-1, writer->group);
    /* What another group was allowed is not for this one. */
    if (fstat(fd, &status) != 0 || status.st_gid != writer->group)
        mode &= ~(mode_t)0070;
    (void)fchmod(fd, mode);
}

int npy_write_at(int fd, const void *data, size_t size, size_t offset)
{
    const char *at = data;
    while (size > 0) {
        ssize_t written = pwrite(fd, at, size, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            return -1;
        }
        at += written;
        offset += (size_t)written;
        size -= (size_t)written;
    }
    return 0;
}

/*
 * Takes a free hidden name by calling `take` until it does not find it taken. Not derived from the
 * target's name, which may be as long as names can be. Processes of other nodes may have the same
 * id: what counts is that names are only ever taken, never replaced.
 */
static int take_hidden_name(struct npy_writer *writer,
                            int (*take)(const struct npy_writer *writer, const char *name))
{
    char name[sizeof writer->temporary] = "";
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        snprintf(name, sizeof name, ".matmul-%ld-%u.npy.tmp", (long)getpid(), attempt);
        int result = take(writer, name);
        if (result >= 0) {
            memcpy(writer->temporary, name, sizeof name);
            return result;
        }
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

static int create_hidden(const struct npy_writer *writer, const char *name)
{
    return openat(writer->folder_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC,
                  npy_first_mode(writer));
}

int npy_create_hidden(struct npy_writer *writer)
{
    return take_hidden_name(writer, create_hidden);
}

static int link_hidden(const struct npy_writer *writer, const char *name)
{
    char link[NPY_LINK_NAME_MAX];
    npy_link_name(writer->fd, link);
    return linkat(AT_FDCWD, link, writer->folder_fd, name, AT_SYMLINK_FOLLOW);
}

static int copy_file(int from, int to)
{
    char buffer[65536];
    ssize_t size;
    for (size_t offset = 0; (size = pread(from, buffer, sizeof buffer, (off_t)offset)) != 0;) {
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 || npy_write_at(to, buffer, (size_t)size, offset) != 0)
            return -1;
        offset += (size_t)size;
    }
    return fsync(to);
}

/* Copies a file without a name into one that has a hidden name in the folder. */
static int copy_to_hidden(struct npy_writer *writer)
{
    int copy = npy_create_hidden(writer);
    if (copy < 0)
        return -1;
    npy_keep_permissions(writer, copy);
    if (copy_file(writer->fd, copy) != 0) {
        int saved = errno;
        unlinkat(writer->folder_fd, writer->temporary, 0);
        writer->temporary[0] = '\0';
        close(copy);
        errno = saved;
        return -1;
    }
    close(writer->fd);
    writer->fd = copy;
    return 0;
}

/*
 * A file without a name takes the target's at once if that is free. Only rename() can replace a
 * file, and it needs a name to come from; where files cannot be linked, it is the name of a copy.
 */
static int take_name(struct npy_writer *writer)
{
    if (writer->temporary[0] == '\0') {
        if (link_hidden(writer, writer->name) == 0)
            return 0;
        if ((errno != EEXIST || take_hidden_name(writer, link_hidden) < 0) &&
            copy_to_hidden(writer) != 0)
            return -1;
    }
    if (renameat(writer->folder_fd, writer->temporary, writer->folder_fd, writer->name) != 0)
        return -1;
    writer->temporary[0] = '\0';
    return 0;
}

/* The last resort, when the folder takes no file any more: one in $TMPDIR or /tmp. */
static int save_elsewhere(const struct npy_writer *writer, char path[NPY_SAVED_MAX])
{
    const char *folder = getenv("TMPDIR");
    int length = snprintf(path, NPY_SAVED_MAX, "%s/matmul-XXXXXX.npy",
                          folder != NULL && folder[0] == '/' ? folder : "/tmp");
    int copy = length < NPY_SAVED_MAX ? mkostemps(path, 4, O_CLOEXEC) : -1;
    if (copy < 0)
        return -1;
    int result = copy_file(writer->fd, copy);
    if (result != 0)
        unlink(path);
    close(copy);
    return result;
}

/* The file is complete, and cannot have its name: `code` says why. */
static int fail_name(struct npy_writer *writer, int code, struct npy_error *error)
{
    char saved[NPY_SAVED_MAX];
    if (writer->temporary[0] == '\0' && save_elsewhere(writer, saved) != 0)
        return npy_fail_write(writer, code, error);
    if (writer->temporary[0] != '\0') {
        int folder = (int)(writer->name - writer->path);
        snprintf(saved, sizeof saved, "%.*s%s", folder, writer->path, writer->temporary);
        writer->temporary[0] = '\0'; /* it stays */
    }
    return npy_fail(error, "%s: cannot give the matrix its name: %s. It was saved as %s.",
                    npy_short_path(writer->path), strerror(code), npy_short_path(saved));
}

int npy_writer_commit(struct npy_writer *writer, struct npy_error *error)
{
    int result = 0;
    if (fsync(writer->fd) != 0)
        result = npy_fail_write(writer, errno, error);
    else if (take_name(writer) != 0)
        result = fail_name(writer, errno, error);
    else
        /*
         * The file is complete under its name. Some file systems cannot sync folders; no reason to
         * call it failed.
         */
        (void)fsync(writer->folder_fd);
    npy_writer_abort(writer);
    return result;
}

void npy_writer_abort(struct npy_writer *writer)
{
    int saved = errno;
    if (writer->temporary[0] != '\0')
        unlinkat(writer->folder_fd, writer->temporary, 0);
    if (writer->fd >= 0)
        close(writer->fd);
    if (writer->folder_fd >= 0)
        close(writer->folder_fd);
    free(writer->path);
    *writer = (struct npy_writer){.fd = -1, .folder_fd = -1};
    errno = saved;
}
