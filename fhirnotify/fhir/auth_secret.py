"""OAuth 2 client credentials (RFC 6749 §4.4), with a client secret."""

import base64
from urllib.parse import quote_plus

from fhirnotify.fhir.auth_answer import TokenRefusedError
from fhirnotify.fhir.auth_server import Application, AuthorizationServer
from fhirnotify.fhir.auth_token import Token

_WANTS_THE_OTHER_WAY = frozenset({"invalid_client", "invalid_request"})


class ClientSecret:
    """An issuer that is shown a client id and secret.

    They are shown by HTTP Basic, each encoded as a form does it (RFC 6749 §2.3.1), which every server must take. Some
    take them in the form only, or do not decode them: to one that answers ``invalid_client`` or ``invalid_request``
    they are shown in the form, once. What was taken is kept to.
    """

    def __init__(
        self, server: AuthorizationServer, endpoint: str, client_id: str, secret: str, scope: str | None
    ) -> None:
        self.endpoint = endpoint
        self._server = server
        self._scope = scope
        grant = {"grant_type": "client_credentials"} | ({"scope": scope} if scope else {})
        self._ways: tuple[Application, ...] = (
            Application(grant, {"Authorization": f"Basic {_basic(client_id, secret)}"}),
            Application({**grant, "client_id": client_id, "client_secret": secret}),
        )

    def token(self) -> Token:
        """Fetch a token.

        Raises:
            FhirError: it cannot be had.
        """
        first, *others = self._ways
        try:
            return self._fetched(first)
        except TokenRefusedError as refused:
            if not others or refused.code not in _WANTS_THE_OTHER_WAY:
                raise
        return self._fetched(others[0])

    def _fetched(self, way: Application) -> Token:
        token = self._server.token(self.endpoint, lambda: way, self._scope)
        self._ways = (way,)
        return token


def _basic(client_id: str, secret: str) -> str:
    return base64.b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()
