/* SPDX-License-Identifier: BSD-3-Clause */
/* References to functions: there and back, and what is refused. */
#include "base/error.h"
#include "base/funcref.h"
#include "unit.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

int of_the_program(void);
static int number_in_data = 3;

int of_the_program(void)
{
    return 1;
}

static int only_in_this_file(void)
{
    return number_in_data;
}

/* ISO C has no way from void * to a function. */
static crewi_function *as_function(void *address)
{
    crewi_function *function;
    memcpy(&function, &address, sizeof function);
    return function;
}

static crewi_function *function_in(const char *library, const char *name, void **handle)
{
    *handle = dlopen(library, RTLD_NOW);
    assert_non_null(*handle);
    void *address = dlsym(*handle, name);
    assert_non_null(address);
    return as_function(address);
}

static void there_and_back(crewi_function *function)
{
    struct crewi_funcref ref;
    crewi_function *resolved = NULL;
    memset(&ref, 0xff, sizeof ref);
    assert_int_equal(crewi_funcref_make(&ref, function), CREW_OK);
    assert_int_equal(ref.path_size, 0);
    assert_int_equal(crewi_funcref_resolve(&ref, &resolved), CREW_OK);
    assert_true(resolved == function);
}

static int load(void **state)
{
    (void)state;
    return crewi_modules_load();
}

static int unload(void **state)
{
    (void)state;
    crewi_modules_unload();
    return 0;
}

static void functions_of_the_program(void **state)
{
    (void)state;
    there_and_back((crewi_function *)of_the_program);
    there_and_back((crewi_function *)only_in_this_file);
    there_and_back((crewi_function *)crewi_modules_load);
}

static void functions_of_libc(void **state)
{
    void *handle;
    (void)state;
    crewi_function *function = function_in("libc.so.6", "getppid", &handle);
    there_and_back(function);
    struct crewi_funcref ref, own;
    crewi_function *resolved;
    crewi_funcref_make(&ref, function);
    crewi_funcref_make(&own, (crewi_function *)of_the_program);
    assert_memory_not_equal(ref.build_id, own.build_id, sizeof ref.build_id);
    assert_int_equal(crewi_funcref_resolve(&ref, &resolved), CREW_OK);
    assert_int_equal(((pid_t(*)(void))resolved)(), getppid());
    dlclose(handle);
}

static void data_is_no_function(void **state)
{
    static const int constant = 4;
    struct crewi_funcref ref;
    int on_the_stack = 5;
    void *const addresses[] = {&number_in_data,      (void *)(uintptr_t)&constant,
                               &on_the_stack,        NULL,
                               (void *)(uintptr_t)1, (void *)UINTPTR_MAX};
    (void)state;
    memset(&ref, 0x5a, sizeof ref);
    struct crewi_funcref untouched = ref;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        assert_int_equal(crewi_funcref_make(&ref, as_function(addresses[i])), CREW_EBUILD);
        assert_memory_equal(&ref, &untouched, sizeof ref);
    }
    assert_non_null(strstr(crew_error_message(), "no function at"));
}

static void an_unknown_build_id(void **state)
{
    struct crewi_funcref ref;
    crewi_function *resolved = (crewi_function *)of_the_program;
    char text[2 * CREWI_BUILD_ID_SIZE + 1];
    (void)state;
    assert_int_equal(crewi_funcref_make(&ref, (crewi_function *)of_the_program), CREW_OK);
    ref.build_id[CREWI_BUILD_ID_SIZE - 1] ^= 1;
    assert_int_equal(crewi_funcref_resolve(&ref, &resolved), CREW_EBUILD);
    assert_true(resolved == (crewi_function *)of_the_program);
    crewi_build_id_text(ref.build_id, text);
    assert_non_null(strstr(crew_error_message(), text));
    memset(ref.build_id, 0, sizeof ref.build_id);
    assert_int_equal(crewi_funcref_resolve(&ref, &resolved), CREW_EBUILD);
}

static void offsets_outside_code(void **state)
{
    struct crewi_funcref ref, data;
    crewi_function *resolved = NULL;
    (void)state;
    assert_int_equal(crewi_funcref_make(&ref, (crewi_function *)of_the_program), CREW_OK);
    data = ref;
    data.offset += (uint64_t)((uintptr_t)&number_in_data - (uintptr_t)of_the_program);
    const uint64_t offsets[] = {data.offset, 0, UINT64_MAX, (uint64_t)1 << 40, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        ref.offset = offsets[i];
        assert_int_equal(crewi_funcref_resolve(&ref, &resolved), CREW_EBUILD);
        assert_non_null(strstr(crew_error_message(), "not in the code of the program"));
        assert_null(resolved);
    }
}

static void build_ids(void **state)
{
    uint8_t id[CREWI_BUILD_ID_SIZE], zero[CREWI_BUILD_ID_SIZE] = {0};
    char text[2 * CREWI_BUILD_ID_SIZE + 1];
    struct crewi_funcref ref;
    (void)state;
    assert_int_equal(crewi_program_build_id(id), CREW_OK);
    assert_memory_not_equal(id, zero, sizeof id);
    assert_int_equal(crewi_funcref_make(&ref, (crewi_function *)of_the_program), CREW_OK);
    assert_memory_equal(ref.build_id, id, sizeof id);
    for (int i = 0; i < CREWI_BUILD_ID_SIZE; i++)
        id[i] = (uint8_t)(i * 13 + 5);
    crewi_build_id_text(id, text);
    assert_string_equal(text, "05121f2c394653606d7a8794a1aebbc8d5e2effc");
}

static void a_module_that_came_later(void **state)
{
    struct crewi_funcref ref;
    void *handle;
    (void)state;
    crewi_function *function = function_in(MODULE_USUAL, "function_of_usual", &handle);
    crewi_function *found = function;
    assert_int_equal(crewi_funcref_make(&ref, function), CREW_OK);
    assert_true(crewi_funcref_is_sound(&ref));
    assert_string_equal(ref.path, MODULE_USUAL);
    assert_int_equal(crewi_funcref_find(&ref, &found), CREW_OK);
    assert_null(found); /* others have to load it */
    assert_int_equal(crewi_funcref_resolve(&ref, &found), CREW_OK);
    assert_true(found == function);
    assert_int_equal(crewi_funcref_make(&ref, as_function(dlsym(handle, "module_number"))),
                     CREW_EBUILD);
    assert_int_equal(crewi_modules_load(), CREW_OK);
    there_and_back(function);
    dlclose(handle);
}

/* Looking at it does not load it; resolving does. */
static void a_module_that_is_not_here(void **state)
{
    struct crewi_funcref ref;
    void *handle;
    (void)state;
    crewi_function *function = function_in(MODULE_USUAL, "function_of_usual", &handle);
    assert_int_equal(crewi_funcref_make(&ref, function), CREW_OK);
    dlclose(handle);
    assert_null(dlopen(MODULE_USUAL, RTLD_NOW | RTLD_NOLOAD));
    assert_int_equal(crewi_funcref_find(&ref, &function), CREW_OK);
    assert_null(function);
    assert_null(dlopen(MODULE_USUAL, RTLD_NOW | RTLD_NOLOAD));
    ref.offset += (uint64_t)1 << 40;
    assert_int_equal(crewi_funcref_find(&ref, &function), CREW_EBUILD);
    assert_int_equal(crewi_funcref_resolve(&ref, &function), CREW_EBUILD);
    assert_non_null(strstr(crew_error_message(), "not in the code of " MODULE_USUAL));
    assert_null(dlopen(MODULE_USUAL, RTLD_NOW | RTLD_NOLOAD));
    ref.offset -= (uint64_t)1 << 40;
    assert_int_equal(crewi_funcref_resolve(&ref, &function), CREW_OK);
    assert_int_equal(((int (*)(void))function)(), 4711);
    handle = dlopen(MODULE_USUAL, RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(handle);
    dlclose(handle);
    dlclose(handle);
}

static void refused(const struct crewi_funcref *ref, const char *reason)
{
    crewi_function *function = (crewi_function *)of_the_program;
    assert_int_equal(crewi_funcref_find(ref, &function), CREW_EBUILD);
    assert_non_null(strstr(crew_error_message(), reason));
    assert_int_equal(crewi_funcref_resolve(ref, &function), CREW_EBUILD);
    assert_non_null(strstr(crew_error_message(), reason));
    assert_true(function == (crewi_function *)of_the_program);
}

static void set_path(struct crewi_funcref *ref, const char *path)
{
    ref->path_size = (uint32_t)strlen(path) + 1;
    memcpy(ref->path, path, ref->path_size);
}

static void files_that_are_not_it(void **state)
{
    struct crewi_funcref ref;
    char expected[2 * CREWI_BUILD_ID_SIZE + 1];
    void *handle;
    (void)state;
    crewi_function *function = function_in(MODULE_USUAL, "function_of_usual", &handle);
    assert_int_equal(crewi_funcref_make(&ref, function), CREW_OK);
    dlclose(handle);
    crewi_build_id_text(ref.build_id, expected);
    set_path(&ref, "/nowhere/module.so");
    refused(&ref, "/nowhere/module.so cannot be read");
    refused(&ref, "No such file or directory");
    refused(&ref, expected);
    set_path(&ref, MODULE_SHORT);
    refused(&ref, "is another build");
    refused(&ref, "build id 1234567800000000000000000000000000000000");
    refused(&ref, expected);
    set_path(&ref, MODULE_NAMELESS);
    refused(&ref, "has no build id");
    set_path(&ref, "/dev/null");
    refused(&ref, "Exec format error");
    set_path(&ref, "/proc/self/status");
    refused(&ref, "cannot be read");
    set_path(&ref, "/");
    refused(&ref, "Is a directory");
    ref.path[ref.path_size - 1] = 'x';
    assert_false(crewi_funcref_is_sound(&ref));
    refused(&ref, "is loaded there");
    ref.path_size = UINT32_MAX;
    assert_false(crewi_funcref_is_sound(&ref));
    refused(&ref, "is loaded there");
}

static void a_module_without_build_id(void **state)
{
    struct crewi_funcref ref;
    void *handle;
    (void)state;
    crewi_function *function = function_in(MODULE_NAMELESS, "function_of_nameless", &handle);
    assert_int_equal(crewi_modules_load(), CREW_OK);
    assert_int_equal(crewi_funcref_make(&ref, function), CREW_EBUILD);
    assert_non_null(strstr(crew_error_message(), "has no build id"));
    assert_non_null(strstr(crew_error_message(), "test_module_nameless"));
    dlclose(handle);
}

static void a_short_build_id_is_padded(void **state)
{
    static const uint8_t expected[CREWI_BUILD_ID_SIZE] = {0x12, 0x34, 0x56, 0x78};
    struct crewi_funcref ref;
    void *handle;
    (void)state;
    crewi_function *function = function_in(MODULE_SHORT, "function_of_short", &handle);
    assert_int_equal(crewi_modules_load(), CREW_OK);
    there_and_back(function);
    assert_int_equal(crewi_funcref_make(&ref, function), CREW_OK);
    assert_memory_equal(ref.build_id, expected, sizeof expected);
    dlclose(handle);
}

static void nothing_without_a_list(void **state)
{
    struct crewi_funcref ref;
    uint8_t id[CREWI_BUILD_ID_SIZE];
    crewi_function *resolved;
    (void)state;
    assert_int_equal(crewi_funcref_make(&ref, (crewi_function *)of_the_program), CREW_OK);
    crewi_modules_unload();
    crewi_modules_unload();
    assert_int_equal(crewi_program_build_id(id), CREW_EBUILD);
    assert_int_equal(crewi_funcref_resolve(&ref, &resolved), CREW_EBUILD);
    assert_int_equal(crewi_funcref_make(&ref, (crewi_function *)of_the_program), CREW_EBUILD);
    assert_int_equal(crewi_funcref_find(&ref, &resolved), CREW_EBUILD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, load, unload)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(functions_of_the_program),   TEST(functions_of_libc),
        TEST(data_is_no_function),        TEST(an_unknown_build_id),
        TEST(offsets_outside_code),       TEST(build_ids),
        TEST(a_module_that_came_later),   TEST(a_module_that_is_not_here),
        TEST(files_that_are_not_it),      TEST(a_module_without_build_id),
        TEST(a_short_build_id_is_padded), TEST(nothing_without_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
