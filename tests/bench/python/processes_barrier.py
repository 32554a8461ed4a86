# SPDX-License-Identifier: BSD-3-Clause
"""Two processes wait for each other at a barrier and go on at the same time; two others do not wait."""

import multiprocessing
import time
from datetime import datetime


def show(serializer, what=""):
    now = datetime.now()
    with serializer:
        print(f"process {multiprocessing.current_process().name} ----> {now}{what}")


def test_with_barrier(number, serializer, synchronizer, arrived):
    time.sleep(0.2 * number)
    with arrived.get_lock():
        arrived.value += 1
    synchronizer.wait()
    show(serializer, f", when {arrived.value} of 2 had come")


def test_without_barrier(number, serializer):
    time.sleep(0.2 * number)
    show(serializer)


if __name__ == "__main__":
    serializer = multiprocessing.Lock()
    synchronizer = multiprocessing.Barrier(2)
    arrived = multiprocessing.Value("i", 0)
    processes = [
        multiprocessing.Process(name="p1 - test_with_barrier", target=test_with_barrier,
                                args=(0, serializer, synchronizer, arrived)),
        multiprocessing.Process(name="p2 - test_with_barrier", target=test_with_barrier,
                                args=(1, serializer, synchronizer, arrived)),
        multiprocessing.Process(name="p3 - test_without_barrier", target=test_without_barrier, args=(0, serializer)),
        multiprocessing.Process(name="p4 - test_without_barrier", target=test_without_barrier, args=(1, serializer)),
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
