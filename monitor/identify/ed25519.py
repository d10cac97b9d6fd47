"""Ed25519 signatures (RFC 8463) for dkimpy through `cryptography`: of itself it verifies them with PyNaCl only."""

from __future__ import annotations

from base64 import b64decode
from types import SimpleNamespace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class BadSignatureError(Exception):
    """The signature is not one of this key over these bytes."""


class VerifyKey:
    """The part of `nacl.signing.VerifyKey` that dkimpy calls: made of a base64-coded key of 32 octets, else `ValueError`."""

    def __init__(self, key: bytes, encoder: object) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(b64decode(key))

    def verify(self, digest: bytes, signature: bytes) -> None:
        try:
            self._key.verify(signature, digest)
        except InvalidSignature as error:
            raise BadSignatureError(str(error)) from error


NACL = SimpleNamespace(
    signing=SimpleNamespace(VerifyKey=VerifyKey),
    encoding=SimpleNamespace(Base64Encoder=None),
    exceptions=SimpleNamespace(BadSignatureError=BadSignatureError, ValueError=ValueError),
)
"""What dkimpy looks for under the name `nacl`."""
