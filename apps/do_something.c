/* SPDX-License-Identifier: BSD-3-Clause */
#include "do_something.h"

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static bool append(struct number_list *list, double number)
{
    if (list->length == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        double *numbers = realloc(list->numbers, room * sizeof *numbers);
        if (!numbers)
            return false;
        list->numbers = numbers;
        list->room = room;
    }
    list->numbers[list->length++] = number;
    return true;
}

bool do_something(size_t count, struct number_list *out_list)
{
    unsigned short state[3];
    if (getentropy(state, sizeof state))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!append(out_list, erand48(state)))
            return false;
    return true;
}

/* The generator that ISO C gives as the example for rand(). */
static void fill(double matrix[MATRIX_SIZE][MATRIX_SIZE], uint32_t *state)
{
    for (int row = 0; row < MATRIX_SIZE; row++)
        for (int column = 0; column < MATRIX_SIZE; column++) {
            *state = *state * 1103515245U + 12345U;
            matrix[row][column] = *state / 65536 % 10;
        }
}

static double sum_of_product(double a[MATRIX_SIZE][MATRIX_SIZE], double b[MATRIX_SIZE][MATRIX_SIZE])
{
    double sum = 0;
    for (int row = 0; row < MATRIX_SIZE; row++)
        for (int column = 0; column < MATRIX_SIZE; column++) {
            double element = 0;
            for (int k = 0; k < MATRIX_SIZE; k++)
                element += a[row][k] * b[k][column];
            sum += element;
        }
    return sum;
}

double multiply_matrices(unsigned seed, int repeat)
{
    double a[MATRIX_SIZE][MATRIX_SIZE], b[MATRIX_SIZE][MATRIX_SIZE];
    uint32_t state = seed;
    double sum = 0;
    for (int i = 0; i < repeat; i++) {
        fill(a, &state);
        fill(b, &state);
        sum += sum_of_product(a, b);
    }
    return sum;
}
