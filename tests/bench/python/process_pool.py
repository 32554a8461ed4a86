# SPDX-License-Identifier: BSD-3-Clause
"""The squares of 0 to 99 by a pool of four workers, in four ways."""

import multiprocessing


def function_square(data):
    return data * data


if __name__ == "__main__":
    inputs = list(range(100))
    with multiprocessing.Pool(processes=4) as pool:
        print("Pool apply       :", [pool.apply(function_square, (number,)) for number in inputs])
        print("Pool map         :", pool.map(function_square, inputs))
        pending = [pool.apply_async(function_square, (number,)) for number in inputs]
        print("Pool apply_async :", [result.get() for result in pending])
        print("Pool map_async   :", pool.map_async(function_square, inputs).get())
        pool.close()
        pool.join()
