#!/usr/bin/env python3
"""Holds what the daemon committed against what the broker has:
compare.py ORDERS TOPIC LAST_SEQ, the first two with one JSON object per line."""

import json
import sys


def objects_in(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def main(orders_path, topic_path, last_seq):
    orders, events = objects_in(orders_path), objects_in(topic_path)
    seen = {event["seq"] for event in events}
    announced = {event["subject"] for event in events if event["type"] == "order.created"}
    duplicates = len(events) - len(seen)
    lost = len(set(range(1, int(last_seq) + 1)) - seen)
    lost += len({order["order_id"] for order in orders} - announced)
    for what, count in (("orders", len(orders)), ("events committed", int(last_seq)),
                        ("events at the broker", len(seen)), ("duplicates at the broker", duplicates),
                        ("lost", lost)):
        print(f"  {what:<46} {count}")
    return 1 if duplicates or lost else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
