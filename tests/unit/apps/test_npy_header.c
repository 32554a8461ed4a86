/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers as bytes: what is understood, what is refused and how, and that nothing is read behind
 * the end. */
#include "npy_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES "'descr': '<f8', 'fortran_order': False, "

/* Puts a version 1.0 header around a dictionary. */
static size_t wrap(const char *dictionary, char *out, size_t capacity)
{
    static const char start[] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0};
    size_t length = strlen(dictionary);
    assert_in_range(length, 0, capacity - 11);
    memcpy(out, start, sizeof start);
    out[8] = (char)(length & 0xff);
    out[9] = (char)(length >> 8);
    memcpy(out + 10, dictionary, length + 1);
    return length + 10;
}

/* Parses a copy that ends where the memory does, so that sanitizers see a step too far. */
static int parse(const char *data, size_t size, struct npy_header *header, struct npy_error *error)
{
    char *copy = malloc(size + (size == 0));
    assert_non_null(copy);
    memcpy(copy, data, size);
    struct npy_bytes bytes = {"x.npy", copy, size};
    memset(error, 0, sizeof *error);
    int result = npy_header_parse(&bytes, header, error);
    free(copy);
    return result;
}

static int parse_dictionary(const char *dictionary, struct npy_header *header,
                            struct npy_error *error)
{
    char file[1024];
    return parse(file, wrap(dictionary, file, sizeof file), header, error);
}

/* A complete sentence on one line that names the file. */
static void assert_sentence(const struct npy_error *error)
{
    size_t length = strlen(error->text);
    assert_in_range(length, 10, sizeof error->text - 1);
    assert_memory_equal(error->text, "x.npy: ", 7);
    assert_int_equal(error->text[length - 1], '.');
    for (size_t i = 0; i < length; i++)
        assert_false((unsigned char)error->text[i] < ' ' || error->text[i] == 0x7f);
}

static void assert_refused(const char *dictionary, const char *expected)
{
    struct npy_header header = {.size = 77};
    struct npy_error error;
    if (parse_dictionary(dictionary, &header, &error) != -1)
        fail_msg("accepted: %s", dictionary);
    assert_sentence(&error);
    if (strstr(error.text, expected) == NULL)
        fail_msg("for %s expected \"%s\", found \"%s\"", dictionary, expected, error.text);
    assert_int_equal(header.size, 77);
}

static void accepts_what_numpy_accepts(void **state)
{
    (void)state;
    static const struct {
        const char *dictionary;
        struct npy_layout layout;
    } cases[] = {
        {"{" ENTRIES "'shape': (3, 4), }\n", {3, 4, NPY_FLOAT64, false}},
        {"{'shape':(3,4),'fortran_order':True,'descr':'<f4'}", {3, 4, NPY_FLOAT32, true}},
        {"  {\t\"descr\" : \"=f8\" ,'fortran_order':\nTrue , 'shape' : ( 3 , 4 , ) , } \n ",
         {3, 4, NPY_FLOAT64, true}},
        {"{'descr': 'f4', 'fortran_order': False, 'shape': (0, 9)}", {0, 9, NPY_FLOAT32, false}},
        {"{'descr': 'f8', 'fortran_order': False, 'shape': (9, 0)}", {9, 0, NPY_FLOAT64, false}},
        {"{'descr': '=f4', 'fortran_order': False, 'shape': (3L, 4L)}", {3, 4, NPY_FLOAT32, false}},
        {"{" ENTRIES "'shape': (1152921504606846975, 1)}",
         {1152921504606846975u, 1, NPY_FLOAT64, false}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct npy_header header;
        struct npy_error error;
        if (parse_dictionary(cases[i].dictionary, &header, &error) != 0)
            fail_msg("%s: %s", cases[i].dictionary, error.text);
        assert_int_equal(header.layout.rows, cases[i].layout.rows);
        assert_int_equal(header.layout.cols, cases[i].layout.cols);
        assert_int_equal(header.layout.dtype, cases[i].layout.dtype);
        assert_int_equal(header.layout.fortran, cases[i].layout.fortran);
        assert_int_equal(header.size, 10 + strlen(cases[i].dictionary));
    }
}

static void names_what_is_not_supported(void **state)
{
    (void)state;
#define REST ", 'fortran_order': False, 'shape': (2, 2)}"
    assert_refused("{'descr': '>f8'" REST, "dtype '>f8' are not supported, only float64 ('<f8')");
    assert_refused("{'descr': '<i8'" REST, "dtype '<i8' are");
    assert_refused("{'descr': '<f2'" REST, "dtype '<f2' are");
    assert_refused("{'descr': '<c16'" REST, "dtype '<c16' are");
    assert_refused("{'descr': ''" REST, "dtype '' are");
    assert_refused("{'descr': None" REST, "dtype None are");
    assert_refused("{'descr': [('a, }', '<f8'), ('b', '<f4', (2,))]" REST,
                   "dtype [('a, }', '<f8'), ('b', '<f4', (2,))] are");
    assert_refused("{" ENTRIES "'shape': ()}", "the shape is (), but a matrix has two dimensions");
    assert_refused("{" ENTRIES "'shape': (5,)}", "the shape is (5,), but");
    assert_refused("{" ENTRIES "'shape': (5)}", "the shape is (5), but");
    assert_refused("{" ENTRIES "'shape': (2, 3, 4)}", "the shape is (2, 3, 4), but");
    assert_refused("{" ENTRIES
                   "'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}",
                   "1,1...");
#undef REST
}

static void refuses_damage(void **state)
{
    (void)state;
    assert_refused("", "expected a dictionary at byte 10");
    assert_refused("[]", "expected a dictionary");
    assert_refused("{}", "lacks the key 'descr'");
    assert_refused("{'descr': '<f8', 'shape': (1, 1)}", "lacks the key 'fortran_order'");
    assert_refused("{" ENTRIES "}", "lacks the key 'shape'");
    assert_refused("{" ENTRIES "'shape': (1, 1), 'color': 'red'}", "the unknown key 'color'");
    assert_refused("{" ENTRIES "'sha\\x70e': (1, 1)}", "the end of a string");
    assert_refused("{" ENTRIES "'shape': (1, 1), 'shape': (2, 2)}", "the key 'shape' comes twice");
    assert_refused("{" ENTRIES "'shape': (1, 1)", "the end of the dictionary");
    assert_refused("{" ENTRIES "'shape': (1, 1)} x", "nothing but space");
    assert_refused("{" ENTRIES "'shape': (1 1)}", "a comma in the shape");
    assert_refused("{" ENTRIES "'shape': (, 1)}", "an extent of the shape");
    assert_refused("{" ENTRIES "'shape': (-1, 1)}", "an extent of the shape");
    assert_refused("{" ENTRIES "'shape': (1.0, 1)}", "a comma in the shape");
    assert_refused("{" ENTRIES "'shape': [1, 1]}", "a tuple as shape");
    assert_refused("{" ENTRIES "'shape' (1, 1)}", "a colon");
    assert_refused("{" ENTRIES " 'shape': (1, 1)", "comma or the end of the dictionary");
    assert_refused("{'descr': '<f8' 'fortran_order': True}",
                   "dtype '<f8' 'fortran_order': True are");
    assert_refused("{'descr': ", "the end of a value");
    assert_refused("{'descr': ,", "expected a value");
    assert_refused("{'descr': ((", "the end of a value");
    assert_refused("{'descr': )}", "the end of a value");
    assert_refused("{'descr': '<f8', 'fortran_order': 1, 'shape': (1, 1)}", "True or False");
    assert_refused("{'descr': '<f8', 'fortran_order': \x01\x7f, 'shape': (1, 1)}",
                   "is ??, expected");
    assert_refused("{descr: '<f8'}", "a string");
}

static void refuses_shapes_that_overflow(void **state)
{
    (void)state;
    assert_refused("{" ENTRIES "'shape': (9223372036854775808, 0)}", "more than 63 bits");
    assert_refused("{" ENTRIES "'shape': (99999999999999999999999999, 1)}", "more than 63 bits");
    assert_refused("{" ENTRIES "'shape': (9223372036854775807, 1)}", "more bytes than a file");
    assert_refused("{" ENTRIES "'shape': (4294967296, 4294967296)}", "more bytes than a file");
    assert_refused("{" ENTRIES "'shape': (1152921504606846976, 1)}", "more bytes than a file");
    assert_refused("{'descr': 'f4', 'fortran_order': False, 'shape': (2, 1152921504606846976)}",
                   "more bytes than a file");
}

static void refuses_other_versions_and_magic(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t size;
        const char *expected;
    } cases[] = {
        {"", 0, "not a .npy file"},
        {"PK\x03\x04 a .npz", 10, "not a .npy file"},
        {"\x93numpy\x01\x00\x02\x00{}", 12, "not a .npy file"},
        {"\x93NUMPY\x00\x00\x02\x00{}", 12, "version 0.0 of the format is not supported"},
        {"\x93NUMPY\x04\x00\x02\x00{}", 12, "version 4.0 of the format is not supported"},
        {"\x93NUMPY\x01\x01\x02\x00{}", 12, "version 1.1 of the format is not supported"},
        {"\x93NUMPY\x01\x00\xff\xff{}", 12, "truncated: expected 65545 bytes, found 12"},
        {"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", 14, "expected 4294967307 bytes, found 14"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct npy_header header;
        struct npy_error error;
        assert_int_equal(parse(cases[i].data, cases[i].size, &header, &error), -1);
        assert_sentence(&error);
        assert_non_null(strstr(error.text, cases[i].expected));
    }
}

/* A header of each version, with the dictionary as NumPy writes it. */
static size_t example(int version, char *out, size_t capacity)
{
    static const char dictionary[] = "{" ENTRIES "'shape': (3, 4), }          \n";
    size_t size = wrap(dictionary, out, capacity - 2);
    if (version == 1)
        return size;
    memmove(out + 12, out + 10, size - 10);
    out[6] = (char)version;
    out[10] = out[11] = 0;
    return size + 2;
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    for (int version = 1; version <= 3; version++) {
        char file[256];
        struct npy_header header;
        struct npy_error error;
        size_t size = example(version, file, sizeof file);
        for (size_t cut = 1; cut < size; cut++) {
            assert_int_equal(parse(file, cut, &header, &error), -1);
            assert_sentence(&error);
            assert_non_null(strstr(error.text, "the header is truncated"));
        }
        assert_int_equal(parse(file, size, &header, &error), 0);
        assert_int_equal(header.size, size);
    }
}

/* The outcome is a layout that could be a file's, or a sentence. */
static void check_outcome(const char *file, size_t size)
{
    struct npy_header header;
    struct npy_error error;
    size_t bytes = 0;
    if (parse(file, size, &header, &error) != 0) {
        assert_sentence(&error);
        return;
    }
    assert_in_range(header.size, 12, size);
    assert_int_equal(npy_layout_size(&header.layout, &bytes), 0);
}

/* Every byte takes every value. */
static void survives_every_mutation(void **state)
{
    (void)state;
    for (int version = 1; version <= 3; version++) {
        char file[256];
        size_t size = example(version, file, sizeof file);
        for (size_t at = 0; at < size; at++) {
            char kept = file[at];
            for (int value = 0; value < 256; value++) {
                file[at] = (char)value;
                check_outcome(file, size);
            }
            file[at] = kept;
        }
    }
}

static void understands_what_it_formats(void **state)
{
    (void)state;
    static const struct npy_layout layouts[] = {
        {0, 0, NPY_FLOAT64, false},
        {3, 4, NPY_FLOAT32, false},
        {1152921504606846975u, 1, NPY_FLOAT64, false},
        {1, 2305843009213693951u, NPY_FLOAT32, false},
    };
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        char out[NPY_HEADER_MAX];
        struct npy_header header;
        struct npy_error error;
        assert_int_equal(npy_header_format(&layouts[i], out), NPY_HEADER_MAX);
        assert_int_equal(out[NPY_HEADER_MAX - 1], '\n');
        assert_int_equal(parse(out, sizeof out, &header, &error), 0);
        assert_int_equal(header.size, NPY_HEADER_MAX);
        assert_int_equal(header.layout.rows, layouts[i].rows);
        assert_int_equal(header.layout.cols, layouts[i].cols);
        assert_int_equal(header.layout.dtype, layouts[i].dtype);
        assert_false(header.layout.fortran);
    }
}

static void keeps_messages_short(void **state)
{
    (void)state;
    char path[1000];
    struct npy_error error;
    memset(path, 'p', sizeof path - 1);
    memcpy(path + sizeof path - 7, "/x.npy", 7);
    struct npy_bytes bytes = {path, "", 0};
    struct npy_header header;
    assert_int_equal(npy_header_parse(&bytes, &header, &error), -1);
    assert_non_null(strstr(error.text, "/x.npy: not a .npy file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_what_numpy_accepts),
        cmocka_unit_test(names_what_is_not_supported),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(refuses_shapes_that_overflow),
        cmocka_unit_test(refuses_other_versions_and_magic),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_every_mutation),
        cmocka_unit_test(understands_what_it_formats),
        cmocka_unit_test(keeps_messages_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
