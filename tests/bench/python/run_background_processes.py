# SPDX-License-Identifier: BSD-3-Clause
"""A daemon ends with the main program, in the middle of its work; a process that is none is waited for."""

import multiprocessing
import time


def count(numbers, pause):
    name = multiprocessing.current_process().name
    print(f"Starting {name}", flush=True)
    for number in numbers:
        print(f"---> {number}", flush=True)
        time.sleep(pause)
    print(f"Exiting {name}", flush=True)


if __name__ == "__main__":
    background = multiprocessing.Process(name="background_process", target=count, args=(range(0, 5), 10))
    background.daemon = True
    no_background = multiprocessing.Process(name="NO_background_process", target=count, args=(range(5, 10), 0.05))
    no_background.daemon = False
    background.start()
    no_background.start()
    time.sleep(0.1)
