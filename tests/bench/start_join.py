#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""How long Python's multiprocessing takes from start to join, one process after the other."""
import argparse
import json
import multiprocessing
import statistics
import time


def nothing():
    pass


def measure(context):
    process = context.Process(target=nothing)
    begin = time.perf_counter()
    process.start()
    process.join()
    passed = 1e6 * (time.perf_counter() - begin)
    process.close()
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=["fork", "forkserver", "spawn"], default="fork")
    parser.add_argument("--count", type=int, default=300, help="processes (300)")
    options = parser.parse_args()
    context = multiprocessing.get_context(options.method)
    measure(context)
    times = [measure(context) for _ in range(options.count)]
    print(json.dumps({
        "peer": "python " + options.method, "count": options.count,
        "mean_us": statistics.mean(times), "median_us": statistics.median(times),
        "least_us": min(times)}))


if __name__ == "__main__":
    main()
