#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The batch over Python's multiprocessing.Pool, with the same kernel through ctypes."""
import multiprocessing
import time

import batch_common

# Set before the workers are forked, which inherit it with the kernel's plan and buffers.
KERNEL = None


def task(seed):
    return KERNEL.task(seed)


def main():
    global KERNEL
    parser = batch_common.parser(__doc__)
    parser.add_argument("--workers", type=int, default=4, help="processes of the pool (4)")
    options = parser.parse_args()
    KERNEL = batch_common.Kernel(options.library or batch_common.default_library(), options.size,
                                 options.repeat)
    kernel_gflops = KERNEL.gflops()
    workers = options.workers
    chunk = batch_common.chunk_for(options, workers)
    seeds = batch_common.seeds(options)
    with multiprocessing.get_context("fork").Pool(workers) as pool:
        # What starts late is not what is measured.
        pool.map(task, seeds[:1] * (4 * workers), chunksize=1)
        begin = time.perf_counter()
        results = pool.map(task, seeds, chunksize=chunk)
        seconds = time.perf_counter() - begin
    batch_common.report(options, KERNEL, {
        "peer": "pool", "ranks": workers, "workers": workers, "chunk": chunk,
        "seconds": seconds, "kernel_gflops": kernel_gflops}, results)


if __name__ == "__main__":
    main()
