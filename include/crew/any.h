/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Values of any type: what the lists, dicts, sets and namespaces of <crew/list.h> and its relatives
 * hold.
 *
 * A crew_any is nil, a bool, an int of 64 bits, a double, a string, bytes, a handle of crew's (of a
 * queue, a process, another list ...), or a list or dict of such values. It is a plain struct, and
 * passed by value.
 *
 * Whose memory: crew_int(), crew_string() and the other constructors allocate nothing; strings and
 * bytes are *borrowed*, and have to stay as long as the value is used. A value that a call has set
 * is *owned*: by whoever called it, and freed with crew_any_clear(). Calls that are given a value
 * copy what they keep of it. Clearing a borrowed value does no harm.
 *
 * Equality is Python's: 1, 1.0 and true are equal, and one key of a dict; lists are equal with
 * equal items in the same order, dicts with equal entries in any order. A NaN equals nothing.
 *
 * Lists and dicts nest up to ::CREW_ANY_DEPTH deep. A nested list or dict is a part of the value,
 * and copied with it. To share one, put the handle of a crew_list or crew_dict there:
 *
 * @code
 * crew_any row = crew_any_list();
 * crew_any_list_append(&row, crew_string("total"));
 * crew_any_list_append(&row, crew_double(2.5));
 * crew_dict_set(table, crew_int(7), row);
 * crew_any_clear(&row);
 * @endcode
 *
 * The calls of this header need no crew_run(), do not block, and may also return ::CREW_ENOMEM.
 */
#ifndef CREW_ANY_H
#define CREW_ANY_H

#include <crew/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a value is. All zero is nil. */
typedef enum crew_any_type {
    CREW_ANY_NIL = 0,
    CREW_ANY_BOOL,
    CREW_ANY_INT,
    CREW_ANY_DOUBLE,
    CREW_ANY_STRING, /**< UTF-8, with a NUL behind it that size does not count */
    CREW_ANY_BYTES,
    CREW_ANY_HANDLE,
    CREW_ANY_LIST,
    CREW_ANY_DICT
} crew_any_type;

/** How deep lists and dicts may nest. */
#define CREW_ANY_DEPTH 64

/** The largest handle, in bytes. */
#define CREW_ANY_HANDLE_SIZE 32

/** The largest value, as crew_any_pack() makes it. */
#define CREW_ANY_SIZE_LIMIT ((size_t)1 << 30)

struct crew_any;
struct crew_any_entry;

/** Of a string or of bytes. */
typedef struct crew_any_data {
    const char *data;
    size_t size;
} crew_any_data;

/** Of a list. */
typedef struct crew_any_items {
    struct crew_any *items;
    size_t count;
    size_t room; /**< crew's own */
} crew_any_items;

/** Of a dict, in the order in which the keys came. */
typedef struct crew_any_entries {
    struct crew_any_entry *entries;
    size_t count;
    size_t room; /**< crew's own */
    void *index; /**< crew's own */
} crew_any_entries;

/** A value; which of the members it has its type says. */
typedef struct crew_any {
    crew_any_type type;
    uint16_t owned;       /**< crew's own: what it points to is freed with it */
    uint16_t handle_size; /**< of a handle, in bytes */
    union {
        bool boolean;
        int64_t integer;
        double number;
        crew_any_data string;
        crew_any_data bytes;
        uint64_t handle[CREW_ANY_HANDLE_SIZE / sizeof(uint64_t)];
        crew_any_items list;
        crew_any_entries dict;
    };
} crew_any;

/** An entry of a dict. */
typedef struct crew_any_entry {
    crew_any key;
    crew_any value;
} crew_any_entry;

/* Making values */

/** None in Python. */
static inline crew_any crew_nil(void)
{
    crew_any value;
    memset(&value, 0, sizeof value);
    return value;
}

static inline crew_any crew_bool(bool boolean)
{
    crew_any value = crew_nil();
    value.type = CREW_ANY_BOOL;
    value.boolean = boolean;
    return value;
}

static inline crew_any crew_int(int64_t integer)
{
    crew_any value = crew_nil();
    value.type = CREW_ANY_INT;
    value.integer = integer;
    return value;
}

static inline crew_any crew_double(double number)
{
    crew_any value = crew_nil();
    value.type = CREW_ANY_DOUBLE;
    value.number = number;
    return value;
}

/** A string of @p size bytes of UTF-8, borrowed, with a NUL behind them. */
static inline crew_any crew_string_sized(const char *text, size_t size)
{
    crew_any value = crew_nil();
    value.type = CREW_ANY_STRING;
    value.string.data = text;
    value.string.size = size;
    return value;
}

/** A string, borrowed. NULL is nil. */
static inline crew_any crew_string(const char *text)
{
    return text ? crew_string_sized(text, strlen(text)) : crew_nil();
}

/** @p size bytes, borrowed. */
static inline crew_any crew_bytes(const void *data, size_t size)
{
    crew_any value = crew_nil();
    value.type = CREW_ANY_BYTES;
    value.bytes.data = (const char *)data;
    value.bytes.size = size;
    return value;
}

/** A handle of @p size bytes, at most ::CREW_ANY_HANDLE_SIZE: a crew_queue, a crew_process, a
 * crew_list ... The handle itself is in the value; nil when it is larger. */
static inline crew_any crew_handle(const void *handle, size_t size)
{
    crew_any value = crew_nil();
    if (size > CREW_ANY_HANDLE_SIZE)
        return value;
    value.type = CREW_ANY_HANDLE;
    value.handle_size = (uint16_t)size;
    memcpy(value.handle, handle, size);
    return value;
}

/** The value of a handle: CREW_HANDLE(queue). */
#define CREW_HANDLE(object) crew_handle(&(object), sizeof(object))

/** An empty list, to be filled with crew_any_list_append(). */
static inline crew_any crew_any_list(void)
{
    crew_any value = crew_nil();
    value.type = CREW_ANY_LIST;
    value.owned = 1;
    return value;
}

/** An empty dict, to be filled with crew_any_dict_set(). */
static inline crew_any crew_any_dict(void)
{
    crew_any value = crew_any_list();
    value.type = CREW_ANY_DICT;
    return value;
}

/** Frees what an owned value has, and makes it nil. NULL is fine. Never fails. */
CREW_API void crew_any_clear(crew_any *value);

/**
 * Makes an owned copy, with all that is in it. Python: copy.deepcopy.
 * @return ::CREW_EINVAL copy is NULL, or value no value: see crew_any_pack()
 */
CREW_API crew_status crew_any_copy(crew_any *copy, crew_any value);

/* Reading them */

/** The name of a type: "int"; "?" for what is none. Never NULL, valid for ever. */
CREW_API const char *crew_any_type_name(crew_any_type type);

/** Reads a bool. ::CREW_EINVAL it is none, or boolean is NULL: the same of all of these */
CREW_API crew_status crew_any_to_bool(crew_any value, bool *boolean);

/** Reads an int; a bool is 0 or 1. */
CREW_API crew_status crew_any_to_int(crew_any value, int64_t *integer);

/** Reads a double; an int or a bool is turned into one. */
CREW_API crew_status crew_any_to_double(crew_any value, double *number);

/** Reads a string, which still belongs to the value. */
CREW_API crew_status crew_any_to_string(crew_any value, const char **text);

/** Reads a handle of exactly that many bytes: of a crew_queue, for one. */
CREW_API crew_status crew_any_to_handle(crew_any value, void *handle, size_t size);

/** How many items a list has, entries a dict, bytes a string or bytes; 0 of all else. Python: len.
 */
CREW_API size_t crew_any_length(crew_any value);

/* Lists and dicts in values */

/** Adds a copy of @p item. ::CREW_EINVAL list is NULL, borrowed, or no list, or item no value; it
 * would nest deeper than ::CREW_ANY_DEPTH */
CREW_API crew_status crew_any_list_append(crew_any *list, crew_any item);

/** The item at that index; NULL when there is none, or the value is no list. It belongs to the
 * list.
 */
CREW_API const crew_any *crew_any_list_at(const crew_any *list, size_t index);

/** Sets the entry of a key to copies of both. ::CREW_EINVAL dict is NULL, borrowed, or no dict; the
 * key is a list or a dict, which cannot be one; nests too deep */
CREW_API crew_status crew_any_dict_set(crew_any *dict, crew_any key, crew_any value);

/** The value of a key; NULL when there is none, or dict is none. It belongs to the dict. */
CREW_API const crew_any *crew_any_dict_get(const crew_any *dict, crew_any key);

/**
 * The next item of a list, or key of a dict; NULL at the end, and of all else. It belongs to the
 * list, which may not be changed meanwhile.
 *
 * @code
 * size_t at = 0;
 * for (const crew_any *item; (item = crew_any_next(&items, &at));)
 *     crew_any_print(*item, stdout);
 * @endcode
 *
 * @param at  how far it is: 0 to begin with
 */
CREW_API const crew_any *crew_any_next(const crew_any *values, size_t *at);

/* Comparing and printing */

/** Whether they are equal, as Python's ==. What is no value (crew_any_pack()) equals nothing. */
CREW_API bool crew_any_equal(crew_any a, crew_any b);

/** Sets @p order to below 0, 0 or above 0. ::CREW_EINVAL there is no order between them: only
 * numbers (and bools), strings, bytes and lists have one, each among themselves; order is NULL, or
 * one is no value */
CREW_API crew_status crew_any_compare(crew_any a, crew_any b, int *order);

/** A number that equal values share; it is the same on all ranks. ::CREW_EINVAL a list or dict has
 * none, as they may change; hash is NULL, or it is no value. Python: hash. */
CREW_API crew_status crew_any_hash(crew_any value, uint64_t *hash);

/** Prints it as Python's repr: {'a': 1, 'b': [1, 2.5, None]}. ::CREW_EINVAL stream is NULL,
 * or it is no value (crew_any_pack()); ::CREW_ESYSTEM the stream cannot be written to */
CREW_API crew_status crew_any_print(crew_any value, FILE *stream);

/** The same as a string, to be freed with free(). ::CREW_EINVAL text is NULL, or it is no value */
CREW_API crew_status crew_any_format(crew_any value, char **text);

/* As bytes */

/**
 * Makes bytes of it, for a pipe, a queue or a file of the same machine type; handles in them are
 * counted as in any message.
 *
 * @param data  set to them, to be freed with free()
 * @param size  set to how many there are, a multiple of 8
 * @return ::CREW_EINVAL an output is NULL; the value is none: an unknown type, NULL with a size, a
 * string that is not UTF-8, a list or dict as a key, too deep; or it is larger than
 * ::CREW_ANY_SIZE_LIMIT
 */
CREW_API crew_status crew_any_pack(crew_any value, void **data, size_t *size);

/** Makes an owned value of such bytes, all of them. ::CREW_EPROTO they are no such bytes;
 * ::CREW_EINVAL value or data is NULL */
CREW_API crew_status crew_any_unpack(crew_any *value, const void *data, size_t size);

/* What the objects share */

/** Settings of a list, dict, set or namespace; all zero are the defaults. */
typedef struct crew_container_attr {
    const char *name;   /**< for error messages; NULL: "list-n" and the like */
    uint64_t max_items; /**< 0: any number */
    uint64_t max_bytes; /**< what all may take, some bytes more for each item; 0: 1 GiB, which is
                             also the most */
} crew_container_attr;

/**
 * Makes a new value of the current one, for the update_with functions. It may be called several
 * times, whenever another process has changed the value meanwhile, so it should have no effect but
 * the new value.
 *
 * @param current  belongs to crew; NULL when there is none yet. The handles in it are lent for the
 * call: to keep one, get the value.
 * @param next     nil, to be set; crew clears it
 * @return what is not ::CREW_OK leaves all as it is, and is returned to the caller
 */
typedef crew_status crew_update_function(const crew_any *current, crew_any *next, void *arg);

#ifdef __cplusplus
}
#endif

#endif
