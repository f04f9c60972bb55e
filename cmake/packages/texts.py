#!/usr/bin/python3 -B
"""Writes the texts that packages carry and that nobody writes by hand: manual pages and the changelog, each compressed."""
import argparse
import gzip
import os
import subprocess

import changelog
import man_of_config
import man_of_program

MAINTAINER = "EDGE maintainers <maintainers@edge.invalid>"


def main():
    parser = argparse.ArgumentParser()
    for option in ("version", "bin", "root", "out"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("pages", nargs="+", help="NAME.SECTION, of a program or of a configuration file")
    given = parser.parse_args()
    os.makedirs(given.out, exist_ok=True)
    for page in given.pages:
        name, _, section = page.rpartition(".")
        write(given.out, page, man_of_config.page(f"{given.root}/config/{name}", given.version) if section == "5"
              else man_of_program.page(f"{given.bin}/{name}", section, given.version))
    with open(f"{given.root}/CHANGELOG.md", encoding="utf-8") as file:
        write(given.out, "changelog", changelog.debian(file.read(), MAINTAINER, changed_at(given.root)))


def changed_at(root):
    """Of the sources, in seconds: the same sources make the same packages."""
    if "SOURCE_DATE_EPOCH" in os.environ:
        return int(os.environ["SOURCE_DATE_EPOCH"])
    told = subprocess.run(["git", "-c", "safe.directory=*", "-C", root, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=False)
    return int(told.stdout) if told.returncode == 0 else os.stat(f"{root}/CHANGELOG.md").st_mtime


def write(folder, name, text):
    with open(f"{folder}/{name}.gz", "wb") as file:
        file.write(gzip.compress(text.encode(), 9, mtime=0))


main()
