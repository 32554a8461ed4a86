/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Names of files that are going to be written, where other users may have put something under that
 * name: in a sticky folder that everybody may write to, such as /tmp, a symbolic link of another
 * user leads to a file that this user never meant, and a file of another user has contents that
 * this user never wrote. The kernel has such a rule (fs.protected_symlinks, fs.protected_regular);
 * but it can be off, it is for the last part of a path only, and realpath() does not follow it.
 *
 * Needs libc alone: the matrix programs are built with it, too.
 */
#ifndef CREWI_BASE_PATH_H
#define CREWI_BASE_PATH_H

#include <stdbool.h>

/** In place of an errno value: somebody else has put a symbolic link, or a file, there. */
enum { CREWI_PATH_FOREIGN_LINK = -1, CREWI_PATH_FOREIGN_FILE = -2 };

/**
 * Finds out what a file is called behind all symbolic links, as open() would; the file need not
 * exist. A link in a sticky folder that everybody may write to is followed only if it belongs to
 * this user or to the owner of the folder, and so is a file there accepted.
 *
 * @param resolved  a path without links, relative if @p path is; to be freed. Set on success only.
 * @return 0; an errno value, ENOENT if a folder is missing, EISDIR if @p path ends in a slash; or
 * one of the two above.
 */
int crewi_path_resolve(const char *path, char **resolved);

/** Whether a file, which need not exist, is another user's in a folder as above. */
bool crewi_path_is_foreign(const char *path);

/** The reason in words: that of the errno value, or of the two above. */
const char *crewi_path_reason(int code);

#endif
