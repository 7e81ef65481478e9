#!/usr/bin/python3
"""Five thousand people at a box office, all at once: buyers.py SOCKET BUYERS SEATS TOLD

Every line on standard input is how many of the seats 1 to SEATS are on sale by then. Buyers rush to
what is on sale, each pays with the points of a wallet of their own, one in twenty cancels instead.
When there is nothing left to buy, the file TOLD gets one JSON object a buyer: what the buyer was
told, and what is in the wallet.

An answer that is lost, because the daemon was killed, is asked for again with the same ids. Needs
Debian's python3-msgpack.
"""

import asyncio
import collections
import itertools
import json
import random
import sys

import msgpack

LINES = 10  # connections; the daemon takes 1,024 requests at a time on each
POINTS = 100
CANCELS_EVERY = 20
RUSH = 20  # buyers who start for a seat when it appears on the board


class Refused(Exception):
    """The daemon's answer is an error: {code, message, retry, ...}."""

    def __init__(self, error):
        super().__init__(f"{error['code']}: {error['message']}")
        self.code = error["code"]


class Line:
    """MessagePack-RPC over one connection, many calls at a time. Connects again whenever it has to."""

    def __init__(self, path):
        self._path = path
        self._ids = itertools.count(1)
        self._waiting = {}
        self._writer = None
        self._connecting = asyncio.Lock()
        self._reading = None

    async def call(self, method, **arguments):
        """The daemon's word, however often it has to be asked for."""
        while True:
            try:
                return await self._ask(method, arguments)
            except OSError:  # it is not there, or has gone away
                await asyncio.sleep(0.05)

    async def _ask(self, method, arguments):
        async with self._connecting:
            if self._writer is None:
                reader, self._writer = await asyncio.open_unix_connection(self._path)
                self._reading = asyncio.create_task(self._read(reader))
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        self._writer.write(msgpack.packb([0, number, method, [arguments]]))
        _, _, error, result = await answer
        if error is not None:
            raise Refused(error)
        return result

    async def _read(self, reader):
        unpacker = msgpack.Unpacker()
        try:
            while received := await reader.read(65536):
                unpacker.feed(received)
                for message in unpacker:
                    self._waiting.pop(message[1]).set_result(message)
        except ConnectionError:
            pass
        self._writer.close()
        self._writer = None
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            answer.set_exception(ConnectionError("the daemon has ended"))


class Board:
    """The seats that nobody is known to have, for everybody in the hall to see. While there are any,
    somebody is on the way to one."""

    def __init__(self, seats):
        self._unsold = seats  # of all seats
        self._free = []
        self._idle = collections.deque()  # futures of buyers who wait for news

    def put_on_sale(self, seats):
        self._free.extend(seats)
        self._wake(RUSH * len(seats))

    async def any(self):
        """A free seat for a buyer to rush to; nothing when all are sold."""
        while self._unsold and not self._free:
            self._idle.append(asyncio.get_running_loop().create_future())
            await self._idle[-1]
        return random.choice(self._free) if self._unsold else None

    def take(self, seat):
        """Somebody has it, for now, and does not look at the board any more."""
        if seat in self._free:
            self._free.remove(seat)
        if self._free:
            self._wake(1)

    def sell(self):
        self._unsold -= 1
        if not self._unsold:
            self._wake(len(self._idle))

    def _wake(self, count):
        for _ in range(min(count, len(self._idle))):
            self._idle.popleft().set_result(None)


class Buyer:
    def __init__(self, number, line, board):
        self._user = f"buyer-{number}"
        self._cancels = number % CANCELS_EVERY == 0
        self._line = line
        self._board = board
        self._paid = []

    async def arrive(self):
        await self._line.call("wallet.deposit", deposit_id=f"{self._user}-points", user_id=self._user,
                              points=POINTS)

    async def buy(self):
        for attempt in itertools.count(1):
            seat = await self._board.any()
            if seat is None:
                return
            reservation = f"{self._user}-{attempt}"
            if await self._hold(reservation, seat):
                break
        self._board.take(seat)
        if self._cancels:
            # On the board first: whoever gets it after the cancellation takes it off again.
            self._board.put_on_sale([seat])
            await self._line.call("reservation.cancel", reservation_id=reservation,
                                  reason="changed my mind")
        else:
            await self._pay(reservation)
            self._board.sell()

    async def _hold(self, reservation, seat):
        """Whether this buyer has got the seat."""
        try:
            await self._line.call("reservation.hold", reservation_id=reservation, user_id=self._user,
                                  item_id=f"seat-{seat}", price_points=10 + seat % 50)
        except Refused as refusal:
            if refusal.code != "invalid_state":
                raise
            return False
        return True

    async def _pay(self, reservation):
        while not self._paid:
            token = (await self._line.call("token.issue", user_id=self._user))["token"]
            try:
                await self._line.call("reservation.pay", reservation_id=reservation,
                                      user_id=self._user, token=token)
                self._paid.append(reservation)
            except Refused as refusal:
                if refusal.code != "token_invalid":
                    raise  # else a restart forgot the token, and sold nothing

    async def told(self):
        wallet = await self._line.call("wallet.get", user_id=self._user)
        return {"user_id": self._user, "deposited": POINTS, "points": wallet["points"],
                "paid": self._paid}


async def open_sales(board):
    """Puts seats on sale as standard input says."""
    loop, on_sale = asyncio.get_running_loop(), 0
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        board.put_on_sale(range(on_sale + 1, int(line) + 1))
        on_sale = int(line)


async def main(path, buyers, seats, told):
    board = Board(int(seats))
    lines = [Line(path) for _ in range(LINES)]
    crowd = [Buyer(number, lines[number % LINES], board) for number in range(1, int(buyers) + 1)]
    await asyncio.gather(*(buyer.arrive() for buyer in crowd))
    await asyncio.gather(open_sales(board), *(buyer.buy() for buyer in crowd))
    with open(told, "w", encoding="utf-8") as file:
        for words in await asyncio.gather(*(buyer.told() for buyer in crowd)):
            print(json.dumps(words), file=file)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
