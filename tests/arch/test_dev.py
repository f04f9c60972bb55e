#!/usr/bin/python3 -B
"""./dev, as far as it goes without building: a wrong command line is told at once, in one line, with exit code 64."""
import os
import subprocess
import unittest

DEV = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "dev")
# A build or an installation would be seen: none of their programs is there.
NOTHING_TO_BUILD_WITH = "dpkg-query apt-get cmake ninja ctest sudo nsenter".split()


class Dev(unittest.TestCase):
    def dev(self, *arguments):
        return subprocess.run(["bash", "-c", f"{' '.join(f'{name}() {{ echo BUILDS; exit 99; }}; export -f {name};' for name in NOTHING_TO_BUILD_WITH)} exec \"$@\"",
                               "bash", DEV, *arguments], capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)

    def test_a_wrong_command_line_is_told_before_anything_is_built(self):
        for arguments, says in ((["bogus"], "bogus"), (["bogus", "--help"], "bogus"), (["demo", "--prot", "1"], "--prot"), (["demo", "extra"], "extra"),
                                (["demo", "--port", "0"], "1 to 65535"), (["demo", "--port", "70000"], "70000"), (["demo", "--port", "x"], "x"),
                                (["lab"], "COMMAND"), (["lab", "--nodes", "2"], "COMMAND"), (["lab", "--"], "COMMAND"), (["lab", "--nodes", "0", "--", "true"], "1 to 99"), (["lab", "--noodles", "--", "true"], "--noodles"),
                                (["test", "--ful"], "--ful"), (["test", "unti"], "unti"), (["bench", "dispach"], "dispach"), (["bench", "--jsn"], "--jsn"),
                                (["lint", "--fxi"], "--fxi"), (["build", "relaese"], "relaese"), (["build", "dev", "fuzz"], "dev fuzz"), (["setup", "now"], "now"), (["package", "now"], "now")):
            with self.subTest(arguments):
                done = self.dev(*arguments)
                self.assertEqual((done.returncode, done.stdout), (64, ""), done.stderr)
                self.assertTrue(done.stderr.startswith("dev"), done.stderr)
                self.assertIn(says, done.stderr)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def test_help_is_told_before_anything_is_built(self):
        for arguments, says in ((["help"], "./dev demo"), (["--help"], "./dev demo"), ([], "./dev demo"), (["demo", "--help"], "--port"), (["lab", "-h"], "--nodes"),
                                (["test", "--help"], "contract"), (["build", "--help"], "release"), (["bench", "--help"], "--json"), (["lint", "--help"], "--fix"), (["package", "--help"], "tarball")):
            with self.subTest(arguments):
                done = self.dev(*arguments)
                self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
                self.assertIn(says, done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
