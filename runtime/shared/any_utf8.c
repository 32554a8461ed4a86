/* SPDX-License-Identifier: BSD-3-Clause */
#include "shared/any_inside.h"

#include <stdint.h>

static bool is_ascii_word(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    return !(word & 0x8080808080808080);
}

/* How many bytes begin with that one belong together, and what the second one has to be: the
 * shortest form of each code point, no surrogates, none beyond U+10FFFF. 0: none begins so. */
static size_t sequence(unsigned char first, unsigned char *least, unsigned char *most)
{
    *least = 0x80;
    *most = 0xbf;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef) {
        *least = first == 0xe0 ? 0xa0 : 0x80;
        *most = first == 0xed ? 0x9f : 0xbf;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *least = first == 0xf0 ? 0x90 : 0x80;
        *most = first == 0xf4 ? 0x8f : 0xbf;
        return 4;
    }
    return 0;
}

static bool is_sequence(const unsigned char *at, size_t left, size_t *length)
{
    unsigned char least, most;
    *length = sequence(at[0], &least, &most);
    if (!*length || *length > left)
        return false;
    if (*length > 1 && (at[1] < least || at[1] > most))
        return false;
    for (size_t i = 2; i < *length; i++)
        if (at[i] < 0x80 || at[i] > 0xbf)
            return false;
    return true;
}

size_t crewi_utf8_length(const char *text, size_t size)
{
    size_t at = 0, length;
    while (at < size) {
        if (size - at >= sizeof(uint64_t) && is_ascii_word(text + at))
            at += sizeof(uint64_t);
        else if (is_sequence((const unsigned char *)text + at, size - at, &length))
            at += length;
        else
            break;
    }
    return at;
}
