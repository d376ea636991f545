"""A real PostgreSQL server for tests, with a cluster of its own, and what happens to servers."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import quote
from uuid import uuid4

import pytest

INSTALL = "apt-get install -y --no-install-recommends postgresql"


def need_postgres() -> Path:
    """Give the server's programs; skip the test without them, or fail it where nothing may be skipped."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda program: int(program.parts[4]))
    try:
        import psycopg  # noqa: F401
    except ImportError:
        found = []
    if found:
        return found[-1].parent
    what = f"needs PostgreSQL and psycopg; install: {INSTALL} && python -m pip install 'psycopg[binary]'"
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


class Cluster:
    """A cluster on a free port of 127.0.0.1 and a socket in its own directory; nothing of it outlives ``close``.

    Commits are as durable as in earnest against a crash of the server, which is what tests do to it: only the machine's
    own crash would lose them (``-F``).
    """

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.directory = tempfile.mkdtemp(prefix="fhirnotify-pg-")
        self._as: list[str] = []
        if os.geteuid() == 0:  # initdb and postgres refuse root
            shutil.chown(self.directory, "postgres")
            self._as = ["runuser", "-u", "postgres", "--"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._run("initdb", "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.control("start")

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as, str(self._programs / program), "-D", f"{self.directory}/data", *arguments]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        subprocess.run(command, cwd=self.directory, check=True, **quiet)

    def control(self, verb: str, mode: str = "fast") -> None:
        """Start, stop or restart the server; ``immediate`` is how it is after a crash."""
        how = [] if verb == "start" else ["-m", mode]
        started = f"-h 127.0.0.1 -p {self.port} -k {self.directory} -F -c full_page_writes=off"
        options = [] if verb == "stop" else ["-l", f"{self.directory}/log", "-o", started]
        self._run("pg_ctl", "-w", "-t", "30", *how, *options, verb)

    def close(self) -> None:
        """Stop the server and take everything away."""
        self.control("stop", "immediate")
        shutil.rmtree(self.directory)

    def url(self, database: str, **parameters: str) -> str:
        """Give the URL of a database, as in the settings."""
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in parameters.items())
        return f"postgresql://test@127.0.0.1:{self.port}/{database}" + (f"?{query}" if query else "")

    def execute(self, statement: str, *values: object, database: str = "postgres") -> list[tuple]:
        """Run one statement by itself; give the rows that it gives."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[str]:
        """Make a database; it is gone afterwards, whoever still uses it."""
        name = f"t{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


SET_CLOCK = """
CREATE SCHEMA clock;
CREATE SCHEMA clock_facts;
CREATE TABLE clock_facts.now (at timestamptz NOT NULL);
INSERT INTO clock_facts.now VALUES (now());
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT at FROM clock_facts.now';
"""
"""A clock that the test sets, in place of the server's."""

CLOCK_FIRST = "-csearch_path=public,clock,pg_catalog"
"""The option of a connection by which ``clock_timestamp()`` is the test's."""


def set_clock(cluster: Cluster, database: str) -> Callable[[datetime], None]:
    """Give what sets the clock of a database that was made with ``SET_CLOCK``."""

    def set_to(moment: datetime) -> None:
        cluster.execute("UPDATE clock_facts.now SET at = %s", moment, database=database)

    return set_to


class Cutter:
    """A server in between that cuts the connection at a chosen COMMIT: before the server has it, or before its answer.

    A context manager. ``cut_next`` is None, "before" or "after"; it lets ``let_pass`` commits pass first; ``cuts`` counts.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.cut_next: str | None = None
        self.let_pass = 0
        self.cuts = 0
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listening, *self._open):
            _end(each)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._to))
            self._open += [client, server]
            for work in (self._forward, self._back):
                self._threads.append(threading.Thread(target=work, args=(client, server)))
                self._threads[-1].start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(client):
            if self.cut_next and b"COMMIT\0" in data and not self._lets_pass():
                how, self.cut_next = self.cut_next, None
                self.cuts += 1
                if how == "after":
                    _end(client, only=socket.SHUT_WR)  # the client hears nothing any more
                    server.sendall(data)
                break
            server.sendall(data)
        _end(server, only=socket.SHUT_WR)
        _end(client)

    def _lets_pass(self) -> bool:
        self.let_pass -= 1
        return self.let_pass >= 0

    def _back(self, client: socket.socket, server: socket.socket) -> None:
        while data := _received(server):
            try:
                client.sendall(data)
            except OSError:
                break
        _end(client)
        _end(server)


def _received(end: socket.socket) -> bytes:
    try:
        return end.recv(1 << 16)
    except OSError:
        return b""


def _end(end: socket.socket, only: int = socket.SHUT_RDWR) -> None:
    with suppress(OSError):
        end.shutdown(only)
    if only == socket.SHUT_RDWR:
        end.close()
