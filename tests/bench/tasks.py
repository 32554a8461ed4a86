#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Empty tasks over Python's multiprocessing.Pool: single, auto, imap, apply:SIZE:WORKERS."""
import multiprocessing
import time

import peer


def first_word(item):
    return item


def run_case(options, mode, size, workers):
    if size != 8 or mode not in ("single", "auto", "imap", "apply"):
        raise SystemExit("tasks.py: no case %s:%d" % (mode, size))
    with multiprocessing.Pool(workers) as pool:
        def block(count):
            items = list(range(count))
            begin = time.perf_counter()
            if mode == "apply":
                results = [pool.apply(first_word, (item,)) for item in items]
            elif mode == "imap":
                results = list(pool.imap(first_word, items))
            else:
                results = pool.map(first_word, items, chunksize=1 if mode == "single" else None)
            seconds = time.perf_counter() - begin
            assert results == items
            return seconds
        return peer.measure(options, block)


if __name__ == "__main__":
    peer.run(__doc__, ["fork"], run_case)
