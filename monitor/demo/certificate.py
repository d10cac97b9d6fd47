"""A TLS certificate for 127.0.0.1, made on the spot and good for a day."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.1"


def write_certificate(folder: Path, now: datetime) -> Path:
    """Write `demo.pem` (certificate, which is its own authority) and `demo.key` (mode 0600); give the former.

    `now` is the real time, aware: TLS libraries compare with the machine's clock, not with the replay's.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "GoneQuiet demo mail server")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file = _key_file(folder / "demo.pem")
    key_file.touch(mode=0o600)
    key_file.write_bytes(secret)
    (folder / "demo.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "demo.pem"


def server_context(certificate: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS with a certificate of `write_certificate`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, _key_file(certificate))
    return context


def _key_file(certificate: Path) -> Path:
    return certificate.with_suffix(".key")
