#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The batch over mpi4py's MPIPoolExecutor, with the same kernel through ctypes.

Run it with  mpirun -n RANKS python3 -m mpi4py.futures batch_mpi4py.py [options];
rank 0 is the master. Without mpi4py it ends with status 77, which counts as skipped.
"""
import sys
import time

import batch_common

try:
    from mpi4py import MPI
    from mpi4py.futures import MPIPoolExecutor
except ImportError:
    print("batch_mpi4py: mpi4py is not installed for %s (Debian: python3-mpi4py)" %
          sys.executable, file=sys.stderr)
    sys.exit(77)

KERNEL = None


def prepare(path, size, repeat):
    """The initializer of the workers."""
    global KERNEL
    KERNEL = batch_common.Kernel(path, size, repeat)


def task(seed):
    return KERNEL.task(seed)


def calibrate(_):
    return KERNEL.gflops()


def read_options():
    parser = batch_common.parser(__doc__)
    parser.add_argument("--backoff", type=float, default=0.001,
                        help="longest sleep between two looks for a message, in s (0.001)")
    return parser.parse_args()


def main():
    options = read_options()
    ranks = MPI.COMM_WORLD.Get_size()
    if ranks < 2:
        sys.exit("batch_mpi4py: mpirun -n 2 or more python3 -m mpi4py.futures batch_mpi4py.py")
    workers = ranks - 1
    path = options.library or batch_common.default_library()
    chunk = batch_common.chunk_for(options, workers)
    seeds = batch_common.seeds(options)
    with MPIPoolExecutor(initializer=prepare, initargs=(path, options.size, options.repeat),
                         backoff=options.backoff) as executor:
        # One worker measures while the others sleep between their looks.
        kernel_gflops = executor.submit(calibrate, 0).result()
        list(executor.map(task, seeds[:1] * (4 * workers)))
        begin = time.perf_counter()
        results = list(executor.map(task, seeds, chunksize=chunk))
        seconds = time.perf_counter() - begin
    kernel = batch_common.Kernel(path, options.size, options.repeat)
    batch_common.report(options, kernel, {
        "peer": "mpi4py", "ranks": ranks, "workers": workers, "chunk": chunk,
        "seconds": seconds, "kernel_gflops": kernel_gflops}, results)


if __name__ == "__main__":
    main()
