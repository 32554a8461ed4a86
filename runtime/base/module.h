/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Modules: what function references have to know of a program or a shared library, be it loaded or
 * a file.
 */
#ifndef CREWI_BASE_MODULE_H
#define CREWI_BASE_MODULE_H

#include "base/funcref.h"

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

#define CREWI_CODE_RANGES 4

struct crewi_module {
    uintptr_t base; /* 0 for a file */
    bool identified;
    uint8_t build_id[CREWI_BUILD_ID_SIZE];
    int range_count;
    struct {
        uintptr_t begin, end; /* offsets from base, half open */
    } code[CREWI_CODE_RANGES];
    char name[128];
};

/** Fills in one that is loaded; it is all zero before. */
void crewi_module_describe(struct crewi_module *module, const struct dl_phdr_info *info);

/** Reads a file without loading it. False with errno when it cannot be read or is no module. */
bool crewi_module_read(struct crewi_module *module, const char *path);

/** Whether the offset is in its code. */
bool crewi_module_has_code(const struct crewi_module *module, uintptr_t offset);

#endif
