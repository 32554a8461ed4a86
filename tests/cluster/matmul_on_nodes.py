# SPDX-License-Identifier: BSD-3-Clause
"""matmul_pool on two nodes of two ranks does what it does without mpirun, and says where.

usage: matmul_on_nodes.py CREWRUN HOSTFILE MATMUL_POOL"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

CREWRUN, HOSTFILE, MATMUL_POOL = sys.argv[1:]
BATCH = ["batch", "--size", "8", "--repeat", "3", "--tasks", "211", "--json", "-"]


def run(on_nodes, *args):
    launch = [CREWRUN, "-q", "-n", "4", "--hostfile", HOSTFILE] if on_nodes else []
    done = subprocess.run([*launch, MATMUL_POOL, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done
    return done.stdout


class Matmul(unittest.TestCase):
    def test_batch(self):
        for method in ("forkserver", "rank"):
            report = json.loads(run(True, *BATCH, "--start-method", method))
            self.assertEqual((report["ranks"], report["hosts"], report["workers"]), (4, 2, 4))
            self.assertEqual([(worker["rank"], worker["host"]) for worker in report["per_worker"]],
                             [(0, "node0"), (1, "node0"), (2, "node1"), (3, "node1")])
            self.assertEqual(report["sum"], json.loads(run(False, *BATCH))["sum"])

    def test_product(self):
        random = np.random.default_rng(1)
        a, b = random.standard_normal((300, 211)), random.standard_normal((211, 190))
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, name) for name in ("a.npy", "b.npy", "c.npy")]
            np.save(names[0], a)
            np.save(names[1], b)
            run(True, "product", *names[:2], "-o", names[2], "--tile", "64", "--verify")
            self.assertLessEqual(np.abs(np.load(names[2]) - a @ b).max(), 1e-12 * np.abs(a @ b).max())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
