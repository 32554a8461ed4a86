# SPDX-License-Identifier: BSD-3-Clause
"""The function of spawning_processes_namespace, in a module of its own."""


def my_func(number):
    print(f"calling my_func from process {number}")
    for i in range(number):
        print(f"output from my_func is: {i}")
