# SPDX-License-Identifier: BSD-3-Clause
"""Six processes run one function, each with an argument of its own."""

import multiprocessing

from do_something import do_something


def my_func(number):
    print(f"calling my_func from process {number}")
    out_list = []
    do_something(number * 1000, out_list)
    print(f"process {number} has done {len(out_list)} steps")


if __name__ == "__main__":
    for i in range(6):
        process = multiprocessing.Process(target=my_func, args=(i,))
        process.start()
        process.join()
