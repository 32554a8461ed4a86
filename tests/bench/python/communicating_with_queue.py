# SPDX-License-Identifier: BSD-3-Clause
"""A producer puts random numbers in a queue, a consumer takes them out; then several of each, with matrices to multiply."""

import multiprocessing
import random

from do_something import multiply_matrices

ITEMS = 10
PRODUCERS = 2
CONSUMERS = 3
JOBS = 30
REPEAT = 4


def produce(queue):
    name = multiprocessing.current_process().name
    for _ in range(ITEMS):
        item = random.randint(0, 256)
        queue.put(item)
        print(f"Process Producer : item {item} appended to queue {name}")
        print(f"The size of queue is {queue.qsize()}")
    queue.put(None)


def consume(queue):
    name = multiprocessing.current_process().name
    count = 0
    while (item := queue.get()) is not None:
        print(f"Process Consumer : item {item} popped from queue by {name}")
        count += 1
    print("the queue is empty" if queue.empty() else "the queue is not empty")
    print(f"consumed {count} of {ITEMS}")


def produce_matrices(queue, first):
    for seed in range(first, JOBS, PRODUCERS):
        queue.put(seed)


def consume_matrices(queue, sums):
    total = 0.0
    while (seed := queue.get()) is not None:
        total += multiply_matrices(seed, REPEAT)
    sums.put(total)


def start(function, name, *args):
    process = multiprocessing.Process(target=function, args=args, name=name)
    process.start()
    return process


def random_numbers():
    queue = multiprocessing.Queue()
    producer = start(produce, "producer-1", queue)
    consumer = start(consume, "consumer-2", queue)
    producer.join()
    consumer.join()


def matrices():
    queue = multiprocessing.Queue()
    sums = multiprocessing.Queue()
    producers = [start(produce_matrices, f"producer-{i}", queue, i) for i in range(PRODUCERS)]
    consumers = [start(consume_matrices, f"consumer-{i}", queue, sums) for i in range(CONSUMERS)]
    for producer in producers:
        producer.join()
    for _ in consumers:
        queue.put(None)
    total = sum(sums.get() for _ in consumers)
    for consumer in consumers:
        consumer.join()
    print(f"{JOBS} matrix jobs, {PRODUCERS} producers, {CONSUMERS} consumers: checksum {total:.0f}")


if __name__ == "__main__":
    random_numbers()
    matrices()
