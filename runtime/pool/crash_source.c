/* SPDX-License-Identifier: BSD-3-Clause */
/* Source lines of backtraces. libdw (elfutils) knows them; it is loaded when the first backtrace is
 * read, so that crew builds and runs without it. What is used of it is declared here. */
#include "pool/crash_source.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of <elfutils/libdwfl.h>: Dwfl_Callbacks, and what is found for a module's file. */
typedef int find_debuginfo(void *module, void **data, const char *name, uint64_t base,
                           const char *file, const char *link, uint32_t checksum, char **found);

struct callbacks {
    void *find_elf;
    find_debuginfo *find_debuginfo;
    void *section_address;
    char **debuginfo_path;
};

static struct {
    bool is_there;
    void *(*begin)(const struct callbacks *callbacks);
    int (*report)(void *session, pid_t pid);
    int (*report_end)(void *session, void *removed, void *arg);
    void *(*module_at)(void *session, uint64_t address);
    const char *(*function_at)(void *module, uint64_t address);
    void *(*line_at)(void *module, uint64_t address);
    const char *(*file_of)(void *line, uint64_t *address, int *number, int *column, uint64_t *time,
                           uint64_t *length);
    void (*end)(void *session);
} libdw;

static pthread_once_t libdw_once = PTHREAD_ONCE_INIT;

static bool find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);
    memcpy(function, &found, sizeof found);
    return found;
}

/* Only what is in a module itself counts: libdw could ask servers for the rest, and block. */
/* NOLINTNEXTLINE(readability-function-size): the parameters are libdw's */
static int find_no_debuginfo(void *module, void **data, const char *name, uint64_t base,
                             const char *file, const char *link, uint32_t checksum, char **found)
{
    (void)module, (void)data, (void)name, (void)base;
    (void)file, (void)link, (void)checksum, (void)found;
    return -1;
}

static struct callbacks callbacks = {.find_debuginfo = find_no_debuginfo};

/* It stays loaded. */
static void load_libdw(void)
{
    void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    libdw.is_there = library && find(library, "dwfl_begin", &libdw.begin) &&
                     find(library, "dwfl_linux_proc_find_elf", &callbacks.find_elf) &&
                     find(library, "dwfl_linux_proc_report", &libdw.report) &&
                     find(library, "dwfl_report_end", &libdw.report_end) &&
                     find(library, "dwfl_addrmodule", &libdw.module_at) &&
                     find(library, "dwfl_module_addrname", &libdw.function_at) &&
                     find(library, "dwfl_module_getsrc", &libdw.line_at) &&
                     find(library, "dwfl_lineinfo", &libdw.file_of) &&
                     find(library, "dwfl_end", &libdw.end);
}

/* A session knows the modules of this process. NULL: no libdw, or no memory. */
static void *begin_session(void)
{
    pthread_once(&libdw_once, load_libdw);
    if (!libdw.is_there)
        return NULL;
    void *session = libdw.begin(&callbacks);
    if (session && (libdw.report(session, getpid()) || libdw.report_end(session, NULL, NULL))) {
        libdw.end(session);
        return NULL;
    }
    return session;
}

/* Addresses */

/* A module of this process; its file is a part of a line. */
struct place {
    const char *file;
    size_t file_size;
    const char *path;
    uintptr_t base;
};

static int match_module(struct dl_phdr_info *info, size_t size, void *arg)
{
    struct place *place = arg;
    const char *slash = strrchr(info->dlpi_name, '/');
    const char *name = slash ? slash + 1 : info->dlpi_name;
    (void)size;
    if (!*name)
        name = CREWI_CRASH_PROGRAM;
    if (strlen(name) != place->file_size || memcmp(name, place->file, place->file_size) != 0)
        return 0;
    place->path = *info->dlpi_name ? info->dlpi_name : NULL;
    place->base = info->dlpi_addr;
    return 1;
}

static uintptr_t address_of_symbol(const struct place *place, const char *name, size_t length)
{
    char symbol[256];
    if (length >= sizeof symbol)
        return 0;
    memcpy(symbol, name, length);
    symbol[length] = '\0';
    void *module = dlopen(place->path, RTLD_LAZY | RTLD_NOLOAD);
    if (!module)
        return 0;
    uintptr_t address = (uintptr_t)dlsym(module, symbol);
    dlclose(module);
    return address;
}

/* Of "f+0x1 in libx.so" or "+0x277c in the program", in this process; 0: it has none. */
static uintptr_t address_of(const char *line, size_t length, struct place *place)
{
    const char *in = memmem(line, length, " in ", 4);
    const char *plus = in ? memrchr(line, '+', (size_t)(in - line)) : NULL;
    if (!plus)
        return 0;
    place->file = in + 4;
    place->file_size = length - (size_t)(place->file - line);
    if (!dl_iterate_phdr(match_module, place))
        return 0;
    uintptr_t base =
        plus == line ? place->base : address_of_symbol(place, line, (size_t)(plus - line));
    return plus == line || base ? base + strtoull(plus + 1, NULL, 16) : 0;
}

/* Text */

/* False: its function, file and line are not known. */
static bool locate_line(void *session, const char *line, size_t length, bool is_first, char *text,
                        size_t size)
{
    struct place place;
    int number;
    uintptr_t address = address_of(line, length, &place);
    if (!address)
        return false;
    address -= !is_first; /* the others return to what comes after their call */
    void *module = libdw.module_at(session, address);
    void *source = module ? libdw.line_at(module, address) : NULL;
    const char *function = source ? libdw.function_at(module, address) : NULL;
    const char *file = function ? libdw.file_of(source, NULL, &number, NULL, NULL, NULL) : NULL;
    if (!file)
        return false;
    const char *slash = strrchr(file, '/');
    snprintf(text, size, "%s (%s:%d) in %.*s", function, slash ? slash + 1 : file, number,
             (int)place.file_size, place.file);
    return true;
}

/* Only whole lines get in. */
static void locate(void *session, char *backtrace, size_t size)
{
    char located[sizeof((crew_task_error *)0)->backtrace], line[512];
    size_t at = 0;
    for (const char *text = backtrace; *text;) {
        size_t length = strcspn(text, "\n"), line_size = length;
        const char *source = text;
        if (locate_line(session, text, length, text == backtrace, line, sizeof line)) {
            source = line;
            line_size = strlen(line);
        }
        if (at + line_size + 2 > size)
            break;
        memcpy(located + at, source, line_size);
        at += line_size;
        located[at++] = '\n';
        text += length + (text[length] == '\n');
    }
    located[at] = '\0';
    memcpy(backtrace, located, at + 1);
}

void crewi_crash_locate(crew_task_error *errors, size_t count)
{
    void *session = NULL;
    int cancel;
    size_t i = 0;
    while (i < count && !*errors[i].backtrace)
        i++;
    if (i == count)
        return;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* libdw holds memory and locks */
    session = begin_session();
    for (; session && i < count; i++)
        if (*errors[i].backtrace)
            locate(session, errors[i].backtrace, sizeof errors[i].backtrace);
    if (session)
        libdw.end(session);
    pthread_setcancelstate(cancel, NULL);
}
