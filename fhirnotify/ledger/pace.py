"""The pace that all runs on one ledger keep together: moments to speak to a provider, each given to one of them."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from fhirnotify.ledger import tables
from fhirnotify.ledger.records import insert

_pace = tables.pace
_FREE_FROM = select(_pace.c.free_from).with_for_update()


def reserve(connection: Connection, now: datetime, account: str, rate: float, count: int) -> timedelta:
    """Reserve the next ``count`` moments of an account, 1/``rate`` seconds apart; give the wait until the first.

    What nobody reserved while there was nothing to send is gone: nothing gathers.
    """
    first_ever = insert(connection, _pace).values(account=account, free_from=now)
    connection.execute(first_ever.on_conflict_do_nothing(index_elements=["account"]))
    free_from: datetime = connection.execute(_FREE_FROM.where(_pace.c.account == account)).scalar_one()
    first = max(now, free_from)
    used = {"free_from": first + timedelta(seconds=count / rate)}
    connection.execute(_pace.update().where(_pace.c.account == account).values(used))
    return first - now
