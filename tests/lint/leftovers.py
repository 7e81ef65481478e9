"""Nothing unfinished, and nothing that only works on one machine."""

import re

from source_tree import CODE_FOLDERS, Finding

PATTERNS = (
    (re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X(?=[:\s(])|HA" r"CK)\b"), "finish it, or write an issue"),
    (re.compile(r"(?<![\w.])/(home|Users|wor" r"k)/\w"), "a path of one machine"),
    (re.compile(r"/tmp/bash_\w+"), "a path of one machine"),
    (re.compile(r"\bGTEST_SKIP\(\)(?!\s*<<)|\bDISABLED_\w+"), "a test that does not run, and does not say why"),
    (re.compile(r"^(<{7}|>{7}|={7})( |$)", re.MULTILINE), "an unresolved merge"),
    (re.compile(r'^#include ".*\.cc"', re.MULTILINE), "a source, included"),
    (re.compile(r"[ \t]+$", re.MULTILINE), "trailing blanks"),
)
DRAWERS = re.compile(r"^(utils?|helpers?|common|misc|manager)s?(_test)?\.(h|cc|py)$")
# Sample data and fuzzing inputs are what they are.
DATA = ("docs/examples/", "tests/fuzz/corpus/", "LICENSE")


def check(tree):
    for path in tree.files():
        if str(path).startswith(DATA) or (path.suffix == "" and not _is_text(tree, path)):
            continue
        text = tree.text(path)
        lines = text.splitlines()
        for pattern, why in PATTERNS:
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                if "lint: allow(leftovers)" not in " ".join(lines[max(0, line - 2):line]):
                    yield Finding(path, line, f"{match.group(0).strip() or 'blanks'}: {why}")
        if text and not text.endswith("\n"):
            yield Finding(path, len(lines), "no line break at the end")
        if DRAWERS.match(path.name):
            yield Finding(path, 1, "a drawer for leftovers; name the file after what is in it")
        if path.suffix == ".h" and path.parts[0] in CODE_FOLDERS + ("tests",) and "#pragma once" not in text:
            yield Finding(path, 1, "a header without #pragma once")


def _is_text(tree, path):
    with open(tree.root / path, "rb") as file:
        return b"\0" not in file.read(4096)
