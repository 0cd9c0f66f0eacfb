"""Further listeners of a real broker: guarded by TLS and SASL, or told under the address of a proxy.

Every client asks a broker for its address and goes there; so a way can be guarded, or spoilt, only where the broker itself tells the address.
"""

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.process import free_port


@dataclass(frozen=True)
class Door:
    """A listener by this name. ``told`` is the port that clients are told, if it is another than the one where the broker listens."""

    name: str
    security: str = "PLAINTEXT"
    settings: dict[str, object] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    told: int = 0

    @property
    def listens(self) -> str:
        """The entry of `listeners`."""
        return f"{self.name}://127.0.0.1:{self.port}"

    @property
    def advertised(self) -> str:
        """The entry of `advertised.listeners`."""
        return f"{self.name}://127.0.0.1:{self.told or self.port}"

    def properties(self) -> dict[str, object]:
        """The listener's own settings, as the broker wants them named."""
        return {f"listener.name.{self.name.lower()}.{key}": value for key, value in self.settings.items()}


class Authority:
    """Signs certificates for this host into a folder, as PEM files."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(self._signed(self._name, self._key.public_key(), authority=True))

    def issue(self, name: str) -> tuple[Path, Path]:
        """A certificate and its key. The certificate's file begins with the key as well, which is how a broker wants it."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key_file, cert_file = self._folder / f"{name}.key", self._folder / f"{name}.pem"
        key_file.write_bytes(written)
        cert_file.write_bytes(written + self._signed(subject, key.public_key(), authority=False))
        return cert_file, key_file

    def _signed(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, authority: bool) -> bytes:
        now = datetime.now(UTC)
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=authority, crl_sign=authority,
            content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, SHA256())
        )
        return made.public_bytes(Encoding.PEM)
