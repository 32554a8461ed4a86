/* SPDX-License-Identifier: BSD-3-Clause */
/* Values in words, as Python's repr. */
#include <crew/any.h>

#include "base/error.h"
#include "engine/engine.h"
#include "shared/any_inside.h"
#include "shared/any_pack.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Digits that tell any double from all others. */
#define MOST_DIGITS 17
/* From this power of ten on, and below the other one, Python writes an exponent. */
#define LARGE_EXPONENT 16
#define SMALL_EXPONENT (-4)

/* A string that grows. */
struct text {
    char *data;
    size_t size, room;
    bool failed; /* out of memory */
};

static void add(struct text *text, const char *data, size_t size)
{
    if (text->room - text->size <= size) {
        size_t room = 2 * text->room + size + 64;
        char *grown = text->failed ? NULL : realloc(text->data, room);
        text->failed = !grown;
        if (!grown)
            return;
        text->data = grown;
        text->room = room;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = '\0';
}

static void add_string(struct text *text, const char *string)
{
    add(text, string, strlen(string));
}

/* Numbers */

/* The fewest digits that are this number again, and the power of ten of the first one. */
static int find_digits(double number, char *digits)
{
    char room[40];
    for (int count = 0; count < MOST_DIGITS; count++) {
        snprintf(room, sizeof room, "%.*e", count, number);
        if (strtod(room, NULL) == number)
            break;
    }
    const char *at = room;
    for (; *at && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            *digits++ = *at;
    *digits = '\0';
    return *at ? atoi(at + 1) : 0;
}

static void add_fixed(struct text *text, const char *digits, int exponent)
{
    int count = (int)strlen(digits), before = exponent + 1;
    if (before <= 0)
        add_string(text, "0.");
    for (int i = before; i < 0; i++)
        add(text, "0", 1);
    for (int i = 0; i < count || i < before; i++) {
        add(text, i < count ? &digits[i] : "0", 1);
        if (i + 1 == before)
            add(text, ".", 1);
    }
    if (before >= count)
        add(text, "0", 1);
}

static void add_double(struct text *text, double number)
{
    char digits[40] = "", power[16];
    if (isnan(number)) {
        add_string(text, "nan");
        return;
    }
    if (signbit(number))
        add(text, "-", 1);
    if (isinf(number)) {
        add_string(text, "inf");
        return;
    }
    int exponent = find_digits(fabs(number), digits);
    if (exponent >= SMALL_EXPONENT && exponent < LARGE_EXPONENT) {
        add_fixed(text, digits, exponent);
        return;
    }
    add(text, digits, 1);
    if (digits[1]) {
        add(text, ".", 1);
        add_string(text, digits + 1);
    }
    snprintf(power, sizeof power, "e%+03d", exponent);
    add_string(text, power);
}

/* Strings and bytes */

static void add_escaped(struct text *text, uint32_t character)
{
    char escape[12];
    if (character <= 0xff)
        snprintf(escape, sizeof escape, "\\x%02" PRIx32, character);
    else if (character <= 0xffff)
        snprintf(escape, sizeof escape, "\\u%04" PRIx32, character);
    else
        snprintf(escape, sizeof escape, "\\U%08" PRIx32, character);
    add_string(text, escape);
}

/* The character that UTF-8 begins with, and how many bytes it has. */
static size_t read_character(const unsigned char *at, uint32_t *character)
{
    size_t size = *at < 0x80 ? 1 : *at < 0xe0 ? 2 : *at < 0xf0 ? 3 : 4;
    *character = size == 1 ? *at : *at & (0xff >> (size + 1));
    for (size_t i = 1; i < size; i++)
        *character = *character << 6 | (at[i] & 0x3f);
    return size;
}

/* Of a string, or a byte. Returns how many bytes it has. */
static size_t add_character(struct text *text, const char *at, char quote, bool is_text)
{
    static const char special[] = "\n\r\t\\", letters[] = "nrt\\";
    const char *found = *at ? strchr(special, *at) : NULL;
    char escape[2] = {'\\', found ? letters[found - special] : quote};
    uint32_t character = (unsigned char)*at;
    size_t size = is_text ? read_character((const unsigned char *)at, &character) : 1;
    if (found || *at == quote)
        add(text, escape, 2);
    else if (crewi_is_printable(character) && (is_text || character < 0x80))
        add(text, at, size);
    else
        add_escaped(text, character);
    return size;
}

static void add_quoted(struct text *text, const crew_any_data *data, bool is_text)
{
    bool has_single = data->size && memchr(data->data, '\'', data->size);
    bool has_double = data->size && memchr(data->data, '"', data->size);
    char quote = has_single && !has_double ? '"' : '\'';
    add(text, &quote, 1);
    for (size_t i = 0; i < data->size;)
        i += add_character(text, &data->data[i], quote, is_text);
    add(text, &quote, 1);
}

/* All else */

static void add_handle(struct text *text, const crew_any *value)
{
    static const char *const kinds[CREWI_KIND_LIMIT] = {
        [CREWI_KIND_PROCESS] = "process",  [CREWI_KIND_POOL] = "pool",
        [CREWI_KIND_PIPE] = "connection",  [CREWI_KIND_QUEUE] = "queue",
        [CREWI_KIND_SYNC] = "lock",        [CREWI_KIND_ARRAY] = "array",
        [CREWI_KIND_CONTAINER] = "object", [CREWI_KIND_TEAM] = "team",
    };
    uint64_t id = value->handle_size >= sizeof id ? value->handle[0] : 0;
    const char *kind = kinds[crewi_id_kind(id)];
    char room[80];
    snprintf(room, sizeof room, "<%s %" PRIu64 " of rank %u>", kind ? kind : "handle",
             id & CREWI_NUMBER_MASK, crewi_id_home(id));
    add_string(text, room);
}

static void add_value(struct text *text, const crew_any *value);

static void add_items(struct text *text, const crew_any_items *list)
{
    for (size_t i = 0; i < list->count && !text->failed; i++) {
        if (i)
            add(text, ", ", 2);
        add_value(text, &list->items[i]);
    }
}

static void add_entries(struct text *text, const crew_any_entries *dict)
{
    for (size_t i = 0; i < dict->count && !text->failed; i++) {
        if (i)
            add(text, ", ", 2);
        add_value(text, &dict->entries[i].key);
        add(text, ": ", 2);
        add_value(text, &dict->entries[i].value);
    }
}

static void add_integer(struct text *text, int64_t integer)
{
    char room[24];
    snprintf(room, sizeof room, "%" PRId64, integer);
    add_string(text, room);
}

static void add_value(struct text *text, const crew_any *value)
{
    switch (value->type) {
    case CREW_ANY_NIL:
        add_string(text, "None");
        break;
    case CREW_ANY_BOOL:
        add_string(text, value->boolean ? "True" : "False");
        break;
    case CREW_ANY_INT:
        add_integer(text, value->integer);
        break;
    case CREW_ANY_DOUBLE:
        add_double(text, value->number);
        break;
    case CREW_ANY_BYTES:
        add(text, "b", 1);
        add_quoted(text, &value->bytes, false);
        break;
    case CREW_ANY_STRING:
        add_quoted(text, &value->string, true);
        break;
    case CREW_ANY_HANDLE:
        add_handle(text, value);
        break;
    case CREW_ANY_LIST:
        add(text, "[", 1);
        add_items(text, &value->list);
        add(text, "]", 1);
        break;
    case CREW_ANY_DICT:
        add(text, "{", 1);
        add_entries(text, &value->dict);
        add(text, "}", 1);
        break;
    default:
        add(text, "?", 1);
    }
}

static crew_status take(struct text *text, char **taken)
{
    if (text->failed) {
        free(text->data);
        return crewi_error_memory();
    }
    *taken = text->data;
    return CREW_OK;
}

static crew_status format(const char *call, const crew_any *value, char **text)
{
    struct text made = {0};
    uint64_t size;
    crew_status status = crewi_any_measure(call, value, &size); /* it may be none */
    if (status)
        return status;
    add_value(&made, value);
    return take(&made, text);
}

crew_status crew_any_format(crew_any value, char **text)
{
    if (!text)
        return crewi_error(CREW_EINVAL, "crew_any_format: text is NULL");
    return format("crew_any_format", &value, text);
}

crew_status crewi_any_format_set(const crew_any *items, char **text)
{
    struct text made = {0};
    add_string(&made, items->list.count ? "{" : "set(");
    add_items(&made, &items->list);
    add_string(&made, items->list.count ? "}" : ")");
    return take(&made, text);
}

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words of each attribute that is not hidden, to be freed. Returns how many there are; fewer
 * than there should be when @p made has failed. */
static size_t format_attributes(const crew_any_entries *dict, char **words, struct text *made)
{
    size_t count = 0;
    for (size_t i = 0; i < dict->count && !made->failed; i++) {
        const crew_any_entry *entry = &dict->entries[i];
        struct text one = {0};
        if (*entry->key.string.data == '_')
            continue;
        add(&one, entry->key.string.data, entry->key.string.size);
        add(&one, "=", 1);
        add_value(&one, &entry->value);
        made->failed = take(&one, &words[count]) != CREW_OK;
        count += !made->failed;
    }
    return count;
}

/* Python sorts the words, and not the names. */
crew_status crewi_any_format_namespace(const crew_any *items, char **text)
{
    struct text made = {0};
    char **words = calloc(items->dict.count + 1, sizeof(char *));
    if (!words)
        return crewi_error_memory();
    size_t count = format_attributes(&items->dict, words, &made);
    qsort(words, count, sizeof(char *), compare_words);
    add_string(&made, "Namespace(");
    for (size_t i = 0; i < count; i++) {
        add_string(&made, i ? ", " : "");
        add_string(&made, words[i]);
        free(words[i]);
    }
    add(&made, ")", 1);
    free(words);
    return take(&made, text);
}

crew_status crewi_any_write_text(crew_status status, char *text, FILE *stream)
{
    if (status)
        return status;
    if (fputs(text, stream) == EOF)
        status = crewi_error_errno("the stream cannot be written to");
    free(text);
    return status;
}

crew_status crew_any_print(crew_any value, FILE *stream)
{
    char *text = NULL;
    if (!stream)
        return crewi_error(CREW_EINVAL, "crew_any_print: stream is NULL");
    crew_status status = format("crew_any_print", &value, &text);
    return crewi_any_write_text(status, text, stream);
}
