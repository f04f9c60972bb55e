#!/usr/bin/python3
"""check.py [ROOT]: holds the sources to rules.py. A line an offence, with its reason; exit status 1 if there is any."""
import os
import re
import sys
from collections import namedtuple
from pathlib import Path, PurePosixPath

import rules

Offence = namedtuple("Offence", "path line what why")

SKIPPED = {"build", "node_modules", "dist", "__pycache__", "corpus"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
# One token of C++ at a time, so that a // in a string is no comment and a quote in a comment no string.
LEXEME = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)+\'', re.S)


def blank(text):
    return re.sub(r"[^\n]", " ", text)


class Source:
    """One C++ file: its code without comments and literals, its string literals, its includes, each at its old place."""

    def __init__(self, root, path):
        self.path = path
        self.text = (root / path).read_text(encoding="utf-8", errors="replace")
        literals = []

        def sift(match):
            lexeme = match.group(0)
            if lexeme.startswith("'") and match.start() > 0 and self.text[match.start() - 1].isalnum():
                return lexeme  # 1'000 is a number
            if lexeme[0] in 'R"':
                literals.append((match.start(), lexeme))
            return blank(lexeme)

        self.code = LEXEME.sub(sift, self.text)
        self.literals = literals
        # A quoted include is a literal to the expression above: read it from the text, where the code still has the #.
        self.includes = [(self.line(m.start()), m.group(2), m.group(1) == '"') for m in INCLUDE.finditer(self.text)
                         if self.code[self.text.index("#", m.start())] == "#"]

    def lines_of_code(self):
        code = LEXEME.sub(lambda match: blank(match.group(0)) if match.group(0)[0] == "/" else match.group(0), self.text)
        return sum(1 for line in code.splitlines() if line.strip() and not INCLUDE.match(line))

    def line(self, offset):
        return self.text.count("\n", 0, offset) + 1


class Tree:
    def __init__(self, root):
        self.root = Path(root)
        self.files = sorted(self._walk())
        self.sources = {path: Source(self.root, path) for path in self.files if path.endswith((".cpp", ".hpp", ".h", ".c", ".ipp"))}

    def _walk(self):
        for folder, names, files in os.walk(self.root):
            names[:] = sorted(n for n in names if n not in SKIPPED and not n.startswith("."))
            for file in files:
                if not file.startswith("."):
                    yield (Path(folder) / file).relative_to(self.root).as_posix()

    def below(self, roots):
        return [source for path, source in self.sources.items() if path.split("/")[0] in roots]

    def matching(self, glob):
        return [path for path in self.sources if glob_match(path, glob)]


def nothing(what):
    return Offence("tests/arch/rules.py", 0, what, "a rule about nothing checks nothing")


def glob_match(path, glob):
    """`*` within a name, `**/` any folders or none."""
    pattern = re.escape(glob).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.fullmatch(pattern, path) is not None


def arrows(tree):
    for source in tree.below(rules.ARROWS):
        here = source.path.split("/")[0]
        for line, target, quoted in source.includes:
            if ".." in PurePosixPath(target).parts:
                yield Offence(source.path, line, f'include "{target}"', "a path with .. hides which way it points")
            there = target.split("/")[0]
            if quoted and there in (*rules.ARROWS, "tests") and there != here and there not in rules.ARROWS[here]:
                yield Offence(source.path, line, f"{here}/ includes {there}/ ({target})", rules.ARROWS_REASON)


def fences(tree):
    for glob, pattern, why in rules.FENCES:
        paths = tree.matching(glob)
        if not paths:
            yield nothing(f"no file matches the fence {glob}")
        for path in paths:
            for line, target, quoted in tree.sources[path].includes:
                if quoted and re.match(pattern, target):
                    yield Offence(path, line, f"includes {target}", why)


def closure(tree, path):
    """The file and all of ours it includes, each with how it was reached."""
    reached = {path: [path]}
    todo = [path]
    while todo:
        at = todo.pop()
        for _, target, quoted in tree.sources[at].includes:
            if quoted and target in tree.sources and target not in reached:
                reached[target] = reached[at] + [target]
                todo.append(target)
    return reached


def purity(tree):
    for (path, header), _ in rules.IMPURE_ALLOWED.items():
        if path not in tree.sources or header not in [target for _, target, _ in tree.sources[path].includes]:
            yield nothing(f"{path} may include <{header}> and does not")
    pure = {}
    shells = {path for glob, _ in rules.SHELLS for path in tree.matching(glob)}
    for glob, why in rules.PURE:
        paths = tree.matching(glob)
        if not paths:
            yield nothing(f"no file matches the pure core {glob}")
        if "**" in glob:
            paths = [path for path in paths if path not in shells]
        for path in paths:
            pure.setdefault(path, why)
    for path, why in sorted(pure.items()):
        for reached, way in closure(tree, path).items():
            source = tree.sources[reached]
            through = "" if reached == path else " through " + " > ".join(way[1:])
            for line, target, quoted in source.includes:
                for pattern, reason in rules.IMPURE_INCLUDES:
                    if not quoted and re.match(f"(?:{pattern})", target) and (reached, target) not in rules.IMPURE_ALLOWED:
                        yield Offence(path, line if reached == path else 0, f"a pure core includes <{target}>{through}", f"{reason}; {why}")
        for pattern, reason in rules.IMPURE_CODE:
            for match in re.finditer(pattern, tree.sources[path].code):
                yield Offence(path, tree.sources[path].line(match.start()), f"a pure core says {match.group(0).strip()}", f"{reason}; {why}")


def bans(tree):
    for pattern, roots, except_files, why in rules.BANS:
        for path in except_files:
            if path not in tree.sources:
                yield nothing(f"{path} is excepted and does not exist")
        for source in tree.below(roots):
            if source.path in except_files:
                continue
            for match in re.finditer(pattern, source.code):
                yield Offence(source.path, source.line(match.start()), match.group(0).strip(), why)


def sql(tree):
    pattern, roots, folders, why = rules.SQL
    for source in tree.below(roots):
        if any(source.path.startswith(folder + "/") for folder in folders):
            continue
        for offset, literal in source.literals:
            match = re.search(pattern, literal, re.S)
            if match:
                yield Offence(source.path, source.line(offset), f"SQL: {match.group(0)[:40]}", why)


def beast(tree):
    pattern, roots, most, why = rules.BEAST
    # What is counted is what the compiler pays for: sources that reach Beast, directly or through a header of ours.
    users = [path for path in sorted(tree.sources) if path.split("/")[0] in roots and path.endswith(".cpp")
             and any(re.match(pattern, target) for reached in closure(tree, path) for _, target, _ in tree.sources[reached].includes)]
    if len(users) > most:
        yield Offence(users[-1], 0, f"{len(users)} files include Beast, {most} may: {', '.join(users)}", why)


def sizes(tree):
    for glob, most, why in rules.SIZES:
        lines = sum(tree.sources[path].lines_of_code() for path in tree.matching(glob))
        if not lines:
            yield nothing(f"{glob} matches no code")
        if lines > most:
            yield Offence(glob, 0, f"{lines} lines of code, {most} may be", why)


def names(tree):
    for path in sorted({str(p) for file in tree.files for p in [PurePosixPath(file), *PurePosixPath(file).parents][:-1]}):
        stem = PurePosixPath(path).name.split(".")[0].lower()
        for part in re.split(r"[_\-]", stem):
            if part in rules.NAMELESS_PARTS or stem in rules.NAMELESS:
                yield Offence(path, 0, f'"{part}" in a name', rules.NAMELESS_REASON)
                break


def readmes(tree):
    folders = {PurePosixPath(file).parts[0] for file in tree.files if "/" in file}
    for top in rules.MODULES_OF:
        folders |= {f"{top}/{PurePosixPath(file).parts[1]}" for file in tree.files if file.startswith(top + "/") and file.count("/") >= 2}
    for folder in sorted(folders):
        if f"{folder}/README.md" not in tree.files:
            yield Offence(folder, 0, "no README.md", rules.README_REASON)


def examples(tree):
    """docs/protocol.md shows what the codec's golden files hold, all of them and byte by byte."""
    page, folder = rules.EXAMPLES
    if page not in tree.files:
        yield nothing(f"{page} is gone")
        return
    text = (tree.root / page).read_text(encoding="utf-8")
    shown = dict(re.findall(r"<!-- golden: (\w+) -->\n```json\n(.*?)\n```", text, re.S))
    marks = set(re.findall(r"<!-- golden: (\w+) -->", text))
    golden = {PurePosixPath(f).stem: (tree.root / f).read_text(encoding="utf-8").rstrip("\n") for f in tree.files if f.startswith(folder + "/")}
    for name in sorted(marks | set(golden)):
        if name not in golden:
            yield Offence(page, 0, f"the example {name} has no file in {folder}", rules.EXAMPLES_REASON)
        elif shown.get(name) != golden[name]:
            yield Offence(page, 0, f"the example {name} is " + ("another than" if name in shown else "missing; it is in") + f" {folder}/{name}.json", rules.EXAMPLES_REASON)


CHECKS = [arrows, fences, purity, bans, sql, beast, sizes, names, readmes, examples]


def main(root):
    tree = Tree(root)
    if not tree.sources:
        sys.exit(f"check.py: no sources below {root}")
    offences = [offence for check in CHECKS for offence in check(tree)]
    for path, line, what, why in offences:
        print(f"{path}:{line}: {what}\n    {why}" if line else f"{path}: {what}\n    {why}")
    print(f"{len(tree.sources)} sources, {len(CHECKS)} checks, {len(offences)} offences")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]))
