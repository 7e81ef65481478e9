#!/usr/bin/env python3
"""Holds what the shop, the payment service and the broker have against each other, prints it as a
table, and ends with 1 when anything is missing, twice, or in limbo:

  compare.py DIRECTORY SHOP_EVENTS PAYMENT_EVENTS

DIRECTORY holds one JSON object a line in orders.json and payments.json (what the daemons say),
topic-orders.json and topic-payments.json (what the broker has) and dead.json (its dead letters);
the numbers are how many events each daemon has committed."""

import collections
import json
import pathlib
import sys

# What is to become of the orders of a payment method, by how its name begins.
EXPECTED = {"pm_ok": ("PAID", ""), "pm_flaky": ("PAID", ""),
            "pm_decline": ("PAYMENT_FAILED", "declined"),
            "pm_down": ("PAYMENT_FAILED", "dead_lettered")}


def expected_of(method):
    return next(what for prefix, what in EXPECTED.items() if method.startswith(prefix))


def objects_in(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def table(rows):
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows)]
    for row in rows:
        cells = [f"{cell:<{width}}" if i == 0 or i == 2 else f"{cell:>{width}}"
                 for i, (cell, width) in enumerate(zip(row, widths))]
        print("  " + "   ".join(cells).rstrip())


def orders_by_method(orders, payments, dead):
    """Prints them, and counts those that did not end as their method says."""
    payment_of = {payment["order_id"]: payment for payment in payments}
    died_after = {letter["event"]["subject"]: letter["attempts"] for letter in dead}
    groups = collections.defaultdict(list)
    for order in orders:
        groups[order["payment_method"]].append(order)
    rows, astray = [("payment method", "orders", "final state", "deliveries of each")], 0
    for method, group in sorted(groups.items()):
        ends = collections.Counter()
        attempts = set()
        for order in group:
            payment = payment_of.get(order["order_id"], {})
            attempts.add(payment.get("attempts") or died_after.get(order["order_id"], 0))
            end = (order["status"], payment.get("failure", ""))
            ends[" ".join(end).strip()] += 1
            astray += end != expected_of(method)
        how = ", ".join(end if len(ends) == 1 else f"{count} {end}" for end, count in ends.items())
        low, high = min(attempts), max(attempts)
        rows.append((method, len(group), how, low if low == high else f"{low} to {high}"))
    table(rows)
    return astray


def repeated(values):
    return len(values) - len(set(values))


def missing(events, last_seq):
    return len(set(range(1, last_seq + 1)) - {event["seq"] for event in events})


def main(directory, shop_events, payment_events):
    at = pathlib.Path(directory)
    orders, payments, dead = (objects_in(at / f"{name}.json")
                              for name in ("orders", "payments", "dead"))
    shop, service = (objects_in(at / f"topic-{name}.json") for name in ("orders", "payments"))
    astray = orders_by_method(orders, payments, dead)

    ids = {order["order_id"] for order in orders}
    settled = [event["subject"] for event in shop
               if event["type"] in ("order.paid", "order.payment_failed")]
    decided = [event["subject"] for event in service
               if event["type"] in ("payment.completed", "payment.failed")]
    paid_for = [payment["order_id"] for payment in payments]
    unreachable = sum(order["payment_method"].startswith("pm_down") for order in orders)
    duplicates = repeated([event["seq"] for event in shop])
    duplicates += repeated([event["seq"] for event in service])
    duplicates += sum(repeated(what) for what in (paid_for, settled, decided))
    lost = missing(shop, int(shop_events)) + missing(service, int(payment_events))
    lost += sum(len(ids - set(what)) for what in (paid_for, settled, decided))
    lost += abs(unreachable - len(dead))

    print()
    for what, count in (("orders", len(orders)), ("payments", len(payments)),
                        ("events of the shop, at the broker", len(shop)),
                        ("events of the payment service, at the broker", len(service)),
                        ("dead letters (and payments that failed by them)", len(dead)),
                        ("orders without their final state", astray),
                        ("duplicates", duplicates), ("lost", lost)):
        print(f"  {what:<50} {count}")
    return 1 if astray or duplicates or lost or not orders else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
