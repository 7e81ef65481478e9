#!/usr/bin/env python3
"""clang-tidy over our own sources, several at a time: tidy.py BUILD_DIR ROOT."""

import concurrent.futures
import json
import os
import pathlib
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


def tidy(build_dir, path):
    run = subprocess.run(["clang-tidy", "--quiet", "-p", str(build_dir), str(path)],
                         capture_output=True, text=True, check=False)
    return run.returncode, run.stdout


def main(arguments):
    build_dir, root = (pathlib.Path(argument).resolve() for argument in arguments)
    files = sources(build_dir, root)
    if not files:
        print(f"{build_dir}/compile_commands.json has none of our sources")
        return 1
    status = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for code, output in pool.map(lambda path: tidy(build_dir, path), files):
            if code != 0:
                status = 1
                print(output.strip())
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
