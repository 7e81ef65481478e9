#!/usr/bin/env python3
"""clang-tidy over our own sources, several at a time: tidy.py BUILD_DIR ROOT."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from source_tree import CODE_FOLDERS  # noqa: E402


def sources(build_dir, root):
    """The files of ours that the build compiles. Tests are held to the compiler's warnings only."""
    with open(build_dir / "compile_commands.json", encoding="utf-8") as file:
        compiled = {pathlib.Path(command["file"]) for command in json.load(file)}
    ours = [root / folder for folder in CODE_FOLDERS]
    # The largest first: the last to finish should be a short one.
    return sorted((path for path in compiled if any(folder in path.parents for folder in ours)),
                  key=lambda path: -path.stat().st_size)


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
    run = subprocess.run(["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                          "-p", str(build_dir), str(path)], capture_output=True, text=True, check=False)
    if run.returncode == 0:
        verdicts.keep_clean(key)
    return run.returncode, run.stdout


def main(arguments):
    build_dir, root = (pathlib.Path(argument).resolve() for argument in arguments)
    files = sources(build_dir, root)
    if not files:
        print(f"{build_dir}/compile_commands.json has none of our sources")
        return 1
    verdicts = Verdicts(build_dir, root)
    status = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for code, output in pool.map(lambda path: tidy(build_dir, verdicts, path), files):
            if code != 0:
                status = 1
                print(output.strip())
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
