#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the first inputs of the fuzz targets child and rank: short lives of processes and pools, in the
bytes that fuzz_job.c and shapes.c read. What fuzzing finds stands on these.

usage: make_seeds.py FOLDER    (corpus/child and the like are below it)
"""
import pathlib
import struct
import sys

PROCESS, POOL, PIPE, QUEUE, ARRAY, CONTAINER, TEAM, MAP = 1, 2, 3, 4, 6, 7, 8, 9
CREATE, START, JOIN, SIGNAL, QUERY, CLOSE, CHILDREN, LEAVE, SET_DAEMON, FIND = range(1, 11)
(POOL_CREATE, SUBMIT, NEXT_DONE, WORKERS, CANCEL_ALL, POOL_CLOSE, TERMINATE, POOL_JOIN, DESTROY, READY, UNFIT,
 RESULT) = range(1, 13)
PROGRESS, TAKE, ERRORS, NOTIFY, CANCEL_MAP, KILL_MAP, CLOSE_MAP = range(1, 8)
(PIPE_CREATE, PIPE_SEND, RECEIVE, PIPE_CLOSE, SHUT, NEXT, DONE, BLOCK, MORE) = range(1, 10)
(QUEUE_CREATE, PUT, GET, SIZE, TASK_DONE, QUEUE_JOIN, GATHER, QUEUE_CLOSE, JOIN_THREAD, CANCEL) = range(1, 11)
(CONTAINER_CREATE, CONTAINER_CLOSE, LENGTH, CLEAR, LIST_INSERT, LIST_GET, LIST_SET, LIST_TAKE, SLICE, LIST_FIND, COUNT,
 REMOVE, REVERSE, SORT, LIST_ADD, DICT_GET, DICT_SET, DEFAULT, UPDATE, DICT_TAKE, TAKE_LAST, HAS, ALL, DICT_ADD) = range(1, 25)
LIST, DICT, SET, NAMESPACE = range(4)
(TEAM_CREATE, TEAM_START, TEAM_JOIN, TEAM_TERMINATE, MEMBERS, TEAM_CLOSE, ENTER, COLLECT, AT_BARRIER, RESET, ABORT,
 STATE) = range(1, 13)
FORGET_WAITS, WAIT = 62, 63
RUN, TIME, STARTED, ENDED, RESTART, SPAWNS, FROM_RANK, FROM_CHILD = 0, 1, 2, 4, 6, 7, 8, 12
NO_TIME, FOREVER = 0, 0x40
NOTE, WITH_OBJECT = 1, 0x40
NO_CHANGE = 0


def root(rank):
    return bytes([0x80, rank])


def child(rank, index):
    return bytes([rank + 3 * index])


def newest(rank, back=0):
    return bytes([rank, back])


def handle(rank, back=0):
    """Of those that a rank knows."""
    return bytes([(0x42, 0x40, 0x41)[rank], back])


def message(kind, op, to=0, shape=b'', target=None, timeout=FOREVER, note=0, change=bytes([NO_CHANGE])):
    """To rank `to`, or to an object, `target`."""
    head = bytes([note | (WITH_OBJECT if target else 0), kind, op]) + (target or b'')
    return head + bytes([to, timeout]) + shape + change


def send(who, *args, **named):
    return bytes([FROM_CHILD]) + who + message(*args, **named)


def lie(to, who, *args, **named):
    return bytes([FROM_RANK, to, who]) + message(*args, **named)


def run():
    return bytes([RUN])


def spec(place=0, rank=0, daemon=0, inside=0, name=None, argument=None):
    choice = place | rank << 3 | daemon << 5 | inside << 6 | (name is not None) << 7
    return (bytes([choice]) + (bytes([name]) if name is not None else b'') +
            (b'\1' + argument if argument else b'\0'))


def started(rank, index):
    return bytes([STARTED]) + child(rank, index) + bytes([7])


def failed(rank, index):
    return bytes([STARTED]) + child(rank, index) + bytes([0x80 | 11])


def ended(rank, index, draft=b'\0'):
    return bytes([ENDED]) + child(rank, index) + bytes([1, 3]) + draft


def process(**named):
    """Made by the root of rank 0 on a rank, and ordered to start."""
    return (send(root(0), PROCESS, CREATE, shape=spec(**named)) + run() +
            send(root(0), PROCESS, START, target=newest(0)) + run())


def pool(workers=3):
    """Made by the root of rank 0, its workers ready. Eight times more: each retires after so many chunks."""
    made = send(root(0), POOL, POOL_CREATE, shape=bytes([workers | 0x80])) + run()
    count = workers % 8
    for rank in range(count):
        made += started(rank % 3, rank // 3)
    for rank in range(count):
        made += send(child(rank % 3, rank // 3), POOL, READY, target=newest(0), note=NOTE)
    return made + run()


def submit(count=20, chunk=2, statuses=1, notify=0, schedule=0, retries=0, urgent=0, maps=0):
    choice = statuses | notify << 1 | schedule << 2 | retries << 5 | urgent << 7
    return send(root(0), POOL, SUBMIT, target=newest(0, maps), shape=bytes([count, chunk, choice])) + run()


def result(rank, which=0, part=0, failure=b'', maps=1):
    """To the pool, whose maps come before it."""
    return send(child(rank, 0), POOL, RESULT, target=newest(0, maps), note=NOTE,
                shape=bytes([which, 50, part]) + failure) + run()


def of_pool(op, timeout=FOREVER, maps=1):
    return send(root(0), POOL, op, target=newest(0, maps), timeout=timeout) + run()


def of_map(op, shape=b'', timeout=FOREVER, back=0):
    return send(root(0), MAP, op, target=newest(0, back), shape=shape, timeout=timeout) + run()


def pipe(duplex=0, small=0):
    """Made by the root of rank 0. The end that sends is its newest handle, the other one is before that."""
    return send(root(0), PIPE, PIPE_CREATE, shape=bytes([duplex | small << 1])) + run()


def to_end(who, op, end, rank=0, rest=b'', timeout=FOREVER):
    return send(who, PIPE, op, to=rank, shape=end + rest, timeout=timeout)


INLINE, LARGE = bytes([0]), bytes([4])
SENDS, RECEIVES = handle(0, 0), handle(0, 1)


def pipe_seeds():
    whole = to_end(root(0), PIPE_SEND, SENDS, rest=INLINE)
    yield 'pipe', (pipe() + 3 * whole + to_end(root(0), RECEIVE, RECEIVES) + to_end(root(0), WAIT, RECEIVES) + run() +
                   to_end(root(0), PIPE_CLOSE, SENDS) + 3 * to_end(root(0), RECEIVE, RECEIVES) + run() +
                   to_end(root(0), PIPE_CLOSE, RECEIVES) + run())
    yield 'pipe-moves', (pipe() + whole + to_end(root(1), RECEIVE, RECEIVES, 1) + run() + 4 * whole + run() +
                         to_end(root(2), RECEIVE, RECEIVES, 2) + to_end(root(1), WAIT, RECEIVES, 1) + run() +
                         2 * to_end(root(0), RECEIVE, RECEIVES) + run() + bytes([RESTART, 1]) + run() + whole + run())
    yield 'pipe-full', (pipe(small=1) + 9 * whole + to_end(root(0), PIPE_SEND, SENDS, rest=INLINE, timeout=0x80 + 20) +
                        run() + 4 * to_end(root(1), RECEIVE, RECEIVES, 1) + run() + bytes([TIME, 30]) +
                        2 * to_end(root(1), RECEIVE, RECEIVES, 1) + bytes([RESTART, 0]) + run())
    large = to_end(root(0), PIPE_SEND, SENDS, rest=LARGE)
    note = b'\x11' + b'\x20'
    yield 'pipe-large', (pipe() + large + run() + to_end(root(1), RECEIVE, RECEIVES, 1) + run() +
                         to_end(root(1), NEXT, RECEIVES, 1, note) + run() + to_end(root(0), BLOCK, SENDS, rest=note) +
                         to_end(root(0), MORE, SENDS, rest=note) + run() + to_end(root(1), DONE, RECEIVES, 1, note) + run())
    yield 'pipe-large-given-up', pipe() + 2 * large + run() + bytes([RESTART, 0]) + run()
    yield 'pipe-chain', (pipe(small=1) + to_end(root(0), RECEIVE, RECEIVES) + 9 * to_end(root(1), RECEIVE, RECEIVES, 1) +
                         run() + to_end(root(1), PIPE_SEND, SENDS, 1, INLINE) + run() + 2 * to_end(root(0), RECEIVE, RECEIVES) +
                         run() + 12 * to_end(root(1), PIPE_SEND, handle(1), 1, INLINE) + run())
    yield 'pipe-duplex', (pipe(duplex=1) + whole + to_end(root(0), PIPE_SEND, RECEIVES, rest=INLINE) + run() +
                          to_end(root(0), RECEIVE, SENDS) + to_end(root(0), SHUT, SENDS) + run())
    yield 'pipe-argument', (pipe() + process(place=1, rank=1, argument=RECEIVES) + started(1, 0) +
                            to_end(child(1, 0), RECEIVE, RECEIVES, 1) + whole + run() + whole + ended(1, 0) + whole +
                            to_end(root(0), PIPE_SEND, SENDS, rest=bytes([1]) + RECEIVES) + run())
    yield 'pipe-forget', (pipe() + to_end(root(1), WAIT, RECEIVES, 1) + run() +
                          to_end(root(1), FORGET_WAITS, RECEIVES, 1, b'\xff') + run())


def pipe_lies():
    base = pipe() + to_end(root(0), PIPE_SEND, SENDS, rest=INLINE) + to_end(root(1), WAIT, RECEIVES, 1) + run()
    notes = {65, 66, 67, 68, 69, 72, 73, 74, 75}
    for op in range(64, 81):
        if op in (64, 71):
            shape = RECEIVES + b'\0' + b'\0'
        elif op in notes:
            shape = (SENDS if op in (65, 73, 75) else RECEIVES) + b'\5\1'
        elif op == 70:
            shape = RECEIVES + b'\x51'
        else:
            shape = SENDS + b'\x11\1'
        to = 0 if op in (65, 67, 72, 73, 75) else 1
        yield f'pipe-{op}', base + lie(to, 1 - to, PIPE, op, shape=shape, note=NOTE) + run()
    elsewhere = pipe()
    for rank in 1, 2:
        elsewhere += to_end(root(rank), WAIT, RECEIVES, rank, timeout=NO_TIME) + run()
    yield 'pipe-recalled-state', (elsewhere + lie(1, 0, PIPE, 70, shape=handle(1) + b'\x40', note=NOTE) +
                                  lie(1, 0, PIPE, 71, shape=handle(1) + b'\x0a' + b'\xf0' + b'\0', note=NOTE) + run() +
                                  to_end(root(1), RECEIVE, handle(1), 1) + run())
    yield 'pipe-recalled-source', (elsewhere + lie(0, 1, PIPE, 71, shape=RECEIVES + b'\x08\0', note=NOTE) + run())
    for op in range(250, 254):
        yield f'handle-{op}', base + lie(1 if op & 1 else 0, 2, PIPE, op, note=NOTE,
                                         shape=RECEIVES + b'\1\0\0\0' + b'\xa0\1' + b'\2') + run()


def queue(scattered=0, most=0):
    """Made by the root of rank 0, which is its newest handle."""
    return send(root(0), QUEUE, QUEUE_CREATE, shape=bytes([scattered << 7 | most])) + run()


def to_queue(rank, op, rest=b'\x10\1', timeout=FOREVER, note=0):
    """By the root of a rank."""
    return send(root(rank), QUEUE, op, to=rank, shape=handle(0) + rest, timeout=timeout, note=note)


def array(kind=2, count=20):
    """Made by the root of rank 0, which is its newest handle."""
    return send(root(0), ARRAY, 1, shape=bytes([kind, count])) + run()


def to_array(rank, op, first, count, size=0, update=0):
    """By the root of a rank."""
    return send(root(rank), ARRAY, op, to=rank, shape=handle(0) + bytes([first, count, update, size]))


def array_seeds():
    everything = b''.join(
        to_array(rank, 2, 0, 0) + to_array(rank, 4, 3, 5) + to_array(rank, 5, 3, 2, 16) + to_array(rank, 6, 0, 20, 8) +
        to_array(rank, 7, 1, 1, 16, 1) + to_array(rank, 7, 1, 1, 16, 2) + to_array(rank, 7, 1, 1, 16, 3) + run()
        for rank in range(3))
    yield 'array', array() + everything + to_array(0, 3, 0, 0) + run() + to_array(1, 3, 0, 0) + everything
    yield 'array-outside', array() + b''.join(
        to_array(rank, op, 19, 2, size, 1) for rank in range(3) for op, size in ((4, 0), (5, 16), (6, 8), (7, 16))) + run()
    yield 'array-bools', array(3, 3) + to_array(1, 7, 1, 1, 16, 1) + to_array(1, 4, 0, 3) + run()
    blocks = b''.join(send(root(rank), ARRAY, op, to=rank, shape=b'b\x08') + run()
                      for rank in range(2) for op in (32, 33, 32, 34, 34, 33))
    yield 'blocks', blocks + send(root(0), ARRAY, 32, shape=b'\0\1') + send(root(0), ARRAY, 32, to=1, shape=b'c\1') + run()


def array_lies():
    base = array() + to_array(1, 4, 0, 3) + run()
    for op in [64 + op for op in (4, 5, 6, 7)] + list(range(128, 133)):
        shape = handle(0) + (bytes([1, 2, 1, 16]) if op < 128 else b'\1')
        yield f'array-{op}', base + lie(op & 1, 0x22, ARRAY, op, shape=shape) + run() + to_array(1, 4, 0, 3) + run()


def queue_seeds():
    item, with_handle = b'\0', b'\1' + handle(0)
    yield 'queue', (queue() + 3 * to_queue(0, PUT, item) + to_queue(1, PUT, item) + run() + to_queue(1, GET, b'\xff\2') +
                    to_queue(0, GET) + to_queue(2, GET) + to_queue(2, GET) + run() + to_queue(0, PUT, item) + run() +
                    to_queue(0, TASK_DONE) + to_queue(0, QUEUE_JOIN) + to_queue(0, SIZE) + run())
    yield 'queue-notes', (queue() + to_queue(1, SIZE) + run() + 5 * to_queue(1, PUT, item, note=NOTE) + run() +
                          to_queue(2, GET, b'\xff\xff') + run() + to_queue(2, GET, timeout=NO_TIME) + run())
    yield 'queue-full', (queue(most=2) + 4 * to_queue(0, PUT, item) + to_queue(1, PUT, item, timeout=NO_TIME) +
                         to_queue(1, PUT, item, timeout=0x80 + 10) + run() + bytes([TIME, 20]) +
                         5 * to_queue(2, GET) + run() + bytes([RESTART, 0]) + run())
    yield 'queue-scattered', (queue(scattered=1) + to_queue(1, SIZE) + to_queue(2, SIZE) + run() +
                              3 * to_queue(1, PUT, item) + 2 * to_queue(2, PUT, with_handle) + to_queue(0, PUT, item) + run() +
                              to_queue(0, GATHER) + run() + 2 * to_queue(1, PUT, item) + to_queue(2, WAIT, b'') + run() +
                              send(root(2), QUEUE, WAIT, to=2, shape=handle(0)) + to_queue(0, GET) + run())
    yield 'queue-handles', (queue() + to_queue(0, PUT, with_handle) + to_queue(1, PUT, with_handle) + run() +
                            to_queue(2, GET) + run() + to_queue(2, GET) + bytes([RESTART, 2]) + run() +
                            bytes([RESTART, 0]) + bytes([RESTART, 1]) + run())
    yield 'queue-closed', (queue() + to_queue(1, PUT, item) + run() + to_queue(1, CANCEL) + to_queue(1, QUEUE_CLOSE) +
                           to_queue(1, JOIN_THREAD) + to_queue(1, CANCEL) + run() + bytes([RESTART, 1]) + run() +
                           to_queue(0, GET, timeout=0x80 + 10) + to_queue(0, QUEUE_CLOSE) + run())
    yield 'queue-cancel-of-a-pipe', (
        pipe() + to_end(root(0), PIPE_CLOSE, SENDS) + send(root(0), QUEUE, CANCEL, shape=SENDS + b'\0\0') + run())


def queue_lies():
    base = (queue(scattered=1) + to_queue(1, PUT, b'\0') + to_queue(0, PUT, b'\0') + run() +
            to_queue(2, GET, timeout=0x80 + 39) + run())
    for op in [64 + op for op in (PUT, GET, SIZE, TASK_DONE, QUEUE_JOIN, GATHER, FORGET_WAITS)] + list(range(128, 141)):
        if op in (64 + PUT, 129):
            shape = handle(0) + b'\5' + handle(0)
        elif op in (128, 139):
            shape = handle(0) + newest(0) + b'\6' + handle(0)
        elif op >= 128:
            shape = b'\5' + handle(0) + b'\1'
        else:
            shape = handle(0) + b'\x10\1'
        to = 1 if op in (129, 132, 133, 136, 137, 139) else 0
        yield f'queue-{op}', base + lie(to, 0x22, QUEUE, op, shape=shape) + b'\7' + run() + to_queue(0, GATHER) + run()
        yield f'queue-{op}-cut', base + lie(to, 0x22, QUEUE, op, shape=shape,
                                                  change=bytes([8]) + b'\x1c\0') + b'\7' + run()
        yield f'queue-{op}-pipe', pipe() + base + lie(0, 0x22, QUEUE, op, shape=shape.replace(
            handle(0), handle(0, 1))) + b'\7' + run()


def container(kind):
    """Made by the root of rank 0, which is its newest handle."""
    return send(root(0), CONTAINER, CONTAINER_CREATE, shape=bytes([kind])) + run()


def to_container(rank, op, kind, *values, index=4, flags=0):
    """By the root of a rank; an index of 4 is 0."""
    shape = handle(0) + bytes([kind | len(values) << 2 | index << 4, flags]) + b''.join(values)
    return send(root(rank), CONTAINER, op, to=rank, shape=shape) + run()


def container_seeds():
    one, two, text, within = bytes([0x20]), bytes([0x40]), bytes([0x25]), bytes([6])
    object_itself = b'\4' + handle(0)
    give, both = 2, 24
    yield 'list', (container(LIST) + to_container(0, LIST_INSERT, LIST, two, one, text) +
                   b''.join(to_container(1, op, LIST, index=5) for op in (LIST_GET, REVERSE, SORT, SLICE, LENGTH)) +
                   to_container(2, LIST_ADD, LIST, one) + to_container(2, LIST_SET, LIST, within) +
                   b''.join(to_container(1, op, LIST, within) for op in (LIST_FIND, COUNT, REMOVE)) +
                   to_container(1, LIST_TAKE, LIST, index=3, flags=give) + to_container(1, CLEAR, LIST))
    for kind in DICT, NAMESPACE:
        yield f'dict-{kind}', (container(kind) + to_container(1, UPDATE, kind, text, one) +
                               to_container(0, DICT_SET, kind, text, two) + to_container(2, DICT_ADD, kind, text, one) +
                               to_container(0, DICT_SET, kind, text, one, flags=1) + to_container(2, DEFAULT, kind, one, text) +
                               to_container(1, DICT_GET, kind, text) + to_container(1, HAS, kind, one) +
                               to_container(0, ALL, kind, flags=both) + to_container(2, DICT_TAKE, kind, one, flags=give) +
                               to_container(2, TAKE_LAST, kind) + to_container(2, TAKE_LAST, kind))
    yield 'set', (container(SET) + to_container(1, UPDATE, SET, text, one, two) + to_container(1, UPDATE, SET, one) +
                  to_container(2, HAS, SET, one) + to_container(0, ALL, SET, flags=both) +
                  to_container(0, DICT_TAKE, SET, one, flags=give) + to_container(0, TAKE_LAST, SET))
    yield 'list-handles', (container(LIST) + to_container(0, LIST_INSERT, LIST, object_itself, object_itself) +
                           to_container(1, LIST_GET, LIST) + to_container(1, LIST_TAKE, LIST, flags=give) +
                           to_container(2, LIST_SET, LIST, one) + to_container(0, CONTAINER_CLOSE, LIST) +
                           to_container(1, CONTAINER_CLOSE, LIST) + bytes([RESTART, 2]) + run())


def container_lies():
    base = container(LIST) + to_container(1, LIST_INSERT, LIST, b'\4' + handle(0), bytes([0x20])) + run()
    for op in (64 + LIST_INSERT, 64 + LIST_TAKE, 64 + UPDATE, 128, 129):
        shape = handle(0) + bytes([2 << 2 | 4 << 4, 64]) + b'\4' + handle(0) + bytes([0x20]) + handle(0)
        yield f'container-{op}', base + lie(0, 0x22, CONTAINER, op, shape=shape) + b'\7' + run()


def member(index, op, before=b'', after=b'', timeout=FOREVER):
    """Of the team that is the newest handle of rank 0, where all of its members are."""
    return send(child(0, index), TEAM, op, shape=before + handle(0) + after, timeout=timeout)


def team(size=2):
    """Made by the root of rank 0, and started; its members have entered."""
    return (send(root(0), TEAM, TEAM_CREATE, shape=bytes([size - 1])) + run() +
            send(root(0), TEAM, TEAM_START, shape=handle(0)) + run() + b''.join(started(0, i) for i in range(size)) +
            b''.join(member(i, ENTER, after=bytes([i])) for i in range(size)) + run())


def collect(index, kind, words, count=1):
    """With so many words behind the head; counts is 1 for all but those with counts."""
    return member(index, COLLECT, bytes([kind, words << 4 | count]))


def to_team(op):
    """By its creator."""
    return send(root(0), TEAM, op, shape=handle(0))


def team_seeds():
    words = {1: (2, 0), 2: (4, 0), 3: (8, 0), 4: (2, 2), 5: (6, 2), 6: (2, 2), 7: (2, 2), 8: (2, 2), 9: (4, 4)}
    calls = b''.join(collect(i, kind, brought, kind not in (3, 5)) + run()
                     for kind, sizes in words.items() for i, brought in enumerate(sizes))
    yield 'team', (team() + to_team(TEAM_JOIN) + calls + member(0, AT_BARRIER) + member(0, STATE) + member(1, AT_BARRIER) +
                   run() + to_team(MEMBERS) + ended(0, 0) + ended(0, 1) + run() + to_team(TEAM_CLOSE) + run())
    yield 'team-death', (team() + collect(0, 8, 2) + member(1, AT_BARRIER) + run() + ended(0, 1) + collect(0, 8, 2) +
                         member(0, AT_BARRIER) + member(0, RESET) + run() + to_team(TEAM_TERMINATE) + ended(0, 0) + run())
    yield 'team-barrier', (team() + member(0, AT_BARRIER, timeout=0x80 + 10) + run() + bytes([TIME, 20]) +
                           member(1, AT_BARRIER) + member(1, RESET) + member(0, AT_BARRIER) + member(1, ABORT) + run() +
                           member(1, RESET) + member(0, AT_BARRIER) + member(1, AT_BARRIER) + run())
    yield 'team-differs', team() + collect(0, 8, 2) + collect(1, 1, 0) + run() + collect(0, 8, 2) + run()
    yield 'team-refused', (bytes([SPAWNS, 0x81]) + send(root(0), TEAM, TEAM_CREATE, shape=b'\1') + run() +
                           to_team(TEAM_START) + run() + to_team(TEAM_JOIN) + to_team(TEAM_CLOSE) + run())
    yield 'team-creator-dies', team() + collect(0, 8, 2) + run() + bytes([RESTART, 0]) + run() + ended(0, 0) + ended(0, 1)
    yield 'team-apart', (send(root(0), TEAM, TEAM_CREATE, shape=b'\x13') + run() + to_team(TEAM_START) + run() +
                         to_team(TEAM_JOIN) + run())


def team_lies():
    base = team() + collect(0, 8, 2) + member(1, AT_BARRIER) + run()
    for op in range(64, 80):
        if op in (64, 65):
            shape = newest(0, 1) + b'\3'
        elif op in (66, 67, 77, 78):
            shape = b'\x10' + handle(0)
        else:
            shape = b''
        for lane in range(2) if not shape else range(1):
            note = shape or bytes([0x62 | lane]) + handle(0) + b'\1\2'
            target = newest(0) if op in (64, 65) else None
            yield f'team-{op}-{lane}', base + lie(0, 1, TEAM, op, shape=note, target=target) + run() + collect(1, 8, 2) + run()


def child_seeds():
    yield from pipe_seeds()
    yield from team_seeds()
    yield from container_seeds()
    yield from queue_seeds()
    yield from array_seeds()
    place_rank = 1
    yield 'life', (process(place=place_rank, rank=1) + started(1, 0) +
                   send(root(0), PROCESS, JOIN, target=newest(0)) + send(root(1), PROCESS, QUERY, target=newest(0)) +
                   send(root(2), PROCESS, WAIT, target=newest(0)) + run() + ended(1, 0) +
                   send(root(0), PROCESS, CLOSE, target=newest(0)) + run())
    yield 'timeouts', (process() + started(0, 0) + started(1, 0) +
                       send(root(0), PROCESS, JOIN, target=newest(0), timeout=0x80 + 20) +
                       send(root(0), PROCESS, WAIT, target=newest(0)) + run() +
                       send(root(0), PROCESS, FORGET_WAITS, target=newest(0), note=NOTE, shape=b'\xff') +
                       run() + bytes([TIME, 30]) + bytes([RESTART, 0]) + run() + bytes([TIME, 30]))
    yield 'names', (send(root(1), PROCESS, CREATE, to=1, shape=spec(name=1)) +
                    send(root(2), PROCESS, CREATE, to=2, shape=spec(name=1)) + run() +
                    send(root(1), PROCESS, START, target=newest(1)) + run() + started(1, 0) + started(2, 0) +
                    send(root(0), PROCESS, FIND, to=1, shape=b'\1') + run() + bytes([RESTART, 1]) + run())
    yield 'refused', (bytes([SPAWNS, 0x80]) + bytes([SPAWNS, 0x41]) + bytes([SPAWNS, 0x42]) + process() +
                      process(inside=1))
    yield 'failed', process(place=place_rank, rank=2) + failed(2, 0)
    yield 'signals', (process(place=place_rank, rank=1) +
                      send(root(0), PROCESS, SIGNAL, target=newest(0), shape=bytes([15])) + run() +
                      send(root(0), PROCESS, SET_DAEMON, target=newest(0), shape=b'\1') +
                      send(root(0), PROCESS, CHILDREN) + send(root(0), PROCESS, LEAVE) + run())
    yield 'grandchild', (process(place=place_rank, rank=1, daemon=1) + started(1, 0) +
                         send(child(1, 0), PROCESS, CREATE, to=1, shape=spec()) + run() +
                         send(child(1, 0), PROCESS, START, target=newest(1)) + run() + ended(1, 0) +
                         bytes([TIME, 35]))
    yield 'map', (pool() + submit(6, 2) + of_map(WAIT) + result(0) + result(1) + result(2) + of_map(TAKE, b'\1') +
                  of_pool(POOL_CLOSE, maps=0) + of_pool(POOL_JOIN, maps=0) + ended(0, 0) + ended(1, 0) + ended(2, 0) +
                  of_pool(DESTROY, maps=0))
    yield 'parts', (pool(2) + submit(30, 5) + result(0, 0, 3) + result(0, 0, 4, b'\0\3') + result(1, 1) +
                    of_pool(WORKERS) + of_map(WAIT, timeout=0x80 + 10) + bytes([TIME, 20]))
    yield 'deaths', (pool() + submit(40, 4) + ended(0, 0, bytes([1, 0, 9, 0, 2, 0])) +
                     ended(1, 0, bytes([1, 0, 9, 4, 1, 5, 3, 0])) + ended(2, 0) + started(0, 0) + of_pool(TERMINATE))
    yield 'next-done', (pool(2) + of_pool(NEXT_DONE, maps=0) + submit(2, 1, notify=1) + of_map(NOTIFY) +
                        result(0) + result(1) + of_pool(NEXT_DONE) + of_map(PROGRESS) + of_map(TAKE, b'\0') +
                        of_map(TAKE, b'\0') + of_map(ERRORS) + of_map(CLOSE_MAP) + of_pool(TERMINATE, maps=0))
    yield 'cancels', (pool(2) + submit(20, 2, schedule=3) + submit(5, 1, urgent=1, maps=1) + of_map(CANCEL_MAP) +
                      of_map(CANCEL_MAP, back=1) + of_map(CLOSE_MAP, back=1) + ended(0, 0) + ended(1, 0) +
                      of_pool(CANCEL_ALL, maps=2))
    yield 'kills', (pool(2) + submit(20, 2) + of_map(KILL_MAP) + result(0) + ended(0, 0, bytes([1, 0, 9, 0, 0])) +
                    ended(1, 0) + started(0, 0) + of_map(CLOSE_MAP) + of_pool(POOL_CLOSE, maps=0))
    yield 'retries', (pool(2) + submit(4, 1, retries=1) + 3 * result(0, 0, 4, b'\0\3') +
                      ended(1, 0, bytes([1, 0, 9, 0x80, 0])) + started(1, 0) + of_map(CANCEL_MAP) + result(0))
    yield 'retiring', (pool(2 | 1 << 3) + submit(6, 1) + result(0) + result(1) + ended(0, 0) + started(0, 1) +
                       send(child(0, 1), POOL, READY, target=newest(0, 1), note=NOTE) + run() + of_pool(POOL_CLOSE) +
                       ended(1, 0) + of_pool(POOL_JOIN))
    yield 'unfit', (send(root(0), POOL, POOL_CREATE, shape=b'\2') + run() + started(0, 0) + started(1, 0) +
                    send(child(0, 0), POOL, UNFIT, target=newest(0), note=NOTE, shape=bytes([20]),
                         change=bytes([1, 6]) + b'reason') + run() + ended(0, 0) + ended(1, 0))
    yield 'early-deaths', pool(1) + 4 * (ended(0, 0) + started(0, 0)) + of_pool(TERMINATE, maps=0)
    yield 'creator-dies', pool() + submit() + bytes([RESTART, 0]) + run() + ended(0, 0) + bytes([TIME, 35])
    yield 'cheats', (process(place=place_rank, rank=1) + started(1, 0) +
                     send(child(1, 0), PROCESS, 64) + run() + send(root(0), 31, 1) + send(root(2), POOL, 255))


def rank_seeds():
    yield from pipe_lies()
    yield from queue_lies()
    yield from container_lies()
    yield from array_lies()
    yield from team_lies()
    asks = 0x20
    place_rank = 1
    life = process(place=place_rank, rank=1) + started(1, 0)
    for op in range(64, 67):
        yield f'child-note-{op}', life + lie(1, 0, PROCESS, op, shape=newest(0) + b'\0\0') + run()
    yield 'order', life + lie(2, 0, PROCESS, 67, shape=spec() + newest(0, 1) + b'\1' + newest(0)) + run()
    for op in 68, 69:
        yield f'report-{op}', pool(2) + lie(0, 1, PROCESS, op, shape=newest(0, 1) + b'\3') + run()
    yield 'stop', life + lie(1, 0, PROCESS, 70, shape=newest(0) + b'\17') + run()
    for op in range(71, 74):
        yield f'claim-{op}', (send(root(1), PROCESS, CREATE, to=1, shape=spec(name=1)) +
                              lie(0 if op != 72 else 1, 0, PROCESS, op, shape=newest(1) + b'\0\1') + run())
    for op in 64, 65:
        yield f'watch-{op}', pool(2) + submit() + lie(0, 1, POOL, op, target=newest(0, 1), note=NOTE,
                                                      shape=newest(0, 2) + b'\3') + run()
    # The worker of rank 1, which has not begun the second of its chunks.
    yield 'steal', (pool(2) + submit(20, 5) + lie(1, 0, POOL, 72, shape=newest(0, 1) + newest(0, 2) + bytes([0, 2, 2, 0, 1, 1, 2])) +
                    run())
    yield 'stolen', (pool(2) + submit(20, 5, schedule=1) + result(0) + lie(0, 1, POOL, 73, target=newest(0, 1), note=NOTE,
                                                                           shape=newest(0, 2) + bytes([1, 0, 1, 2, 5, 0])) + run())
    yield 'gone', pool(2) + submit() + lie(0, 0, POOL, 1, note=0x80 | 4) + run()
    yield 'confused', pool(2) + lie(0, asks, POOL, READY, target=newest(0, 1)) + run()
    yield 'nobody', life + lie(1, asks | 0x80, PROCESS, QUERY, target=newest(0)) + struct.pack('<IIQQ', 9, 9, 9, 9)


def main():
    folder = pathlib.Path(sys.argv[1])
    for target, seeds in ('child', child_seeds()), ('rank', rank_seeds()):
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, content in seeds:
            (folder / target / f'seed-{name}').write_bytes(content)


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
