"""What our HTTP clients have in common: what they take from their surroundings, and how long they are told to wait."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from fhirnotify.errors import SettingsError

_LONGEST_WAIT = timedelta(days=1)


@contextmanager
def surroundings() -> Iterator[None]:
    """Turn what is wrong with them, as a client is made, into an error for a person. Nothing of it is repeated.

    Raises:
        SettingsError: a proxy or a certificate file that the environment names cannot be used.
    """
    try:
        yield
    except (OSError, ImportError, ValueError, httpx.InvalidURL):
        message = "A proxy or a certificate file that the environment names cannot be used."
    else:
        return
    raise SettingsError(
        message, "See HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR; proxies over http."
    )


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Read Retry-After (RFC 9110 §10.2.3): seconds, or an HTTP date. Nonsense and what has passed say nothing.

    Nobody waits longer than a day.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdecimal():
        wait = timedelta(seconds=int(text)) if len(text) < 9 else _LONGEST_WAIT  # noqa: PLR2004  # three years
        return min(wait, _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:  # RFC 5322 "-0000"; an HTTP date is always in GMT
        moment = moment.replace(tzinfo=UTC)
    return min(moment - now, _LONGEST_WAIT) if moment > now else None
