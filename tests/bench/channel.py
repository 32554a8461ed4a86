#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Messages over Python's multiprocessing, between processes made with fork: what crew's pipes and
queues are measured beside. A case is MODE:SIZE[:PRODUCERS], as in channel.c: pingpong and stream
over a pipe, queue and produce over a queue."""
import multiprocessing
import sys
import time

import peer


class Pipes:
    """Connections in place of a duplex pipe: one that is duplex, or two that are not."""

    def __init__(self, duplex):
        if duplex:
            ours, theirs = multiprocessing.Pipe()
            self.ends = [(ours, ours), (theirs, theirs)]
        else:
            there, back = multiprocessing.Pipe(False), multiprocessing.Pipe(False)
            self.ends = [(back[0], there[1]), (there[0], back[1])]


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
    result = peer.measure(options, block)
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

    result = peer.measure(options, block)
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

    result = peer.measure(options, block)
    for order in orders:
        order.put(0)
    for process in processes:
        process.join()
    return result


def run_case(options, mode, size, extra):
    if mode == "produce":
        return run_produce(options, size, extra)
    if mode == "queue":
        return run_queue(options, size)
    return run_pipe(options, mode, size)


if __name__ == "__main__":
    peer.run(__doc__, ["Pipe", "Pipe(False)", "Queue", "SimpleQueue"], run_case)
