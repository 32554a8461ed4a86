/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/pointers.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Below are numbers, and not addresses, as far as a program is loaded at random addresses. */
#define LOWEST_ADDRESS ((uint64_t)1 << 32)

/* A range of addresses, as a line of /proc/self/maps has it. */
struct region {
    uint64_t begin, end;
    bool is_code;
    char name[128]; /* of a file, or [heap] and the like; "": anonymous */
};

struct regions {
    struct region *list;
    size_t count, room;
};

static crew_status add_region(struct regions *regions, const struct region *region)
{
    if (regions->count == regions->room) {
        size_t room = regions->room ? 2 * regions->room : 64;
        struct region *grown = realloc(regions->list, room * sizeof *grown);
        if (!grown)
            return crewi_error_memory();
        regions->list = grown;
        regions->room = room;
    }
    regions->list[regions->count++] = *region;
    return CREW_OK;
}

/* Static data that is zero at first lies in anonymous memory right behind the file's. */
static void name_static_data(const struct regions *regions, struct region *region)
{
    const struct region *before = regions->count ? &regions->list[regions->count - 1] : NULL;
    if (!*region->name && before && before->name[0] == '/' && before->end == region->begin)
        memcpy(region->name, before->name, sizeof region->name);
}

static crew_status read_regions(struct regions *regions)
{
    FILE *stream = fopen("/proc/self/maps", "re");
    char line[512], mode[8];
    crew_status status = CREW_OK;
    if (!stream)
        return crewi_error_errno("CREW_CHECK=pointers: /proc/self/maps");
    while (!status && fgets(line, sizeof line, stream)) {
        struct region region = {0};
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %*s %*s %*s %127[^\n]", &region.begin,
                   &region.end, mode, region.name) < 3)
            continue;
        region.is_code = mode[2] == 'x';
        name_static_data(regions, &region);
        status = add_region(regions, &region);
    }
    fclose(stream);
    return status;
}

/* They stand in the order of their addresses. */
static const struct region *find_region(const struct regions *regions, uint64_t address)
{
    size_t low = 0, high = regions->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (regions->list[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < regions->count && regions->list[low].begin <= address ? &regions->list[low] : NULL;
}

static void describe_region(const struct region *region, char text[160])
{
    if (strcmp(region->name, "[heap]") == 0)
        snprintf(text, 160, "the heap");
    else if (strcmp(region->name, "[stack]") == 0)
        snprintf(text, 160, "the stack");
    else if (region->name[0] == '/')
        snprintf(text, 160, "%s of %s", region->is_code ? "code" : "data", region->name);
    else
        snprintf(text, 160, "%s", *region->name ? region->name : "mapped or allocated memory");
}

static crew_status refuse(const char *call, const char *what, const char *number, size_t offset,
                          uint64_t address, const struct region *region)
{
    char text[160];
    describe_region(region, text);
    return crewi_error(CREW_EINVAL,
                       "%s: %s%s has a pointer at offset %zu, to %s (0x%" PRIx64
                       "), where another process has something else or nothing. Send what it "
                       "points to. (CREW_CHECK=pointers)",
                       call, what, number, offset, text, address);
}

crew_status crewi_pointers_find(const char *call, const char *what, const void *elements,
                                size_t count, size_t size)
{
    struct regions regions = {0};
    uint64_t word;
    crew_status status = elements ? read_regions(&regions) : CREW_OK;
    for (size_t i = 0; i < count && elements && !status; i++) {
        const char *element = (const char *)elements + i * size;
        for (size_t at = 0; at + sizeof word <= size && !status; at += sizeof word) {
            char number[24] = "";
            memcpy(&word, element + at, sizeof word);
            const struct region *region =
                word >= LOWEST_ADDRESS ? find_region(&regions, word) : NULL;
            if (count > 1)
                snprintf(number, sizeof number, " %zu", i);
            if (region)
                status = refuse(call, what, number, at, word, region);
        }
    }
    free(regions.list);
    return status;
}
