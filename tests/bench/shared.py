# SPDX-License-Identifier: BSD-3-Clause
"""Locks, semaphores, conditions, events and barriers of Python's multiprocessing, between processes
made with fork: what crew's are measured beside. Cases are those of shared_lock.c and shared_wait.c."""
import multiprocessing
import time

import peer


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


def run_case(options, mode, size, _extra):
    frees = {"lock": multiprocessing.Lock, "rlock": multiprocessing.RLock,
             "semaphore": multiprocessing.Semaphore}
    if mode in frees:
        return run_free(options, frees[mode]())
    pairs = {"handover": run_handover, "condition": run_condition, "event": run_event}
    if mode in pairs:
        return pairs[mode](options)
    return {"contend": run_contend, "barrier": run_barrier}[mode](options, size)


if __name__ == "__main__":
    peer.run(__doc__, ["fork"], run_case)
