"""How requests to the FHIR endpoint are signed: any ``httpx.Auth`` will do; these are the two that need no traffic."""

from collections.abc import Generator

import httpx

from fhirnotify.errors import SettingsError

_CHECK = "Check [fhir.auth], and the file that the secret is read from."


class Bearer(httpx.Auth):
    """A token that somebody else has fetched (RFC 6750)."""

    def __init__(self, token: str) -> None:
        # A character that cannot stand in a header would come back, token and all, in the HTTP library's error.
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise SettingsError("The bearer token is empty or holds a character that no token has.", _CHECK)
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token to the request."""
        request.headers["Authorization"] = self._header
        yield request


def basic(username: str, password: str) -> httpx.Auth:
    """Sign with a user name and password (RFC 7617), in UTF-8.

    Raises:
        SettingsError: the user name is empty or holds a colon, which would move the rest of it into the password.
    """
    if not username or ":" in username:
        raise SettingsError("The user name for basic authentication is empty or holds a colon.", _CHECK)
    return httpx.BasicAuth(username, password)


def bearer(token: str) -> httpx.Auth:
    """Sign with a bearer token.

    Raises:
        SettingsError: the token is empty or holds a character that cannot stand in a header.
    """
    return Bearer(token)
