"""tests/unit mirrors the source tree, and every source belongs to a target."""

import pathlib
import re

from source_tree import Finding


def _unit_tests_without_source(tree):
    for path in tree.cpp(("tests/unit",)):
        if not path.name.endswith("_test.cc"):
            continue
        mirrored = pathlib.Path(*path.parts[2:])
        stem = mirrored.name[:-len("_test.cc")]
        folder = tree.root / mirrored.parent
        candidates = [folder / (stem + suffix) for suffix in (".h", ".cc", "")]
        if not any(candidate.exists() for candidate in candidates):
            yield Finding(path, 1, f"tests {mirrored.parent / stem}, which does not exist")


def _lists(tree, cmake, path):
    """True when the CMakeLists.txt at `cmake` names `path`."""
    if not (tree.root / cmake).exists():
        return False
    relative = re.sub(r"(_fuzz)?\.cc$", "", str(path.relative_to(cmake.parent)))
    name = r"(?<![\w/.])" + re.escape(relative) + r"(_fuzz)?(\.cc)?(?![\w.])"
    return re.search(name, tree.text(cmake)) is not None


def _sources_without_target(tree):
    for path in tree.cpp():
        if path.suffix == ".cc" and not any(
                _lists(tree, folder / "CMakeLists.txt", path) for folder in path.parents):
            yield Finding(path, 1, "no CMakeLists.txt above names it, so nothing builds it")


def check(tree):
    yield from _unit_tests_without_source(tree)
    yield from _sources_without_target(tree)
