# What both parts of the demonstration stand on, for bash to source: a directory of their own,
# programs with names, and how to wait for them and end them. Wants $programs.
# shellcheck shell=bash
: "${programs:?the directory of the programs}"

dir=$(mktemp -d "${TMPDIR:-/tmp}/outboxd-demo.XXXXXX")
port=''        # of the broker
broker_pid=''  # the same

# What the programs are started with, so that root's rights stay outside.
as_user=()
if [ "$(id -u)" = 0 ]; then
  as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --inh-caps=-all)
fi

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '  %-50s %s\n' "$1" "$2"; }
die() {
  printf 'demo: %s\n' "$*" >&2
  tail -n 20 "$dir"/*.log >&2 2>/dev/null || true
  exit 1
}

ctl() { "${as_user[@]}" "$dir/bin/outboxctl" --broker-socket "$dir/broker.sock" "$@"; }

# field PATH: a value from the JSON on standard input, such as outbox.pending.
field() {
  python3 -c 'import functools, json, sys
print(functools.reduce(lambda value, name: value[name], sys.argv[1].split("."), json.load(sys.stdin)))' "$1"
}

# until_true SECONDS WHAT COMMAND …
until_true() {
  local deadline=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || die "waited too long for $what"
    sleep 0.05
  done
}

free_port() {
  python3 -c 'import socket
with socket.socket() as s: s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# launch NAME PROGRAM ARGUMENT …: in the background, with its own directory, socket and log.
launch() {
  local name=$1 program=$2
  shift 2
  "${as_user[@]}" "$dir/bin/$program" --config "$dir/$name.toml" --data-dir "$dir/$name" \
    --socket "$dir/$name.sock" "$@" >>"$dir/$name.log" 2>&1 9>&- &
}

start_broker() {
  launch broker outbox-broker --listen "tcp://127.0.0.1:$port"
  # shellcheck disable=SC2034 # the parts end it
  broker_pid=$!
  until_true 20 "the broker" ctl broker status
}

# stop PID SIGNAL: asks, and waits until it has ended.
stop() {
  kill "-$2" "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
}

# build_stage NAME …: a directory for each of the programs that will run, and all that they need.
build_stage() {
  mkdir "$dir/bin" "${@/#/$dir/}"
  install -m 755 "$programs"/{outboxd,outbox-broker,outboxctl} "$dir/bin/"
  chmod 755 "$dir"
  if [ "$(id -u)" = 0 ]; then chown -R 65534:65534 "$dir"; fi
  port=$(free_port)
}
