/* SPDX-License-Identifier: BSD-3-Clause */
/* my_func.py: the function of spawning_processes_namespace in a file of its own. It is built twice:
 * into the program, and as the library libmy_func.so, which the program loads. */
#include "my_func.h"

#include <stdio.h>

int my_func(void *arg)
{
    const int *number = arg;
    printf("calling my_func from process %d\n", *number);
    for (int i = 0; i < *number; i++)
        printf("output from my_func is: %d\n", i);
    return 0;
}
