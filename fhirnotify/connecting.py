"""What HTTP clients take from their surroundings: proxies and certificate files, by environment variables."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from fhirnotify.errors import SettingsError


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
