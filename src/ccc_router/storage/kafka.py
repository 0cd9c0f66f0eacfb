"""How a Kafka is reached: addresses, TLS and SASL, as the arguments that every client of it takes."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Security = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """One Kafka. ``servers`` is host:port, several separated by commas: where a client begins to ask."""

    servers: str
    security: Security = "plaintext"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str = ""
    password: str = ""
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def __repr__(self) -> str:
        """Without the password."""
        return f"Cluster({self.servers!r}, {self.security!r})"

    def arguments(self) -> dict[str, Any]:
        """What every client of aiokafka is told. Raises OSError and ssl.SSLError for files that are no certificates."""
        given: dict[str, Any] = {"bootstrap_servers": self.servers, "security_protocol": self.security.upper()}
        if self.security.endswith("ssl"):
            context = ssl.create_default_context(cafile=self.ca_file)
            if self.cert_file is not None:
                context.load_cert_chain(self.cert_file, self.key_file)
            given["ssl_context"] = context
        if self.security.startswith("sasl_"):
            given["sasl_mechanism"] = self.mechanism
            given["sasl_plain_username"] = self.username
            given["sasl_plain_password"] = self.password
        return given
