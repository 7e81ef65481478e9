#!/usr/bin/env python3
"""clang-tidy over our own sources, several at a time: tidy.py [--changed] BUILD_DIR ROOT.

With --changed, over those sources that git says have changed.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from source_tree import CODE_FOLDERS  # noqa: E402


INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


class Unit:
    """What the compiler sees as one file, and the sources of ours in it: several where the build joins them."""

    def __init__(self, path, root):
        self.path = path
        self._root = root
        joined = [pathlib.Path(name) for name in INCLUDE.findall(path.read_text(encoding="utf-8"))]
        self.members = joined if path.suffix == ".cxx" else [path]

    def is_product(self):
        """Tests are held to the compiler's warnings only."""
        return any(self._root / folder in member.parents for member in self.members for folder in CODE_FOLDERS)

    def size(self):
        return sum(member.stat().st_size for member in self.members)

    def shows(self, changed):
        """True when a file of `changed` is in it: a source, or a header that a source includes by itself."""
        for member in self.members:
            included = (self._root / name for name in INCLUDE.findall(member.read_text(encoding="utf-8")))
            if member in changed or not changed.isdisjoint(included):
                return True
        return False


def units(build_dir, root):
    """The units of ours that the build compiles. The largest first: the last to finish should be a short one."""
    with open(build_dir / "compile_commands.json", encoding="utf-8") as file:
        compiled = {Unit(pathlib.Path(command["file"]), root) for command in json.load(file)}
    return sorted((unit for unit in compiled if unit.is_product()), key=lambda unit: -unit.size())


def git(root, *arguments):
    run = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    return run.stdout.split("\n")[:-1] if run.returncode == 0 else []


def changed_files(root):
    """What is not committed, and what has been since the branch left the one that was cloned."""
    base = git(root, "merge-base", "HEAD", "origin/HEAD") or ["HEAD"]
    names = git(root, "diff", "--name-only", base[0]) + git(root, "ls-files", "--others", "--exclude-standard")
    return {root / name for name in names}


class Verdicts:
    """Files found clean are not looked at again until they, what they include, or the checks change."""

    def __init__(self, build_dir, root):
        self._build_dir = build_dir
        self._folder = build_dir / "tidy"
        self._folder.mkdir(exist_ok=True)
        self._checks = (root / ".clang-tidy").read_bytes()
        with open(build_dir / "compile_commands.json", encoding="utf-8") as file:
            self._commands = {command["file"]: command for command in json.load(file)}

    def key_of(self, path):
        command = self._commands[str(path)]
        words = [word for word in shlex.split(command["command"]) if not word.endswith("ccache")]
        preprocess = words[:words.index("-o")] + ["-E", str(path)] if "-o" in words else words + ["-E"]
        text = subprocess.run(preprocess, cwd=command["directory"], capture_output=True, check=False).stdout
        return hashlib.sha256(self._checks + text).hexdigest()

    def is_known_clean(self, key):
        return (self._folder / key).exists()

    def keep_clean(self, key):
        (self._folder / key).touch()


def tidy(build_dir, verdicts, path):
    key = verdicts.key_of(path)
    if verdicts.is_known_clean(key):
        return 0, ""
    # The build's compiler may know warnings that clang does not.
    # A unit includes sources; that our own files do not, leftovers.py checks.
    run = subprocess.run(["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                          "--checks=-bugprone-suspicious-include", "-p", str(build_dir), str(path)],
                         capture_output=True, text=True, check=False)
    if run.returncode == 0:
        verdicts.keep_clean(key)
    return run.returncode, run.stdout


def main(arguments):
    only_changed = arguments[:1] == ["--changed"]
    build_dir, root = (pathlib.Path(argument).resolve() for argument in arguments[-2:])
    chosen = units(build_dir, root)
    if not chosen:
        print(f"{build_dir}/compile_commands.json has none of our sources")
        return 1
    if only_changed:
        changed = changed_files(root)
        chosen = [unit for unit in chosen if unit.shows(changed)]
        print(f"{len(chosen)} units have changed")
    verdicts = Verdicts(build_dir, root)
    status = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for code, output in pool.map(lambda unit: tidy(build_dir, verdicts, unit.path), chosen):
            if code != 0:
                status = 1
                print(output.strip())
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
