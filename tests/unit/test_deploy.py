"""What is under deploy/ fits the program: settings, commands, ports, probes, metrics, alarms and what to do about them."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from typer.main import get_command

from ccc_router import cli
from ccc_router.bootstrap.processes import check
from ccc_router.kernel.clock import SystemClock
from ccc_router.settings import Settings, load
from ccc_router.web.health import Check, create_probed_app
from tests.support import metrics_table
from tests.support.tree import ROOT

Document = dict[str, Any]

_DEPLOY: Final = ROOT / "deploy"
_YAML: Final = sorted([*_DEPLOY.rglob("*.yaml"), *_DEPLOY.rglob("*.yml"), ROOT / "compose.yaml"])
_COMMAND: Final = get_command(cli.app)
_COMMANDS: Final = set(getattr(_COMMAND, "commands", {}))
_OF_THE_CLIENT: Final = {"process_cpu_seconds_total", "process_resident_memory_bytes", "python_gc_collections_total"}


def documents(path: Path) -> list[Document]:
    with path.open(encoding="utf-8") as file:
        return [one for one in yaml.safe_load_all(file) if one]


def manifests(kind: str) -> dict[str, Document]:
    found = [one for path in sorted((_DEPLOY / "kubernetes").glob("*.yaml")) for one in documents(path)]
    return {one["metadata"]["name"]: one for one in found if one.get("kind") == kind}


def pods() -> dict[str, Document]:
    """Every pod's template by its component."""
    owners = manifests("Deployment") | manifests("Job")
    return {name: owner["spec"]["template"]["spec"] for name, owner in owners.items()}


def services() -> dict[str, Document]:
    """The services of the large compose file that run this program."""
    found: Document = documents(_DEPLOY / "compose.yaml")[0]["services"]
    return {name: one for name, one in found.items() if one["image"] == "ccc-router"}


@pytest.mark.parametrize("path", _YAML, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_is_well_formed_and_names_only_settings_that_exist(path: Path) -> None:
    assert documents(path)
    named = set(re.findall(r"\bCCC_[A-Z0-9_]+", path.read_text(encoding="utf-8")))
    known = {f"CCC_{name.upper()}" for name in Settings.model_fields}
    assert {name for name in named - known if not name.startswith("CCC_SECRET_")} <= {"CCC_"}


def _container(pod: Document) -> Document:
    [container] = pod["containers"]
    found: Document = container
    return found


def test_every_process_is_started_by_a_command_that_exists() -> None:
    started = {one["command"][0] for one in services().values()}
    started |= {_container(pod)["args"][0] for pod in pods().values()}
    assert started == {"serve", "engine", "deliver", "relay", "mail", "migrate"}
    assert started <= _COMMANDS


def test_both_ways_run_the_same_processes() -> None:
    assert set(pods()) == set(services())
    assert all(_container(pod)["args"] == [name] for name, pod in pods().items())
    assert {name for name, one in services().items() if one.get("deploy", {}).get("replicas") == 2} >= {
        "serve",
        "engine",
    }


class _Ready:
    async def check(self) -> dict[str, Check]:
        """Everything is there."""
        return {}


async def test_probes_ask_for_what_is_there_on_the_port_that_is_set() -> None:
    settings = manifests("ConfigMap")["settings"]["data"]
    transport = httpx.ASGITransport(create_probed_app(_Ready()))
    async with httpx.AsyncClient(transport=transport, base_url="http://probed") as client:
        served = {path for path in ("/livez", "/readyz", "/metrics") if (await client.get(path)).status_code == 200}
    assert len(served) == 3
    for name, one in manifests("Deployment").items():
        container = _container(one["spec"]["template"]["spec"])
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert ports["metrics"] == int(settings["CCC_METRICS_PORT"]), name
        assert ports.get("http", int(settings["CCC_PORT"])) == int(settings["CCC_PORT"])
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            asked = container[probe]["httpGet"]
            assert asked["path"] in served, (name, probe)
            assert asked["port"] in ports, (name, probe)
    compose = documents(_DEPLOY / "compose.yaml")[0]
    for name, one in services().items():
        asked_here = " ".join(one["healthcheck"].get("test", []))
        assert name == "migrate" or f":{compose['x-router']['environment']['CCC_METRICS_PORT']}/readyz" in asked_here
    assert f"port: {settings['CCC_METRICS_PORT']}" in (_DEPLOY / "prometheus" / "prometheus.yml").read_text()


def test_a_stop_has_more_time_than_its_drain() -> None:
    drain_s = float(manifests("ConfigMap")["settings"]["data"]["CCC_DRAIN_S"])
    for name, one in manifests("Deployment").items():
        pod = one["spec"]["template"]["spec"]
        before_s = _container(pod).get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        assert pod["terminationGracePeriodSeconds"] > before_s + drain_s + 5, name
    default_s = Settings.model_fields["drain_s"].default
    for name, service in services().items():
        assert int(service["stop_grace_period"].removesuffix("s")) > default_s + 5, name


def test_every_pod_is_without_rights_and_is_kept_apart() -> None:
    for name, pod in pods().items():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False, "CCC_…_SERVICE_HOST would be refused as an unknown setting"
        own = _container(pod)["securityContext"]
        assert own == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }, name  # fmt: skip
        assert _container(pod)["resources"]["requests"].keys() == {"cpu", "memory"}
    assert {"nobody", "serve", "deliver", "mail"} == set(manifests("NetworkPolicy"))
    doubled = {name for name, one in manifests("Deployment").items() if one["spec"]["replicas"] > 1}
    assert doubled == set(manifests("PodDisruptionBudget")) == {"serve", "engine", "deliver", "relay"}


def test_the_balancer_says_who_asks_and_is_believed() -> None:
    """Behind a balancer that nobody believes all visitors are one address, and share one rate."""
    compose = documents(_DEPLOY / "compose.yaml")[0]
    [network] = compose["networks"]["default"]["ipam"]["config"]
    assert compose["x-router"]["environment"]["CCC_TRUSTED_PROXIES"] == network["subnet"]
    assert "option forwardfor" in (_DEPLOY / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
    assert manifests("ConfigMap")["settings"]["data"]["CCC_TRUSTED_PROXIES"]


def test_i2_the_balancer_asks_twice_only_what_is_known_again() -> None:
    """A process that is killed between its commit and its answer did it: without a key the second would be another one."""
    lines = (_DEPLOY / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8").splitlines()
    assert any("retry-on" in line and "empty-response" in line for line in lines)
    assert "    http-request disable-l7-retry if METH_POST !known_again" in lines
    known = [line.split("known_again ")[1] for line in lines if "acl known_again" in line]
    paths = next(one for one in known if one.startswith("path_beg")).split()[1:]
    assert known[0] == "req.hdr(idempotency-key) -m found"
    assert "/v1/channels/portal/" not in paths
    assert all(path.startswith("/v1/channels/") for path in paths)


def test_no_secret_is_in_a_file() -> None:
    assert manifests("Secret") == {}
    secret = {
        f"CCC_{name.upper()}" for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }
    assert len(secret) > 4
    assert secret & set(manifests("ConfigMap")["settings"]["data"]) == set()


def test_the_kustomization_takes_every_manifest() -> None:
    folder = _DEPLOY / "kubernetes"
    named = documents(folder / "kustomization.yaml")[0]["resources"]
    assert sorted(named) == sorted(path.name for path in folder.glob("*.yaml") if path.name != "kustomization.yaml")


def rules() -> list[Document]:
    return [rule for group in documents(_DEPLOY / "prometheus" / "alerts.yml")[0]["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """What is asked of Prometheus, and where."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    board = json.loads((_DEPLOY / "grafana" / "ccc-router.json").read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]
    for note in board["annotations"]["list"]:
        yield note["name"], note["expr"]


_NAME: Final = re.compile(r"(?<![\w\"~=])((?:ccc|process|python)_\w+)")


def test_every_metric_that_is_asked_for_exists() -> None:
    known = metrics_table.series() | _OF_THE_CLIENT
    asked = {(where, name) for where, query in queries() for name in _NAME.findall(re.sub(r'"[^"]*"', '""', query))}
    assert len({name for _, name in asked}) > 35
    assert {(where, name) for where, name in asked if name not in known} == set()


def test_every_label_that_is_asked_for_is_one_of_its_metric() -> None:
    ours = {name: set(metric._labelnames) for name, metric in metrics_table.known().items()}
    for where, query in queries():
        for name, selector in re.findall(r"(ccc_\w+)\{([^}]*)\}", query):
            base = name if name in ours else re.sub(r"_(bucket|sum|count)$", "", name)
            if base in ours:
                assert set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', selector))) <= ours[base], (
                    where
                )


def test_brackets_close_in_every_query() -> None:
    for where, query in queries():
        open_ones: list[str] = []
        for letter in re.sub(r'"[^"]*"', "", query):
            if letter in "([{":
                open_ones.append({"(": ")", "[": "]", "{": "}"}[letter])
            elif letter in ")]}":
                assert open_ones.pop() == letter, where
        assert open_ones == [], where


def _anchors() -> set[str]:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_alarm_says_what_is_the_matter_and_leads_to_what_to_do(rule: Document) -> None:
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"]["summary"]
    document, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert document == "docs/operations.md"
    assert anchor in _anchors()


def test_the_table_of_metrics_is_that_of_the_program() -> None:
    assert metrics_table.table() in metrics_table.DOCUMENT.read_text(encoding="utf-8")


def test_every_metric_is_drawn_or_watched_or_said_why_not() -> None:
    """What an operator can never see by itself need not be counted."""
    asked = " ".join(query for _, query in queries())
    silent = {name for name in metrics_table.known() if name not in asked and f"{name}_bucket" not in asked}
    assert silent <= {
        "ccc_channel_facts_total", "ccc_deliveries_ended_total", "ccc_deliveries_retried_total", "ccc_engine_entries_total",
        "ccc_engine_parked_inputs_total", "ccc_engine_reloads_total", "ccc_expected_waits_total", "ccc_http_in_flight",
        "ccc_phone_ari_refused_total", "ccc_phone_ari_sockets", "ccc_pruned_rows_total", "ccc_outbox_oldest_seconds",
        "ccc_lease_held_seconds",
    }  # fmt: skip


_GIVEN: Final = {
    "CCC_SIGNING_KEY": "a key for tests that is long enough", "CCC_SECRET_MAIL": "m" * 32, "CCC_SECRET_LINKS": "l" * 32,
    "CCC_DATABASE_URL": "postgresql://ccc:x@postgres/ccc", "CCC_KAFKA_PASSWORD": "x",
}  # fmt: skip


def _environments() -> Iterator[tuple[str, str, dict[str, str]]]:
    """Each way's process and what it is given: what is asked of the person is filled in, and nothing else."""
    for name, service in services().items():
        given = {key: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", str(value)) for key, value in service["environment"].items()}
        yield "compose", name, {key: _GIVEN.get(key, value) if "${" in value else value for key, value in given.items()}
    shared = manifests("ConfigMap")["settings"]["data"]
    for name, pod in pods().items():
        own = {one["name"]: one["value"] for one in _container(pod).get("env", [])}
        yield "kubernetes", name, shared | own | _GIVEN


@pytest.mark.parametrize(
    ("way", "process", "given"), list(_environments()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_process_is_given_what_it_refuses_to_start_without(
    way: str, process: str, given: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "catalogue.json"
    catalogue.write_text("{}", encoding="utf-8")
    here = {"CCC_CATALOGUE": str(catalogue), "CCC_SECRETS_DIR": str(tmp_path)}
    for key in [key for key in os.environ if key.startswith("CCC_") and not key.startswith("CCC_TEST_")]:
        monkeypatch.delenv(key)
    for key, value in (given | {key: here[key] for key in here if key in given}).items():
        monkeypatch.setenv(key, value)
    settings = load()
    assert settings.metrics_port == 9464, way
    if process != "migrate":
        check(settings, process, SystemClock())
