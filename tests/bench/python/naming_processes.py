# SPDX-License-Identifier: BSD-3-Clause
"""A process with a name of its own and one with the default name; both at a time, and one after the other."""

import logging
import multiprocessing
import pathlib
import time

COMM = pathlib.Path("/proc/self/comm")  # what ps shows as the command


def my_func():
    name = multiprocessing.current_process().name
    print(f"Starting process name = {name}", flush=True)
    COMM.write_text(name, encoding="utf-8")
    print(f"{name} is {COMM.read_text(encoding='utf-8').strip()} to ps", flush=True)
    multiprocessing.get_logger().info("at work")
    time.sleep(0.2)
    print(f"Exiting process name = {name}", flush=True)


def run_two(together):
    start = time.monotonic()
    with_name = multiprocessing.Process(name="myFunc process", target=my_func)
    with_default_name = multiprocessing.Process(target=my_func)
    with_name.start()
    if not together:
        with_name.join()
    with_default_name.start()
    with_name.join()
    with_default_name.join()
    return time.monotonic() - start


if __name__ == "__main__":
    multiprocessing.log_to_stderr(logging.INFO)
    print(f"Both at a time: {run_two(True):.1f} s", flush=True)
    print(f"One after the other: {run_two(False):.1f} s", flush=True)
