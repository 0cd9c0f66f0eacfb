"""Every setting, read from CCC_* variables. Only bootstrap and the command line read this; rooms get what they need.

Unknown CCC_* variables are refused: a misspelt one would be silence. No message repeats a value.
"""

import contextlib
import difflib
import ipaddress
import os
import secrets
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from ccc_router.kernel import crashing
from ccc_router.storage.database import normal_dsn
from ccc_router.storage.kafka import Cluster, Mechanism, Security

PREFIX: Final = "CCC_"
# Not settings of the service: secrets by name (kernel.secret_store), and what steers the tests.
_OTHER_PREFIXES: Final = ("CCC_SECRET_", "CCC_TEST_", "CCC_BENCH_")
_SHORTEST_SIGNING_KEY: Final = 32

Port = Annotated[int, Field(ge=0, le=65535)]


def _http_url(url: str) -> str:
    if url and not url.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// (or http://)")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_http_url)]


class SettingsFault(Exception):
    """One line for each setting that is wrong, naming it."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Settings(BaseSettings):
    """What can be set. Every field is a variable: `port` is CCC_PORT."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(8080, description="Port of the API.")
    public_url: Url = Field("", description="How the outside reaches us; needed to check Twilio's signatures.")
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks, separated by commas, whose X-Forwarded-For says who asks; nobody's if empty.",
    )
    data_dir: Path = Field(Path("data"), description="Where the embedded PostgreSQL and generated keys live.")
    database_url: SecretStr | None = Field(None, description="A PostgreSQL 15+; without it one is embedded.")
    database_pool: int = Field(20, ge=4, le=200, description="Connections of one process for the hot paths.")
    database_statement_s: float = Field(
        5.0, ge=0.5, le=60, description="Seconds a statement may take; a second later its connection is given up."
    )
    pool: str = Field("main", pattern=r"^[a-z0-9][a-z0-9_-]{0,30}$", description="The pool this process serves.")
    catalogue: Path | None = Field(None, description="A catalogue file activated when the pool has none yet.")

    kafka_servers: str = Field("", description="host:port,… of Kafka; without it PostgreSQL is the inbox.")
    kafka_security: Security = Field("plaintext", description="plaintext, ssl, sasl_plaintext or sasl_ssl.")
    kafka_mechanism: Mechanism = Field("SCRAM-SHA-512", description="How SASL proves who we are.")
    kafka_username: str = Field("", description="The name that SASL proves.")
    kafka_password: SecretStr | None = Field(None, description="Its password.")
    kafka_ca_file: Path | None = Field(None, description="Authorities that Kafka's certificate is checked against.")
    kafka_cert_file: Path | None = Field(None, description="Our certificate, where Kafka asks for one (PEM).")
    kafka_key_file: Path | None = Field(None, description="Its key (PEM).")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged.")
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token of /metrics on the API's port; none there without."
    )
    metrics_port: Port = Field(
        0, description="A port of its own for /metrics, /livez and /readyz, without token; 0 is none."
    )
    otlp_endpoint: Url = Field(
        "", description="Base address of an OTLP collector (HTTP) that traces go to; needs the extra otel."
    )
    otlp_share: float = Field(1.0, ge=0, le=1, description="Share of the traces begun here that are recorded.")

    signing_key: SecretStr | None = Field(
        None, description="Signs our tokens; several, separated by commas, while one replaces another."
    )
    secrets_dir: Path | None = Field(None, description="A folder with one file for each secret.")
    oidc_issuer: Url = Field("", description="An OIDC issuer whose tokens are accepted too.")
    oidc_audience: str = Field("", description="What its tokens must name as audience.")
    oidc_jwks_url: Url = Field("", description="Its keys; empty asks its discovery document.")
    oidc_subject_claim: str = Field("sub", description="The claim that is the agent's or department's id.")
    oidc_role_claim: str = Field("role", description="The claim that holds the role; dots lead into objects.")
    oidc_roles: dict[str, str] = Field(
        {}, description='JSON: the issuer\'s names of our roles, {"cskh-agent": "agent"}.'
    )

    smtp_host: str = Field("127.0.0.1", description="Address of the SMTP listener.")
    smtp_port: Port = Field(0, description="Port of the SMTP listener; 0 is none.")
    mail_relay: SecretStr | None = Field(None, description="Where mail goes out: smtp[s]://user:password@host:port.")
    mail_from: str = Field("", description="Sender of mail that belongs to no mailbox, such as to departments.")

    department_loopback: bool = Field(False, description="Departments may be on this machine: for trials and tests.")

    body_limit: int = Field(1024 * 1024, ge=1024, description="Bytes of a request's body.")
    message_limit: int = Field(25 * 1024 * 1024, ge=1024, description="Bytes of one mail.")
    forms_per_minute: int = Field(30, ge=1, description="Portal forms taken from one address a minute.")
    attachment_limit: int = Field(10 * 1024 * 1024, ge=1024, description="Bytes of one attachment.")
    endpoint_requests: int = Field(2_000, ge=10, description="Requests of all channel endpoints at once, each process.")
    agent_requests: int = Field(4_000, ge=10, description="Requests of all agents at once, long polls among them.")
    supervisor_requests: int = Field(400, ge=10, description="Requests of all supervisors and administrators at once.")
    department_requests: int = Field(400, ge=10, description="Requests of all departments at once.")
    report_requests: int = Field(16, ge=2, description="Requests of readings, journal and deliveries at once.")
    caller_requests: int = Field(32, ge=2, description="Requests of one caller with a token at once.")
    stream_limit: int = Field(5_000, ge=10, description="Streams of server-sent events at once.")
    connection_limit: int = Field(10_000, ge=100, description="Connections at once; the last resort.")
    body_memory: int = Field(256 * 1024 * 1024, ge=1024, description="Bytes of all bodies being read or kept at once.")
    inbox_pending: int = Field(20_000, ge=100, description="Inputs of one process waiting to be written.")
    inbox_backlog: int = Field(100_000, ge=100, description="Inputs waiting for the engine, of all processes.")
    disk_watermark: int = Field(90, ge=50, le=100, description="Percent of the embedded database's disk; 100 is none.")
    outcome_wait_s: float = Field(5.0, gt=0, le=60, description="Seconds a command waits for the engine.")
    crash_at: str = Field(
        "", description="For tests: a place of docs/faults.md at which the process ends, as if killed."
    )
    drain_s: float = Field(10.0, ge=0, le=300, description="Seconds to finish what is under way when stopping.")

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else SecretStr(normal_dsn(value.get_secret_value()))

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for one in value.split(",") if value else ():
            ipaddress.ip_network(one.strip())
        return value

    @field_validator("crash_at")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        if value and (fault := crashing.fault_of(value)):
            raise ValueError(fault)
        return value

    @field_validator("signing_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and any(len(key.encode()) < _SHORTEST_SIGNING_KEY for key in _split(value)):
            raise ValueError(f"a key that signs tokens has at least {_SHORTEST_SIGNING_KEY} bytes")
        return value

    @field_validator("mail_relay")
    @classmethod
    def _is_relay(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("smtp://", "smtps://")):
            raise ValueError("must begin with smtp:// or smtps://")
        return value

    @field_validator("catalogue", "secrets_dir", "kafka_ca_file", "kafka_cert_file", "kafka_key_file")
    @classmethod
    def _is_there(cls, value: Path | None) -> Path | None:
        if value is not None and not value.exists():
            raise ValueError("there is nothing at this path")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.oidc_issuer and not self.oidc_audience:
            raise ValueError("CCC_OIDC_AUDIENCE must be set when CCC_OIDC_ISSUER is")
        if self.metrics_port and self.metrics_port == self.port:
            raise ValueError("CCC_METRICS_PORT must differ from CCC_PORT")
        if self.kafka_security.startswith("sasl_") and not (self.kafka_username and self.kafka_password):
            raise ValueError("CCC_KAFKA_USERNAME and CCC_KAFKA_PASSWORD must be set when CCC_KAFKA_SECURITY is sasl_…")
        return self

    def kafka(self) -> Cluster | None:
        """The Kafka that facts go through, if there is one."""
        if not self.kafka_servers:
            return None
        return Cluster(
            self.kafka_servers,
            self.kafka_security,
            self.kafka_mechanism,
            self.kafka_username,
            self.kafka_password.get_secret_value() if self.kafka_password is not None else "",
            self.kafka_ca_file,
            self.kafka_cert_file,
            self.kafka_key_file,
        )

    def signing_keys(self) -> tuple[str, ...]:
        """The keys for tokens, the signing one first; made and kept in the data folder when none is set."""
        if self.signing_key is not None:
            return _split(self.signing_key)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        path = self.data_dir / "signing.key"
        if not path.exists():
            fresh = path.with_suffix(f".{secrets.token_hex(4)}")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(48))
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(fresh)  # unlike a rename, this fails when another process was faster
            fresh.unlink()
        return (path.read_text().strip(),)


def load() -> Settings:
    """Read the settings from the environment. Raises SettingsFault with a line for every fault there is."""
    faults = [_unknown(name) for name in sorted(os.environ) if _is_unknown(name)]
    try:
        settings = Settings()
    except ValidationError as error:
        faults += [_fault(name, message) for name, message in _readable(error)]
    except SettingsError as error:  # a value that should be JSON; its text names the field and no value
        faults.append(f"{_named_in(str(error))}: must be JSON")
    else:
        if not faults:
            return settings
    raise SettingsFault(faults)


def _named_in(message: str) -> str:
    found = [name for name in Settings.model_fields if f'"{name}"' in message]
    return PREFIX + found[0].upper() if found else "a setting"


def _readable(error: ValidationError) -> list[tuple[str, str]]:
    return [
        (str(fault["loc"][0]) if fault["loc"] else "", fault["msg"].removeprefix("Value error, "))
        for fault in error.errors(include_input=False, include_url=False)
    ]


def _fault(name: str, message: str) -> str:
    return f"{PREFIX}{name.upper()}: {message}" if name else message


def _is_unknown(variable: str) -> bool:
    known = variable.removeprefix(PREFIX).lower() in Settings.model_fields
    return variable.startswith(PREFIX) and not known and not variable.startswith(_OTHER_PREFIXES)


def _unknown(variable: str) -> str:
    names = [PREFIX + name.upper() for name in Settings.model_fields]
    near = difflib.get_close_matches(variable, names, n=1)
    return f"{variable}: there is no such setting" + (f"; did you mean {near[0]}?" if near else "")


def _split(value: SecretStr) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.get_secret_value().split(",") if part.strip())


def table() -> str:
    """The settings as the rows of docs/settings.md."""
    return "".join(
        f"| `{PREFIX}{name.upper()}` | {_shown(field.default)} | {field.description} |\n"
        for name, field in Settings.model_fields.items()
    )


def _shown(default: object) -> str:
    return "" if default is None or default in ("", {}) else f"`{default}`"
