#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages over Python's multiprocessing, between processes made with fork: what crew's pipes and
queues are measured beside. A case is MODE:SIZE[:PRODUCERS], as in channel.c: pingpong and stream
over a pipe, queue and produce over a queue."""
import argparse
import json
import multiprocessing
import os
import statistics
import sys
import time

SAMPLES = 3
LONG_ENOUGH = 0.7


class Pipes:
    """Connections in place of a duplex pipe: one that is duplex, or two that are not."""

    def __init__(self, duplex):
        if duplex:
            ours, theirs = multiprocessing.Pipe()
            self.ends = [(ours, ours), (theirs, theirs)]
        else:
            there, back = multiprocessing.Pipe(False), multiprocessing.Pipe(False)
            self.ends = [(back[0], there[1]), (there[0], back[1])]


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


def serve_pingpong(end, _size):
    receive, send = end[0].recv_bytes, end[1].send_bytes
    for count in iter(end[0].recv, 0):
        for _ in range(count):
            send(receive())


def serve_stream(end, size):
    receive = end[0].recv_bytes
    for count in iter(end[0].recv, 0):
        for _ in range(count):
            if len(receive()) != size:
                sys.exit("a message is not what was sent")
        end[1].send(count)


def pipe_blocks(end, size):
    """The blocks of the side that measures; for bytes, which need no pickling."""
    receive, send = end[0].recv_bytes, end[1].send_bytes
    message = b"m" * size

    def pingpong(count):
        end[1].send(count)
        begin = time.perf_counter()
        for _ in range(count):
            send(message)
            receive()
        return (time.perf_counter() - begin) / 2

    def stream(count):
        end[1].send(count)
        begin = time.perf_counter()
        for _ in range(count):
            send(message)
        end[0].recv()
        return time.perf_counter() - begin

    return {"pingpong": (pingpong, serve_pingpong), "stream": (stream, serve_stream)}


def run_pipe(options, mode, size):
    pipes = Pipes(options.kind == "Pipe")
    block, serve = pipe_blocks(pipes.ends[0], size)[mode]
    process = multiprocessing.Process(target=serve, args=(pipes.ends[1], size))
    process.start()
    result = measure(options, block)
    pipes.ends[0][1].send(0)
    process.join()
    return result


def serve_queue(orders, items, back):
    get, put = items.get, back.put
    for count in iter(orders.get, 0):
        for _ in range(count):
            put(get())


def serve_produce(orders, items, size):
    put = items.put
    message = b"m" * size
    for count in iter(orders.get, 0):
        for _ in range(count):
            put(message)


def run_queue(options, size):
    make = getattr(multiprocessing, options.kind)
    orders, items, back = make(), make(), make()
    process = multiprocessing.Process(target=serve_queue, args=(orders, items, back))
    process.start()
    message = b"m" * size

    def block(count):
        orders.put(count)
        begin = time.perf_counter()
        for _ in range(count):
            items.put(message)
            back.get()
        return (time.perf_counter() - begin) / 2

    result = measure(options, block)
    orders.put(0)
    process.join()
    return result


def run_produce(options, size, producers):
    make = getattr(multiprocessing, options.kind)
    items = make()
    orders = [make() for _ in range(producers)]
    processes = [multiprocessing.Process(target=serve_produce, args=(order, items, size))
                 for order in orders]
    for process in processes:
        process.start()
    get = items.get

    def block(count):
        begin = time.perf_counter()
        for order in orders:
            order.put(count)
        for _ in range(count * producers):
            if len(get()) != size:
                sys.exit("an item is not what was put")
        return (time.perf_counter() - begin) / producers

    result = measure(options, block)
    for order in orders:
        order.put(0)
    for process in processes:
        process.join()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", required=True,
                        choices=["Pipe", "Pipe(False)", "Queue", "SimpleQueue"])
    parser.add_argument("--seconds", type=float, default=0.05, help="of a block (0.05)")
    parser.add_argument("--count", type=int, default=0, help="messages in a block, in its place")
    parser.add_argument("--one-core", action="store_true", help="all processes on one core")
    parser.add_argument("cases", nargs="+", metavar="MODE:SIZE[:PRODUCERS]")
    options = parser.parse_args()
    multiprocessing.set_start_method("fork")
    if options.one_core:
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    for case in options.cases:
        mode, size, producers = (case.split(":") + ["1"])[:3]
        if mode == "produce":
            count, us = run_produce(options, int(size), int(producers))
        elif mode == "queue":
            count, us = run_queue(options, int(size))
        else:
            count, us = run_pipe(options, mode, int(size))
        print(json.dumps({"peer": "python", "place": options.kind, "mode": mode, "size": int(size),
                          "extra": int(producers), "count": count, "us": round(us, 4)}), flush=True)


if __name__ == "__main__":
    main()
