"""A package with another version, so that an upgrade can be seen."""
import os
import re
import subprocess
import tempfile


def repacked(package, version, folder):
    """The path of the same package under another version, made in `folder`."""
    unpacked = tempfile.mkdtemp(dir=folder)
    subprocess.run(["dpkg-deb", "-R", package, unpacked], check=True)
    control = f"{unpacked}/DEBIAN/control"
    with open(control, encoding="utf-8") as file:
        text = re.sub(r"(?m)^Version: .*", f"Version: {version}", file.read())
    with open(control, "w", encoding="utf-8") as file:
        file.write(text)
    made = f"{folder}/{os.path.basename(package).split('_')[0]}_{version}.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "--root-owner-group", "-b", unpacked, made], check=True, stdout=subprocess.DEVNULL)
    return made
