# SPDX-License-Identifier: BSD-3-Clause
"""A process that counts is terminated; another one is killed; a third has a time limit."""

import multiprocessing
import time


def count():
    print("Starting function", flush=True)
    for i in range(1000):
        print(f"---> {i}", flush=True)
        time.sleep(0.1)
    print("Finished function", flush=True)


def show(when, process):
    print(f"Process {when}: {process.name} is {'alive' if process.is_alive() else 'not alive'}", flush=True)


def main():
    process = multiprocessing.Process(target=count)
    show("before execution", process)
    process.start()
    show("running", process)
    time.sleep(0.2)
    process.terminate()
    print("Process terminated", flush=True)
    process.join()
    show("joined", process)
    print("Process exit code:", process.exitcode, flush=True)

    process = multiprocessing.Process(target=count)
    process.start()
    process.kill()
    process.join()
    print("Process killed, exit code:", process.exitcode, flush=True)

    process = multiprocessing.Process(target=count)
    process.start()
    process.join(0.3)
    if process.is_alive():
        process.kill()
    process.join()
    print("Process over its time limit, exit code:", process.exitcode, flush=True)


if __name__ == "__main__":
    main()
