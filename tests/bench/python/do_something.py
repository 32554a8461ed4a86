# SPDX-License-Identifier: BSD-3-Clause
"""The two loads that the scripts of the chapter give to processes, threads and workers."""

import random

MATRIX_SIZE = 20


def do_something(count, out_list):
    """Appends random numbers to the list."""
    for _ in range(count):
        out_list.append(random.random())


def multiply_matrices(seed, repeat):
    """The sum of all elements of the products of random matrices; the same as in C for the same seed."""

    def matrix():
        nonlocal seed
        rows = []
        for _ in range(MATRIX_SIZE):
            row = []
            for _ in range(MATRIX_SIZE):
                seed = (seed * 1103515245 + 12345) % 2**32
                row.append(float(seed // 65536 % 10))
            rows.append(row)
        return rows

    total = 0.0
    for _ in range(repeat):
        a, b = matrix(), matrix()
        columns = list(zip(*b))
        total += sum(sum(x * y for x, y in zip(row, column)) for row in a for column in columns)
    return total
