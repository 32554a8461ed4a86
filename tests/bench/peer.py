# SPDX-License-Identifier: BSD-3-Clause
"""What the peers over Python's multiprocessing share: options, measuring, and the report."""
import argparse
import json
import multiprocessing
import os
import statistics
import time

SAMPLES = 3
LONG_ENOUGH = 0.7


def measure(options, block):
    """Grows a block until it takes long enough; returns its count, and the median of three in us."""
    count = options.count or 1
    block(1)
    while not options.count:
        begin = time.perf_counter()
        block(count)
        wall = time.perf_counter() - begin
        if wall >= LONG_ENOUGH * options.seconds:
            break
        count = int(count * min(10.0, options.seconds / wall)) + 1
    samples = [1e6 * block(count) / count for _ in range(SAMPLES)]
    return count, statistics.median(samples)


def read_case(word):
    """MODE[:SIZE[:EXTRA]], as in measure.h."""
    parts = word.split(":")
    size = int(parts[1]) if len(parts) > 1 else 8
    return parts[0], size, int(parts[2]) if len(parts) > 2 else 1


def run(description, kinds, run_case):
    """The whole program; run_case(options, mode, size, extra) returns what measure() does."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--kind", required=True, choices=kinds)
    parser.add_argument("--seconds", type=float, default=0.05, help="of a block (0.05)")
    parser.add_argument("--count", type=int, default=0, help="operations in a block, in its place")
    parser.add_argument("--one-core", action="store_true", help="all processes on one core")
    parser.add_argument("cases", nargs="+", metavar="MODE[:SIZE[:EXTRA]]")
    options = parser.parse_args()
    multiprocessing.set_start_method("fork")
    if options.one_core:
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    for word in options.cases:
        mode, size, extra = read_case(word)
        count, us = run_case(options, mode, size, extra)
        print(json.dumps({"peer": "python", "place": options.kind, "mode": mode, "size": size,
                          "extra": extra, "count": count, "us": round(us, 4)}), flush=True)
