"""Asks providers what became of messages, several at once."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue

from fhirnotify.errors import AccountFault
from fhirnotify.sms.gateway import Delivery, Gateway, NotNow

Learnt = Delivery | AccountFault

_Question = tuple[Gateway, str, str, float]


class Inquiries:
    """Worker threads that ask. All methods are for the one thread that owns it.

    The threads are daemons, and are not waited for: an answer that nobody hears is asked for again another time.

    Args:
        parallel: how many there are at most; one is started when it is needed.
        stop: ends all waiting before a request.
    """

    def __init__(self, parallel: int, stop: threading.Event) -> None:
        self._parallel = parallel
        self._stop = stop
        self._threads: list[threading.Thread] = []
        self._questions: SimpleQueue[_Question | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[str, Learnt]] = SimpleQueue()
        self._in_flight = 0

    @property
    def room(self) -> int:
        """How many more may be asked at once."""
        return self._parallel - self._in_flight

    def ask(self, gateway: Gateway, reminder: str, message_id: str, pause: float) -> None:
        """Ask after so many seconds what became of a message; its answer comes under the id of the reminder."""
        self._in_flight += 1
        if len(self._threads) < self._in_flight:
            thread = threading.Thread(target=self._work, name=f"inquiry-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._questions.put((gateway, reminder, message_id, pause))

    def answers(self, timeout: float) -> list[tuple[str, Learnt]]:
        """Give what has been answered, waiting up to ``timeout`` seconds for the first if anything was asked."""
        return list(self._heard(timeout)) if self._in_flight else []

    def _heard(self, timeout: float) -> Iterator[tuple[str, Learnt]]:
        with suppress(Empty):
            answer = self._answers.get(timeout=timeout)
            while True:
                self._in_flight -= 1
                yield answer
                answer = self._answers.get_nowait()

    def close(self) -> None:
        """Let the threads end."""
        for _ in self._threads:
            self._questions.put(None)

    def _work(self) -> None:
        while (question := self._questions.get()) is not None:
            gateway, reminder, message_id, pause = question
            if pause:
                self._stop.wait(pause)
            self._answers.put((reminder, NotNow("stopped") if self._stop.is_set() else _asked(gateway, message_id)))


def _asked(gateway: Gateway, message_id: str) -> Learnt:
    try:
        return gateway.status(message_id)
    except AccountFault as fault:
        return fault
    except Exception as bug:  # noqa: BLE001  # one message's bug ends neither the run nor the others
        return NotNow(f"bug:{type(bug).__name__}")
