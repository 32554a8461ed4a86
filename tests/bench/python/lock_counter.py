# SPDX-License-Identifier: BSD-3-Clause
"""Ten processes count in one shared value, each under the same lock."""

import multiprocessing

PROCESSES = 10
STEPS = 1000


def count(lock, counter):
    for _ in range(STEPS):
        with lock:
            counter.value += 1


if __name__ == "__main__":
    lock = multiprocessing.Lock()
    counter = multiprocessing.Value("i", 0, lock=False)
    processes = [multiprocessing.Process(target=count, args=(lock, counter)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    print(f"counted {counter.value} of {PROCESSES * STEPS}")
