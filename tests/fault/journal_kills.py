# SPDX-License-Identifier: BSD-3-Clause
"""Kills a job that keeps a journal, all of its processes, at random moments, and starts it again: what the
journal has is right and is not done again, and the end is as without. usage: journal_kills.py CREWRUN
JOURNALIST KILLS"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

CREWRUN, JOURNALIST = sys.argv[1:3]
KILLS = int(sys.argv[3])
COUNT = 400
LIMIT_S = 60
MARK = f"CREW_JOURNAL_TEST={os.getpid()}"


def processes():
    """Those of the job, by a variable that all of them inherit."""
    found = []
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/environ", "rb") as stream:
                if MARK.encode() in stream.read().split(b"\0"):
                    found.append(int(name))
        except (OSError, ValueError):
            pass
    return found


def kill_all():
    deadline = time.monotonic() + LIMIT_S
    while (left := processes()):
        assert time.monotonic() < deadline, f"processes stay: {left}"
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


def runs_of(path):
    runs = [0] * COUNT
    if os.path.exists(path):
        with open(path, encoding="ascii") as stream:
            for line in stream:
                runs[int(line)] += 1
    return runs


def kept_in(path):
    """The tasks that a reader finds, with their results."""
    if not os.path.exists(path):
        return {}
    with sqlite3.connect(path) as database:
        if not database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'result'").fetchone()[0]:
            return {}
        rows = database.execute("SELECT task, result FROM result WHERE status = 0").fetchall()
    database.close()
    assert len(rows) == len(dict(rows)), "a task is kept twice"
    return dict(rows)


def start(ranks, folder, journal, lines):
    """A launcher that is killed leaves files, which go with the folder."""
    argv = ([CREWRUN, "-q", "-n", str(ranks), "--"] if ranks else []) + [JOURNALIST, journal, lines]
    name, value = MARK.split("=")
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True,
                            env=dict(os.environ, TMPDIR=folder, OMPI_MCA_btl_vader_backing_directory=folder, **{name: value}))


def check(journal, lines, before, kept):
    """Of one run: nothing is lost, nothing that was kept is done again, and results are right."""
    runs, now = runs_of(lines), kept_in(journal)
    again = [task for task in kept if runs[task] != before[task]]
    assert not again, f"kept, and done again: {again}"
    assert set(kept) <= set(now), f"lost: {set(kept) - set(now)}"
    twice = [task for task in range(COUNT) if runs[task] > before[task] + 1]
    assert not twice, f"done twice in a run: {twice}"
    for task, result in now.items():
        assert int.from_bytes(result, sys.byteorder) == task * task, f"task {task}: {result}"
        assert runs[task] > 0, f"task {task} is kept and was never done"
    return runs, now


def main():
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    random.seed(seed)
    print(f"seed {seed}", flush=True)
    kills = ends = 0
    with tempfile.TemporaryDirectory() as folder:
        journal, lines = os.path.join(folder, "run.db"), os.path.join(folder, "lines")
        before, kept = [0] * COUNT, {}
        while kills < KILLS or ends == 0:
            job = start(random.choice((0, 1, 2, 3)), folder, journal, lines)
            try:
                job.wait(random.uniform(0.05, 1.0) if kills < KILLS else LIMIT_S)
            except subprocess.TimeoutExpired:
                pass
            ended = job.poll() is not None
            kill_all()
            status = job.wait(LIMIT_S)
            before, kept = check(journal, lines, before, kept)
            if not ended:
                kills += 1
                continue
            assert status == 0, f"the job ended with status {status}"
            assert len(kept) == COUNT, f"{len(kept)} tasks are kept at the end"
            ends += 1
            os.unlink(journal)
            os.unlink(lines)
            before, kept = [0] * COUNT, {}
    print(f"{kills} kills, {ends} runs to the end")


try:
    main()
finally:
    kill_all()
