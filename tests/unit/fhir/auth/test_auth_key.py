"""Reading the private key: each form that people keep keys in, and what is said of each that cannot be used."""

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from fhirnotify.errors import SettingsError
from fhirnotify.fhir.auth_key import read_key

PKCS8, OLDER = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL


def pem(key, form=PKCS8, encryption=None):
    """Write a key as PEM."""
    return key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


def jwk(key, **more):
    """Write a key as a JWK."""
    kind = RSAKey if isinstance(key, rsa.RSAPrivateKey) else ECKey
    return json.dumps(kind.import_key(pem(key)).as_dict(private=True) | more).encode()


@pytest.fixture
def file(tmp_path):
    """Where the key is."""
    return tmp_path / "key"


@pytest.mark.parametrize("form", ["pkcs8", "older", "jwk", "jwk-of-another-use", "with-text-before"])
@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_every_form_of_a_key_signs(file, rsa_key, ec_key, form, algorithm):
    """PKCS #8, PKCS #1 or SEC 1, and JWK; what is signed can be checked by the public key, and names the key."""
    key = rsa_key if algorithm == "RS384" else ec_key
    forms = {
        "pkcs8": lambda: pem(key),
        "older": lambda: pem(key, OLDER),
        "jwk": lambda: b"\n " + jwk(key, kid="other"),
        "jwk-of-another-use": lambda: jwk(key, use="enc", alg="RSA-OAEP", key_ops=["decrypt"]),
        "with-text-before": lambda: b"Bag Attributes\n" + pem(key),
    }
    file.write_bytes(forms[form]())
    signing = read_key(file, "k1")
    assert signing.algorithm == algorithm
    public = (RSAKey if algorithm == "RS384" else ECKey).import_key(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    token = jwt.decode(signing.sign({"iss": "me"}), public, algorithms=[algorithm])
    assert token.header == {"alg": algorithm, "kid": "k1", "typ": "JWT"}
    assert token.claims == {"iss": "me"}


def test_a_jwk_may_bring_its_own_id(file, ec_key):
    """``kid`` is used where no other is set."""
    file.write_bytes(jwk(ec_key, kid="own"))
    token = jwt.decode(read_key(file).sign({}), ECKey.import_key(pem(ec_key)), algorithms=["ES384"])
    assert token.header["kid"] == "own"


@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_a_key_without_an_id_is_refused(file, ec_key, form):
    """The server finds the public key by it (SMART requires ``kid``)."""
    file.write_bytes(pem(ec_key) if form == "pem" else jwk(ec_key))
    with pytest.raises(SettingsError, match="key_id is missing"):
        read_key(file)


@pytest.mark.parametrize(("have", "wanted", "set_instead"), [("RS384", "ES384", "RS384"), ("ES384", "RS384", "ES384")])
def test_a_key_that_cannot_do_the_algorithm_is_refused(file, rsa_key, ec_key, have, wanted, set_instead):
    """The message tells what the key can do."""
    file.write_bytes(pem(rsa_key if have == "RS384" else ec_key))
    with pytest.raises(SettingsError, match=f"cannot sign by {wanted}") as caught:
        read_key(file, "k1", wanted)
    assert f'"{set_instead}"' in caught.value.next_step
    assert read_key(file, "k1", have).algorithm == have


UNUSABLE = {
    "protected": (lambda key: pem(key, PKCS8, BestAvailableEncryption(b"hemligt")), "protected by a password"),
    "protected the older way": (lambda key: pem(key, OLDER, BestAvailableEncryption(b"hemligt")), "by a password"),
    "a public key": (
        lambda key: key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "is no private key",
    ),
    "cut off": (lambda key: pem(key)[:400], "is no private key"),
    "no key": (lambda _: b"hemligt", "is no private key"),
    "empty": (lambda _: b"", "is no private key"),
    "DER": (lambda key: key.private_bytes(Encoding.DER, PKCS8, NoEncryption()), "is no private key"),
    "a short RSA key": (lambda _: pem(rsa.generate_private_key(65537, 1024)), "1024 bits"),
    "P-256": (lambda _: pem(ec.generate_private_key(ec.SECP256R1())), "P-384"),
    "Ed25519": (lambda _: pem(ed25519.Ed25519PrivateKey.generate()), "P-384"),
    "DSA": (lambda _: pem(dsa.generate_private_key(2048)), "P-384"),
    "a public JWK": (
        lambda key: json.dumps(RSAKey.import_key(pem(key)).as_dict(private=False)).encode(),
        "no private JWK",
    ),
    "a set of JWKs": (lambda key: b'{"keys": [' + jwk(key) + b"]}", "no private JWK"),
    "a JWK of a secret": (
        lambda _: json.dumps(OctKey.generate_key(256).as_dict(private=True)).encode(),
        "no private JWK",
    ),
    "a JWK cut off": (lambda key: jwk(key)[:100], "no private JWK"),
    "a JWK with nonsense": (lambda key: jwk(key, n="!!"), "no private JWK"),
    "a JWK of wrong types": (lambda key: jwk(key, d=5, e=[]), "no private JWK"),
    "a JWK whose id is a number": (lambda key: jwk(key, kid=5), "no private JWK"),
    "a JWK whose kind is a list": (lambda _: b'{"kty": []}', "no private JWK"),
    "deeply nested": (lambda _: b'{"a":' * 6000, "no private JWK"),
    "a JWK of a short key": (lambda _: jwk(rsa.generate_private_key(65537, 1024)), "1024 bits"),
    "a JWK on P-256": (lambda _: jwk(ec.generate_private_key(ec.SECP256R1())), "P-384"),
    "enormous": (lambda key: pem(key) + b"x" * 2**20, "is too long"),
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("what", UNUSABLE)
def test_what_is_no_such_key_is_refused_in_words(file, rsa_key, what):
    """Each is told by what is wrong with it; nothing of the file is repeated, and no library's error hangs on it."""
    content, said = UNUSABLE[what]
    file.write_bytes(content(rsa_key))
    with pytest.raises(SettingsError, match=said) as caught:
        read_key(file, "k1")
    assert str(file) in caught.value.what
    assert caught.value.next_step
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert "hemligt" not in str(caught.value)


@pytest.mark.parametrize("make", [lambda file: None, lambda file: file.mkdir()])
def test_a_file_that_cannot_be_read_is_named(file, make):
    """Missing, or a directory."""
    make(file)
    with pytest.raises(SettingsError, match="cannot be read: ") as caught:
        read_key(file, "k1")
    assert (caught.value.exit_code, caught.value.__context__) == (2, None)
