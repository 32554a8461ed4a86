# SPDX-License-Identifier: BSD-3-Clause
"""Processes run a function of another module: one imported at the beginning, and one loaded later."""

import importlib
import multiprocessing

from my_func import my_func


def spawn(function):
    for i in range(4):
        process = multiprocessing.Process(target=function, args=(i,))
        process.start()
        process.join()


if __name__ == "__main__":
    spawn(my_func)
    print("the same from a library")
    spawn(importlib.import_module("my_func").my_func)
