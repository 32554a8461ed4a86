// SPDX-License-Identifier: BSD-3-Clause
// Libraries that are loaded while the program runs.
#ifndef CREW_TESTS_MODULE_H
#define CREW_TESTS_MODULE_H

#include <stddef.h>

// Loads the library, for good, and sets *function to the address of its function of that name.
void module_function(const char *library, const char *name, void *function);

// A copy of the file in TMPDIR.
void module_copy(const char *library, char *copy, size_t size);

#endif
