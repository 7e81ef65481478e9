#!/usr/bin/env python3
"""Runs one lint over the tree: run.py LINT ROOT. Prints each finding as file:line: what to do."""

import importlib
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from source_tree import SourceTree  # noqa: E402

LINTS = ("layering", "banned_calls", "lengths", "leftovers", "mirror", "packages", "dev_commands")


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in LINTS:
        print(f"usage: run.py {'|'.join(LINTS)} ROOT", file=sys.stderr)
        return 2
    findings = list(importlib.import_module(arguments[0]).check(SourceTree(pathlib.Path(arguments[1]).resolve())))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
