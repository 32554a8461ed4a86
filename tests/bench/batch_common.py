# SPDX-License-Identifier: BSD-3-Clause
"""What the Python programs of the batch comparison share: options, kernel, calibration, report."""
import argparse
import ctypes
import json
import os
import statistics
import sys
import time

ENVIRONMENT = "MATMUL_KERNEL_LIBRARY"
# As matmul_pool has it.
CALIBRATION_S = 0.2
CALIBRATION_TASKS = 4096


def find_library(build):
    """The kernel's library somewhere in a build folder, or None."""
    for folder, _, files in os.walk(build):
        if "libmatmul_kernel.so" in files:
            return os.path.join(folder, "libmatmul_kernel.so")
    return None


def default_library():
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get(ENVIRONMENT) or find_library(os.path.join(here, "..", "..", "build"))


def add_load_options(parser):
    parser.add_argument("--size", type=int, default=20, help="side of the matrices (20)")
    parser.add_argument("--repeat", type=int, default=1000,
                        help="multiplications in a task (1000)")
    parser.add_argument("--tasks", type=int, default=2000, help="tasks (2000)")
    parser.add_argument("--seed", type=int, default=1, help="of task 0; task i has seed + i (1)")


def parser(description):
    made = argparse.ArgumentParser(description=description)
    add_load_options(made)
    made.add_argument("--chunk", type=int, default=0,
                      help="tasks in a chunk; 0: tasks / (4 * workers), rounded up (0)")
    made.add_argument("--library", help="libmatmul_kernel.so (default: %s in the environment, "
                      "then build/)" % ENVIRONMENT)
    made.add_argument("--json", help="file for the report; - for standard output")
    return made


def chunk_for(options, workers):
    """Pool's own default, or what the options say."""
    return options.chunk or max(1, -(-options.tasks // (4 * workers)))


def seeds(options):
    return [(options.seed + i) % 2**64 for i in range(options.tasks)]


class Kernel:
    """The kernel for one kind of task, ready to compute."""

    def __init__(self, path, size, repeat):
        if not path:
            sys.exit("libmatmul_kernel.so not found: give --library or %s" % ENVIRONMENT)
        self.library = ctypes.CDLL(path)
        self.function = self.library.matmul_batch_task
        self.function.argtypes = [ctypes.c_uint64, ctypes.c_int, ctypes.c_int]
        self.function.restype = ctypes.c_double
        self.library.matmul_kernel_name.argtypes = [ctypes.c_int]
        self.library.matmul_kernel_name.restype = ctypes.c_char_p
        self.size = size
        self.repeat = repeat
        if self.library.matmul_kernel_prepare(size) != 0:
            sys.exit("no memory for matrices of size %d" % size)

    def task(self, seed):
        return self.function(seed, self.size, self.repeat)

    def name(self):
        return self.library.matmul_kernel_name(self.size).decode()

    def flop(self):
        return 2.0 * self.size**3 * self.repeat

    def rate(self, count):
        """GFLOP/s over that many tasks, one after the other."""
        begin = time.perf_counter()
        for seed in range(count):
            self.function(seed, self.size, self.repeat)
        return self.flop() * count / (time.perf_counter() - begin) * 1e-9

    def gflops(self):
        """The kernel alone, as batch_kernel_gflops() in C has it: the median of some tasks."""
        seconds = []
        begin = last = time.perf_counter()
        while len(seconds) < CALIBRATION_TASKS and (
                len(seconds) < 3 or last - begin < CALIBRATION_S):
            self.task(len(seconds))
            now = time.perf_counter()
            seconds.append(now - last)
            last = now
        return self.flop() / statistics.median(seconds) * 1e-9


def add_up(results):
    """One by one: the built-in sum() has compensated for rounding since Python 3.12."""
    total = 0.0
    for result in results:
        total += result
    return total


def report(options, kernel, figures, results):
    """Writes the report; figures are peer, ranks, workers, chunk, seconds, kernel_gflops."""
    if len(results) != options.tasks:
        sys.exit("%d results of %d tasks" % (len(results), options.tasks))
    cores = len(os.sched_getaffinity(0))
    gflops = kernel.flop() * options.tasks / figures["seconds"] * 1e-9
    usable = min(cores, figures["ranks"])
    record = {
        "mode": "batch", "hosts": 1, "size": options.size, "repeat": options.repeat,
        "tasks": options.tasks, "seed": options.seed, "kernel": kernel.name(), "cores": cores,
        "gflops": gflops, "efficiency": gflops / (figures["kernel_gflops"] * usable),
        "sum": add_up(results),
    }
    record.update(figures)
    if options.json is None:
        print("{peer}: {tasks} tasks on {workers} workers in {seconds:.4f} s, {gflops:.2f} "
              "GFLOP/s, efficiency {efficiency:.3f}, sum {sum!r}".format(**record))
    elif options.json == "-":
        print(json.dumps(record))
    else:
        with open(options.json, "w", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
