"""A real Kannel for tests: bearerbox and smsbox in a directory of their own, on free ports of 127.0.0.1."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from smpp_centre import Message, SmsCentre

from fhirnotify.sms import kannel as adapter
from fhirnotify.sms.gateway import Outcome, Sms

INSTALL = "apt-get install -y --no-install-recommends kannel kannel-extras && python -m pip install smpp34"
FAKE_CENTRE = Path("/usr/lib/kannel/test/fakesmsc")
USERNAME, PASSWORD = "fhirnotify", "a password: with +&%="
ADMIN = "admin-password"
WAIT = 20.0

_PROGRAMS = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])

CORE = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {secret}
smsbox-port = {boxes}
smsbox-interface = 127.0.0.1
box-deny-ip = "*.*.*.*"
box-allow-ip = "127.0.0.1"
log-file = "{directory}/bearerbox.log"
log-level = {log_level}
access-log = "{directory}/access.log"
access-log-clean = true
access-log-format = "%t %l [SMSC:%i] [ACT:%A]"
store-type = spool
store-location = "{directory}/spool"
dlr-storage = internal
sms-resend-freq = 1
{core}
"""

SMPP = """
group = smsc
smsc = smpp
smsc-id = CENTRE
host = 127.0.0.1
port = {centre}
transceiver-mode = true
smsc-username = kannel
smsc-password = pw
system-type = ""
source-addr-autodetect = true
reconnect-delay = 1
wait-ack-expire = 0x02
{smsc}
"""

FAKE = """
group = smsc
smsc = fake
smsc-id = CENTRE
our-host = 127.0.0.1
port = {centre}
connect-allow-ip = "127.0.0.1"
{smsc}
"""

SMSBOX = """
group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {boxes}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = "{directory}/smsbox.log"
log-level = {log_level}
sendsms-chars = "{signs}"
{smsbox}

group = sendsms-user
username = {username}
password = "{password}"
concatenation = true
user-deny-ip = "*.*.*.*"
user-allow-ip = "127.0.0.1"
max-messages = {longest}
{user}
"""


def need_kannel() -> None:
    """Skip the test without Kannel and an SMPP library, or fail it where nothing may be skipped."""
    try:
        import smpp34  # noqa: F401

        found = all(shutil.which(each, path=_PROGRAMS) for each in ("bearerbox", "smsbox")) and FAKE_CENTRE.exists()
    except ImportError:
        found = False
    if found:
        return
    what = f"needs Kannel and smpp34; install: {INSTALL}"
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def program(name: str) -> str:
    """Give where a program of Kannel is."""
    found = shutil.which(name, path=_PROGRAMS)
    assert found, name
    return found


def free_port() -> int:
    """Give a port of 127.0.0.1 that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def until(holds: Callable[[], object], what: str, seconds: float = WAIT) -> None:
    """Wait until something holds, and fail if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"never: {what}")
        time.sleep(0.01)


class Kannel:
    """bearerbox and smsbox; a context manager, set as the README has it.

    ``core``, ``smsc``, ``smsbox`` and ``user`` are lines for these groups, ``signs`` what a number may hold, ``longest``
    the parts that a message may have.

    ``centre`` is the port of the SMS centre: by SMPP, or Kannel's own fake one (``fake``). Kannel's logs tell
    everything with ``log_level=0``, and, as a region should have it, errors alone with 3.
    """

    def __init__(self, directory: Path, centre: int, *, fake: bool = False, log_level: int = 3, **lines: str) -> None:
        self.directory = directory
        self._centre, self._fake, self._log_level, self._lines = centre, fake, log_level, lines
        self.bearerbox: subprocess.Popen[bytes] | None = None
        self.smsbox: subprocess.Popen[bytes] | None = None
        (directory / "spool").mkdir(parents=True)
        self._ports: dict[str, int] = {}

    @property
    def base_url(self) -> str:
        """Where smsbox answers."""
        return f"http://127.0.0.1:{self._ports['sendsms']}"

    @property
    def account(self) -> dict[str, str]:
        """The section ``[sms.kannel]``."""
        return {"base_url": self.base_url, "username": USERNAME, "password": PASSWORD}

    def start(self) -> None:
        """Start both; a port that somebody took meanwhile is given up for another."""
        for _ in range(3):
            if self._start():
                return
            self.kill()
        pytest.fail("Kannel does not start: " + (self.directory / "console").read_text("utf-8", "replace")[-2000:])

    def _start(self) -> bool:
        self._ports = self._ports or {name: free_port() for name in ("admin", "boxes", "sendsms")}
        self._configure()
        self.bearerbox = self._box("bearerbox")
        if not self._answers(self.bearerbox, "boxes"):
            self._ports = {}
            return False
        self.smsbox = self._box("smsbox")
        if not self._answers(self.smsbox, "sendsms"):
            self._ports = {}
            return False
        return True

    def _configure(self) -> None:
        values = {"directory": self.directory, "secret": ADMIN, "username": USERNAME, "password": PASSWORD}
        values |= {"core": "", "smsc": "", "smsbox": "", "user": "", "longest": 6, "signs": "0123456789+"}
        values |= {"centre": self._centre, "log_level": self._log_level, **self._ports, **self._lines}
        text = CORE + (FAKE if self._fake else SMPP) + SMSBOX
        (self.directory / "kannel.conf").write_text(text.format(**values), "utf-8")

    def _box(self, name: str) -> "subprocess.Popen[bytes]":
        with (self.directory / "console").open("ab") as console:
            return subprocess.Popen(
                [program(name), "-v", "4", str(self.directory / "kannel.conf")],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                cwd=self.directory,
            )

    def _answers(self, box: "subprocess.Popen[bytes]", port: str) -> bool:
        deadline = time.monotonic() + WAIT
        while box.poll() is None and time.monotonic() < deadline:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self._ports[port])) == 0:
                    return True
            time.sleep(0.01)
        return False

    def admin(self, command: str, **arguments: str) -> str:
        """Give Kannel a command; give its answer."""
        query = urlencode({"password": ADMIN, **arguments})
        with urlopen(f"http://127.0.0.1:{self._ports['admin']}/{command}?{query}", timeout=10) as answer:
            said: bytes = answer.read()
            return said.decode("utf-8", "replace")

    @property
    def online(self) -> bool:
        """Tell whether the SMS centre is connected, and smsbox as well."""
        try:
            said = self.admin("status.txt")
        except URLError:
            return False
        return "(online" in said and "smsbox:" in said

    def wait_online(self) -> None:
        """Wait until messages go through."""
        until(lambda: self.online, "Kannel is online")

    def kill(self) -> None:
        """End both as a machine does that loses power: what is on disk stays, and ports can be taken again at once.

        Asked to end, bearerbox 1.4.5 now and then waits for itself.
        """
        for box in (self.smsbox, self.bearerbox):
            if box is not None:
                box.kill()
                box.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@dataclass
class Chain:
    """A Kannel, and the SMS centre behind it; ``stack`` ends what is begun."""

    kannel: Kannel
    centre: SmsCentre
    stack: ExitStack

    def gateway(self, seconds: float = 10, **changes: str) -> adapter.Kannel:
        """Make the adapter."""
        made = adapter.Kannel(**(self.kannel.account | changes), timeout=timedelta(seconds=seconds))
        return self.stack.enter_context(closing(made))

    def send(self, *messages: Sms) -> list[Outcome]:
        """Send messages through one adapter."""
        gateway = self.gateway()
        return [gateway.send(each) for each in messages]

    def arrived(self, count: int) -> list[Message]:
        """Wait until so many messages are whole at the centre; give all that are there."""
        until(lambda: len(self.centre.messages()) >= count, f"{count} messages at the SMS centre")
        return self.centre.messages()
