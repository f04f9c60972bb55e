"""The manual page of a configuration file, of its commented example: comments before a setting or behind it become what is said of it."""
import re

import roff

READERS = {
    "agent.toml": ("configuration of the EDGE agent", "edge-agent(8)"),
    "lines.toml": ("a machine's uplinks, for EDGE", "edge-launcher(8)"),
    "policy.toml": ("what EDGE may do on a machine", "edge-launcher(8)"),
    "broker.toml": ("configuration of the EDGE broker", "edge-broker(8)"),
}
TABLE = re.compile(r"^(?:# )?(\[\[?[a-z_.]+\]\]?)(?:\s+# (.*))?$")
SETTING = re.compile(r'^(?:# )?([a-z_0-9]+ = (?:"[^"]*"|\[.*?\]|\{.*?\}|[^#\s]+))(?:\s+# (.*))?$')
CONTINUED = re.compile(r"^\s{8,}# (.*)$")
COMMENT = re.compile(r"^# (.*)$")


def page(path, version):
    name = path.rpartition("/")[2]
    purpose, reader = READERS[name]
    text = roff.title(name, 5, version)
    text += roff.heading("Name") + f"{name} \\- {purpose}\n"
    text += roff.heading("Synopsis") + f".I /etc/edge/{name}\n" + roff.heading("Description")
    with open(path, encoding="utf-8") as example:
        text += written(example.read().splitlines())
    return (text + roff.heading("Files") + f".I /usr/share/doc/{owner(reader)}/examples/{name}\n" +
            roff.heading("See also") + f".BR {reader.replace('(', ' (')}\n")


def owner(reader):
    return "edge-broker" if reader.startswith("edge-broker") else "edge-agent"


def written(lines):
    text = ""
    for table, settings, said in entries(lines):
        if table:
            text += f".SH {roff.text(table)}\n"
        if settings:
            text += roff.item(settings[0], said, settings[1:])
        elif said:
            text += f".PP\n{roff.text(said)}\n"
    return text


def entries(lines):
    """(table, [setting], what is said): either of the first two is empty. Settings that stand together share what is said before them."""
    settings, said, is_behind = [], [], False
    for line in [*lines, ""]:
        table, setting, more, comment = (kind.match(line) for kind in (TABLE, SETTING, CONTINUED, COMMENT))
        if setting and not (settings and (setting[2] or is_behind)):
            pass
        elif setting or table or not line or comment and settings:
            if settings or said and not table:
                yield "", settings, " ".join(said)
                said = []
            settings = []
        if table:
            yield table[1], [], " ".join([*said, table[2] or ""]).strip()
            said = []
        elif setting:
            settings.append(setting[1])
            is_behind = bool(setting[2])
            said += [setting[2]] if setting[2] else []
        elif more or comment:
            said.append((more or comment)[1])
