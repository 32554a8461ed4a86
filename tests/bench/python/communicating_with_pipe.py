# SPDX-License-Identifier: BSD-3-Clause
"""Two pipes: one process creates numbers, another one squares them, the main process prints them until the end."""

import multiprocessing


def create_items(output):
    for item in range(10):
        output.send(item)
    output.close()


def multiply_items(source, output):
    try:
        while True:
            item = source.recv()
            output.send(item * item)
    except EOFError:
        output.close()


if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")  # a forked process would hold all ends, and see no end
    items, items_out = context.Pipe(duplex=False)
    squares, squares_out = context.Pipe(duplex=False)
    creator = context.Process(target=create_items, args=(items_out,))
    multiplier = context.Process(target=multiply_items, args=(items, squares_out))
    creator.start()
    multiplier.start()
    for connection in (items, items_out, squares_out):
        connection.close()
    try:
        while True:
            print(squares.recv())
    except EOFError:
        print("End")
    creator.join()
    multiplier.join()
