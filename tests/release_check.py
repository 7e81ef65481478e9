#!/usr/bin/env python3
"""What is too long for CI, in steps that can be interrupted: release_check.py [--changed] [--minutes N] [STEP ...].

A step consists of slices. What has passed is remembered in build/release-check.json until a file that the step depends
on changes, so a run that was interrupted goes on where it was. A step that has passed whole is written to
tests/release-check.txt, which is committed: with --changed, only steps whose files differ from those are run.
With --minutes, no slice is begun that would not end in that time. Ends with a table for people (Markdown).
"""

import argparse
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
STATE = ROOT / "build/release-check.json"
PASSED = ROOT / "tests/release-check.txt"
PRODUCT = ("domain", "config", "storage", "transport", "systemd", "daemon", "broker", "client")
FUZZED = ("config", "envelope", "import", "link_frame", "record", "reply", "rpc", "wal")


class Step:
    """`slices` are (name, expected seconds, argument list); `builds` are arguments of ./dev build."""

    def __init__(self, name, what, inputs, builds, slices, environment=None):
        self.name, self.what, self.builds, self.slices = name, what, builds, slices
        self.environment = environment or {}
        self.inputs = self._digest(inputs)

    @staticmethod
    def _digest(inputs):
        """Of the names and contents of the files below `inputs` that git knows."""
        names = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", "--", *inputs],
                               capture_output=True, check=True).stdout.split(b"\0")
        digest = hashlib.sha256()
        for name in filter(None, names):
            path = ROOT / os.fsdecode(name)
            content = path.read_bytes() if path.is_file() else b""
            digest.update(name + b"\0" + hashlib.sha256(content).digest())
        return digest.hexdigest()[:16]


def simulated(build, schedules, slices, seconds):
    program = f"build/{build}/bin/outboxd-simulate"
    return [(f"seeds from {1 + i * schedules}", seconds,
             [program, "--seed", str(1 + i * schedules), "--schedules", str(schedules)]) for i in range(slices)]


def fuzzed(seconds):
    for name in FUZZED:
        found = f"build/fuzz/tests/fuzz/{name}"
        yield (name, seconds, [f"build/fuzz/bin/{name}_fuzz", f"-max_total_time={seconds}", "-rss_limit_mb=1024",
                               "-timeout=10", "-max_len=65536", f"-artifact_prefix={found}/", f"{found}/corpus",
                               f"tests/fuzz/corpus/{name}"])


def steps():
    simulation = ("domain", "transport", "daemon", "broker", "tests/simulation", "tests/contract/engine")
    fault = ("domain", "storage", "broker", "daemon", "tests/fault", "tests/contract")
    ctest = ["ctest", "--output-on-failure", "--no-tests=error", "-j", str(os.cpu_count()), "--test-dir"]
    return [
        Step("simulation", "1,000,000 schedules of the protocol simulation", simulation,
             ["check", "outboxd-simulate"], simulated("check", 50_000, 20, 60)),
        Step("simulation-asan", "20,000 schedules under ASan and UBSan", simulation,
             ["fuzz", "outboxd-simulate"], simulated("fuzz", 2_000, 10, 60)),
        Step("kills", "ten rounds of all tests that kill processes", PRODUCT + ("tests/e2e", "docs/demo"),
             ["release", "outboxd", "outbox-broker", "outboxctl", "kill_tests"],
             [(f"round {i}", 150, ctest + ["build/release", "-L", "^kills$"]) for i in range(1, 11)]),
        Step("fuzzing", "ten minutes of each fuzz target", PRODUCT + ("tests/fuzz",),
             ["fuzz", *(f"{name}_fuzz" for name in FUZZED)], list(fuzzed(600))),
        Step("sweeps-asan", "every cut point and every fault under ASan and UBSan", fault, ["fuzz", "all"],
             [("all", 3600, ctest + ["build/fuzz", "-L", "^fault$", "--timeout", "3600"])],
             {"OUTBOXD_WHOLE_SWEEPS": "1"}),
        Step("busy", "the tests of ./dev test, ten times, with both cores loaded by something else",
             PRODUCT + ("tests",), ["check", "all"],
             [(f"round {i}", 400, ["tests/busy_machine.py", *ctest, "build/check", "-LE", "^(slow|lint|container)$"])
              for i in range(1, 11)]),
    ]


class Record:
    """What has passed: slices on this machine, and whole steps in the tree."""

    def __init__(self):
        self._slices = json.loads(STATE.read_text()) if STATE.exists() else {}
        lines = PASSED.read_text(encoding="utf-8").splitlines() if PASSED.exists() else []
        self._steps = dict(line.split() for line in lines if line and not line.startswith("#"))

    def passed_whole(self, step):
        return self._steps.get(step.name) == step.inputs

    def slices(self, step):
        """Seconds that each slice took, by its name. Not those of other inputs."""
        kept = self._slices.get(step.name, {})
        return kept.get("slices", {}) if kept.get("inputs") == step.inputs else {}

    def keep(self, step, slice_name, seconds):
        slices = {**self.slices(step), slice_name: round(seconds)}
        self._slices[step.name] = {"inputs": step.inputs, "slices": slices}
        STATE.parent.mkdir(exist_ok=True)
        STATE.write_text(json.dumps(self._slices, indent=1))
        if len(slices) == len(step.slices):
            self._steps[step.name] = step.inputs
            text = "".join(f"{name} {inputs}\n" for name, inputs in sorted(self._steps.items()))
            PASSED.write_text("# Which files each step of ./dev release-check has passed with.\n" + text, encoding="utf-8")


def run_slice(step, name, command):
    """True when it passed. What it says is shown when it did not."""
    print(f"{step.name}, {name}", flush=True)
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(command, cwd=ROOT, env={**os.environ, **step.environment}, check=False,
                              stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            output.seek(0)
            print(output.read().decode(errors="replace")[-20_000:], flush=True)
    return done.returncode == 0


def run_step(step, record, deadline):
    """False when a slice failed. Begins none that would end after `deadline`."""
    left = [part for part in step.slices if part[0] not in record.slices(step)]
    if not left or time.monotonic() + left[0][1] > deadline:
        return True
    if not run_slice(step, "build", ["./dev", "build", *step.builds]):
        return False
    for name, seconds, command in left:
        if time.monotonic() + seconds > deadline:
            return True
        begin = time.monotonic()
        if not run_slice(step, name, command):
            return False
        record.keep(step, name, time.monotonic() - begin)
    return True


def print_table(chosen, record, failed):
    print("\n| step | what | passed | minutes |\n|---|---|---|---|")
    for step in chosen:
        slices = record.slices(step)
        verdict = "FAILED" if step in failed else f"{len(slices)} of {len(step.slices)}"
        print(f"| {step.name} | {step.what} | {verdict} | {sum(slices.values()) / 60:.1f} |")


def main():
    parser = argparse.ArgumentParser(prog="release-check", description=__doc__.splitlines()[0])
    parser.add_argument("--changed", action="store_true", help="only steps whose files have changed since they passed")
    parser.add_argument("--minutes", type=float, help="begin no slice that would end later")
    parser.add_argument("step", nargs="*", help="the steps to run [all]")
    arguments = parser.parse_args()
    known = steps()
    unknown = set(arguments.step) - {step.name for step in known}
    if unknown:
        parser.error(f"no step is called {', '.join(sorted(unknown))}; there are {', '.join(s.name for s in known)}")
    record = Record()
    chosen = [step for step in known if not arguments.step or step.name in arguments.step]
    if arguments.changed:
        chosen = [step for step in chosen if not record.passed_whole(step)]
    deadline = time.monotonic() + 60 * arguments.minutes if arguments.minutes else float("inf")
    failed = [step for step in chosen if not run_step(step, record, deadline)]
    print_table(chosen, record, failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
