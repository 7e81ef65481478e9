"""Every command of ./dev can be started: what it would run is there, and what it would build has a name."""

import pathlib
import re
import shlex
import shutil
import subprocess

from source_tree import Finding

DEV = pathlib.Path("dev")
CMAKE_NAMES = re.compile(r"(?:add_executable|add_custom_target|outboxd_e2e_test)\(\s*([\w-]+)|\bNAME\s+([\w-]+)")


def _dev(tree, *arguments):
    return subprocess.run([str(tree.root / DEV), *arguments], capture_output=True, text=True, check=False)


def _targets(tree):
    names = set()
    for path in tree.files((".txt",)):
        if path.name == "CMakeLists.txt":
            names.update(first or second for first, second in CMAKE_NAMES.findall(tree.text(path)))
    return names


def _presets(tree):
    return set(re.findall(r'"name": "(\w+)"', tree.text(pathlib.Path("CMakePresets.json"))))


def _problem(tree, words):
    """What is wrong with a command that ./dev would run, or None."""
    name = words[0]
    if name == "configure":
        return None if words[1] in _presets(tree) else f"there is no preset {words[1]}"
    if name == "cmake" and "--target" in words:
        missing = set(words[words.index("--target") + 1:]) - _targets(tree)
        return f"no CMakeLists.txt has {', '.join(sorted(missing))}" if missing else None
    if name.startswith("build/"):
        return None if pathlib.Path(name).name in _targets(tree) else f"nothing builds {name}"
    if "/" in name:
        script = tree.root / name
        executable = script.is_file() and script.stat().st_mode & 0o111
        return None if executable else f"{name} is no program"
    return None if shutil.which(name) else f"{name} is not installed"


def check(tree):
    usage = _dev(tree, "help").stdout
    commands = re.findall(r"^  ([a-z][\w-]*)", usage, re.MULTILINE)
    if not commands:
        yield Finding(DEV, 1, "its help names no command")
    for command in commands:
        told = _dev(tree, "--dry-run", command)
        if told.returncode != 0:
            yield Finding(DEV, 1, f"--dry-run {command} ends with {told.returncode}: {told.stderr.strip()}")
        for line in told.stdout.splitlines():
            problem = _problem(tree, shlex.split(line))
            if problem:
                yield Finding(DEV, 1, f"{command}: {problem}")
