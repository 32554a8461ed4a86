# SPDX-License-Identifier: BSD-3-Clause
"""Running crew's programs and its peers in turns (A B C A B C ...), row by row; medians, spreads, and
the ratios ours/peer. What is run beside what, say compare_channel and compare_shared; see README.md."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import batch_common
import quiet

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
CREWRUN = [os.path.join(ROOT, "scripts", "crewrun"), "-q", "-n"]
# Speeds before and after a run that differ by more say that the machine changed meanwhile.
STEADY = 0.08
# The load that the speed of the cores is measured with.
KERNEL_SIZE, KERNEL_REPEAT = 20, 1000
# There are many short runs.
BURN_S = 0.05
NAME = os.path.basename(sys.argv[0])


class Row:
    """A line of the table: one of ours, and a peer with one or more settings, the best of which
    counts. Each is a program and a case."""

    def __init__(self, title, ours, peer):
        self.title = title
        self.ours = ours
        self.peer = peer


class Group:
    """What --rows takes: how the rows are made, what they measure, and the unit; and how they are
    printed, if not as rows."""

    def __init__(self, rows, title, unit, show=None):
        self.rows = rows
        self.title = title
        self.unit = unit
        self.show = show or print_group


def python(kinds, case):
    """A wake-up takes longer when it is for another core, so there and back is also measured on
    one; whatever the scheduler likes is the first of the two."""
    everywhere = [("python " + kind, case) for kind in kinds]
    return everywhere, [("one core, " + name, case) for name, _ in everywhere]


def python_commands(script, kinds):
    """The programs of these rows: a script that takes --kind and --one-core."""
    command = [sys.executable, os.path.join(HERE, script), "--kind"]
    commands = {}
    for kind in kinds:
        commands["python " + kind] = command + [kind]
        commands["one core, python " + kind] = command + [kind, "--one-core"]
    return commands


def mpi_commands(program, rank_counts):
    """Ranks of MPI that have a core each are faster when they are bound to it."""
    commands = {}
    for ranks in rank_counts:
        bound = ["--bind-to", "core"] if ranks <= len(os.sched_getaffinity(0)) else []
        commands["mpi -n %d" % ranks] = CREWRUN + [str(ranks)] + bound + [program]
    return commands


def floor_commands(options):
    program = os.path.join(options.build, "bench", "bench_channel_floor")
    return {"floor on %s core%s" % (cores, "s" if cores == "two" else ""):
            [program, "--place", cores] for cores in ("one", "two")}


def read_options(description, groups):
    def group_names(text):
        words = text.split(",")
        for word in words:
            if word not in groups:
                raise argparse.ArgumentTypeError("no such rows: %s" % word)
        return words

    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rows", type=group_names, default=list(groups),
                        help="of %s (all)" % ",".join(groups))
    parser.add_argument("--pairs", type=int, default=5, help="rounds (5)")
    parser.add_argument("--seconds", type=float, default=0.04,
                        help="of a block of messages; each case takes some five (0.04)")
    parser.add_argument("--json", help="file for all runs; - for standard output")
    parser.add_argument("--patience", type=float, default=30.0,
                        help="seconds to wait for a quiet machine, in all (30)")
    parser.add_argument("--retries", type=int, default=2,
                        help="more runs in place of one that does not count (2)")
    parser.add_argument("--check", action="store_true",
                        help="only whether all programs run: one run each with a few messages")
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="folder (build)")
    parser.add_argument("--library", help="libmatmul_kernel.so (somewhere in BUILD)")
    options = parser.parse_args()
    options.library = options.library or batch_common.find_library(options.build)
    if not options.library and not options.check:
        parser.error("no libmatmul_kernel.so in %s: build it, or give --library" % options.build)
    return options


def say(text):
    print("%s: %s" % (NAME, text), file=sys.stderr, flush=True)


class Program:
    """A program with all cases that a group of rows wants of it."""

    def __init__(self, name, command):
        self.name = name
        self.command = command
        self.cases = []
        self.runs = []

    def us(self, case):
        """Of the runs that count; of all where none does."""
        runs = [run for run in self.runs if run["counts"]] or self.runs
        return [run["us"][case] for run in runs]


def make_programs(rows, commands, block):
    programs = {}
    for row in rows:
        for name, case in [row.ours] + row.peer:
            if name not in commands:
                continue
            program = programs.setdefault(name, Program(name, commands[name] + block))
            if case not in program.cases:
                program.cases.append(case)
    return programs


def execute(command):
    """Returns the JSON objects that the program writes to standard output, one in a line."""
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=errors) as process:
            try:
                output = process.communicate(timeout=120)[0].decode()
            except BaseException:
                # mpirun ends its ranks when it is asked to, not when it is killed.
                process.terminate()
                say("ended: " + " ".join(command))
                raise
        errors.seek(0)
        text = errors.read().decode(errors="replace")
    if process.returncode != 0:
        sys.exit("%s: %s\nended with status %d:\n%s" % (
            NAME, " ".join(command), process.returncode, (text + output)[-3000:]))
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def split_case(case):
    """MODE[:SIZE[:EXTRA]]"""
    parts = case.split(":")
    size = int(parts[1]) if len(parts) > 1 else 8
    return parts[0], size, int(parts[2]) if len(parts) > 2 else 1


def run_program(program):
    """Returns the microseconds of each case, all of which have to be there."""
    records = execute(program.command + program.cases)
    us = {}
    for case, record in zip(program.cases, records):
        mode, size, extra = split_case(case)
        if (record["mode"], record["size"], record["extra"]) != (mode, size, extra):
            sys.exit("%s: %s: no record of %s" % (NAME, program.name, case))
        us[case] = record["us"]
    if len(records) != len(program.cases) or min(us.values()) <= 0:
        sys.exit("%s: %s: records are missing, or no times" % (NAME, program.name))
    return us


class Meter:
    """Runs a program between two looks at the speed of the machine."""

    def __init__(self, options):
        self.burners = quiet.Burners(options.library, KERNEL_SIZE, KERNEL_REPEAT)
        self.patience = options.patience
        others, together, self.quiet = quiet.wait_until_quiet(self.burners, self.patience)
        say("%s: others take %.1f%% (below %.0f%%), the cores side by side reach %.1f%% (above "
            "%.0f%%)" % ("quiet" if self.quiet else "NOT QUIET, figures are not to be trusted",
                         100 * others, 100 * quiet.MOST_OTHERS, 100 * together,
                         100 * quiet.LEAST_SIDE_BY_SIDE))
        # Waiting for a machine that is busy all the time would take for ever.
        self.retries = options.retries if self.quiet else 0
        self.speed = self.burners.capacity(BURN_S)

    def run_once(self, program):
        before = self.speed
        watch = quiet.Watch()
        us = run_program(program)
        others = watch.others()
        self.speed = self.burners.capacity(BURN_S)
        steady = abs(self.speed - before) < STEADY * (self.speed + before) / 2
        program.runs.append({"us": us, "others": others,
                             "counts": others < quiet.MOST_OTHERS and steady})

    def run(self, program):
        self.run_once(program)
        for _ in range(self.retries):
            if program.runs[-1]["counts"]:
                break
            begin = time.monotonic()
            quiet.wait_for_others(self.patience)
            self.patience = max(0.0, self.patience - (time.monotonic() - begin))
            self.run_once(program)


def in_unit(us, unit, case):
    if unit == "GB/s":
        return 1e-3 * split_case(case)[1] / us
    return {"us": us, "ns": 1e3 * us, "M/s": 1 / us, "times ideal": us}[unit]


def figures(programs, who, unit):
    """Median and spread of a program's case; nothing for one that is not there."""
    if who[0] not in programs:
        return float("nan"), float("nan")
    values = [in_unit(us, unit, who[1]) for us in programs[who[0]].us(who[1])]
    median = statistics.median(values)
    return median, (max(values) - min(values)) / median


def counted(programs, who):
    runs = programs[who[0]].runs if who[0] in programs else []
    return "%d/%d" % (sum(run["counts"] for run in runs), len(runs))


def best_setting(programs, settings):
    return min(settings, key=lambda who: statistics.median(programs[who[0]].us(who[1])))


def described(who, settings):
    """The case is worth telling when a program has several."""
    name, case = who
    if sum(other == name for other, _ in settings) == 1:
        return name
    parts = case.split(":")
    return "%s, %s" % (name, "window %s" % parts[2] if len(parts) == 3 else parts[0])


def print_group(group, rows, programs):
    unit = group.unit
    print("\n%s [%s], %s is better" % (group.title, unit, "more" if unit in ("M/s", "GB/s") else "less"))
    print("%-26s %-16s %10s %7s  %-32s %10s %7s  %9s  %s" % (
        "", "ours", "median", "spread", "peer, its best setting", "median", "spread", "ours/peer",
        "counted"))
    for row in rows:
        peer = best_setting(programs, row.peer)
        ours, our_spread = figures(programs, row.ours, unit)
        theirs, their_spread = figures(programs, peer, unit)
        print("%-26s %-16s %10.4g %6.0f%%  %-32s %10.4g %6.0f%%  %9.3f  %s, %s" % (
            row.title, row.ours[0], ours, 100 * our_spread, described(peer, row.peer), theirs,
            100 * their_spread, ours / theirs, counted(programs, row.ours),
            counted(programs, peer)))


def write_json(options, is_quiet, groups):
    record = {"quiet": is_quiet, "pairs": options.pairs, "seconds": options.seconds, "rows": {
        name: [{"program": program.name, "command": program.command, "runs": program.runs}
               for program in programs.values()] for name, programs in groups.items()}}
    text = json.dumps(record, indent=1) + "\n"
    if options.json == "-":
        sys.stdout.write(text)
        return
    with open(options.json, "w", encoding="utf-8") as file:
        file.write(text)


def check(options, groups, commands):
    for name in options.rows:
        programs = make_programs(groups[name].rows(), commands, ["--count", "2"])
        for program in programs.values():
            us = run_program(program)
            say("%s: %s ran %d cases" % (name, program.name, len(us)))


def measure(options, groups, commands):
    meter = Meter(options)
    measured = {}
    begin = time.monotonic()
    for name in options.rows:
        rows = groups[name].rows()
        programs = make_programs(rows, commands, ["--seconds", str(options.seconds)])
        for _ in range(options.pairs):
            for program in programs.values():
                meter.run(program)
        measured[name] = programs
        groups[name].show(groups[name], rows, programs)
    say("%.0f s" % (time.monotonic() - begin))
    if options.json:
        write_json(options, meter.quiet, measured)


def run(description, groups, make_commands):
    """The whole program. make_commands(options) makes the programs by the names that rows have for
    them."""
    options = read_options(description, groups)
    commands = make_commands(options)
    (check if options.check else measure)(options, groups, commands)
