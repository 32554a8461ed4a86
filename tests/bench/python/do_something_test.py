# SPDX-License-Identifier: BSD-3-Clause
"""The same work done four times over: one after the other, in threads, and in processes."""

import multiprocessing
import threading
import time

from do_something import do_something

TIMES = 4
COUNT = 1000000


def serial():
    for _ in range(TIMES):
        do_something(COUNT, [])


def together(kind):
    jobs = [kind(target=do_something, args=(COUNT, [])) for _ in range(TIMES)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()


def measure(name, way, *args):
    start = time.monotonic()
    way(*args)
    print("List processing complete.")
    print(f"{name} time= {time.monotonic() - start:.3f}")


if __name__ == "__main__":
    measure("serial", serial)
    measure("multithreading", together, threading.Thread)
    measure("multiprocessing", together, multiprocessing.Process)
