# SPDX-License-Identifier: BSD-3-Clause
"""Has the n-th call of a function fail in a small job, for one n after the other: each time the job ends by
itself, with an error that says what was wrong or as if nothing had been, and nothing stays behind.

usage: fail_sweep.py RUN_CASE SHIM JOB TMP FUNCTION ROLE STEP [RANKS CREWRUN RANK]
  every STEP-th n, from 1 until there is no n-th call any more; with RANKS, in rank RANK of so many"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

RUN_CASE, SHIM, JOB, TMP, FUNCTION, ROLE = sys.argv[1:7]
STEP = int(sys.argv[7])
RANKS, CREWRUN, RANK = (sys.argv[8:] + ["", "", ""])[:3]
LIMIT_S = 40
AT_A_TIME = 2
FAR = 3000  # no role makes so many calls


def is_left_by_mpirun(text):
    """Whether all that run_case found are ranks that mpirun has ended, and is slow to wait for: a race of mpirun's own."""
    found = [line for line in text.splitlines() if line.startswith("run_case: FAILED")]
    return bool(RANKS and found) and all("zombie" in line and "is not waited for" in line for line in found)


def try_one(nth, again=True):
    """Whether there was an nth call, and what was wrong then, or None."""
    with tempfile.TemporaryDirectory() as folder:
        mark = os.path.join(folder, "mark")
        variables = [f"LD_PRELOAD={SHIM}", f"CREW_TEST_FAIL={FUNCTION}:{nth}", f"CREW_TEST_FAIL_IN={ROLE}",
                     f"CREW_TEST_FAIL_MARK={mark}"]
        launch, shell = ["--no-mpirun"], ["/bin/sh", "-c", '"$@"; echo "status $?"', "sh"]
        if RANKS:
            shell = []  # mpirun looks at the status, and says so
            launch = ["--np", RANKS, "--crewrun", CREWRUN]
            variables.append(f"CREW_TEST_FAIL_RANK={RANK}")
        command = [RUN_CASE, *launch, "--timeout", str(LIMIT_S), "--expect-status", "any", "--tmp", TMP, "--",
                   *shell, "/usr/bin/env", *variables, JOB]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        text = done.stdout.decode(errors="replace")
        try:
            with open(mark, encoding="ascii") as stream:
                place = stream.read().strip()
        except OSError:
            return False, None
    if again and is_left_by_mpirun(text):
        return try_one(nth, again=False)
    wrong = None
    crashed = re.search(r"^status (1[2-9][0-9])$|signal (6|7|8|11)\b", text, re.MULTILINE)
    if "run_case: FAILED" in text or done.returncode or crashed:
        wrong = "it crashed" if crashed else "it did not end, or left something"
    elif "a wrong result" in text:
        wrong = "a wrong result"
    elif "all is done" not in text and not any("rror" in line or ": " in line for line in text.splitlines()):
        wrong = "it ended without a word"
    return True, wrong and f"{FUNCTION} {nth} in the {ROLE}: {wrong}\n  {place}\n  " + text.replace("\n", "\n  ")


def main():
    tried, failures, nth = 0, [], 1
    with ThreadPoolExecutor(AT_A_TIME) as executor:
        while nth < FAR:
            batch = list(range(nth, nth + 8 * STEP, STEP))
            results = list(executor.map(try_one, batch))
            tried += sum(hit for hit, _ in results)
            failures += [wrong for _, wrong in results if wrong]
            if not any(hit for hit, _ in results):
                break
            nth = batch[-1] + STEP
    print("\n".join(failures))
    print(f"{tried} calls of {FUNCTION} in the {ROLE} failed, {len(failures)} of them badly")
    return 1 if failures or not tried else 0


sys.exit(main())
