# SPDX-License-Identifier: BSD-3-Clause
"""Whether this machine is fit for measuring right now: who else computes, and how fast it is."""
import multiprocessing
import os
import resource
import time

import batch_common

MOST_OTHERS = 0.06
LEAST_SIDE_BY_SIDE = 0.93
BURN_S = 0.15


def busy_seconds():
    """Processor time that anybody has used since the start; what a hypervisor took counts."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:]]
    user, nice, system, _idle, _wait, irq, softirq, steal = ticks[:8]
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """Processor time of this process and of the children that it has waited for."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        total += usage.ru_utime + usage.ru_stime
    return total


class Watch:
    """The share of all processors that others took since it was made."""

    def __init__(self):
        self.begin = time.monotonic(), busy_seconds(), own_seconds()

    def others(self):
        begin, busy, own = self.begin
        taken = busy_seconds() - busy - (own_seconds() - own)
        return max(0.0, taken / ((time.monotonic() - begin) * os.cpu_count()))


def burn(pipe, library, size, repeat):
    kernel = batch_common.Kernel(library, size, repeat)
    count = max(1, int(0.005 * kernel.rate(10) * 1e9 / kernel.flop()))
    while True:
        try:
            seconds = pipe.recv()
        except EOFError:
            return
        done = 0
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds:
            kernel.rate(count)
            done += count
        pipe.send(kernel.flop() * done / (time.perf_counter() - begin) * 1e-9)


class Burners:
    """One process for each core that does nothing but the kernel, when it is told to."""

    def __init__(self, library, size, repeat):
        self.pipes = []
        context = multiprocessing.get_context("spawn")
        for _ in os.sched_getaffinity(0):
            ours, theirs = context.Pipe()
            context.Process(target=burn, args=(theirs, library, size, repeat), daemon=True).start()
            theirs.close()
            self.pipes.append(ours)
        self.capacity()

    def run(self, pipes, seconds=BURN_S):
        for pipe in pipes:
            pipe.send(seconds)
        return sum(pipe.recv() for pipe in pipes)

    def capacity(self, seconds=BURN_S):
        """GFLOP/s of all cores side by side."""
        return self.run(self.pipes, seconds)

    def side_by_side(self):
        """What all reach together, as a share of what they reach one after the other."""
        together = self.capacity()
        alone = sum(self.run([pipe]) for pipe in self.pipes)
        return (together + self.capacity()) / 2 / alone


def look(burners):
    """Returns (others' share, side by side, whether that is quiet)."""
    watch = Watch()
    time.sleep(1.0)
    others = watch.others()
    together = burners.side_by_side()
    return others, together, others < MOST_OTHERS and together > LEAST_SIDE_BY_SIDE


def wait_for_others(patience_s):
    """Waits until others take little, or `patience_s` are over."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        watch = Watch()
        time.sleep(0.5)
        if watch.others() < MOST_OTHERS:
            return


def wait_until_quiet(burners, patience_s):
    """Looks until it is quiet or `patience_s` are over; returns the last look."""
    deadline = time.monotonic() + patience_s
    while True:
        seen = look(burners)
        if seen[2] or time.monotonic() > deadline:
            return seen
