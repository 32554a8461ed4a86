/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The header is a Python literal and is parsed as one, in one pass without recursion: a dictionary
 * of exactly the keys 'descr', 'fortran_order' and 'shape', in any order. Every step is bounded by
 * the end of the header.
 */
#include "npy_private.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "elements are used as they stand in the file: little-endian"
#endif

#define MAGIC "\x93NUMPY"
#define MAGIC_SIZE 6
#define VERSION_SIZE 2
#define ALIGNMENT 64
/* Room that NumPy leaves for the first dimension to grow in place. */
#define GROWTH_DIGITS 21

enum { KEY_DESCR = 1, KEY_FORTRAN = 2, KEY_SHAPE = 4, KEY_ALL = 7 };

/* A text inside the header. */
struct span {
    const char *begin;
    const char *end;
};

struct parser {
    const struct npy_bytes *bytes;
    struct npy_error *error;
    const char *at;
    const char *end;
    struct span text; /* What was parsed last: a string without its quotes, or a value. */
    struct npy_layout layout;
    int seen; /* KEY_ bits */
};

size_t npy_dtype_size(enum npy_dtype dtype)
{
    return dtype == NPY_FLOAT32 ? sizeof(float) : sizeof(double);
}

const char *npy_dtype_name(enum npy_dtype dtype)
{
    return dtype == NPY_FLOAT32 ? "float32" : "float64";
}

int npy_layout_size(const struct npy_layout *layout, size_t *size)
{
    const size_t most = (size_t)INT64_MAX / npy_dtype_size(layout->dtype);
    if (layout->rows > most || layout->cols > most)
        return -1;
    if (layout->cols != 0 && layout->rows > most / layout->cols)
        return -1;
    *size = layout->rows * layout->cols * npy_dtype_size(layout->dtype);
    return 0;
}

static size_t span_size(struct span text)
{
    return (size_t)(text.end - text.begin);
}

static bool span_is(struct span text, const char *word)
{
    return span_size(text) == strlen(word) && memcmp(text.begin, word, span_size(text)) == 0;
}

/* Arguments for "%.*s%s": a damaged header may hold a text of any length. */
#define SHOWN(text)                                                   \
    (int)(span_size(text) > 60 ? 60 : span_size(text)), (text).begin, \
        span_size(text) > 60 ? "..." : ""

static int malformed(struct parser *p, const char *expected)
{
    return npy_fail(p->error, "%s: the header is damaged: expected %s at byte %td of the file.",
                    npy_short_path(p->bytes->path), expected, p->at - p->bytes->data);
}

static bool at_end(const struct parser *p)
{
    return p->at == p->end;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void skip_space(struct parser *p)
{
    while (!at_end(p) && is_space(*p->at))
        p->at++;
}

/* Whether the next character is `c`; steps over it, and over the space before it. */
static bool accept(struct parser *p, char c)
{
    skip_space(p);
    if (at_end(p) || *p->at != c)
        return false;
    p->at++;
    return true;
}

/* A string without escapes: NumPy writes none in the three keys and the names of types. */
static int parse_string(struct parser *p)
{
    skip_space(p);
    if (at_end(p) || (*p->at != '\'' && *p->at != '"'))
        return malformed(p, "a string");
    char quote = *p->at++;
    p->text.begin = p->at;
    while (!at_end(p) && *p->at != quote && *p->at != '\\' && *p->at != '\n')
        p->at++;
    if (at_end(p) || *p->at != quote)
        return malformed(p, "the end of a string");
    p->text.end = p->at++;
    return 0;
}

/*
 * Steps over a value of any kind, to name it in a message: up to a comma or brace that is not
 * inside brackets.
 */
static int skip_value(struct parser *p)
{
    int depth = 0;
    skip_space(p);
    const char *begin = p->at;
    for (; !at_end(p); p->at++) {
        char c = *p->at;
        if (depth == 0 && (c == ',' || c == '}'))
            break;
        if (c == '(' || c == '[' || c == '{')
            depth++;
        else if (c == ')' || c == ']' || c == '}')
            depth--;
        if (c == '\'' || c == '"') {
            if (parse_string(p) != 0)
                return -1;
            p->at--;
        }
    }
    if (at_end(p) || depth != 0)
        return malformed(p, "the end of a value");
    const char *end = p->at;
    while (end > begin && is_space(end[-1]))
        end--;
    p->text = (struct span){begin, end};
    return end == begin ? malformed(p, "a value") : 0;
}

static int parse_descr(struct parser *p)
{
    if (skip_value(p) != 0)
        return -1;
    const struct span text = p->text;
    struct span name = text;
    bool string = span_size(text) >= 2 && (*text.begin == '\'' || *text.begin == '"') &&
                  text.end[-1] == *text.begin;
    if (string) {
        name.begin++;
        name.end--;
    }
    if (string && (span_is(name, "<f8") || span_is(name, "=f8") || span_is(name, "f8")))
        p->layout.dtype = NPY_FLOAT64;
    else if (string && (span_is(name, "<f4") || span_is(name, "=f4") || span_is(name, "f4")))
        p->layout.dtype = NPY_FLOAT32;
    else
        return npy_fail(p->error,
                        "%s: elements of dtype %.*s%s are not supported, only float64 ('<f8') and "
                        "float32 ('<f4'), little-endian.",
                        npy_short_path(p->bytes->path), SHOWN(text));
    return 0;
}

static int parse_fortran_order(struct parser *p)
{
    if (skip_value(p) != 0)
        return -1;
    const struct span text = p->text;
    p->layout.fortran = span_is(text, "True");
    if (!p->layout.fortran && !span_is(text, "False"))
        return npy_fail(
            p->error, "%s: the header is damaged: fortran_order is %.*s%s, expected True or False.",
            npy_short_path(p->bytes->path), SHOWN(text));
    return 0;
}

/* One extent. Python 2 wrote long integers with an L behind them, and NumPy still reads those. */
static int parse_extent(struct parser *p, size_t *extent)
{
    skip_space(p);
    if (at_end(p) || *p->at < '0' || *p->at > '9')
        return malformed(p, "an extent of the shape, a number from 0 up,");
    uint64_t value = 0;
    for (; !at_end(p) && *p->at >= '0' && *p->at <= '9'; p->at++) {
        uint64_t digit = (uint64_t)(*p->at - '0');
        if (value > ((uint64_t)INT64_MAX - digit) / 10)
            return npy_fail(p->error, "%s: an extent of the shape has more than 63 bits.",
                            npy_short_path(p->bytes->path));
        value = value * 10 + digit;
    }
    if (!at_end(p) && *p->at == 'L')
        p->at++;
    *extent = (size_t)value;
    return 0;
}

static int refuse_shape(struct parser *p, const char *begin)
{
    struct span text = {begin, p->at};
    return npy_fail(p->error, "%s: the shape is %.*s%s, but a matrix has two dimensions.",
                    npy_short_path(p->bytes->path), SHOWN(text));
}

static int parse_shape(struct parser *p)
{
    size_t extents[2] = {0, 0};
    size_t count = 0;
    bool comma = false;
    skip_space(p);
    const char *begin = p->at;
    if (!accept(p, '('))
        return malformed(p, "a tuple as shape");
    while (!accept(p, ')')) {
        size_t extent = 0;
        if (count > 0 && !comma)
            return malformed(p, "a comma in the shape");
        if (parse_extent(p, &extent) != 0)
            return -1;
        if (count < 2)
            extents[count] = extent;
        count++;
        comma = accept(p, ',');
    }
    if (count != 2)
        return refuse_shape(p, begin);
    p->layout.rows = extents[0];
    p->layout.cols = extents[1];
    return 0;
}

static int parse_entry(struct parser *p)
{
    static const struct {
        const char *name;
        int key;
        int (*parse)(struct parser *p);
    } entries[] = {
        {"descr", KEY_DESCR, parse_descr},
        {"fortran_order", KEY_FORTRAN, parse_fortran_order},
        {"shape", KEY_SHAPE, parse_shape},
    };
    if (parse_string(p) != 0)
        return -1;
    const struct span name = p->text;
    if (!accept(p, ':'))
        return malformed(p, "a colon");
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        if (!span_is(name, entries[i].name))
            continue;
        if (p->seen & entries[i].key)
            return npy_fail(p->error, "%s: the header is damaged: the key '%s' comes twice.",
                            npy_short_path(p->bytes->path), entries[i].name);
        p->seen |= entries[i].key;
        return entries[i].parse(p);
    }
    return npy_fail(p->error,
                    "%s: the header has the unknown key '%.*s%s', expected 'descr', "
                    "'fortran_order' and 'shape'.",
                    npy_short_path(p->bytes->path), SHOWN(name));
}

static int parse_dictionary(struct parser *p)
{
    if (!accept(p, '{'))
        return malformed(p, "a dictionary");
    for (bool comma = true; !accept(p, '}'); comma = accept(p, ',')) {
        if (!comma)
            return malformed(p, "a comma or the end of the dictionary");
        if (parse_entry(p) != 0)
            return -1;
    }
    skip_space(p);
    if (!at_end(p))
        return malformed(p, "nothing but space behind the dictionary");
    if (p->seen != KEY_ALL)
        return npy_fail(p->error, "%s: the header lacks the key '%s'.",
                        npy_short_path(p->bytes->path),
                        !(p->seen & KEY_DESCR)     ? "descr"
                        : !(p->seen & KEY_FORTRAN) ? "fortran_order"
                                                   : "shape");
    return 0;
}

static int fail_truncated(const struct npy_bytes *bytes, size_t expected, struct npy_error *error)
{
    return npy_fail(error, "%s: the header is truncated: expected %zu bytes, found %zu.",
                    npy_short_path(bytes->path), expected, bytes->size);
}

/* Finds the dictionary: the length before it has 2 bytes in version 1, 4 in versions 2 and 3. */
static int find_dictionary(const struct npy_bytes *bytes, size_t *begin, size_t *end,
                           struct npy_error *error)
{
    const unsigned char *data = (const unsigned char *)bytes->data;
    size_t known = bytes->size < MAGIC_SIZE ? bytes->size : MAGIC_SIZE;
    if (known == 0 || memcmp(data, MAGIC, known) != 0)
        return npy_fail(error, "%s: not a .npy file: it does not begin with \\x93NUMPY.",
                        npy_short_path(bytes->path));
    *begin = MAGIC_SIZE + VERSION_SIZE;
    if (bytes->size < *begin)
        return fail_truncated(bytes, *begin, error);
    unsigned major = data[MAGIC_SIZE];
    unsigned minor = data[MAGIC_SIZE + 1];
    if (major < 1 || major > 3 || minor != 0)
        return npy_fail(error,
                        "%s: version %u.%u of the format is not supported, only 1.0, 2.0 and 3.0.",
                        npy_short_path(bytes->path), major, minor);
    size_t width = major == 1 ? 2 : 4;
    if (bytes->size - *begin < width)
        return fail_truncated(bytes, *begin + width, error);
    size_t length = 0;
    for (size_t i = 0; i < width; i++)
        length |= (size_t)data[*begin + i] << (8 * i);
    *begin += width;
    *end = *begin + length;
    if (*end > bytes->size)
        return fail_truncated(bytes, *end, error);
    return 0;
}

int npy_header_parse(const struct npy_bytes *bytes, struct npy_header *header,
                     struct npy_error *error)
{
    size_t begin = 0;
    size_t end = 0;
    size_t size = 0;
    if (find_dictionary(bytes, &begin, &end, error) != 0)
        return -1;
    struct parser parser = {
        .bytes = bytes, .error = error, .at = bytes->data + begin, .end = bytes->data + end};
    if (parse_dictionary(&parser) != 0)
        return -1;
    if (npy_layout_size(&parser.layout, &size) != 0)
        return npy_fail(error, "%s: the shape (%zu, %zu) asks for more bytes than a file can have.",
                        npy_short_path(bytes->path), parser.layout.rows, parser.layout.cols);
    header->layout = parser.layout;
    header->size = end;
    return 0;
}

/* Appends `count` spaces and returns the new size. */
static size_t pad(char *out, size_t size, size_t count)
{
    memset(out + size, ' ', count);
    return size + count;
}

size_t npy_header_format(const struct npy_layout *layout, char out[NPY_HEADER_MAX])
{
    const size_t begin = MAGIC_SIZE + VERSION_SIZE + 2;
    char *text = out + begin;
    int written =
        snprintf(text, NPY_HEADER_MAX - begin,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (%zu, %zu), }",
                 layout->dtype == NPY_FLOAT32 ? "<f4" : "<f8", layout->rows, layout->cols);
    int digits = snprintf(NULL, 0, "%zu", layout->rows);
    size_t size = begin + (size_t)written;
    size = pad(out, size, GROWTH_DIGITS - (size_t)digits);
    /* The newline is the last byte of the alignment. */
    size = pad(out, size, ALIGNMENT - 1 - size % ALIGNMENT);
    out[size++] = '\n';
    size_t length = size - begin;
    memcpy(out, MAGIC "\x01", MAGIC_SIZE + VERSION_SIZE);
    out[begin - 2] = (char)(length & 0xff);
    out[begin - 1] = (char)(length >> 8);
    return size;
}
