/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/module.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a file: more would not be a module. */
#define SEGMENT_LIMIT 256
#define NOTES_LIMIT 65536

/* The build id is a note with the owner "GNU" in a PT_NOTE segment. */
static void find_build_id(struct crewi_module *module, const char *notes, size_t size)
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

static void add_code(struct crewi_module *module, const ElfW(Phdr) * segment)
{
    if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) ||
        module->range_count == CREWI_CODE_RANGES)
        return;
    module->code[module->range_count].begin = segment->p_vaddr;
    module->code[module->range_count++].end = segment->p_vaddr + segment->p_memsz;
}

void crewi_module_describe(struct crewi_module *module, const struct dl_phdr_info *info)
{
    module->base = info->dlpi_addr;
    snprintf(module->name, sizeof module->name, "%s",
             *info->dlpi_name ? info->dlpi_name : "the program");
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_NOTE && !module->identified)
            find_build_id(module, (const char *)(info->dlpi_addr + segment->p_vaddr),
                          segment->p_memsz);
        add_code(module, segment);
    }
}

/* Reads exactly that; a file may be cut off or exchanged at any time, so it is not mapped. */
static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
    ssize_t got = offset > INT64_MAX ? -1 : pread(fd, to, size, (off_t)offset);
    if (got >= 0 && (size_t)got != size)
        errno = ENOEXEC;
    return got >= 0 && (size_t)got == size;
}

static bool read_notes(struct crewi_module *module, int fd, const ElfW(Phdr) * segment)
{
    size_t size = segment->p_filesz < NOTES_LIMIT ? segment->p_filesz : NOTES_LIMIT;
    char *notes = malloc(size + 1);
    bool fine = notes && read_at(fd, notes, size, segment->p_offset);
    if (fine)
        find_build_id(module, notes, size);
    free(notes);
    return fine;
}

static bool read_segments(struct crewi_module *module, int fd)
{
    ElfW(Ehdr) head;
    ElfW(Phdr) segments[SEGMENT_LIMIT];
    if (!read_at(fd, &head, sizeof head, 0))
        return false;
    errno = ENOEXEC;
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof *segments ||
        head.e_phnum > SEGMENT_LIMIT)
        return false;
    if (!read_at(fd, segments, head.e_phnum * sizeof *segments, head.e_phoff))
        return false;
    for (int i = 0; i < head.e_phnum; i++) {
        if (segments[i].p_type == PT_NOTE && !module->identified &&
            !read_notes(module, fd, &segments[i]))
            return false;
        add_code(module, &segments[i]);
    }
    return true;
}

bool crewi_module_read(struct crewi_module *module, const char *path)
{
    *module = (struct crewi_module){0};
    snprintf(module->name, sizeof module->name, "%s", path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block the rank */
    if (fd < 0)
        return false;
    bool fine = read_segments(module, fd);
    int code = errno;
    close(fd);
    errno = code;
    return fine;
}

bool crewi_module_has_code(const struct crewi_module *module, uintptr_t offset)
{
    for (int i = 0; i < module->range_count; i++)
        if (offset >= module->code[i].begin && offset < module->code[i].end)
            return true;
    return false;
}
