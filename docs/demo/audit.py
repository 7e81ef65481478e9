#!/usr/bin/env python3
"""Holds what buyers, box office and payment service say against each other, prints it as a table,
and ends with 1 when a seat, a point or a payment is missing or twice:

  audit.py DIRECTORY SEATS PENDING

DIRECTORY holds one JSON object a line in told.json (what the buyers were told), reservations.json
and payments.json (what the daemons say); PENDING is how many events the box office still holds."""

import json
import pathlib
import sys


def objects_in(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def repeated(values):
    return len(values) - len(set(values))


def main(directory, seats, pending):
    at = pathlib.Path(directory)
    buyers, reservations, payments = (objects_in(at / f"{name}.json")
                                      for name in ("told", "reservations", "payments"))
    paid = {one["reservation_id"]: one for one in reservations if one["status"] == "PAID"}
    told = {reservation for buyer in buyers for reservation in buyer["paid"]}
    booked = [(payment["reservation_id"], payment["points"]) for payment in payments
              if payment["status"] == "COMPLETED"]
    due = {(name, one["price_points"]) for name, one in paid.items()}
    spent = sum(one["price_points"] for one in paid.values())
    deposited = sum(buyer["deposited"] for buyer in buyers)
    left = sum(buyer["points"] for buyer in buyers)

    wrong = {"seats sold twice": repeated([one["item_id"] for one in paid.values()]),
             "seats not sold": int(seats) - len({one["item_id"] for one in paid.values()}),
             "sales that a buyer and the box office see differently": len(told ^ set(paid)),
             "points lost or made": abs(deposited - left - spent),
             "sales without their payment, and payments without a sale": len(set(booked) ^ due),
             "payments made twice": repeated([reservation for reservation, _ in booked]),
             "payments that failed": len(payments) - len(booked),
             "events left in the outbox": int(pending)}
    rows = {"buyers": len(buyers), "reservations": len(reservations), "seats sold": len(paid),
            "points deposited": deposited, "points left in wallets": left, "points spent": spent,
            "payments booked": len(booked), **wrong}
    for what, count in rows.items():
        print(f"  {what:<58} {count}")
    return 1 if any(wrong.values()) or not buyers else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
