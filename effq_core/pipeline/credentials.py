"""A key and certificate that live as long as one engine."""

from __future__ import annotations

import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from effq_core.base.files import write_atomic
from effq_core.pipeline import engine_files

_NAME = "effq-engine"
# Nobody else ever has the key, so the dates protect nothing; but a clock that is set back while an
# engine runs must not make its certificate "not yet valid".
_VALID = datetime.timedelta(days=3650)


def write_credentials(folder: Path) -> None:
    """Makes a key and its self-signed certificate, readable by this user only."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _NAME)])
    now = datetime.datetime.now(tz=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(_NAME)]), critical=False)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALID)
        .not_valid_after(now + _VALID)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    write_atomic(folder / engine_files.CERTIFICATE, certificate.public_bytes(encoding), 0o600)
    secret = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_atomic(folder / engine_files.KEY, secret, 0o600)
