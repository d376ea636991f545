"""Who changes the ledger: by which account, on which machine, in which process; and what was deleted from it."""

import os
import pwd
import socket
from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from fhirnotify.ledger import tables
from fhirnotify.ledger.records import insert


def account() -> str:
    """Name the account of the operating system, as the kernel knows it; who stands behind it, where sudo tells.

    Not by the environment, which anybody may set; ``SUDO_USER`` is believed of a process of root alone.
    """
    user = os.geteuid()
    try:
        name = pwd.getpwuid(user).pw_name
    except KeyError:  # as in a container that has no such account
        name = str(user)
    behind = os.environ.get("SUDO_USER") if user == 0 else None
    return f"{name} ({behind})" if behind and behind != name else name


def act(connection: Connection, run: str, at: datetime) -> None:
    """Record whose process it is that acts under the id of a run, unless that is recorded already."""
    values = {"run": run, "since": at, "account": account(), "host": socket.gethostname(), "pid": os.getpid()}
    connection.execute(insert(connection, tables.actor).on_conflict_do_nothing(index_elements=["run"]), values)


def deed(connection: Connection, run: str, at: datetime, what: str, detail: dict[str, Any]) -> None:
    """Record what this process did to the ledger as a whole."""
    act(connection, run, at)
    connection.execute(tables.deed.insert(), {"at": at, "run": run, "what": what, "detail": detail})


def deed_so_far(connection: Connection, run: str, at: datetime, what: str, more: Counter[str]) -> None:
    """Record what this process does to the ledger bit by bit: the first time, and from then on add to that."""
    of = tables.deed.c
    begun = connection.execute(select(of.id, of.detail).where(of.run == run, of.what == what)).one_or_none()
    if begun is None:
        deed(connection, run, at, what, dict(sorted(more.items())))
        return
    detail = dict(sorted((Counter(begun.detail) + more).items()))
    connection.execute(update(tables.deed).where(of.id == begun.id).values(detail=detail))
