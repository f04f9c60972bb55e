"""Each protection of agent, broker and store is taken out of a copy of its source, in turn; a test that holds it must turn red.

    delivery.py BUILD_FOLDER [NAME…]

The copy is compiled by the build's own command and linked by its own before the libraries, so that it stands in the place of what it was
copied from; sources and build stay as they are. Says `caught: NAME by TEST` or `NOT CAUGHT`, and how many of how many."""
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from mutations import MUTATIONS

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEST_SECONDS = 240
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}


class Broken(Exception):
    """The mutation could not be tried: says nothing of the tests, and is no success."""


def mutated_sources(mutation):
    """By file, the whole text of it with its edits."""
    texts = {}
    for file, text, instead in mutation.edits:
        whole = texts.get(file) or (ROOT / file).read_text()
        if (count := whole.count(text)) != 1:
            raise Broken(f"in {file} this stands {count} times, not once: {text.strip().splitlines()[0]}")
        texts[file] = whole.replace(text, instead)
    return texts


class Build:
    """A configured build folder, and its commands."""

    def __init__(self, folder):
        self.folder = folder
        self.compile_commands = {}  # of a source: its own, or that of a unit which includes it and others
        for command in json.loads((folder / "compile_commands.json").read_text()):
            for source in included_by(command["file"]) or [command["file"]]:
                self.compile_commands.setdefault(source, command["command"])
        self.link_commands = {}

    def run(self, arguments, **options):
        return subprocess.run(arguments, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, check=False, **options)

    def make(self, targets):
        done = self.run(["ninja", *targets])
        if done.returncode != 0:
            raise Broken(f"the build without mutations fails:\n{done.stdout}")
        for target in targets:
            self.link_commands[target] = self.run(["ninja", "-t", "commands", target]).stdout.splitlines()[-1]

    def program(self, target):
        return self.folder / words_after("-o", self.link_commands[target])

    def compile(self, file, copy, instead):
        """The object of a copy, which the compiler takes for the file in all but its place."""
        arguments = shlex.split(self.compile_commands[str(ROOT / file)])
        arguments[arguments.index("-o") + 1] = str(instead)
        arguments[arguments.index("-c") + 1] = str(copy)
        # What is left of a function may use less than the whole did.
        done = self.run([*arguments, "-w"])
        if done.returncode != 0:
            raise Broken(f"{file} does not compile with it:\n{done.stdout}")

    def link(self, target, objects, program):
        """What an object that is named defines is taken before what an archive has for the same names."""
        command = self.link_commands[target]
        was = words_after("-o", command)
        first = ["-Wl,--allow-multiple-definition", *(shlex.quote(str(one)) for one in objects)]
        command = command.replace(f"-o {was}", f"{' '.join(first)} -o {shlex.quote(str(program))}", 1)
        done = self.run(command, shell=True)
        if done.returncode != 0:
            raise Broken(f"{target} does not link with it:\n{done.stdout}")


def included_by(file):
    """The sources of a unit that the build made of several."""
    if "/Unity/" not in file:
        return []
    return re.findall(r'^#include "([^"]+)"', pathlib.Path(file).read_text(), re.MULTILINE)


def words_after(option, command):
    return command.split(f" {option} ", 1)[1].split()[0]


def run_test(program, test):
    """Its exit code, how many test cases were run, and what it said."""
    escaped = test.replace(",", "\\,")
    try:
        done = subprocess.run([program, f"--test-case={escaped}", "--no-intro", "--no-path-filenames"], env=ENVIRONMENT, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TEST_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Broken(f"{test!r} does not end within {TEST_SECONDS} s") from None
    summary = [line for line in done.stdout.splitlines() if "test cases:" in line]
    ran = int(summary[0].split("test cases:")[1].split("|")[0]) if summary else 0
    return done.returncode, ran, done.stdout


def is_red(code, text):
    """By the test's own verdict: a crash or a sanitizer's is red too, and proves nothing."""
    return code == 1 and ("ERROR: CHECK" in text or "ERROR: REQUIRE" in text) and "Sanitizer" not in text


def try_one(build, mutation, folder):
    """Whether the test noticed, and its first line about it."""
    here = folder / mutation.name
    objects = []
    for file, text in mutated_sources(mutation).items():
        copy = here / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
        objects.append(copy.with_suffix(".o"))
        build.compile(file, copy, objects[-1])
    program = here / mutation.target
    build.link(mutation.target, objects, program)
    code, _, text = run_test(program, mutation.test)
    shutil.rmtree(here)
    reasons = [line.strip() for line in text.splitlines() if "ERROR:" in line or "Sanitizer" in line]
    return is_red(code, text), reasons[0] if reasons else f"exit code {code}"


def unmutated(build, mutations):
    """What is wrong with the tests themselves."""
    wrong = []
    for target, test in dict.fromkeys((one.target, one.test) for one in mutations):
        code, ran, text = run_test(build.program(target), test)
        if ran == 0:
            wrong.append(f"{target} has no test case {test!r}")
        elif code != 0:
            wrong.append(f"{target} is red as it is: {test}\n{text}")
    return wrong


def chosen(names):
    unknown = set(names) - {one.name for one in MUTATIONS}
    if unknown:
        raise Broken(f"no mutation {', '.join(sorted(unknown))}")
    return [one for one in MUTATIONS if not names or one.name in names]


def main():
    build = Build(pathlib.Path(sys.argv[1]).resolve())
    mutations = chosen(sys.argv[2:])
    for mutation in mutations:
        mutated_sources(mutation)  # a table that no longer fits is told of before anything is built
    build.make(sorted({one.target for one in mutations}))
    wrong = unmutated(build, mutations)
    caught = 0
    with tempfile.TemporaryDirectory(prefix="sabotage-", dir=build.folder) as name, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        tried = [(one, pool.submit(try_one, build, one, pathlib.Path(name))) for one in mutations]
        for mutation, future in tried:
            try:
                noticed, why = future.result()
            except Broken as broken:
                wrong.append(f"{mutation.name}: {broken}")
                noticed, why = False, "could not be tried"
            caught += noticed
            verdict = f"caught: {mutation.name} by {mutation.test}" if noticed else f"NOT CAUGHT: {mutation.name} ({mutation.promise}) by {mutation.test}: {why}"
            print(verdict, flush=True)
    for line in wrong:
        print(f"WRONG   {line}")
    print(f"seen: {caught} of {len(mutations)} caught")
    return 0 if caught == len(mutations) and not wrong else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Broken as broken:
        print(f"WRONG   {broken}")
        sys.exit(1)
