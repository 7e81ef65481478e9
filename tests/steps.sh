# The steps that `./dev test` and `./dev ci` consist of, for bash to source: each is timed, counted, heard of once a
# minute, and named again at the end. Wants say() and $dry_run.
# shellcheck shell=bash

step_results=()  # "name passed failed skipped seconds" of each step
failed_steps=()
slowest_logs=()  # CTest's logs, which tell how long each test took

# Without address randomisation: the thread sanitizer of Debian 12 cannot place its shadow where a host randomises
# addresses over more than 28 bits.
steady_addresses() {
  if setarch "$(uname -m)" -R true 2>/dev/null; then setarch "$(uname -m)" -R "$@"; else "$@"; fi
}

# keep_result NAME PASSED FAILED SKIPPED SECONDS
keep_result() {
  step_results+=("$*")
  if [ "$3" != 0 ]; then failed_steps+=("$1"); fi
}

# with_news NAME LOG COMMAND …: what the command says goes to LOG; its last line is told twice a minute, so that
# whoever watches knows what is being done. Returns the command's status.
with_news() {
  local name=$1 log=$2 begin=$SECONDS never news status=0
  shift 2
  # A pipe that nobody writes to: reading it is how bash waits for a while without a process for it.
  exec {never}<> <(:)
  : >"$log"
  while ! read -r -t 30 -u "$never"; do
    printf '   %s, %d s: %s\n' "$name" $((SECONDS - begin)) "$(tail -n 1 "$log" | cut -c -100)"
  done &
  news=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$news"
  wait "$news" 2>/dev/null || true
  exec {never}<&-
  return "$status"
}

# build_step NAME PRESET LOG COMMAND …: a build that does not succeed counts as one failed test.
build_step() {
  local name=$1 log=$2 begin=$SECONDS
  shift 2
  if [ -n "$dry_run" ]; then "$@"; return; fi
  say "$name"
  if with_news "$name" "$log" "$@"; then
    keep_result "$name" 1 0 0 $((SECONDS - begin))
  else
    # Ninja tells what it builds beside what is wrong.
    grep -v '^\[[0-9]*/[0-9]*\] ' "$log" || true
    keep_result "$name" 0 1 0 $((SECONDS - begin))
    return 1
  fi
}

# ctest_step NAME BUILD_DIRECTORY ARGUMENT …: runs CTest and keeps its counts.
ctest_step() {
  local name=$1 build=$2 log=$2/$1.log report status=0 begin=$SECONDS
  shift 2
  if [ -n "$dry_run" ]; then echo ctest --test-dir "$build" "$@"; return; fi
  say "$name"
  report=$PWD/$build/$name.xml
  rm -f "$report"
  # No tests is an error: a label that matches nothing proves nothing.
  with_news "$name" "$log" steady_addresses ctest --test-dir "$build" -j "$(nproc)" --output-on-failure --no-tests=error \
    --output-junit "$report" "$@" || status=$?
  if [ "$status" != 0 ]; then grep -v -E '^ +Start |  +Passed +[0-9.]+ sec$' "$log"; fi
  grep -E '% tests passed|\((Skipped|Disabled)\)$' "$log" || true
  slowest_logs+=("$log")
  count_ctest "$name" "$report" "$status" $((SECONDS - begin))
}

# count_ctest NAME JUNIT_REPORT STATUS SECONDS
count_ctest() {
  local name=$1 status=$3 seconds=$4 header tests failed skipped
  header=$(grep -m 1 -A 8 '<testsuite ' "$2" 2>/dev/null || true)
  attribute() { sed -n "s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" <<<"$header" | head -n 1; }
  tests=$(attribute tests) failed=$(attribute failures) skipped=$(attribute skipped)
  tests=${tests:-0} failed=${failed:-0} skipped=${skipped:-0}
  # Tests that were not built, or none at all, are no failures to CTest's report.
  if [ "$status" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
  keep_result "$name" $((tests - failed - skipped)) "$failed" "$skipped" "$seconds"
}

# The ten tests that took longest, so that creeping shows.
slowest_tests() {
  local log
  [ "${#slowest_logs[@]}" != 0 ] || return 0
  say "The ten slowest tests"
  for log in "${slowest_logs[@]}"; do
    # CTest fills the gap between a name and its time with dots.
    sed -n "s|^ *[0-9]*/[0-9]* Test *#[0-9]*: \(.*[^. ]\) *\.\.*[A-Za-z *]* \([0-9.]*\) sec.*|\2 s  $(basename "$log" .log): \1|p" "$log"
  done | sed 's/ *# GetParam.*//' | sort -rn | sed -n 1,10p
}

# Says what came of each step, and the sum in the last line. Fails when any test did.
summary() {
  local passed=0 failed=0 skipped=0 name p f s took line
  if [ -n "$dry_run" ]; then return; fi
  say "Summary ($((SECONDS / 60)) min $((SECONDS % 60)) s)"
  for line in "${step_results[@]}"; do
    read -r name p f s took <<<"$line"
    printf '%-18s %6d passed %4d failed %4d skipped %6d s\n' "$name" "$p" "$f" "$s" "$took"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
  done
  if [ "${#failed_steps[@]}" != 0 ]; then printf 'Failed: %s\n' "${failed_steps[*]}"; fi
  if [ "$#" != 0 ]; then printf '%s\n' "$@"; fi
  printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
  [ "$failed" = 0 ]
}
