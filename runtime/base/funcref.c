/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/funcref.h"

#include "base/error.h"
#include "base/module.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct crewi_module *modules;
static size_t module_count;

static int add_module(struct dl_phdr_info *info, size_t size, void *failed)
{
    (void)size;
    struct crewi_module *grown = realloc(modules, (module_count + 1) * sizeof *modules);
    if (!grown) {
        *(bool *)failed = true;
        return 1;
    }
    modules = grown;
    modules[module_count] = (struct crewi_module){0};
    crewi_module_describe(&modules[module_count++], info);
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

static crew_status no_build_id(crewi_function *function, const char *name)
{
    return crewi_error(
        CREW_EBUILD,
        "the function at %p is in %s, which has no build id: link it with -Wl,--build-id",
        (void *)(uintptr_t)function, name);
}

/* A module is looked for among those that are loaded now, by an address or a build id. */
struct search {
    const uint8_t *build_id; /* NULL: by the address */
    uintptr_t address;
    struct crewi_module module;
    char path[CREWI_MODULE_PATH_SIZE];
    bool path_is_long;
    bool found;
};

static int look_at(struct dl_phdr_info *info, size_t size, void *context)
{
    struct search *search = context;
    struct crewi_module *module = &search->module;
    (void)size;
    *module = (struct crewi_module){0};
    crewi_module_describe(module, info);
    search->found = search->build_id
                        ? module->identified &&
                              memcmp(module->build_id, search->build_id, CREWI_BUILD_ID_SIZE) == 0
                        : crewi_module_has_code(module, search->address - module->base);
    if (!search->found)
        return 0;
    int length = snprintf(search->path, sizeof search->path, "%s", info->dlpi_name);
    search->path_is_long = length >= (int)sizeof search->path;
    return 1;
}

/* The path as it was given to dlopen() may be relative to a folder; the receiver is in another. */
static crew_status set_path(struct crewi_funcref *ref, const struct search *search)
{
    char *path = search->path_is_long ? NULL : realpath(search->path, NULL);
    size_t size = path ? strlen(path) + 1 : 0;
    crew_status status = CREW_OK;
    if (search->path_is_long || size > sizeof ref->path)
        status = crewi_error(CREW_EBUILD, "the path of the library %.60s... is too long: %d bytes",
                             search->path, CREWI_MODULE_PATH_SIZE - 1);
    else if (!path)
        status = crewi_error(CREW_EBUILD,
                             "the library %s, which was loaded later, is not found any more: %m",
                             search->path);
    else
        memcpy(ref->path, path, size);
    ref->path_size = (uint32_t)size;
    free(path);
    return status;
}

static crew_status make_later(struct crewi_funcref *ref, crewi_function *function)
{
    struct search search = {.address = (uintptr_t)function};
    struct crewi_funcref made = {0};
    if (module_count)
        dl_iterate_phdr(look_at, &search);
    if (!search.found)
        return crewi_error(CREW_EBUILD,
                           "there is no function at %p in the program, nor in a library that it "
                           "has loaded",
                           (void *)(uintptr_t)function);
    if (!search.module.identified)
        return no_build_id(function, search.path);
    memcpy(made.build_id, search.module.build_id, CREWI_BUILD_ID_SIZE);
    made.offset = search.address - search.module.base;
    crew_status status = set_path(&made, &search);
    if (!status)
        *ref = made;
    return status;
}

crew_status crewi_funcref_make(struct crewi_funcref *ref, crewi_function *function)
{
    for (size_t i = 0; i < module_count; i++) {
        const struct crewi_module *module = &modules[i];
        uintptr_t offset = (uintptr_t)function - module->base;
        if (!crewi_module_has_code(module, offset))
            continue;
        if (!module->identified)
            return no_build_id(function, module->name);
        *ref = (struct crewi_funcref){.offset = offset};
        memcpy(ref->build_id, module->build_id, CREWI_BUILD_ID_SIZE);
        return CREW_OK;
    }
    return make_later(ref, function);
}

bool crewi_funcref_is_sound(const struct crewi_funcref *ref)
{
    return ref->path_size == 0 ||
           (ref->path_size <= sizeof ref->path && ref->path[ref->path_size - 1] == '\0');
}

static crew_status address_in(const struct crewi_module *module, const struct crewi_funcref *ref,
                              crewi_function **function)
{
    if (!crewi_module_has_code(module, ref->offset))
        return crewi_error(CREW_EBUILD, "offset 0x%llx is not in the code of %s",
                           (unsigned long long)ref->offset, module->name);
    *function = (crewi_function *)(module->base + ref->offset);
    return CREW_OK;
}

static const struct crewi_module *find_listed(const struct crewi_funcref *ref)
{
    for (size_t i = 0; i < module_count; i++)
        if (modules[i].identified &&
            memcmp(modules[i].build_id, ref->build_id, CREWI_BUILD_ID_SIZE) == 0)
            return &modules[i];
    return NULL;
}

static crew_status check_file(const struct crewi_funcref *ref)
{
    struct crewi_module file;
    char expected[2 * CREWI_BUILD_ID_SIZE + 1], found[2 * CREWI_BUILD_ID_SIZE + 1], host[64] = "";
    crewi_build_id_text(ref->build_id, expected);
    if (!ref->path_size || !crewi_funcref_is_sound(ref))
        return crewi_error(CREW_EBUILD, "no program or library with build id %s is loaded there",
                           expected);
    gethostname(host, sizeof host - 1);
    if (!crewi_module_read(&file, ref->path))
        return crewi_error(CREW_EBUILD,
                           "the library %s cannot be read on %s (%m): expected build id %s",
                           ref->path, host, expected);
    if (!file.identified)
        return crewi_error(CREW_EBUILD,
                           "the library %s on %s has no build id: expected build id %s", ref->path,
                           host, expected);
    crewi_build_id_text(file.build_id, found);
    if (memcmp(file.build_id, ref->build_id, CREWI_BUILD_ID_SIZE) != 0)
        return crewi_error(CREW_EBUILD,
                           "the library %s on %s is another build: build id %s, expected %s",
                           ref->path, host, found, expected);
    crewi_function *ignored;
    return address_in(&file, ref, &ignored);
}

crew_status crewi_funcref_find(const struct crewi_funcref *ref, crewi_function **function)
{
    const struct crewi_module *listed = find_listed(ref);
    if (listed)
        return address_in(listed, ref, function);
    crew_status status = check_file(ref);
    if (!status)
        *function = NULL;
    return status;
}

crew_status crewi_funcref_resolve(const struct crewi_funcref *ref, crewi_function **function)
{
    const struct crewi_module *listed = find_listed(ref);
    struct search search = {.build_id = ref->build_id};
    if (listed)
        return address_in(listed, ref, function);
    if (ref->path_size) /* it may be here already, by whoever loaded it */
        dl_iterate_phdr(look_at, &search);
    if (search.found)
        return address_in(&search.module, ref, function);
    crew_status status = check_file(ref);
    if (status)
        return status;
    if (!dlopen(ref->path, RTLD_NOW | RTLD_LOCAL))
        return crewi_error(CREW_EBUILD, "%s", dlerror());
    /* The file may have been exchanged after the look at it. */
    dl_iterate_phdr(look_at, &search);
    if (!search.found)
        return crewi_error(CREW_EBUILD, "the library %s was exchanged while it was loaded",
                           ref->path);
    return address_in(&search.module, ref, function);
}

void crewi_build_id_text(const uint8_t build_id[CREWI_BUILD_ID_SIZE],
                         char text[2 * CREWI_BUILD_ID_SIZE + 1])
{
    for (size_t i = 0; i < CREWI_BUILD_ID_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", build_id[i]);
}
