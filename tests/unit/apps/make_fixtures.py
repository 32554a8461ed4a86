#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the .npy files of fixtures/ with NumPy itself. They are kept in the repository, so that
the tests need no NumPy; run this only to add one. Element (i, j) is 10 i + j + 0.25.

usage: make_fixtures.py FOLDER
"""
import pathlib
import sys

import numpy


def matrix(rows, cols, dtype="<f8", order="C"):
    """A matrix with the elements that the tests expect."""
    values = numpy.add.outer(10.0 * numpy.arange(rows), numpy.arange(cols) + 0.25)
    return numpy.array(values, dtype=dtype, order=order)


def save(path, array, version=(1, 0)):
    """numpy.save() would choose the version itself."""
    with open(path, "wb") as file:
        numpy.lib.format.write_array(file, array, version=version)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    for dtype in ("f8", "f4"):
        for order in ("C", "F"):
            save(folder / f"{dtype}-{order}.npy", matrix(3, 4, "<" + dtype, order))
    save(folder / "version-2.npy", matrix(3, 4), (2, 0))
    save(folder / "version-3.npy", matrix(3, 4, "<f4", "F"), (3, 0))
    save(folder / "one.npy", matrix(1, 1))
    save(folder / "no-rows.npy", matrix(0, 5))
    save(folder / "no-cols.npy", matrix(5, 0, "<f4"))
    save(folder / "shape-0d.npy", numpy.array(1.0))
    save(folder / "shape-1d.npy", numpy.arange(3.0))
    save(folder / "shape-3d.npy", numpy.zeros((2, 1, 2)))
    save(folder / "big-endian.npy", matrix(2, 2, ">f8"))
    save(folder / "int64.npy", matrix(2, 2, "<i8"))
    save(folder / "complex.npy", matrix(2, 2, "<c16"))
    save(folder / "record.npy", numpy.zeros((1, 1), dtype=[("x", "<f8"), ("y", "<f4", (2,))]))


if __name__ == "__main__":
    main()
