# SPDX-License-Identifier: BSD-3-Clause
"""A small program prints what it should. usage: chapter_test.py EXPECTED COMMAND...

The file EXPECTED has the lines, and may begin with directives:

  #replace REGEX -> TEXT   in what was printed, before it is compared (times, process ids)
  #drop REGEX              lines that match do not count
  #unordered               lines may come in any order, but for
  #before FIRST -> SECOND  every line that matches FIRST comes before every one that matches SECOND
  #same FIRST -> SECOND    what the groups of both match, in what was printed, is the same and in the same order
  #stderr REGEX            a line of standard error that has to be there
  #stderr-may REGEX        a line of standard error that may be there

Nothing else may go to standard error, and the exit status is 0.
"""

import re
import subprocess
import sys

LIMIT_S = 100


def read_expected(path):
    directives, lines = [], []
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith("#"):
                name, _, rest = line[1:].partition(" ")
                directives.append((name, rest))
            else:
                lines.append(line)
    return directives, lines


def pair(text):
    first, _, second = text.partition(" -> ")
    return first, second


def normalise(lines, directives):
    for name, rest in directives:
        if name == "replace":
            pattern, text = pair(rest)
            lines = [re.sub(pattern, text, line) for line in lines]
        elif name == "drop":
            lines = [line for line in lines if not re.search(rest, line)]
    return [line.rstrip() for line in lines if line.strip()]


def check_order(lines, directives):
    for name, rest in directives:
        if name != "before":
            continue
        first, second = pair(rest)
        ends = [i for i, line in enumerate(lines) if re.search(first, line)]
        begins = [i for i, line in enumerate(lines) if re.search(second, line)]
        if not ends or not begins:
            return f"no line matches both sides of: {rest}"
        if max(ends) > min(begins):
            return f"out of order: {lines[max(ends)]!r} comes after {lines[min(begins)]!r}"
    return None


def check_same(text, directives):
    for name, rest in directives:
        if name != "same":
            continue
        first, second = (re.findall(pattern, text) for pattern in pair(rest))
        if not first or first != second:
            return f"{first} and {second} should be the same: {rest}"
    return None


def check_stderr(lines, directives):
    needed = [rest for name, rest in directives if name == "stderr"]
    allowed = needed + [rest for name, rest in directives if name == "stderr-may"]
    for regex in needed:
        if not any(re.search(regex, line) for line in lines):
            return f"no line on standard error matches {regex}"
    for line in lines:
        if not any(re.search(regex, line) for regex in allowed):
            return f"on standard error: {line}"
    return None


def main():
    directives, expected = read_expected(sys.argv[1])
    unknown = {name for name, _ in directives} - {"replace", "drop", "unordered", "before", "same", "stderr",
                                                "stderr-may"}
    if unknown:
        return f"{sys.argv[1]}: there are no directives {unknown}"
    done = subprocess.run(sys.argv[2:], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
    lines = normalise(done.stdout.splitlines(), directives)
    wanted = [line for line in expected if line.strip()]
    wrong = (check_order(lines, directives) or check_same(done.stdout, directives)
             or check_stderr(done.stderr.splitlines(), directives))
    if any(name == "unordered" for name, _ in directives):
        lines, wanted = sorted(lines), sorted(wanted)
    if done.returncode:
        wrong = f"exit status {done.returncode}"
    elif not wrong and lines != wanted:
        wrong = "other lines than expected"
    if not wrong:
        return 0
    return "\n".join([wrong, "--- expected", *wanted, "--- printed", *lines, "--- standard output", done.stdout,
                      "--- standard error", done.stderr])


if __name__ == "__main__":
    sys.exit(main())
