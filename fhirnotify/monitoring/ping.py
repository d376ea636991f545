"""Pings in the form of healthchecks.io, which others understand as well: one when a run begins, one when it has ended.

    ping_url/start    it has begun
    ping_url          it ended with exit code 0
    ping_url/N        it ended with exit code N

(https://healthchecks.io/docs/http_api/.) A run that says nothing within the time that is set there is missed there: so
also one whose machine is gone is heard of. The address is all that is told: no body, no query, no header with data.
"""

import threading

import httpx

from fhirnotify.connecting import surroundings

LONGEST = 5.0
"""How many seconds a ping may keep a run waiting, looking its name up and everything."""


def ping(address: str, longest: float = LONGEST) -> str | None:
    """Ask for an address; give None if it answered well, else a word for what went wrong. Raises nothing."""
    said: list[str | None] = []
    thread = threading.Thread(target=lambda: said.append(_asked(address, longest)), daemon=True)
    thread.start()
    thread.join(longest)  # the client's limits are of each step: one that drips would hold a run up for ever
    return said[0] if said else "no-answer-in-time"


def start(url: str, longest: float = LONGEST) -> str | None:
    """Tell that a run has begun."""
    return ping(f"{url}/start", longest)


def end(url: str, exit_code: int, longest: float = LONGEST) -> str | None:
    """Tell how a run has ended."""
    return ping(f"{url}/{exit_code}" if exit_code else url, longest)


def _asked(address: str, longest: float) -> str | None:
    try:
        with surroundings():
            client = httpx.Client(timeout=longest, follow_redirects=False, headers={"user-agent": "fhirnotify"})
        with client, client.stream("GET", address) as answer:  # what it has to say is not read
            return None if answer.is_success else f"status-{answer.status_code}"
    except Exception as error:  # noqa: BLE001  # whatever it is, the run goes on; its text could hold the address
        return type(error).__name__
