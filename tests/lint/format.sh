#!/usr/bin/env bash
# Every C++ file is as .clang-format says: format.sh ROOT
set -euo pipefail
cd "$1"
find . -path ./build -prune -o \( -name '*.cc' -o -name '*.h' \) -print0 |
  xargs -0 -r clang-format --dry-run --Werror
