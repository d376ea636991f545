"""How the program makes itself known: from ``[fhir.auth]`` and ``[fhir.tls]`` to what signs and secures requests.

A part of the composition root.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from fhirnotify.errors import SettingsError
from fhirnotify.settings import Settings

if TYPE_CHECKING:
    import ssl

    import httpx

    from fhirnotify.fhir.auth_secret import ClientSecret
    from fhirnotify.fhir.auth_smart import SmartBackend

Sleep = Callable[[float], None]


def authentication(
    settings: Settings,
    verify: "ssl.SSLContext | bool",
    sleep: Sleep = time.sleep,
    *,
    to_write: bool = False,
    at_most: timedelta | None = None,
) -> "httpx.Auth | None":
    """Give what signs each request to the FHIR endpoint; nothing is connected yet.

    Args:
        settings: with ``[fhir.auth]``.
        verify: as ``verification`` gives it.
        sleep: waits the given seconds between attempts to fetch a token.
        to_write: a token is asked for with every scope of the settings, else without those that are for writing.
        at_most: how long an authorization server is waited for, and then not asked again; None: as the settings say.

    Raises:
        SettingsError: the credentials cannot be used.
    """
    from fhirnotify.fhir import auth  # noqa: PLC0415

    chosen = settings.fhir.auth
    if chosen.username is not None and chosen.password is not None:
        return auth.basic(chosen.username, chosen.password.get_secret_value())
    if chosen.token is not None:
        return auth.bearer(chosen.token.get_secret_value())
    if (issuer := _issuer(settings, verify, sleep, to_write=to_write, at_most=at_most)) is None:
        return None
    from fhirnotify.fhir.auth_token import TokenAuth, Tokens  # noqa: PLC0415

    return TokenAuth(Tokens(issuer))


def token_state(settings: Settings, *, to_write: bool = False) -> str | None:
    """Fetch a token, and say in one line from where and for how long; None where none is fetched.

    ``to_write``: as it is fetched for writing, with every scope.

    Raises:
        SettingsError: the credentials or the certificates cannot be used.
        FhirError: no token can be had.
    """
    if settings.fhir.directory is not None:
        return None
    issuer = _issuer(settings, verification(settings), time.sleep, to_write=to_write)
    if issuer is None:
        return None
    from fhirnotify.fhir.auth_token import UNSTATED  # noqa: PLC0415

    lifetime = issuer.token().lifetime
    lasts = (
        f"that lasts {lifetime.total_seconds():g} s"
        if lifetime is not None
        else f"without saying how long it lasts: it is used for {UNSTATED.total_seconds():g} s"
    )
    return f"{issuer.endpoint.partition('?')[0]} gave an access token {lasts}"


def verification(settings: Settings) -> "ssl.SSLContext | bool":
    """Give what a server's certificate is held against: the system's authorities, or those of ``[fhir.tls]``.

    Raises:
        SettingsError: a file is missing or is no certificate or key.
    """
    import ssl  # noqa: PLC0415

    tls = settings.fhir.tls
    if tls.ca_file is None and tls.client_cert is None:
        return True
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.client_cert is not None:
            context.load_cert_chain(tls.client_cert, tls.client_key, password=_no_password)
    except OSError as error:  # an ssl.SSLError is one
        raise SettingsError(
            f"The certificates of [fhir.tls] cannot be used: {error.strerror or type(error).__name__}.",
            "Check that ca_file, client_cert and client_key name PEM files, and that the key is without a password.",
        ) from None
    return context


def _issuer(
    settings: Settings,
    verify: "ssl.SSLContext | bool",
    sleep: Sleep,
    *,
    to_write: bool = False,
    at_most: timedelta | None = None,
) -> "ClientSecret | SmartBackend | None":
    chosen = settings.fhir.auth
    if chosen.client_id is None:
        return None
    from fhirnotify.fhir.auth_scope import to_read  # noqa: PLC0415
    from fhirnotify.fhir.auth_server import AuthorizationServer  # noqa: PLC0415

    scope = chosen.scope if chosen.scope is None or to_write else to_read(chosen.scope)
    timeout, attempts = settings.fhir.timeout, settings.fhir.attempts
    if at_most is not None:
        timeout, attempts = min(timeout, at_most), 1
    server = AuthorizationServer(timeout=timeout, attempts=attempts, verify=verify, sleep=sleep)
    if chosen.client_secret is not None:
        from fhirnotify.fhir.auth_secret import ClientSecret  # noqa: PLC0415

        assert chosen.token_url is not None  # the settings see to it, here and below
        secret = chosen.client_secret.get_secret_value()
        return ClientSecret(server, chosen.token_url, chosen.client_id, secret, scope)
    from fhirnotify.fhir.auth_key import read_key  # noqa: PLC0415
    from fhirnotify.fhir.auth_smart import SmartBackend  # noqa: PLC0415

    assert chosen.private_key_file is not None
    assert scope is not None
    return SmartBackend(
        server,
        read_key(chosen.private_key_file, chosen.key_id, chosen.algorithm),
        base_url=settings.fhir.base_url,
        client_id=chosen.client_id,
        scope=scope,
        endpoint=chosen.token_url,
    )


def _no_password() -> str:
    """Stand in for a person who is asked for the key's password: a job has none, and would wait for ever."""
    return ""
