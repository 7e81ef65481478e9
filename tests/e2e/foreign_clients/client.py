"""Talks to the daemon with the MessagePack-RPC session of Debian's python3-pynvim: client.py SOCKET PREFIX

Prints one JSON object with what it was told; foreign_clients_test.cc judges it.
"""

import json
import sys

from pynvim.api.common import NvimError
from pynvim.msgpack_rpc import socket_session


def order(order_id):
    line = {"sku": "85123A", "quantity": 6, "unit_price": 255, "description": "T-LIGHT ‒ ½"}
    return {"order_id": order_id, "customer_id": "17850", "payment_method": "pm_ok", "currency": "GBP",
            "lines": [line]}


class Client:
    """Answers as {error, result}."""

    def __init__(self, path):
        self._refusal = None
        self._session = socket_session(path)
        # What makes an exception of an error; the session's own wants Neovim's.
        self._session.error_wrapper = self._keep

    def _keep(self, error):
        self._refusal = error
        return NvimError(str(error))

    def call(self, method, *params):
        try:
            return {"error": None, "result": self._session.request(method, *params)}
        except NvimError:
            return {"error": self._refusal, "result": None}

    def notify(self, method, *params):
        self._session.request(method, *params, async_=True)

    def next_notification(self):
        _, method, params = self._session.next_message()
        return f"{method} {params[0]['type']} {params[0]['subject']}"

    def close(self):
        self._session.close()


def main(path, prefix):
    client = Client(path)
    told = {
        "tail": client.call("events.tail", {"topic": "orders"}),
        "created": client.call("order.create", order(f"{prefix}-1")),
        "again": client.call("order.create", order(f"{prefix}-1")),
        "refused": client.call("order.create", {**order(f"{prefix}-2"), "currency": "XYZ"}),
        "unknown": client.call("no.such.method"),
        "status": client.call("daemon.status"),
        "committed": client.call("tx.commit", {
            "request_id": f"{prefix}-t",
            "put": [{"key": f"{prefix}-k", "value": {"text": "naïve", "list": [1, -1, 1.5, None, True]}}]}),
        "state": client.call("state.get", {"key": f"{prefix}-k"}),
    }
    ids = [f"{prefix}-p{i}" for i in range(200)]
    told["pipelined"] = sum(
        client.call("order.create", order(order_id))["result"]["order_id"] == order_id for order_id in ids)
    client.notify("order.create", order(f"{prefix}-notified"))
    told["events"] = [client.next_notification() for _ in range(202)]
    print(json.dumps(told))
    client.close()


main(*sys.argv[1:])
