# SPDX-License-Identifier: BSD-3-Clause
"""Of several divisions one is by zero: in the tasks of a pool, in processes that crash, in one that says why."""

import multiprocessing
import signal
import sys

DIVISORS = [-2, -1, 0, 1, 2]


def divide(divisor):
    try:
        return int(10 / divisor)
    except ZeroDivisionError as error:
        raise ZeroDivisionError(str(error), multiprocessing.current_process().name) from error


def show(divisor, quotient, reason):
    print(f"10 / {divisor} failed: {reason}" if reason else f"10 / {divisor} = {quotient}")


def divide_all():
    outcomes = []
    with multiprocessing.Pool(2) as pool:
        pending = [pool.apply_async(divide, (divisor,)) for divisor in DIVISORS]
        for result in pending:
            try:
                outcomes.append((result.get(), None))
            except ZeroDivisionError as error:
                reason, worker = error.args
                print(f"Error: {reason} ({worker})")
                outcomes.append((None, reason))
    for divisor, outcome in zip(DIVISORS, outcomes):
        show(divisor, *outcome)


def divide_blindly(divisor, out):
    if divisor == 0:
        signal.raise_signal(signal.SIGFPE)
    out.send(int(10 / divisor))


def divide_all_blindly():
    """A pool would wait for ever for the worker that crashed: each division has a process of its own."""
    outcomes = []
    for divisor in DIVISORS:
        into, out = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=divide_blindly, args=(divisor, out))
        process.start()
        out.close()
        try:
            outcomes.append((into.recv(), None))
            process.join()
        except EOFError:
            process.join()
            number = -process.exitcode
            print(f"Error: its worker was killed by signal {number} ({signal.Signals(number).name}) ({process.name})")
            outcomes.append((None, signal.strsignal(number)))
    for divisor, outcome in zip(DIVISORS, outcomes):
        show(divisor, *outcome)


def divider(parent):
    try:
        divide(0)
    except ZeroDivisionError as error:
        parent.send(error)
        sys.exit(1)


def divide_in_process():
    into, out = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=divider, args=(out,), name="divider")
    process.start()
    out.close()
    error = into.recv()
    process.join()
    print(f"{process.name} ended with exit code {process.exitcode}: {error.args[0]}")


if __name__ == "__main__":
    divide_all()
    divide_all_blindly()
    divide_in_process()
