/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * A folder of a test's own for files, and what tests of files ask about it. A call that fails fails
 * the test.
 */
#ifndef TEST_APPS_FOLDER_H
#define TEST_APPS_FOLDER_H

#include <stddef.h>

/** Makes an empty folder that any user may write to. cmocka: a setup function, the path is *state.
 */
int folder_setup(void **state);

/** Removes the folder and the files in it. */
int folder_teardown(void **state);

/** FOLDER/NAME; valid until sixteen calls later. */
const char *folder_path(const char *folder, const char *name);

/** Creates or replaces a file. */
void folder_write(const char *path, const void *data, size_t size);

/** Reads a file of at most `capacity` bytes and returns its size. */
size_t folder_read(const char *path, void *data, size_t capacity);

/** The number of files in a folder, hidden ones included. */
size_t folder_count(const char *folder);

/** The number of descriptors that this process has open. */
size_t open_descriptors(void);

#endif
