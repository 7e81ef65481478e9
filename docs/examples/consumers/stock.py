#!/usr/bin/env python3
"""Counts what was sold, each order once: stock.py SOCKET NAME

Consumes the events of topic `orders` as group NAME, and keeps its counts in the daemon, under
NAME:orders and NAME:sold:SKU. Each delivery is settled in the transaction that changes the counts,
so both happen or neither does, however often this program, the daemon or the broker is killed.

Ends when the daemon does; start it again then. Needs Debian's python3-msgpack.
"""

import collections
import socket
import sys

import msgpack


class Refused(Exception):
    """The daemon's answer is an error: {code, message, retry, ...}."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]


class Daemon:
    """MessagePack-RPC over the daemon's socket: one call at a time, and notifications."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._unpacker = msgpack.Unpacker(strict_map_key=False)
        self._notifications = collections.deque()
        self._last_id = 0

    def call(self, method, **arguments):
        self._last_id += 1
        self._socket.sendall(msgpack.packb([0, self._last_id, method, [arguments]]))
        while True:
            message = self._receive()
            if message[0] == 2:
                self._notifications.append(message)
            elif message[1] == self._last_id:
                if message[2] is not None:
                    raise Refused(message[2])
                return message[3]

    def next_notification(self):
        while not self._notifications:
            self._notifications.append(self._receive())
        _, method, params = self._notifications.popleft()
        return method, params[0]

    def _receive(self):
        while True:
            for message in self._unpacker:
                return message
            received = self._socket.recv(65536)
            if not received:
                raise ConnectionError("the daemon has ended")
            self._unpacker.feed(received)


def current(daemon, key):
    """Value and version of one of our keys; 0 and 0 when it does not exist."""
    try:
        state = daemon.call("state.get", key=key)
        return state["value"], state["version"]
    except Refused as refusal:
        if refusal.code != "not_found":
            raise
        return 0, 0


def count(daemon, name, delivery):
    """Adds one order to the counts, and settles its delivery with that. Returns how many there are."""
    event = delivery["event"]
    added = collections.Counter({f"{name}:orders": 1})
    for line in event["data"]["lines"]:
        added[f"{name}:sold:{line['sku']}"] += line["quantity"]
    while True:
        known = {key: current(daemon, key) for key in added}
        totals = {key: known[key][0] + added[key] for key in added}
        try:
            daemon.call(
                "tx.commit",
                # The same for each delivery of this event: a repetition changes nothing.
                request_id=f"{name}:{event['source'].rsplit('/', 1)[1]}:{event['seq']}",
                expect=[{"key": key, "version": known[key][1]} for key in added],
                put=[{"key": key, "value": totals[key]} for key in added],
                settle=[delivery["tag"]],
            )
            return totals[f"{name}:orders"]
        except Refused as refusal:
            if refusal.code != "version_conflict":  # another consumer of this group was faster
                raise


def main(path, name):
    daemon = Daemon(path)
    daemon.call("inbox.subscribe", topic="orders", group=name, credit=16)
    while True:
        method, delivery = daemon.next_notification()
        if method != "delivery":
            continue
        if delivery["event"]["type"] == "order.created":
            print("orders", count(daemon, name, delivery), flush=True)
        else:
            daemon.call("inbox.settle", tag=delivery["tag"], outcome="ack")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (ConnectionError, Refused) as failure:
        sys.exit(f"stock.py: {failure}")
