"""``[fhir.auth]`` and ``[fhir.tls]``: how the program makes itself known to the FHIR endpoint, and whom it trusts."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from fhirnotify.settings import forms, values
from fhirnotify.settings.section import Secret, Section

NEEDS: dict[str, tuple[str, ...]] = {
    "none": (),
    "basic": ("username", "password"),
    "bearer": ("token",),
    "client-credentials": ("token_url", "client_id", "client_secret"),
    "smart-backend": ("client_id", "private_key_file", "scope"),
}
MAY_HAVE: dict[str, tuple[str, ...]] = {
    "client-credentials": ("scope",),
    "smart-backend": ("token_url", "key_id", "algorithm"),
}

Printable = Annotated[str, BeforeValidator(values.printable), forms.PRINTABLE]


class Auth(Section):
    """``[fhir.auth]``: how the program makes itself known to the FHIR endpoint.

    With ``client-credentials`` (OAuth 2, RFC 6749 §4.4) and ``smart-backend`` (SMART Backend Services, with a private
    key) a token is fetched at ``token_url``. Without it, ``smart-backend`` asks the FHIR server's
    ``.well-known/smart-configuration``; a client secret goes to no address but the one that is set. Without
    ``algorithm``, an RSA key signs by RS384 and a P-384 key by ES384. ``key_id`` may stand in the key, if it is a JWK.
    """

    kind: Literal["none", "basic", "bearer", "client-credentials", "smart-backend"] = Field(
        "none", description="How the program makes itself known to the FHIR endpoint."
    )
    username: str | None = Field(None, min_length=1, description="User name for basic.")
    password: Secret | None = Field(None, description="Password for basic.")
    token: Secret | None = Field(None, description="Access token for bearer.")
    token_url: Annotated[str, BeforeValidator(values.token_address), forms.TOKEN_ADDRESS] | None = Field(
        None, description="Address of the token endpoint; smart-backend finds it by itself."
    )
    client_id: Printable | None = Field(None, description="Id under which the program is registered.")
    client_secret: Secret | None = Field(None, description="Secret for client-credentials.")
    scope: Annotated[str, BeforeValidator(values.scope), forms.SCOPE] | None = Field(
        None, description="Scopes that are asked for, with blanks between."
    )
    private_key_file: Path | None = Field(None, description="File of the private key for smart-backend: PEM or JWK.")
    key_id: Printable | None = Field(None, description="The kid under which the public key is registered.")
    algorithm: Literal["RS384", "ES384"] | None = Field(
        None, description="How an assertion is signed; by default as the key wants it."
    )

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        needs, may_have = NEEDS[self.kind], MAY_HAVE.get(self.kind, ())
        for key in type(self).model_fields:
            given = getattr(self, key) is not None
            if key in needs and not given:
                raise ValueError(f'kind = "{self.kind}" needs {key}')
            if given and key not in (*needs, *may_have, "kind"):
                raise ValueError(f'kind = "{self.kind}" has no use for {key}')
        return self


class Tls(Section):
    """``[fhir.tls]``: the region's own authorities, and the certificate that the program shows. PEM files.

    They hold for the token endpoint as well.
    """

    ca_file: Path | None = Field(None, description="Authorities that are trusted instead of those of the system (PEM).")
    client_cert: Path | None = Field(None, description="Certificate that the program shows (PEM).")
    client_key: Path | None = Field(None, description="Its private key, if it is not in the same file (PEM).")

    @model_validator(mode="after")
    def _key_has_its_certificate(self) -> Self:
        if self.client_key and not self.client_cert:
            raise ValueError("client_key needs client_cert")
        return self
