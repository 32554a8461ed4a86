/* SPDX-License-Identifier: BSD-3-Clause */
/* do_something.py: the two loads that the programs of the chapter give to processes, threads and
 * workers. Both may be called by several threads at a time. */
#ifndef DO_SOMETHING_H
#define DO_SOMETHING_H

#include <stdbool.h>
#include <stddef.h>

/** Rows and columns of the matrices. */
#define MATRIX_SIZE 20

/** A list that grows; all zero it is empty. Its numbers go with free(list.numbers). */
struct number_list {
    double *numbers;
    size_t length;
    size_t room;
};

/** Appends @p count random numbers from 0 to 1 to the list. False when memory is out. */
bool do_something(size_t count, struct number_list *out_list);

/** Multiplies @p repeat pairs of random matrices and returns the sum of all elements of the
 * products. The elements are small integers, so that the sum is exact: the same for the same
 * @p seed everywhere, in Python, too. */
double multiply_matrices(unsigned seed, int repeat);

#endif
