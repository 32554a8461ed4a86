# SPDX-License-Identifier: BSD-3-Clause
"""A manager's list, dict and namespace, and a shared value and array, changed by processes."""

import multiprocessing

LENGTH = 6


def change_list(numbers):
    numbers.append(5)
    numbers.reverse()


def worker(dictionary, key, item):
    dictionary[key] = item
    print(f"key = {key} value = {item}")


def change_rest(namespace, value, array):
    namespace.x += 1
    namespace.y = "hello"
    value.value = 3.1415927
    for i in range(LENGTH):
        array[i] = i * i


def run(target, *args):
    process = multiprocessing.Process(target=target, args=args)
    process.start()
    process.join()


if __name__ == "__main__":
    with multiprocessing.Manager() as manager:
        numbers = manager.list(range(5))
        dictionary = manager.dict()
        namespace = manager.Namespace()
        namespace.x = 1
        value = multiprocessing.Value("d", 0.0)
        array = multiprocessing.Array("i", LENGTH)
        run(change_list, numbers)
        for i in range(4):
            run(worker, dictionary, i, 2 * i)
        run(change_rest, namespace, value, array)
        print("list:", numbers)
        print("dict:", dictionary)
        print("namespace:", namespace)
        print("value:", value.value)
        print("array:", array[:])
