"""An SMS centre that speaks SMPP 3.4, for what stands behind Kannel: it takes, refuses, puts off, and reports.

It is a process of its own (this file, run with a port), since smpp34 may crash an interpreter that ends.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import gsm0338  # noqa: F401  # registers the codec

INTERNATIONAL, ALPHANUMERIC = 1, 5
UCS2 = 8
_PART = 0x00
"""The information element of a concatenated message (3GPP TS 23.040 §9.2.3.24.1)."""
_HAS_HEADER, _RECEIPT = 0x40, 0x04  # of esm_class


class Verdict(StrEnum):
    """What the centre does with a part of a message."""

    TAKE = "take"
    UNDELIVERED = "undelivered"
    """Takes it, and reports that it could not be delivered."""
    REFUSE = "ESME_RINVDSTADR"
    THROTTLE = "ESME_RTHROTTLED"

    @property
    def takes(self) -> bool:
        return self in (Verdict.TAKE, Verdict.UNDELIVERED)


@dataclass(frozen=True, slots=True)
class Part:
    """One ``submit_sm``, and what became of it; addresses as they came, with their types.

    ``reference``, ``count`` and ``which`` are of a concatenated message; ``data`` is without their header.
    """

    to: str = field(repr=False)
    to_ton: int
    sender: str
    sender_ton: int
    coding: int
    registered: int
    reference: int
    count: int
    which: int
    data: bytes = field(repr=False)
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Message:
    """A message put together again; ``to`` has a plus sign where its type is international."""

    to: str
    sender: str
    text: str
    parts: int
    coding: int


class SmsCentre:
    """An SMS centre on a port of 127.0.0.1; a context manager that may be entered again after it has been left."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.parts: list[Part] = []
        self._told = threading.Semaphore(0)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, name="sms-centre", daemon=True)
        self._reader.start()
        assert self._told.acquire(timeout=20), "the SMS centre does not start"
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join()
        self._process.stdout.close()

    def rule(self, number: str, *coming: Verdict, then: Verdict = Verdict.TAKE) -> None:
        """Tell what becomes of each of the next parts to a number in E.164, and of all after them."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([number.removeprefix("+"), coming, then]) + "\n")
        self._process.stdin.flush()
        assert self._told.acquire(timeout=20)

    def taken(self) -> list[Part]:
        """Give the parts that the centre took, in order."""
        return [part for part in list(self.parts) if part.verdict.takes]

    def messages(self) -> list[Message]:
        """Give the messages whose parts have all been taken, put together, the first whole one first."""
        return list(_put_together(self.taken()))

    def whole(self) -> bool:
        """Tell whether no message lacks a part."""
        return sum(message.parts for message in self.messages()) == len(self.taken())

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if said == "told":
                self._told.release()
            else:
                fields = {"data": bytes.fromhex(said.pop("data")), "verdict": Verdict(said.pop("verdict"))}
                self.parts.append(Part(**said, **fields))


def _put_together(parts: Iterable[Part]) -> Iterator[Message]:
    waiting: dict[tuple[str, int, int], dict[int, Part]] = defaultdict(dict)
    for part in parts:
        key = (part.to, part.reference, part.count)
        assert part.which not in waiting[key], "a part came twice"
        waiting[key][part.which] = part
        if len(waiting[key]) == part.count:
            whole = waiting.pop(key)
            data = b"".join(whole[which].data for which in sorted(whole))
            text = data.decode("utf-16-be" if part.coding == UCS2 else "gsm03.38")
            to = "+" * (part.to_ton == INTERNATIONAL) + part.to
            yield Message(to, part.sender, text, part.count, part.coding)


class _Centre:
    """The process itself."""

    def __init__(self) -> None:
        self.coming: dict[str, list[str]] = defaultdict(list)
        self.then: dict[str, str] = defaultdict(lambda: Verdict.TAKE)
        self.sessions: dict[int, Any] = {}
        self.taken = 0

    async def serve(self, port: int) -> None:
        import smpp34

        server = smpp34.Server(host="127.0.0.1", port=port, system_id="centre")
        await server.start()
        answering = asyncio.create_task(self._answer(server, smpp34))
        rules = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(rules), sys.stdin)
        _say("told")
        while line := await rules.readline():
            number, self.coming[number], self.then[number] = json.loads(line)
            _say("told")
        answering.cancel()

    async def _answer(self, server: Any, smpp34: Any) -> None:
        while True:
            event = await server.next()
            if isinstance(event, smpp34.Esme):
                self.sessions[event.session_id] = event
            elif isinstance(event, smpp34.SubmitSmEvent):
                number = event.destination_addr
                verdict = Verdict(self.coming[number].pop(0) if self.coming[number] else self.then[number])
                _say(_shown(event) | {"verdict": verdict})
                if verdict.takes:
                    await self._take(event, verdict)
                else:
                    event.reject(getattr(smpp34, verdict))

    async def _take(self, event: Any, verdict: Verdict) -> None:
        self.taken += 1
        identity = f"{self.taken:08x}"
        event.accept(message_id=identity)
        if verdict is Verdict.UNDELIVERED:
            receipt = f"id:{identity} sub:001 dlvrd:000 submit date:3109011000 done date:3109011001 stat:UNDELIV err:001 text:"
            await self.sessions[event.session_id].deliver_sm(
                source_addr=event.destination_addr,
                destination_addr=event.source_addr,
                esm_class=_RECEIPT,
                short_message=receipt.encode(),
            )


def _shown(event: Any) -> dict[str, Any]:
    data, reference, count, which = bytes(event.short_message), 0, 1, 1
    if event.esm_class & _HAS_HEADER:
        header, data = data[: data[0] + 1], data[data[0] + 1 :]
        assert tuple(header[:3]) == (5, _PART, 3), header
        reference, count, which = header[3:]
    return {
        "to": event.destination_addr,
        "to_ton": event.dest_addr_ton,
        "sender": event.source_addr,
        "sender_ton": event.source_addr_ton,
        "coding": event.data_coding,
        "registered": event.registered_delivery,
        "reference": reference,
        "count": count,
        "which": which,
        "data": data.hex(),
    }


def _say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_Centre().serve(int(sys.argv[1])))
    os._exit(0)
