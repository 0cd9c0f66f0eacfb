"""Every fault of the settings is told at once, by name, and without the value."""

import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ccc_router import cli, settings
from ccc_router.events.vocabulary import Role

SECRET = "s3cr3t-that-must-not-be-shown"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CCC_") and not name.startswith("CCC_TEST_")]:
        monkeypatch.delenv(name)


def faults(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(settings.SettingsFault) as refused:
        settings.load()
    return refused.value.faults


def test_nothing_needs_to_be_set() -> None:
    chosen = settings.load()
    assert (chosen.host, chosen.port, chosen.database_url) == ("127.0.0.1", 8080, None)


def test_an_empty_variable_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCC_PORT", "")
    assert settings.load().port == 8080


def test_a_misspelt_variable_is_refused_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, CCC_PROT="8081") == ["CCC_PROT: there is no such setting; did you mean CCC_PORT?"]


def test_a_crash_point_that_is_none_is_refused_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults(monkeypatch, CCC_CRASH_AT="engine.comit.before")
    assert found == ["CCC_CRASH_AT: there is no such crash point; did you mean engine.commit.before?"]


def test_variables_of_secrets_and_tests_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCC_SECRET_HOTLINE", SECRET)
    monkeypatch.setenv("CCC_TEST_SEED", "1")
    assert settings.load().port == 8080


def test_all_faults_at_once_and_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults(
        monkeypatch,
        CCC_PORT=SECRET,
        CCC_DATABASE_URL=f"mysql://u:{SECRET}@h/d",
        CCC_SIGNING_KEY="s3cr3t",
        CCC_CATALOGUE="/nowhere",
        CCC_MAIL_RELAY=f"http://{SECRET}",
        CCC_NONSENSE=SECRET,
    )
    assert [line.partition(":")[0] for line in found] == [
        "CCC_NONSENSE", "CCC_PORT", "CCC_DATABASE_URL", "CCC_CATALOGUE", "CCC_SIGNING_KEY", "CCC_MAIL_RELAY",
    ]  # fmt: skip
    assert "s3cr3t" not in "\n".join(found)


def test_what_belongs_together(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, CCC_OIDC_ISSUER="https://id.example.vn") == [
        "CCC_OIDC_AUDIENCE must be set when CCC_OIDC_ISSUER is"
    ]


def test_json_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, CCC_OIDC_ROLES="agent") == ["CCC_OIDC_ROLES: must be JSON"]


def test_secrets_do_not_show_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCC_DATABASE_URL", f"postgres://u:{SECRET}@h/d")
    monkeypatch.setenv("CCC_SIGNING_KEY", SECRET * 2)
    chosen = settings.load()
    assert SECRET not in repr(chosen) + str(chosen) + chosen.model_dump_json()
    assert chosen.database_url is not None
    assert chosen.database_url.get_secret_value() == f"postgresql://u:{SECRET}@h/d"


def test_the_signing_key_is_made_once_and_for_us_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CCC_DATA_DIR", str(tmp_path / "data"))
    keys = settings.load().signing_keys()
    assert settings.load().signing_keys() == keys
    assert len(keys[0]) >= 32
    path = tmp_path / "data" / "signing.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["signing.key"]


def test_two_signing_keys_during_a_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCC_SIGNING_KEY", f"{'n' * 32}, {'o' * 32}")
    assert settings.load().signing_keys() == ("n" * 32, "o" * 32)


def test_check_config_names_the_fault_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCC_PORT", "70000")
    refused = CliRunner().invoke(cli.app, ["check-config"])
    assert refused.exit_code == 78
    assert "CCC_PORT: " in refused.output
    monkeypatch.setenv("CCC_PORT", "8081")
    fine = CliRunner().invoke(cli.app, ["check-config"])
    assert fine.exit_code == 0, fine.output
    assert "ok: port 8081, database embedded in data" in fine.output


def test_kafka_is_reached_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCC_KAFKA_SERVERS", "one:9092,two:9092")
    monkeypatch.setenv("CCC_KAFKA_SECURITY", "sasl_ssl")
    with pytest.raises(settings.SettingsFault, match="CCC_KAFKA_PASSWORD"):
        settings.load()
    monkeypatch.setenv("CCC_KAFKA_USERNAME", "router")
    monkeypatch.setenv("CCC_KAFKA_PASSWORD", "not for logs")
    cluster = settings.load().kafka()
    assert cluster is not None
    assert "not for logs" not in repr(cluster)
    arguments = cluster.arguments()
    assert arguments["security_protocol"] == "SASL_SSL"
    assert arguments["sasl_plain_password"] == "not for logs"
    assert arguments["ssl_context"].check_hostname
    monkeypatch.delenv("CCC_KAFKA_SERVERS")
    assert settings.load().kafka() is None


@pytest.mark.parametrize("role", [Role.SYSTEM, Role.CUSTOMER])
def test_no_token_is_made_that_nobody_would_take(role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCC_SIGNING_KEY", "k" * 40)
    refused = CliRunner().invoke(cli.app, ["token", "--role", role.value, "--subject", "x"])
    assert refused.exit_code == 2
    assert "no tokens for the role" in refused.output
