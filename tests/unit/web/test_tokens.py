"""Who is let in: our own tokens."""

import base64
import json
from collections.abc import Mapping

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.errors import Misconfigured, Unauthenticated
from ccc_router.rest.principal import Principal
from ccc_router.web.auth import Authenticator
from ccc_router.web.tokens import Tokens, read_header
from tests.support.fake_clock import FakeClock

KEY = "k" * 32
OTHER = "o" * 32


async def nobody(agent_id: str) -> None:
    """Nobody listens for heartbeats here."""


def tokens(clock: FakeClock, *keys: str, issuer: str = "ccc-router", audience: str = "ccc-router") -> Tokens:
    return Tokens(keys or (KEY,), issuer=issuer, audience=audience, clock=clock)


async def who(clock: FakeClock, token: str, *keys: str) -> Principal:
    return await Authenticator(tokens(clock, *keys), None, nobody).verify(token)


def signed(clock: FakeClock, changes: Mapping[str, object], key: str = KEY) -> str:
    """A token like ours whose claims were changed; None removes one."""
    now = clock.now_ms() // 1000
    claims: dict[str, object] = {
        "iss": "ccc-router",
        "aud": "ccc-router",
        "sub": "an",
        "role": "agent",
        "iat": now,
        "exp": now + 60,
    }
    claims = {name: value for name, value in (claims | dict(changes)).items() if value is not None}
    header = {"alg": "HS256", "kid": kid_of(clock, key)}
    return jwt.encode(header, claims, OctKey.import_key(key.encode()), algorithms=["HS256"])


def kid_of(clock: FakeClock, key: str) -> str:
    return read_header(tokens(clock, key).issue(Role.AGENT, "an")).kid


def forged(header: dict[str, object], payload: dict[str, object], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_a_token_of_ours_names_its_caller(clock: FakeClock) -> None:
    token = tokens(clock).issue(Role.AGENT, "an.nguyen")
    assert await who(clock, token) == Principal("an.nguyen", Role.AGENT)


async def test_both_keys_verify_while_one_replaces_another(clock: FakeClock) -> None:
    old = tokens(clock, OTHER).issue(Role.SUPERVISOR, "chi")
    assert await who(clock, old, KEY, OTHER) == Principal("chi", Role.SUPERVISOR)
    with pytest.raises(Unauthenticated):
        await who(clock, old, KEY)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "another-service"},
        {"aud": None},
        {"exp": None},
        {"exp": "soon"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"role": None},
        {"role": "system"},
        {"role": "customer"},
        {"role": "king"},
        {"role": ["agent"]},
        {"nbf": 4_000_000_000},
        {"exp": 1},
    ],
    ids=str,
)
async def test_claims_that_are_wrong_or_missing_are_401(clock: FakeClock, changes: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        await who(clock, signed(clock, changes))


async def test_a_token_is_over_after_its_time_and_half_a_minute(clock: FakeClock) -> None:
    token = signed(clock, {})
    clock.jump(85)
    assert (await who(clock, token)).subject == "an"
    clock.jump(10)
    with pytest.raises(Unauthenticated):
        await who(clock, token)


async def test_a_token_without_signature_is_401(clock: FakeClock) -> None:
    payload: dict[str, object] = {
        "iss": "ccc-router",
        "aud": "ccc-router",
        "sub": "an",
        "role": "admin",
        "exp": 4_000_000_000,
    }
    for algorithm in ("none", "None", "NONE", "HS256"):
        for kid in (kid_of(clock, KEY), "", None):
            with pytest.raises(Unauthenticated):
                await who(clock, forged({"alg": algorithm, "kid": kid}, payload))


async def test_every_changed_byte_of_a_token_is_401(clock: FakeClock) -> None:
    token = tokens(clock).issue(Role.AGENT, "an")
    for place in range(0, len(token), 7):
        letter = "A" if token[place] != "A" else "B"
        with pytest.raises(Unauthenticated):
            await who(clock, token[:place] + letter + token[place + 1 :] if place != len(token) - 1 else token[:-2])


async def test_an_asymmetric_token_is_not_verified_with_our_key(clock: FakeClock) -> None:
    rsa = RSAKey.generate_key(2048)
    payload = {"iss": "ccc-router", "aud": "ccc-router", "sub": "an", "role": "admin", "exp": 4_000_000_000}
    token = jwt.encode({"alg": "RS256", "kid": kid_of(clock, KEY)}, payload, rsa, algorithms=["RS256"])
    with pytest.raises(Unauthenticated):
        await who(clock, token)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "é.é.é",
        "." * 2,
        "A" * 9000,
        f"{'W' * 5000}..",
        "eyJ9.e30.",
        "W10.e30.",
        "bnVsbA.e30.",
    ],
)
async def test_what_is_no_token_is_401_and_nothing_else(clock: FakeClock, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await who(clock, token)


@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1 --", "\x00", "a" * 5000], ids=repr)
async def test_a_key_id_leads_nowhere(clock: FakeClock, kid: str) -> None:
    with pytest.raises(Unauthenticated):
        await who(clock, forged({"alg": "HS256", "kid": kid}, {}))


async def test_critical_headers_are_not_ignored(clock: FakeClock) -> None:
    with pytest.raises(Unauthenticated):
        await who(clock, forged({"alg": "HS256", "kid": kid_of(clock, KEY), "crit": ["exp"], "exp": 1}, {}))


def test_a_short_key_signs_nothing(clock: FakeClock) -> None:
    for keys in ((), ("short",), (KEY, "short")):
        with pytest.raises(Misconfigured):
            Tokens(keys, issuer="i", audience="a", clock=clock)


def test_there_are_no_tokens_for_customers_or_the_engine(clock: FakeClock) -> None:
    for role in (Role.CUSTOMER, Role.SYSTEM):
        with pytest.raises(ValueError, match="no tokens"):
            tokens(clock).issue(role, "x")


def test_no_key_shows_in_a_representation(clock: FakeClock) -> None:
    made = tokens(clock)
    assert KEY not in repr(made)
    assert KEY not in repr(vars(made))
