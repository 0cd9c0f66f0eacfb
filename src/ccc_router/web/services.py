"""What the app is made of. ``bootstrap`` fills it in; tests fill in what they need."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import APIRouter
from prometheus_client import REGISTRY, CollectorRegistry

from ..kernel.clock import Clock
from ..rest.access import Identify
from ..rest.gates import Gates
from ..rest.replay import Replays
from .direct import Handler
from .health import Readiness
from .middleware import BodyLimits


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the app.

    ``routers`` are the rooms' routes; ``state`` is what their handlers find in ``app.state`` under the room's name.
    ``direct`` are handlers of POST that need nothing of the framework, by the pattern of their path; they limit bodies themselves.
    ``webhooks`` and ``schemas`` go into the OpenAPI document (calls that departments receive). ``metrics_token``: "" serves no
    ``/metrics`` here, where everybody could read them.
    """

    clock: Clock
    identify: Identify
    replays: Replays
    readiness: Readiness
    routers: Sequence[APIRouter]
    state: Mapping[str, object]
    limits: BodyLimits = field(default_factory=BodyLimits)
    gates: Gates = field(default_factory=Gates)
    registry: CollectorRegistry = REGISTRY
    metrics_token: str = ""
    direct: Mapping[str, Handler] = field(default_factory=dict)
    webhooks: Mapping[str, dict[str, object]] = field(default_factory=dict)
    schemas: Mapping[str, dict[str, object]] = field(default_factory=dict)
