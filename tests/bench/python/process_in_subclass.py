# SPDX-License-Identifier: BSD-3-Clause
"""A class of processes with a run method of its own; several objects of it are started and joined."""

import multiprocessing


class MyProcess(multiprocessing.Process):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def run(self):
        print(f"called run method in {self.name} with number {self.number}")


if __name__ == "__main__":
    for i in range(5):
        process = MyProcess(i)
        process.start()
        process.join()
