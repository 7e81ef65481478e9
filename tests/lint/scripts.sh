#!/usr/bin/env bash
# Every shell script pleases shellcheck. Scripts are found by its first line: scripts.sh ROOT
set -euo pipefail
cd "$1"
grep -rlIE --exclude-dir=.git --exclude-dir=build '^#!.*\b(sh|bash)\b' . |
  while IFS= read -r file; do
    # Only a first line makes a script.
    if head -n 1 "$file" | grep -qE '^#!.*\b(sh|bash)\b'; then printf '%s\0' "$file"; fi
  done |
  xargs -0 -r shellcheck -x
