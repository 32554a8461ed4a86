/* SPDX-License-Identifier: BSD-3-Clause */
/* sharing_data.py: processes change a list, a dict and a namespace, as those of a Manager in
 * Python, and a value and an array in shared memory; the main process prints what has become of
 * them.
 *
 *   mpirun -np 4 ./sharing_data
 *
 * prints a line for each key that a worker sets, such as "key = 3 value = 6", and then
 *
 *   list: [5, 4, 3, 2, 1, 0]
 *   dict: {0: 0, 1: 2, 2: 4, 3: 6}
 *   namespace: Namespace(x=2, y='hello')
 *   value: 3.1415927
 *   array: [0, 1, 4, 9, 16, 25]
 */
#include "chapter.h"

#include <crew/crew.h>
#include <stdio.h>

enum { LENGTH = 6 };

struct shared {
    crew_list list;
    crew_dict dict;
    crew_namespace space;
    crew_value value;
    crew_array array;
    int key, item;
};

static int change_list(void *arg)
{
    const struct shared *shared = arg;
    CREW_MUST(crew_list_append(shared->list, crew_int(5)));
    CREW_MUST(crew_list_reverse(shared->list));
    return 0;
}

static int worker(void *arg)
{
    const struct shared *shared = arg;
    CREW_MUST(crew_dict_set(shared->dict, crew_int(shared->key), crew_int(shared->item)));
    printf("key = %d value = %d\n", shared->key, shared->item);
    return 0;
}

static int change_rest(void *arg)
{
    const struct shared *shared = arg;
    crew_any x;
    CREW_MUST(crew_namespace_get(shared->space, "x", &x));
    CREW_MUST(crew_namespace_set(shared->space, "x", crew_int(x.integer + 1)));
    crew_any_clear(&x);
    CREW_MUST(crew_namespace_set(shared->space, "y", crew_string("hello")));
    CREW_MUST(crew_value_set_double(shared->value, 3.1415927));
    for (int i = 0; i < LENGTH; i++)
        CREW_MUST(crew_array_set_int32(shared->array, i, i * i));
    return 0;
}

static void run(crew_process_function *function, const struct shared *shared)
{
    crew_process process;
    CREW_MUST(crew_process_create(&process, function, shared, sizeof *shared, NULL));
    CREW_MUST(crew_process_start(process));
    CREW_MUST(crew_process_join(process, CREW_FOREVER));
}

static void create(struct shared *shared)
{
    CREW_MUST(crew_list_create(&shared->list, NULL));
    CREW_MUST(crew_dict_create(&shared->dict, NULL));
    CREW_MUST(crew_namespace_create(&shared->space, NULL));
    CREW_MUST(crew_value_create(&shared->value, CREW_DOUBLE, NULL, NULL));
    CREW_MUST(crew_array_create(&shared->array, CREW_INT, LENGTH, NULL));
    for (int i = 0; i < 5; i++)
        CREW_MUST(crew_list_append(shared->list, crew_int(i)));
    CREW_MUST(crew_namespace_set(shared->space, "x", crew_int(1)));
}

static void print(const struct shared *shared)
{
    double value;
    int elements[LENGTH];
    CREW_MUST(crew_value_get_double(shared->value, &value));
    CREW_MUST(crew_array_read(shared->array, 0, LENGTH, elements));
    printf("list: ");
    CREW_MUST(crew_list_print(shared->list, stdout));
    printf("\ndict: ");
    CREW_MUST(crew_dict_print(shared->dict, stdout));
    printf("\nnamespace: ");
    CREW_MUST(crew_namespace_print(shared->space, stdout));
    printf("\nvalue: %.7f\narray: [", value);
    for (int i = 0; i < LENGTH; i++)
        printf("%d%s", elements[i], i < LENGTH - 1 ? ", " : "]\n");
}

static int app(int argc, char **argv)
{
    chapter_takes_no_arguments(argc, argv, "Processes change data that they share.");
    struct shared shared = {0};
    create(&shared);
    run(change_list, &shared);
    for (shared.key = 0; shared.key < 4; shared.key++) {
        shared.item = 2 * shared.key;
        run(worker, &shared);
    }
    run(change_rest, &shared);
    print(&shared);
    return 0;
}

CREW_MAIN(app)
