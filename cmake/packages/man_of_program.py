"""A program's manual page, of what it answers to --help; that of each of its subcommands is asked, too."""
import re
import subprocess

import roff

SEE_ALSO = {
    "edgectl": ["edge-broker(8)"],
    "edge-probe": ["edge-launcher(8)"],
    "edge-agent": ["edge-launcher(8)", "agent.toml(5)"],
    "edge-launcher": ["edge-agent(8)", "lines.toml(5)", "policy.toml(5)"],
    "edge-broker": ["broker.toml(5)", "edgectl(1)"],
}
# A term begins in the second column, and what is said of it in this one at the least, or on the next line.
TERM = re.compile(r"^  (\S.*?)(?:\s{2,}(\S.*))?$")


def page(program, section, version):
    name = program.rpartition("/")[2]
    about, usage, blocks = read(asked(program))
    summary = about[0].removeprefix(f"{name}: ")
    text = roff.title(name, section, version)
    text += roff.heading("Name") + f"{name} \\- {roff.text(lower_first(summary.partition('. ')[0].rstrip('.')))}\n"
    text += roff.heading("Synopsis") + f".B {roff.text(usage)}\n"
    text += roff.heading("Description") + "".join(roff.text(line) + "\n" for line in about)
    text += written(blocks)
    for command in subcommands(blocks):
        text += of_command(program, name, [command])
    if name == "edgectl":
        text += roff.heading("Exit status") + roff.verbatim(asked(program, "help", "exit-codes").splitlines())
    return text + roff.heading("See also") + ", ".join(f".BR {other.replace('(', ' (')}" for other in SEE_ALSO[name]).replace(", .BR", " ,\n.BR") + "\n"


def of_command(program, name, path):
    about, usage, blocks = read(asked(program, *path))
    text = f".SH {roff.text(' '.join([name, *path]).upper())}\n"
    text += f".B {roff.text(usage)}\n.PP\n" + "".join(roff.text(line) + "\n" for line in about)
    text += written(blocks)
    return text + "".join(of_command(program, name, [*path, command]) for command in subcommands(blocks))


def asked(program, *words):
    ending = [] if words[:1] == ("help",) else ["--help"]
    done = subprocess.run([program, *words, *ending], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def read(help_text):
    """What it says of itself, its usage, and its blocks: [heading, [[term, said]] or lines]."""
    before, _, after = help_text.partition("Usage: ")
    usage, _, rest = after.partition("\n")
    blocks = []
    for line in rest.splitlines():
        term = TERM.match(line)
        if not line.strip():
            blocks.append(["", []])
        elif line.endswith(":") and not line.startswith(" "):
            blocks.append([line.rstrip(":"), []])
        elif line.startswith("     ") and blocks[-1][1]:
            blocks[-1][1][-1][1] = line.strip()  # of a term that was too long
        elif term and blocks[-1][0]:
            blocks[-1][1].append([term[1], term[2] or ""])
        else:
            blocks[-1][1].append(["", line])
    return before.strip().splitlines(), usage, [block for block in blocks if block[1]]


def subcommands(blocks):
    return [term for heading, items in blocks if heading == "Subcommands" for term, _ in items if term != "help"]


def written(blocks):
    text = ""
    for heading, items in blocks:
        text += f".SS {roff.text(heading)}\n" if heading else ".PP\n"
        if heading == "Examples":
            text += roff.verbatim([f"{term} {said}".strip() for term, said in items])
            continue
        for term, said in items:
            text += roff.item(term, said) if term else roff.text(said) + "\n"
    return text


def lower_first(line):
    return line if line[1:2].isupper() else line[:1].lower() + line[1:]
