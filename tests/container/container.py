"""A Debian 12 that boots its own systemd, without a network, from packages fetched beforehand."""

import hashlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

TOOLS = ("mmdebstrap", "systemd-nspawn", "nsenter", "dpkg-deb")
HOST_SOURCES = pathlib.Path("/etc/apt/sources.list.d/debian.sources")
BOOT_SECONDS = 120


def why_not_here():
    """Why containers cannot be booted here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"needs {', '.join(missing)}" if missing else None


def base_image(directory, packages):
    """The path of a tar with a minimal system and `packages`. It is made once per list of packages."""
    names = sorted({"systemd", "systemd-sysv", "dbus", *packages})
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:12]
    image = pathlib.Path(directory) / f"bookworm-{key}.tar"
    if image.exists():
        return image
    for old in image.parent.glob("bookworm-*.tar"):
        old.unlink()
    fresh = image.with_suffix(".part.tar")
    command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(names)}", "bookworm", str(fresh)]
    if HOST_SOURCES.exists():
        command.append(str(HOST_SOURCES))
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return fresh.rename(image)


class Container:
    """Boots on construction; `close` ends it and removes its files."""

    def __init__(self, image, directory):
        self._root = pathlib.Path(tempfile.mkdtemp(prefix="root-", dir=directory))
        self._nspawn = None
        self._leader = None
        try:
            subprocess.run(["tar", "-C", str(self._root), "-xf", str(image)], check=True)
            self._boot()
        except BaseException:
            self.close()
            raise

    @property
    def root(self):
        return self._root

    def run(self, *command, user=None, check=True, text_in=None):
        """Runs a command inside and returns it completed, with its output as text."""
        inside = ["nsenter", "-t", str(self._leader), "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                  "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        if user is not None:
            inside += ["runuser", "-u", user, "--"]
        done = subprocess.run(inside + list(command), capture_output=True, text=True, input=text_in or "",
                              timeout=300, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def close(self):
        if self._nspawn is not None:
            # Asks PID 1 inside to power off; nspawn ends with it.
            self._nspawn.send_signal(signal.SIGTERM)
            try:
                self._nspawn.wait(60)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        shutil.rmtree(self._root, ignore_errors=True)

    def _boot(self):
        """Starts nspawn and waits until the system inside says that it is up (sd_notify)."""
        with tempfile.TemporaryDirectory(prefix="notify-") as directory:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
                notify.bind(f"{directory}/socket")
                notify.settimeout(BOOT_SECONDS)
                environment = dict(os.environ, NOTIFY_SOCKET=f"{directory}/socket")
                command = ["systemd-nspawn", "--quiet", "-D", str(self._root), "--boot", "--register=no",
                           "--keep-unit", "--private-network", "--notify-ready=yes", "--console=pipe"]
                with open(self._root.parent / "boot.log", "wb") as log:
                    self._nspawn = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                                    stderr=subprocess.STDOUT, env=environment)
                self._await_ready(notify)

    def _await_ready(self, notify):
        ready = False
        while not (ready and self._leader):
            for line in notify.recv(4096).decode().splitlines():
                if line.startswith("X_NSPAWN_LEADER_PID="):
                    self._leader = int(line.split("=")[1])
                ready = ready or line == "READY=1"
