# SPDX-License-Identifier: BSD-3-Clause
"""matmul_pool as a user runs it. usage: matmul_pool_test.py CREWRUN MATMUL_POOL TEST"""

import fcntl
import json
import os
import pty
import resource
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

import numpy as np

CREWRUN = MATMUL_POOL = None
LIMIT_S = 120
KEYS = {"mode", "ranks", "hosts", "workers", "tasks", "run", "chunk", "schedule", "seconds", "gflops", "kernel_gflops", "cores",
        "efficiency", "sum", "per_worker"}
WORKER_KEYS = {"name", "rank", "host", "pid", "core", "tasks", "busy_seconds", "cpu_seconds"}
SMALL = ["--size", "8", "--repeat", "3", "--tasks", "211"]


def command(ranks, *args):
    """ranks 0: without mpirun."""
    launch = [CREWRUN, "-q", "-n", str(ranks)] if ranks else []
    return launch + [MATMUL_POOL] + [str(arg) for arg in args]


def run(ranks, *args, **options):
    return subprocess.run(command(ranks, *args), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=LIMIT_S, **options)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def save(self, name, array):
        np.save(self.path(name), array)
        return self.path(name)

    def good(self, ranks, *args, **options):
        done = run(ranks, *args, **options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def report(self, ranks, *args, **options):
        return json.loads(self.good(ranks, *args, "--json", "-", **options).stdout)

    def bad(self, status, words, ranks, *args, **options):
        """Wrong use: the status, and one line on stderr with these words."""
        done = run(ranks, *args, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])


class Batch(Case):
    def test_sum_is_the_same_for_all_ranks_and_workers(self):
        sums = {self.report(0, "batch", *SMALL)["sum"]}
        for ranks in (1, 2, 3, 4):
            for workers in (1, 2, 4, 7):
                report = self.report(ranks, "batch", *SMALL, "--workers", workers)
                self.assertEqual((report["ranks"], report["workers"]), (ranks, workers))
                sums.add(report["sum"])
        self.assertEqual(len(sums), 1, sums)

    def test_sum_is_what_the_issue_says(self):
        """Recomputed here, from the definition of a task."""
        mask = (1 << 64) - 1

        def splitmix(seed):
            state = seed
            while True:
                state = (state + 0x9E3779B97F4A7C15) & mask
                x = state
                x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
                x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
                yield (x ^ (x >> 31))

        total = 0.0
        for task in range(211):
            numbers = splitmix(9 + task)
            a, b = (np.array([(next(numbers) >> 11) * 2.0**-53 for _ in range(64)]).reshape(8, 8) for _ in "ab")
            total += (a @ b).sum()
        self.assertAlmostEqual(self.report(2, "batch", *SMALL, "--seed", 9)["sum"] / total, 1, places=12)

    def test_start_method_rank_and_chunks_give_the_same_sum(self):
        sums = {self.report(3, *SMALL, "--start-method", method, "--chunk", chunk)["sum"]
                for method in ("forkserver", "rank") for chunk in ("auto", 1, 50, 1000)}
        self.assertEqual(len(sums), 1, sums)

    def test_schedules_give_the_same_sum(self):
        reports = [self.report(2, *SMALL, "--schedule", name, "--timeout", 60, "--retries", 1)
                   for name in ("guided", "static", "dynamic", "factoring", "weighted")]
        self.assertEqual(len({report["sum"] for report in reports}), 1)
        self.assertEqual(reports[3]["schedule"], "factoring")

    def test_journal(self):
        journal = self.path("run.db")
        first, second, plain = (self.report(2, *SMALL, *args) for args in (["--journal", journal],) * 2 + ([],))
        self.assertEqual(first["sum"], second["sum"])
        self.assertEqual(first["sum"], plain["sum"])
        self.assertEqual([sum(worker["tasks"] for worker in report["per_worker"]) for report in (first, second)], [211, 0])
        self.assertEqual([report["run"] for report in (first, second)], [211, 0])
        self.assertGreater(first["gflops"], 0)
        self.assertEqual((second["gflops"], second["efficiency"]), (0, 0))
        self.assertIn("211 of them were in the journal", self.good(0, *SMALL, "--journal", journal).stdout)
        self.assertEqual(os.listdir(self.folder.name), ["run.db"])
        self.bad(1, ["run.db", "other items"], 0, *SMALL, "--seed", 5, "--journal", journal)
        self.bad(1, ["is no journal"], 0, *SMALL, "--journal", MATMUL_POOL)

    def test_journal_whose_results_were_changed(self):
        journal = self.path("run.db")
        self.good(0, *SMALL, "--journal", journal)
        with sqlite3.connect(journal) as database:
            database.execute("UPDATE part SET results = zeroblob(length(results))")
        database.close()
        self.bad(1, ["run.db", "not those that were written"], 0, *SMALL, "--journal", journal)

    def test_report_that_cannot_be_written(self):
        for args in ([*SMALL], [*SMALL, "--json", "-"], ["--help"], ["--version"], [*SMALL, "--json", "/dev/full"]):
            with self.subTest(args=args), open("/dev/full", "wb") as full, open("/dev/null", "wb") as null:
                done = subprocess.run(command(0, *args), stdin=subprocess.DEVNULL, stdout=null if "/dev/full" in args else full,
                                      stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, "^matmul_pool: .*\n$")

    def test_report_has_its_keys(self):
        report = self.report(2, *SMALL)
        self.assertLessEqual(KEYS, set(report))
        self.assertEqual(report["mode"], "batch")
        self.assertEqual(len(report["per_worker"]), 2)
        self.assertEqual(sum(worker["tasks"] for worker in report["per_worker"]), 211)
        for worker in report["per_worker"]:
            self.assertEqual(set(worker), WORKER_KEYS)
        possible = report["kernel_gflops"] * min(report["cores"], report["workers"])
        self.assertAlmostEqual(report["efficiency"], report["gflops"] / possible, places=4)

    def test_json_to_a_file_and_words_to_stdout(self):
        done = self.good(2, *SMALL, "--json", self.path("report.json"))
        with open(self.path("report.json"), encoding="utf-8") as stream:
            self.assertEqual(json.load(stream)["tasks"], 211)
        self.assertIn("211 tasks on 2 workers", done.stdout)

    def test_workers_are_bound_when_there_are_cores(self):
        cores = len(os.sched_getaffinity(0))
        bound = [worker["core"] for worker in self.report(1, *SMALL, "--workers", cores)["per_worker"]]
        self.assertEqual(len(set(bound)), cores)
        self.assertNotIn(None, bound)
        free = self.report(1, *SMALL, "--workers", cores + 1)["per_worker"]
        self.assertEqual({worker["core"] for worker in free}, {None})
        none = self.report(1, *SMALL, "--workers", cores, env=dict(os.environ, CREW_BIND="none"))["per_worker"]
        self.assertEqual({worker["core"] for worker in none}, {None})

    def test_help_and_version(self):
        for ranks in (0, 2):
            self.assertIn("CREW_BIND=none|core", self.good(ranks, "--help").stdout)
            self.assertIn("matmul_pool (crew)", self.good(ranks, "--version").stdout)


class Progress(Case):
    def test_silent_in_a_pipe(self):
        self.assertEqual(self.good(2, *SMALL).stderr, "")

    def test_drawn_when_asked_for(self):
        done = self.good(2, *SMALL, "--progress")
        lines = done.stderr.splitlines()
        self.assertRegex(lines[0], r"^100% \[#{30}\] 211/211, .* tasks/s, .* s$")
        self.assertRegex(lines[1], "^worker +rank +host +core +tasks +busy +CPU$")
        rows = [line.split() for line in lines[2:4]]
        self.assertEqual([row[0] for row in rows], ["PoolWorker-1", "PoolWorker-2"])
        self.assertEqual(sum(int(row[4]) for row in rows), 211)
        self.assertRegex(lines[4], "^2 workers: 211 tasks in ")
        self.assertRegex(lines[5], "^the process of rank 0 used ")
        self.assertEqual(len(lines), 6)

    def on_terminal(self, ranks, *args, columns=80):
        primary, secondary = pty.openpty()
        fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(command(ranks, *args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=secondary)
        os.close(secondary)
        seen = b""
        while process.poll() is None or select.select([primary], [], [], 0)[0]:
            try:
                if select.select([primary], [], [], 0.1)[0]:
                    seen += os.read(primary, 4096)
            except OSError:
                break
        process.stdout.close()
        self.assertEqual(process.wait(), 0)
        os.close(primary)
        return seen

    def test_drawn_on_a_terminal(self):
        for ranks in (0, 2):
            self.assertIn(b"100% [", self.on_terminal(ranks, *SMALL))
            self.assertNotIn(b"100% [", self.on_terminal(ranks, *SMALL, "--no-progress"))

    def test_narrow_terminals(self):
        for ranks, columns in ((0, 40), (2, 30), (0, 5)):
            seen = self.on_terminal(ranks, *SMALL, columns=columns)
            bar = seen[:seen.index(b"\r\nworker")].split(b"\r")
            self.assertEqual(bar[0], b"")
            self.assertTrue(bar[-1].startswith(b"100%"), seen)
            for line in bar[1:]:
                self.assertTrue(line.endswith(b"\x1b[K"), seen)
                self.assertLess(len(line), columns + len(b"\x1b[K"))


class Products(Case):
    def matrices(self, m, k, n, seed=1):
        random = np.random.default_rng(seed)
        return random.standard_normal((m, k)), random.standard_normal((k, n))

    def check(self, ranks, a, b, tolerance=1e-12, args=()):
        self.good(ranks, "product", self.save("a.npy", a), self.save("b.npy", b), "-o", self.path("c.npy"), *args)
        c, expected = np.load(self.path("c.npy")), a @ b
        self.assertEqual((c.shape, c.dtype), (expected.shape, expected.dtype))
        if expected.size:
            scale = np.abs(expected).max() or 1
            self.assertLessEqual(np.abs(c - expected).max() / scale, tolerance)


class Product(Products):
    def test_1000_700_1300(self):
        a, b = self.matrices(1000, 700, 1300)
        self.check(0, a, b, args=["--verify"])
        self.check(4, a, b, args=["--verify", "--tile", "300"])

    def test_orders_and_types(self):
        a, b = self.matrices(83, 57, 91)
        for left in (a, np.asfortranarray(a), a.astype("f4")):
            for right in (b, np.asfortranarray(b), np.asfortranarray(b.astype("f4"))):
                narrow = left.dtype == right.dtype == np.dtype("f4")
                self.check(2, left, right, 1e-5 if narrow else 1e-12, ["--tile", "32", "--verify"])

    def test_odd_shapes(self):
        for m, k, n in ((1, 1, 1), (1, 300, 1), (5, 0, 7), (0, 4, 3), (3, 4, 0), (257, 3, 256)):
            with self.subTest(shape=(m, k, n)):
                self.check(2, *self.matrices(m, k, n))

    def test_rank_start_method(self):
        self.check(3, *self.matrices(300, 200, 100), args=["--start-method", "rank", "--tile", "64"])

    def test_journal(self):
        a, b = self.matrices(520, 70, 530)
        for files, options in ((1, []), (9, ["--memory", "1"])):
            journal = self.path(f"run{files}.db")
            options = [*options, "--verify", "--journal", journal]
            self.check(2, a, b, args=options)
            os.rename(self.path("c.npy"), self.path("first.npy"))
            before = [os.path.getmtime(self.path(name)) for name in ("a.npy", "b.npy")]
            again = self.report(0, "product", self.path("a.npy"), self.path("b.npy"), "-o", self.path("c.npy"), *options)
            self.assertEqual(sum(worker["tasks"] for worker in again["per_worker"]), 0)
            self.assertEqual(again["tasks"], 9)
            np.testing.assert_array_equal(np.load(self.path("c.npy")), np.load(self.path("first.npy")))
            self.assertEqual(before, [os.path.getmtime(self.path(name)) for name in ("a.npy", "b.npy")])
            self.assertEqual(len([name for name in os.listdir(self.folder.name) if name.startswith(f"run{files}.db")]), files)

    def test_journal_of_other_files(self):
        a, b = self.matrices(100, 70, 90)
        options = ["--tile", "32", "--journal", self.path("run.db")]
        self.check(2, a, b, args=options)
        a[50, 50] += 1
        argv = ["product", self.save("a.npy", a), self.path("b.npy"), "-o", self.path("d.npy")]
        self.bad(1, ["run.db", "other items"], 0, *argv, *options)
        self.bad(1, ["b.npy", "is no journal"], 0, *argv, "--journal", self.path("b.npy"))
        self.assertFalse(os.path.exists(self.path("d.npy")))

    def test_files_that_a_rank_does_not_see(self):
        if os.geteuid() != 0:
            self.skipTest("needs root for a mount namespace")
        a, b = self.matrices(300, 211, 190)
        a_path, b_path = self.save("a.npy", a), self.save("b.npy", np.asfortranarray(b))
        hide = f"mount -t tmpfs none '{self.folder.name}' && cd / && exec '{MATMUL_POOL}'"
        probe = subprocess.run(["unshare", "-m", "sh", "-c", f"mount -t tmpfs none '{self.folder.name}'"],
                               capture_output=True, check=False)
        if probe.returncode:
            self.skipTest("mount is refused here")
        argv = [CREWRUN, "-q", "-n", "1", "--oversubscribe", MATMUL_POOL, "product", a_path, b_path, "-o",
                self.path("c.npy"), "--tile", "100", "--verify", ":", "-n", "2", "unshare", "-m", "sh", "-c", hide]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertLessEqual(np.abs(np.load(self.path("c.npy")) - a @ b).max(), 1e-12 * np.abs(a @ b).max())


    def test_output_keeps_its_permissions(self):
        a, b = self.matrices(30, 20, 10)
        self.save("c.npy", a)
        os.chmod(self.path("c.npy"), 0o600)
        self.check(0, a, b)
        self.assertEqual(os.stat(self.path("c.npy")).st_mode & 0o777, 0o600)

    def test_links_of_another_user(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to make somebody else's link")
        a = self.save("a.npy", np.ones((4, 4)))
        sticky, link, victim = self.path("sticky"), self.path("sticky/link"), self.path("victim")
        os.mkdir(sticky)
        os.chmod(sticky, 0o1777)
        os.symlink(victim, link)
        os.chown(link, 12345, 12345, follow_symlinks=False)
        for args in (["product", a, a, "-o", link], ["product", a, a, "-o", self.path("c.npy"), "--journal", link],
                     [*SMALL, "--journal", link]):
            self.bad(1, [link, "symbolic link", "another user"], 0, *args)
        done = run(0, *SMALL, "--json", link)
        self.assertEqual((done.returncode, "another user" in done.stderr), (1, True), done.stderr)
        self.assertFalse(os.path.lexists(victim))


class Smoke(Products):
    """A little of everything, for builds in which everything is slow."""

    def test_batch(self):
        for method in ("forkserver", "rank"):
            self.report(2, "batch", "--size", "4", "--repeat", "2", "--tasks", "50", "--start-method", method)

    def test_product(self):
        self.check(2, *self.matrices(60, 50, 70), args=["--tile", "32", "--verify"])


class WrongUse(Case):
    def test_usage(self):
        for words, args in (
                (["--workers 0", "from 1"], ["--workers", 0]),
                (["--tile x", "whole number"], ["product", "a", "b", "-o", "c", "--tile", "x"]),
                (["--chunk 0"], ["--chunk", 0]),
                (["--chunk many", "auto"], ["--chunk", "many"]),
                (["--seed -1"], ["--seed", "-1"]),
                (["--schedule fair", "factoring"], ["--schedule", "fair"]),
                (["--timeout 0"], ["--timeout", "0"]),
                (["--retries 300", "to 255"], ["--retries", "300"]),
                (["cannot be ended"], ["--timeout", "5", "--start-method", "rank"]),
                (["--start-method thread", "forkserver or rank"], ["--start-method", "thread"]),
                (["--workers 9", "2 ranks"], ["--workers", 9, "--start-method", "rank"]),
                (["the mode bach"], ["bach"]),
                (["one argument too many"], ["batch", "more"]),
                (["two files"], ["product", "a.npy", "-o", "c.npy"]),
                (["-o"], ["product", "a.npy", "b.npy"]),
                (["--memory 0"], ["product", "a.npy", "b.npy", "-o", "c.npy", "--memory", "0"]),
                (["-o"], ["batch", "-o", "c.npy"])):
            with self.subTest(args=args):
                self.bad(2, words, 2, *args)
        self.assertEqual(run(2, "--bogus").returncode, 2)

    def test_environment(self):
        env = dict(os.environ, CREW_BIND="socket")
        for ranks in (0, 2):
            done = run(ranks, *SMALL, env=env)
            self.assertEqual(done.returncode, 1)
            self.assertEqual(done.stderr.count("CREW_BIND=socket in the environment: expected one of none|core"), 1,
                             done.stderr)

    def test_inputs(self):
        good = self.save("good.npy", np.ones((4, 3)))
        with open(good, "rb") as stream:
            whole = stream.read()
        with open(self.path("short.npy"), "wb") as stream:
            stream.write(whole[:-5])
        with open(self.path("text.npy"), "w", encoding="utf-8") as stream:
            stream.write("not a matrix\n")
        for words, first, second in (
                (["missing.npy", "No such file"], self.path("missing.npy"), good),
                (["text.npy"], good, self.path("text.npy")),
                (["short.npy"], self.path("short.npy"), good),
                (["<i8", "float64"], self.save("int.npy", np.ones((3, 2), dtype="i8")), good),
                (["line.npy"], self.save("line.npy", np.ones(3)), good),
                (["shapes do not fit", "4 x 3"], good, good),
                ([self.folder.name], self.folder.name, good)):
            with self.subTest(words=words):
                self.bad(1, words, 3, "product", first, second, "-o", self.path("c.npy"))
                self.assertFalse(os.path.exists(self.path("c.npy")))

    def test_output(self):
        a = self.save("a.npy", np.ones((64, 64)))
        os.mkdir(self.path("folder.npy"))
        for words, output in ((["No such file"], self.path("nowhere/c.npy")), (["folder.npy"], self.path("folder.npy"))):
            self.bad(1, words, 2, "product", a, a, "-o", output)
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["a.npy", "folder.npy"])

    def test_output_that_was_there_survives_a_failure(self):
        a = self.save("a.npy", np.ones((4, 3)))
        kept = self.save("c.npy", np.zeros(2))
        self.bad(1, ["shapes"], 2, "product", a, a, "-o", kept)
        self.assertEqual(np.load(kept).shape, (2,))

    def test_folder_that_may_not_be_written(self):
        a = self.save("a.npy", np.ones((8, 8)))
        locked = self.path("locked")
        os.mkdir(locked, 0o555)
        if os.access(locked, os.W_OK):
            self.skipTest("permissions do not hold for this user")
        self.bad(1, ["Permission denied"], 0, "product", a, a, "-o", os.path.join(locked, "c.npy"))

    def test_file_size_limit(self):
        a = self.save("a.npy", np.ones((256, 256)))
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
        self.bad(1, ["File too large"], 0, "product", a, a, "-o", self.path("c.npy"), preexec_fn=limit)
        self.assertEqual(os.listdir(self.folder.name), ["a.npy"])

    def full_disk(self):
        disk = self.path("disk")
        os.mkdir(disk)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", disk],
                                               capture_output=True, check=False).returncode:
            self.skipTest("needs root and a mount")
        self.addCleanup(subprocess.run, ["umount", disk], check=True)
        return disk

    def test_full_disk(self):
        disk = self.full_disk()
        a = self.save("a.npy", np.ones((256, 256)))
        self.bad(1, ["No space left"], 2, "product", a, a, "-o", os.path.join(disk, "c.npy"))
        self.assertEqual(os.listdir(disk), [])

    def test_journal_on_a_full_disk(self):
        """The map goes on, and says so at its end."""
        journal = os.path.join(self.full_disk(), "run.db")
        many = ["--size", "2", "--repeat", "1", "--tasks", "100000", "--no-progress", "--json", "-", "--journal", journal]
        self.bad(1, ["cannot write the journal", "run.db", "full"], 2, *many)


class Signals(Case):
    def children_of(self, pid):
        found = subprocess.run(["ps", "-eo", "pid=,ppid=,comm="], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in found.splitlines()]
        below, grown = {pid}, True
        while grown:
            new = {int(row[0]) for row in rows if int(row[1]) in below} - below
            below, grown = below | new, bool(new)
        return [(int(row[0]), row[2]) for row in rows if int(row[0]) in below]

    def begin(self, ranks):
        """Starts a long batch on a terminal, and returns when the workers are at it."""
        primary, secondary = pty.openpty()
        self.addCleanup(os.close, primary)
        process = subprocess.Popen(command(ranks, "--tasks", 10**6, "--progress"), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=secondary)
        os.close(secondary)
        self.seen = b""
        while b"tasks/s" not in self.seen:
            some = os.read(primary, 4096)
            self.assertTrue(some, f"the program ended: {self.seen}")
            self.seen += some
        self.drain = threading.Thread(target=self.read_all, args=[primary])
        self.drain.start()
        self.addCleanup(self.drain.join)
        workers = [entry for entry in self.children_of(process.pid) if entry[1].startswith("PoolWorker")]
        self.assertEqual(len(workers), max(ranks, 1))
        return process, workers

    def read_all(self, terminal):
        """Until nobody has it any more."""
        try:
            while some := os.read(terminal, 4096):
                self.seen += some
        except OSError:
            pass

    def test_ctrl_c(self):
        for ranks in (0, 3):
            process, _ = self.begin(ranks)
            process.send_signal(signal.SIGINT)
            self.assertNotEqual(process.wait(LIMIT_S), 0)
            self.drain.join()
            self.assertTrue(self.seen.endswith(b"\r\n"), self.seen)  # the line of the bar is ended

    def test_killed_worker_fails_its_task_alone(self):
        process, workers = self.begin(2)
        os.kill(workers[0][0], signal.SIGKILL)
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            now = [entry for entry in self.children_of(process.pid) if entry[1].startswith("PoolWorker")]
            if len(now) == 2 and workers[0] not in now:
                break
            time.sleep(0.05)
        else:
            self.fail("no new worker came")
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGINT)
        process.wait(LIMIT_S)


if __name__ == "__main__":
    CREWRUN, MATMUL_POOL = (os.path.abspath(path) for path in sys.argv[1:3])
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
