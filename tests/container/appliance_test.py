#!/usr/bin/env python3
"""An operator's day with the packages: appliance_test.py DIRECTORY_OF_DEBS WORK_DIRECTORY."""

import json
import pathlib
import re
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from container import Container, base_image, why_not_here  # noqa: E402

SKIPPED = 77
OURS = ("outboxd", "outbox-broker", "outboxctl")
CANNOT_REACH = 3  # outboxctl's exit status


def dependencies(debs):
    """What the packages need from Debian, as apt would fetch it."""
    names = set()
    for deb in debs:
        field = subprocess.run(["dpkg-deb", "-f", str(deb), "Depends"], check=True, capture_output=True, text=True)
        for alternatives in field.stdout.split(","):
            name = re.split(r"[ (|]", alternatives.strip())[0]
            if name and name not in OURS:
                names.add(name)
    return names


class Appliance(unittest.TestCase):
    """Tests run in the order of their numbers, on one machine."""

    debs = ()
    work = None
    machine = None

    @classmethod
    def setUpClass(cls):
        cls.machine = Container(base_image(cls.work, dependencies(cls.debs)), cls.work)
        cls.addClassCleanup(cls.machine.close)
        for deb in cls.debs:
            (cls.machine.root / "root" / deb.name).write_bytes(deb.read_bytes())

    def tearDown(self):
        problems = list(self._outcome.errors) if hasattr(self._outcome, "errors") else []
        if any(error for _, error in problems):
            print(self.machine.run("journalctl", "--no-pager", "-n", "80", check=False).stdout)

    # -- what an operator types -----------------------------------------------------------------

    def outboxctl(self, *arguments, user="till", check=True):
        return self.machine.run("outboxctl", *arguments, user=user, check=check)

    def json_of(self, *arguments):
        return json.loads(self.outboxctl("--json", *arguments).stdout)

    def property_of(self, unit, name):
        return self.machine.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def create_order(self, order_id, **how):
        return self.outboxctl("--json", "order", "create", "--id", order_id, "--customer", "c1",
                              "--payment-method", "pm_ok", "--currency", "GBP", "--line", "TEA:2:350", **how)

    # -- the day --------------------------------------------------------------------------------

    def test_1_apt_installs_the_packages_and_the_services_run(self):
        files = [f"/root/{deb.name}" for deb in self.debs]
        self.machine.run("apt-get", "install", "-y", "--no-install-recommends", *files)
        self.machine.run("useradd", "--groups", "outboxd,outbox-broker", "till")
        self.machine.run("useradd", "stranger")
        self.machine.run("systemctl", "start", "outbox-broker.service", "outboxd.service")
        for unit in ("outboxd.socket", "outboxd.service", "outbox-broker.service"):
            self.assertEqual(self.machine.run("systemctl", "is-active", unit).stdout.strip(), "active")
            self.assertEqual(self.machine.run("systemctl", "is-enabled", unit).stdout.strip(), "enabled")
        self.assertEqual(self.property_of("outboxd.service", "User"), "outboxd")

    def test_2_every_key_of_the_shipped_configuration_may_be_switched_on(self):
        for program in ("outboxd", "outbox-broker"):
            self.machine.run(program, "--check-config")
            text = (self.machine.root / f"etc/outboxd/{program}.toml").read_text(encoding="utf-8")
            everything = re.sub(r"^#(?=[a-z_]+ = |\[)", "", text, flags=re.MULTILINE)
            self.assertGreater(everything.count(" = "), 5)
            (self.machine.root / "root/everything.toml").write_text(everything, encoding="utf-8")
            self.machine.run(program, "--check-config", "--config", "/root/everything.toml")

    def test_3_a_member_of_the_group_creates_an_order_and_a_stranger_cannot(self):
        order = json.loads(self.create_order("day-1").stdout)
        self.assertEqual((order["order_id"], order["status"], order["total"]), ("day-1", "CREATED", 700))
        refused = self.create_order("day-2", user="stranger", check=False)
        self.assertEqual(refused.returncode, CANNOT_REACH, refused.stderr)

    def test_4_a_killed_daemon_comes_back_with_the_order(self):
        before = self.property_of("outboxd.service", "MainPID")
        self.machine.run("systemctl", "kill", "--signal=KILL", "outboxd.service")
        # The socket is systemd's: this waits for the daemon that systemd starts again.
        self.assertEqual(self.json_of("order", "get", "day-1")["order_id"], "day-1")
        self.assertNotEqual(self.property_of("outboxd.service", "MainPID"), before)
        replay = json.loads(self.create_order("day-1").stdout)
        self.assertTrue(replay["replayed"])

    def test_5_events_reach_the_broker_once_it_is_configured(self):
        drop_in = self.machine.root / "etc/outboxd/outboxd.toml.d/broker.toml"
        drop_in.parent.mkdir(exist_ok=True)
        drop_in.write_text('[broker]\nendpoint = "tcp://127.0.0.1:7701"\n', encoding="utf-8")
        self.machine.run("systemctl", "restart", "outboxd.service")
        seq = json.loads(self.create_order("day-3").stdout)["seq"]
        waited = self.json_of("--timeout", "60", "outbox", "wait", str(seq), "--level", "delivered")
        self.assertEqual(waited["level"], "delivered")

    def test_6_stopping_drains_and_ends_with_status_0(self):
        for unit in ("outboxd.service", "outbox-broker.service"):
            self.machine.run("systemctl", "stop", unit)
            self.assertEqual(self.property_of(unit, "Result"), "success")
            self.assertEqual(self.property_of(unit, "ExecMainStatus"), "0")
        # A connection starts the daemon again, with everything it knew.
        self.assertEqual(self.json_of("order", "get", "day-3")["order_id"], "day-3")
        self.machine.run("systemctl", "start", "outbox-broker.service")

    def test_7_records_in_the_journal_have_fields(self):
        lines = self.machine.run("journalctl", "-o", "json", "-u", "outboxd.service").stdout.splitlines()
        native = [json.loads(line) for line in lines if '"_TRANSPORT":"journal"' in line.replace(" ", "")]
        from_daemon = [record for record in native if record.get("SYSLOG_IDENTIFIER") == "outboxd"]
        self.assertTrue(from_daemon)
        self.assertTrue(all("PRIORITY" in record for record in from_daemon))

    def test_8_removing_the_packages_keeps_the_data(self):
        self.machine.run("apt-get", "purge", "-y", *OURS)
        self.assertTrue((self.machine.root / "var/lib/outboxd").is_dir())
        self.assertTrue(any((self.machine.root / "var/lib/outboxd").iterdir()))
        self.assertFalse((self.machine.root / "etc/outboxd/outboxd.toml").exists())
        running = self.machine.run("systemctl", "is-active", "outboxd.service", check=False).stdout.strip()
        self.assertEqual(running, "inactive")


def main(arguments):
    reason = why_not_here()
    if reason:
        print(f"skipped: {reason}")
        return SKIPPED
    debs, Appliance.work = (pathlib.Path(argument).resolve() for argument in arguments)
    Appliance.work.mkdir(parents=True, exist_ok=True)
    Appliance.debs = sorted(debs.glob("*.deb"))
    if len(Appliance.debs) != len(OURS):
        print(f"{debs} should have {len(OURS)} packages, not {len(Appliance.debs)}; ./dev deb builds them")
        return 1
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Appliance)
    result = unittest.TextTestRunner(verbosity=2, failfast=True).run(suite)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
