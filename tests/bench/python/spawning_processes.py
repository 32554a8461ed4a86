# SPDX-License-Identifier: BSD-3-Clause
"""Six processes run one function, each with an argument of its own."""

import multiprocessing


def my_func(number):
    print(f"calling my_func from process {number}")
    steps = 0
    while steps < number * 1000:
        steps += 1
    print(f"process {number} has done {steps} steps")


if __name__ == "__main__":
    for i in range(6):
        process = multiprocessing.Process(target=my_func, args=(i,))
        process.start()
        process.join()
