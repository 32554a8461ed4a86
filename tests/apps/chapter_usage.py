# SPDX-License-Identifier: BSD-3-Clause
"""Small programs explain themselves and refuse what they do not understand.

usage: chapter_usage.py [LAUNCHER...] -- PROGRAM...

Each program is run by the launcher: with --help it ends with 0 and says how it is used, with a wrong argument it
ends with 2 and says in the first line on standard error which one it was. Several at a time: after an exit status
other than 0 mpirun waits for two seconds.
"""

import concurrent.futures
import os
import subprocess
import sys
import tempfile

LIMIT_S = 100
AT_A_TIME = 4


def check(launcher, program, argument):
    name = os.path.basename(program)
    # Two mpiruns that begin at a time fail now and then when both make the same folder for their sessions.
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([*launcher, program, argument], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIMIT_S, env={**os.environ, "TMPDIR": folder})
    if argument == "--help":
        right = done.returncode == 0 and done.stdout.startswith(f"Usage: {name}") and not done.stderr
    else:
        lines = done.stderr.splitlines()
        right = done.returncode == 2 and not done.stdout and lines and name in lines[0] and argument in lines[0]
    if right:
        return None
    return f"{name} {argument}: exit status {done.returncode}\n{done.stdout}--- standard error\n{done.stderr}"


def main():
    split = sys.argv.index("--")
    launcher, programs = sys.argv[1:split], sys.argv[split + 1:]
    if not programs:
        return "no programs are given"
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = [pool.submit(check, launcher, program, argument)
                for program in programs for argument in ("--help", "nonsense", "--nonsense")]
        wrong = [run.result() for run in runs if run.result()]
    return "\n".join(wrong) or 0


if __name__ == "__main__":
    sys.exit(main())
