"""What manual pages are written in, man(7)."""
import re


def text(line):
    """A line of prose as roff reads it: nothing in it is a request, a hyphen is one that can be typed."""
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha").replace("`", "\\(ga").replace('"', "\\(dq")
    line = re.sub(r"^([.'])", r"\\&\1", line)
    # What cannot be broken anywhere would stand out of the page.
    return re.sub(r"\S{60,}", lambda long: re.sub(r"([,/])", r"\1\\:", long[0]), line)


def title(name, section, version):
    return f'.TH {name.upper()} {section} "" "EDGE {version}" "EDGE"\n.nh\n.ad l\n'


def heading(name):
    return f".SH {text(name.upper())}\n"


def item(term, said, more=()):
    """A term, others that mean the same, and what is said of them."""
    terms = f".TP\n.B {text(term)}\n" + "".join(f".TQ\n.B {text(other)}\n" for other in more)
    return terms + (text(said) or "\\&") + "\n"


def verbatim(lines):
    return ".PP\n.nf\n" + "".join(text(line) + "\n" for line in lines) + ".fi\n"
