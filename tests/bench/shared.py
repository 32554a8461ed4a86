# SPDX-License-Identifier: BSD-3-Clause
"""Locks, semaphores, conditions, events and barriers of Python's multiprocessing, between processes
made with fork, its values and arrays, and a manager's lists and dicts: what crew's are measured
beside. Cases are those of bench_shared; raw_get and so on are for a value without a lock."""
import ctypes
import multiprocessing
import sys
import time

import peer

# As in shared_container.c.
KEYS = 100


def serve(order_queue, block):
    for count in iter(order_queue.get, 0):
        block(count)


def run_sides(options, measured, blocks, share=1.0):
    """Measures one block here while each of the others runs in a process of its own; the seconds
    are that share of what it took."""
    queues = [multiprocessing.SimpleQueue() for _ in blocks]
    processes = [multiprocessing.Process(target=serve, args=pair) for pair in zip(queues, blocks)]
    for process in processes:
        process.start()

    def block(count):
        for queue in queues:
            queue.put(count)
        begin = time.perf_counter()
        measured(count)
        return share * (time.perf_counter() - begin)

    result = peer.measure(options, block)
    for queue in queues:
        queue.put(0)
    for process in processes:
        process.join()
    return result


def run_free(options, lock):
    acquire, release = lock.acquire, lock.release

    def block(count):
        for _ in range(count):
            acquire()
            release()

    return run_sides(options, block, [])


def run_refused(options):
    lock = multiprocessing.Lock()
    lock.acquire()
    acquire = lock.acquire

    def block(count):
        for _ in range(count):
            acquire(False)

    return run_sides(options, block, [])


def run_handover(options):
    one, other = multiprocessing.Lock(), multiprocessing.Lock()
    one.acquire()
    other.acquire()

    def there_and_back(count):
        for _ in range(count):
            one.release()
            other.acquire()

    def back(count):
        for _ in range(count):
            one.acquire()
            other.release()

    return run_sides(options, there_and_back, [back], 0.5)


def run_contend(options, parties):
    lock, done = multiprocessing.Lock(), multiprocessing.SimpleQueue()

    def acquire_and_release(count):
        for _ in range(count):
            lock.acquire()
            lock.release()

    def contend(count):
        acquire_and_release(count)
        for _ in range(parties - 1):
            done.get()

    def contend_too(count):
        acquire_and_release(count)
        done.put(count)

    return run_sides(options, contend, [contend_too] * (parties - 1), 1 / parties)


def run_condition(options):
    lock, ready = multiprocessing.RLock(), multiprocessing.SimpleQueue()
    one, other = multiprocessing.Condition(lock), multiprocessing.Condition(lock)

    def first_notifier(count):
        ready.get()
        with lock:
            for _ in range(count):
                other.notify()
                one.wait()

    def first_waiter(count):
        with lock:
            ready.put(count)
            for _ in range(count):
                other.wait()
                one.notify()

    return run_sides(options, first_notifier, [first_waiter], 0.5)


def run_event(options):
    one, other = multiprocessing.Event(), multiprocessing.Event()

    def set_and_wait(count):
        for _ in range(count):
            other.set()
            one.wait()
            one.clear()

    def wait_and_set(count):
        for _ in range(count):
            other.wait()
            other.clear()
            one.set()

    return run_sides(options, set_and_wait, [wait_and_set], 0.5)


def run_barrier(options, parties):
    barrier = multiprocessing.Barrier(parties)

    def meet(count):
        for _ in range(count):
            barrier.wait()

    return run_sides(options, meet, [meet] * (parties - 1))


def value_blocks(value):
    def get(count):
        for _ in range(count):
            value.value

    def put(count):
        for i in range(count):
            value.value = i

    def add_locked(count):
        value.value = 0
        for _ in range(count):
            with value.get_lock():
                value.value += 1
        if value.value != count:
            sys.exit("a value is not what was set")

    return {"get": get, "set": put, "locked": add_locked}


def run_value(options, mode):
    kind, what = mode.split("_")
    value = multiprocessing.Value(ctypes.c_int64, 0, lock=kind == "value")
    return run_sides(options, value_blocks(value)[what], [])


def run_slice(options, mode, size):
    """Of characters, for which a slice is bytes; view: through a memoryview, which copies them all
    at once, in place of one by one."""
    array = multiprocessing.Array(ctypes.c_char, size, lock=False)
    view = memoryview(array).cast("B")
    data = b"m" * size
    source = view if mode.endswith("view") else array

    def read(count):
        for _ in range(count):
            if len(bytes(source[:])) != size:
                sys.exit("a slice is not as long as it was written")

    def write(count):
        for _ in range(count):
            source[:] = data
        if array[size - 1] != b"m":
            sys.exit("a slice is not what was written")

    return run_sides(options, read if mode.startswith("read") else write, [])


def run_manager(options, mode):
    with multiprocessing.Manager() as manager:
        items, entries = manager.list(), manager.dict()
        keys = ["key-%d" % i for i in range(KEYS)]

        def append(count):
            items[:] = []
            for i in range(count):
                items.append(i)

        def put(count):
            for i in range(count):
                entries[keys[i % KEYS]] = i

        def get(count):
            for i in range(count):
                entries[keys[i % KEYS]]

        put(KEYS)
        return run_sides(options, {"append": append, "dict_set": put, "dict_get": get}[mode], [])


def run_case(options, mode, size, _extra):
    frees = {"lock": multiprocessing.Lock, "rlock": multiprocessing.RLock,
             "semaphore": multiprocessing.Semaphore}
    if mode in frees:
        return run_free(options, frees[mode]())
    simple = {"refused": run_refused, "handover": run_handover, "condition": run_condition,
              "event": run_event}
    if mode in simple:
        return simple[mode](options)
    if mode.startswith(("value_", "raw_")):
        return run_value(options, mode)
    if mode in ("read", "write", "read_view", "write_view"):
        return run_slice(options, mode, size)
    if mode in ("append", "dict_set", "dict_get"):
        return run_manager(options, mode)
    return {"contend": run_contend, "barrier": run_barrier}[mode](options, size)


if __name__ == "__main__":
    peer.run(__doc__, ["fork"], run_case)
