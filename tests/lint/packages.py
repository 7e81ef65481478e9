"""What packaging promises agrees with itself: one list of packages, one version."""

import pathlib
import re

from source_tree import Finding

CONTROL = pathlib.Path("packaging/debian/control")
LISTED = pathlib.Path("packaging/dev-packages.txt")
# Needed to build a package of any kind; build-essential in the list brings them.
IMPLIED = {"debhelper-compat"}


def _build_depends(control):
    field = re.search(r"^Build-Depends:(.*(?:\n[ \t].*)*)", control, re.MULTILINE)
    words = re.split(r"[,|\n]", field.group(1)) if field else []
    return {word.split()[0] for word in words if word.split()} - IMPLIED


def check(tree):
    if not (tree.root / CONTROL).exists():
        yield Finding(CONTROL, 1, "is missing")
        return
    listed = {words[0] for line in tree.text(LISTED).splitlines() if (words := line.split("#")[0].split())}
    for name in sorted(_build_depends(tree.text(CONTROL)) - listed):
        yield Finding(LISTED, 1, f"{name} is in Build-Depends and not here")
    version = re.search(r"project\(outboxd VERSION ([\d.]+)", tree.text(pathlib.Path("CMakeLists.txt")))
    changelog = tree.text(pathlib.Path("packaging/debian/changelog"))
    packaged = re.match(r"outboxd \(([\d.]+)", changelog)
    if not version or not packaged or version.group(1) != packaged.group(1):
        yield Finding("packaging/debian/changelog", 1, "another version than CMakeLists.txt")
