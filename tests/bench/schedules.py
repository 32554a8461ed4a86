#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The tasks of schedules.c over Python's multiprocessing.Pool: LENGTHS:ITERATIONS:CORES, handed out
one by one (chunk1) or as Pool likes (default). BENCH_UNEVEN_LIBRARY names libbench_uneven.so."""
import ctypes
import multiprocessing
import os
import statistics
import time

import peer

BLOCKS = 3
TASKS_EACH = 1000


def load_library():
    library = ctypes.CDLL(os.environ["BENCH_UNEVEN_LIBRARY"])
    library.uneven_run.argtypes = [ctypes.c_long]
    library.uneven_run.restype = ctypes.c_double
    library.uneven_choose.argtypes = [ctypes.c_char_p, ctypes.c_long, ctypes.c_long,
                                      ctypes.POINTER(ctypes.c_long)]
    library.uneven_choose.restype = ctypes.c_bool
    return library


LIBRARY = load_library()


def run_task(iterations):
    return LIBRARY.uneven_run(iterations)


def run_case(options, mode, size, extra):
    count = (options.count or TASKS_EACH) * extra
    items = (ctypes.c_long * count)()
    if not LIBRARY.uneven_choose(mode.encode(), size, count, items):
        raise SystemExit("schedules.py: no lengths %s" % mode)
    items = list(items)
    chunk = 1 if options.kind == "chunk1" else None
    with multiprocessing.Pool(extra) as pool:
        def block():
            begin = time.perf_counter()
            tasks_s = pool.map(run_task, items, chunksize=chunk)
            seconds = time.perf_counter() - begin
            assert len(tasks_s) == count and min(tasks_s) > 0
            return seconds * extra / sum(tasks_s)
        block()
        return count, statistics.median(block() for _ in range(BLOCKS))


if __name__ == "__main__":
    peer.run(__doc__, ["chunk1", "default"], run_case)
