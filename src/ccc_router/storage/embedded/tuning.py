"""How the server is set: durable always, small in memory, and silent about the data in it."""

from collections.abc import Mapping
from typing import Final

_ALWAYS: Final = {
    # Only this machine, only through the socket, only with the password.
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    # What is acknowledged is on disk.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Many small transactions on two cores.
    "max_connections": "100",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    # Filling each new segment with zeros holds up every commit for tens of milliseconds; what is committed is synced all the same.
    "wal_init_zero": "off",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "huge_pages": "off",
    "random_page_cost": "1.1",
    # The inbox and the timers live and die quickly: clean up little and often. But analyse seldom and little: as long as a sample
    # is taken no dead row may go, and rows that change with every contact grow long chains.
    "autovacuum_naptime": "10s",
    "autovacuum_vacuum_scale_factor": "0.1",
    "autovacuum_analyze_scale_factor": "0.3",
    "autovacuum_vacuum_insert_scale_factor": "0.3",
    "default_statistics_target": "10",
    # A log without values, statements or rows: they are personal data.
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %e ",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "client_encoding": "UTF8",
}


def settings(major: int, extra: Mapping[str, str]) -> list[str]:
    """The `-c name=value` arguments for a server of this major version; `extra` wins."""
    chosen = dict(_ALWAYS)
    if major >= 18:
        chosen["io_method"] = "sync"  # everything hot is in memory; spares the three I/O processes
    chosen |= extra
    return [part for name, value in chosen.items() for part in ("-c", f"{name}={value}")]


def locale(major: int) -> list[str]:
    """initdb's arguments for Unicode text that does not depend on the operating system's locales."""
    if major >= 18:
        return ["--locale-provider=builtin", "--builtin-locale=PG_UNICODE_FAST", "--locale=C"]
    if major >= 17:
        return ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    return ["--locale=C.UTF-8"]
