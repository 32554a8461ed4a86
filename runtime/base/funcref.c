/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/funcref.h"

#include "base/error.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CODE_RANGES 4

struct module {
    uintptr_t base;
    bool identified;
    uint8_t build_id[CREWI_BUILD_ID_SIZE];
    int range_count;
    struct {
        uintptr_t begin, end; /* offsets from base, half open */
    } code[CODE_RANGES];
    char name[128];
};

static struct module *modules;
static size_t module_count;

/* The build id is a note with the owner "GNU" in a PT_NOTE segment. */
static void find_build_id(struct module *module, const char *notes, size_t size)
{
    size_t at = 0;
    while (size - at >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)(notes + at);
        size_t name_size = ((size_t)note->n_namesz + 3) & ~(size_t)3;
        size_t text_size = ((size_t)note->n_descsz + 3) & ~(size_t)3;
        if (name_size + text_size > size - at - sizeof *note)
            return;
        const char *name = (const char *)(note + 1);
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
            size_t used =
                note->n_descsz < CREWI_BUILD_ID_SIZE ? note->n_descsz : CREWI_BUILD_ID_SIZE;
            memcpy(module->build_id, name + name_size, used);
            module->identified = used > 0;
            return;
        }
        at += sizeof *note + name_size + text_size;
    }
}

static void describe(struct module *module, const struct dl_phdr_info *info)
{
    module->base = info->dlpi_addr;
    snprintf(module->name, sizeof module->name, "%s",
             *info->dlpi_name ? info->dlpi_name : "the program");
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_NOTE && !module->identified)
            find_build_id(module, (const char *)(info->dlpi_addr + segment->p_vaddr),
                          segment->p_memsz);
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) &&
            module->range_count < CODE_RANGES) {
            module->code[module->range_count].begin = segment->p_vaddr;
            module->code[module->range_count++].end = segment->p_vaddr + segment->p_memsz;
        }
    }
}

static int add_module(struct dl_phdr_info *info, size_t size, void *failed)
{
    (void)size;
    struct module *grown = realloc(modules, (module_count + 1) * sizeof *modules);
    if (!grown) {
        *(bool *)failed = true;
        return 1;
    }
    modules = grown;
    modules[module_count] = (struct module){0};
    describe(&modules[module_count++], info);
    return 0;
}

crew_status crewi_modules_load(void)
{
    bool failed = false;
    crewi_modules_unload();
    dl_iterate_phdr(add_module, &failed);
    return failed ? crewi_error_memory() : CREW_OK;
}

void crewi_modules_unload(void)
{
    free(modules);
    modules = NULL;
    module_count = 0;
}

crew_status crewi_program_build_id(uint8_t build_id[CREWI_BUILD_ID_SIZE])
{
    if (module_count == 0 || !modules[0].identified)
        return crewi_error(CREW_EBUILD, "the program has no build id: link it with -Wl,--build-id");
    memcpy(build_id, modules[0].build_id, CREWI_BUILD_ID_SIZE);
    return CREW_OK;
}

static bool in_code(const struct module *module, uintptr_t offset)
{
    for (int i = 0; i < module->range_count; i++)
        if (offset >= module->code[i].begin && offset < module->code[i].end)
            return true;
    return false;
}

crew_status crewi_funcref_make(struct crewi_funcref *ref, crewi_function *function)
{
    for (size_t i = 0; i < module_count; i++) {
        const struct module *module = &modules[i];
        uintptr_t offset = (uintptr_t)function - module->base;
        if (!in_code(module, offset))
            continue;
        if (!module->identified)
            return crewi_error(
                CREW_EBUILD,
                "the function at %p is in %s, which has no build id: link it with -Wl,--build-id",
                (void *)(uintptr_t)function, module->name);
        *ref = (struct crewi_funcref){.offset = offset};
        memcpy(ref->build_id, module->build_id, CREWI_BUILD_ID_SIZE);
        return CREW_OK;
    }
    return crewi_error(CREW_EBUILD,
                       "there is no function at %p in the program, nor in a library that it had "
                       "loaded at its start",
                       (void *)(uintptr_t)function);
}

crew_status crewi_funcref_resolve(const struct crewi_funcref *ref, crewi_function **function)
{
    char text[2 * CREWI_BUILD_ID_SIZE + 1];
    for (size_t i = 0; i < module_count; i++) {
        const struct module *module = &modules[i];
        if (!module->identified ||
            memcmp(module->build_id, ref->build_id, CREWI_BUILD_ID_SIZE) != 0)
            continue;
        if (!in_code(module, ref->offset))
            return crewi_error(CREW_EBUILD, "offset 0x%llx is not in the code of %s",
                               (unsigned long long)ref->offset, module->name);
        *function = (crewi_function *)(module->base + ref->offset);
        return CREW_OK;
    }
    crewi_build_id_text(ref->build_id, text);
    return crewi_error(CREW_EBUILD, "no program or library with build id %s is loaded there", text);
}

void crewi_build_id_text(const uint8_t build_id[CREWI_BUILD_ID_SIZE],
                         char text[2 * CREWI_BUILD_ID_SIZE + 1])
{
    for (size_t i = 0; i < CREWI_BUILD_ID_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", build_id[i]);
}
