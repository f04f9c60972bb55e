"""A Debian changelog of CHANGELOG.md: `## VERSION — DATE` with its list. What is not released has the date of its last change."""
import email.utils
import re
import textwrap
import time


def entries(markdown):
    """(version, date or "unreleased", [item])."""
    found = []
    for line in markdown.splitlines():
        if head := re.match(r"## (\S+) — (\S+)", line):
            found.append((head[1], head[2], []))
        elif line.startswith("- "):
            found[-1][2].append(line[2:])
        elif line.strip() and found and found[-1][2]:
            found[-1][2][-1] += " " + line.strip()
    return found


def debian(markdown, maintainer, changed_at):
    text = ""
    for version, date, items in entries(markdown):
        moment = changed_at if date == "unreleased" else time.mktime(time.strptime(date, "%Y-%m-%d"))
        text += f"edge ({version}) unstable; urgency=medium\n\n"
        for item in items:
            text += textwrap.fill(re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", item), 78, initial_indent="  * ", subsequent_indent="    ",
                                  break_long_words=False, break_on_hyphens=False) + "\n"
        text += f"\n -- {maintainer}  {email.utils.formatdate(moment)}\n\n"
    return text
