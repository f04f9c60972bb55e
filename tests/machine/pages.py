"""The commands of docs/*.md, as they stand there: each block of ```sh is to be run, once."""
import os

DOCS = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "docs")


def blocks(name):
    found, block = [], None
    with open(f"{DOCS}/{name}", encoding="utf-8") as page:
        for line in page:
            if block is None:
                block = [] if line.strip() == "```sh" else None
            elif line.strip() == "```":
                found.append("".join(block))
                block = None
            else:
                block.append(line)
    return found


class Page:
    """Whose blocks are taken by what stands in them."""

    def __init__(self, name):
        self.name = name
        self.left = blocks(f"{name}.md")
        translated = blocks(f"{name}.zh.md")
        if self.left != translated:
            raise AssertionError(f"{name}.zh.md has other commands than {name}.md: {set(self.left) ^ set(translated)}")

    def take(self, text):
        """The first block that is left with `text` in it."""
        block = next((one for one in self.left if text in one), None)
        if block is None:
            raise AssertionError(f"{self.name}.md: no block is left with {text!r}; left: {self.left}")
        self.left.remove(block)
        return block
