# SPDX-License-Identifier: BSD-3-Clause
"""The page of the chapter says what is true. usage: chapter_page.py PAGE SCRIPTS EXPECTED PROGRAM...

PAGE is apps/README.md, beside it are the programs' files; SCRIPTS is the folder of the Python scripts, EXPECTED that of
what the programs print, PROGRAM... are the names of all programs of the chapter. Each has a section "## [NAME](NAME.c)" with a block of
lines of the script, a block of lines of the program, and one of its output; a line "..." stands for lines that are left out.
"""

import pathlib
import re
import sys

from chapter_test import normalise, read_expected


def sections(page):
    """The blocks of each section: {name: {kind: [lines]}}."""
    found = {}
    for text in re.split(r"(?m)^## ", page)[1:]:
        title, _, body = text.partition("\n")
        name = re.fullmatch(r"\[([a-z_]+)\]\(\1\.c\)", title)
        blocks = re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", body)
        found[name.group(1) if name else title] = {kind: lines.splitlines() for kind, lines in blocks}
    return found


def pieces(lines):
    """What is between the lines "..."."""
    piece = []
    for line in [*lines, "..."]:
        if line == "...":
            if piece:
                yield "\n".join(piece)
            piece = []
        else:
            piece.append(line)


def check_source(path, lines):
    text = "\n" + path.read_text(encoding="utf-8")
    return [f"{path.name} does not have these lines:\n{piece}" for piece in pieces(lines) if f"\n{piece}\n" not in text]


def check_output(path, lines):
    directives, expected = read_expected(path)
    wrong = []
    for line in normalise([line for line in lines if line != "..."], directives):
        pattern = re.escape(line).replace(r"\.\.\.", ".*")
        if not any(re.fullmatch(pattern, wanted) for wanted in expected):
            wrong.append(f"{path.name} does not have the line: {line}")
    return wrong


def check_section(blocks, name, page, scripts, expected):
    missing = {"python", "c", "text"} - blocks.keys()
    if missing:
        return [f"the section of {name} has no block of {' and '.join(sorted(missing))}"]
    return (check_source(scripts / f"{name}.py", blocks["python"]) + check_source(page.parent / f"{name}.c", blocks["c"])
            + check_output(expected / f"{name}.expected", blocks["text"]))


def main():
    page, scripts, expected = map(pathlib.Path, sys.argv[1:4])
    text = page.read_text(encoding="utf-8")
    found = sections(text)
    wrong = [f"there is a section {name}, and no such program" for name in found.keys() - set(sys.argv[4:])]
    for name in sys.argv[4:]:
        wrong += check_section(found.get(name, {}), name, page, scripts, expected)
    for file in page.parent.glob("**/*.c"):
        if "CREW_MAIN(" in file.read_text(encoding="utf-8") and f"`{file.stem}`" not in text and file.stem not in found:
            wrong.append(f"the page does not name {file.stem}")
    return "\n".join(wrong)


if __name__ == "__main__":
    sys.exit(main() or 0)
