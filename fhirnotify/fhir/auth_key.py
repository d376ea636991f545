"""The private key by which the program proves who it is, and what it signs with it (RFC 7515)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from fhirnotify.errors import SettingsError

_KINDS: dict[str, type[RSAKey] | type[ECKey]] = {"RSA": RSAKey, "EC": ECKey}
_LEAST_BITS = 2048
_LONGEST_FILE = 2**16
_FORMS = "It must hold one private key, RSA or P-384, as PEM (PKCS #8, PKCS #1, SEC 1) or as a JWK."


class SigningKey:
    """A private key that signs by one algorithm; its ``repr`` shows nothing of it."""

    def __init__(self, key: RSAKey | ECKey, algorithm: str, key_id: str) -> None:
        self._key = key
        self._header = {"alg": algorithm, "kid": key_id}
        self.algorithm = algorithm

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Make a JWT of these claims."""
        return jwt.encode(dict(self._header), dict(claims), self._key, algorithms=[self.algorithm])


def read_key(file: Path, key_id: str | None = None, algorithm: str | None = None) -> SigningKey:
    """Read the private key.

    Args:
        file: PEM without a password, or a JWK.
        key_id: as the authorization server knows the key; None for the one in the JWK.
        algorithm: RS384 or ES384; None for the one of the two that the key can do.

    Raises:
        SettingsError: the file is no such key, or the key cannot do the algorithm; nothing of it is repeated.
    """
    data = _contents(file)
    key, key_id_within = _from_jwk(file, data) if data.lstrip()[:1] == b"{" else (_from_pem(file, data), None)
    known_as = key_id or key_id_within
    if known_as is None:
        raise SettingsError(
            "fhir.auth.key_id is missing, and the key has none of its own.",
            "Set it to the kid under which the public key is registered with the authorization server.",
        )
    return SigningKey(key, _algorithm(file, key, algorithm), known_as)


def _contents(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(_LONGEST_FILE + 1)
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
    else:
        if len(data) <= _LONGEST_FILE:
            return data
        why = "is too long for one key"
    raise SettingsError(f"fhir.auth.private_key_file {file} {why}.", _FORMS)


def _from_pem(file: Path, data: bytes) -> RSAKey | ECKey:
    """Read PEM. What is wrong is raised outside the handlers, so that no library's text hangs on it."""
    try:
        private = load_pem_private_key(data, None)
    except TypeError:
        what, step = "is protected by a password", "Write it without one, and let nobody but the job read it."
    except (ValueError, UnsupportedAlgorithm):
        what, step = "is no private key that can be read", _FORMS
    else:
        plain = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        if isinstance(private, RSAPrivateKey):
            if private.key_size >= _LEAST_BITS:
                return RSAKey.import_key(plain)
            what, step = f"has {private.key_size} bits", f"RS384 needs {_LEAST_BITS} or more (RFC 7518 §3.3)."
        elif isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP384R1):
            return ECKey.import_key(plain)
        else:
            what, step = "is neither an RSA key nor one on the curve P-384", _FORMS
    raise SettingsError(f"The key in {file} {what}.", step)


def _from_jwk(file: Path, data: bytes) -> tuple[RSAKey | ECKey, str | None]:
    pem, key_id = _pem_of_jwk(data)
    if pem is None:
        raise SettingsError(f"The key in {file} is no private JWK, RSA or P-384.", _FORMS)
    return _from_pem(file, pem), key_id


def _pem_of_jwk(data: bytes) -> tuple[bytes | None, str | None]:
    """Give a JWK as PEM, with its ``kid``; None for what is no private key."""
    try:
        jwk = json.loads(data)
        key = _KINDS[jwk["kty"]].import_key(jwk)
        return (key.as_pem(private=True) if key.is_private else None), jwk.get("kid")
    except (ValueError, KeyError, TypeError, RecursionError, JoseError, UnsupportedAlgorithm):
        return None, None


def _algorithm(file: Path, key: RSAKey | ECKey, wanted: str | None) -> str:
    able = "RS384" if isinstance(key, RSAKey) else "ES384"
    if wanted in (None, able):
        return able
    raise SettingsError(
        f"The key in {file} is {'an RSA' if able == 'RS384' else 'a P-384'} key, which cannot sign by {wanted}.",
        f'Set fhir.auth.algorithm to "{able}" or leave it out, or name another key.',
    )
