#!/usr/bin/env python3
"""Runs a command while every core is loaded by something else: busy_machine.py COMMAND [ARGUMENT ...]."""

import os
import subprocess
import sys

BURN = "while True: pass"


def main(command):
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(os.cpu_count())]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
