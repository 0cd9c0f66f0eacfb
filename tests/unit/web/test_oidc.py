"""Who is let in: tokens of an OIDC issuer."""

import base64
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from ccc_router.events.vocabulary import Role
from ccc_router.kernel.errors import Unauthenticated, Unavailable
from ccc_router.rest.principal import Principal
from ccc_router.web.auth import Authenticator
from ccc_router.web.oidc import ASK_AGAIN_S, Issuer, IssuerSettings
from ccc_router.web.tokens import Tokens
from tests.support.fake_clock import FakeClock

ISSUER = "https://login.example.vn"
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"}, private=True)
EC = ECKey.generate_key("P-256", {"kid": "ec-1"}, private=True)


@dataclass
class FakeIssuer:
    """An issuer's two documents, and how often they were asked for."""

    keys: list[RSAKey | ECKey] = field(default_factory=lambda: [RSA, EC])
    asked: int = 0
    down: bool = False

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("refused")
        if request.url.path == "/.well-known/openid-configuration":
            return httpx.Response(200, json={"jwks_uri": f"{ISSUER}/keys"})
        self.asked += 1
        shown = [key.as_dict(private=False) | {"kid": str(key.kid)} for key in self.keys]
        return httpx.Response(
            200, json={"keys": [*shown, {"kty": "oct", "kid": "oct-1", "k": "c2VjcmV0"}, {"kty": "new"}]}
        )


@pytest.fixture
def issuer() -> FakeIssuer:
    return FakeIssuer()


@pytest.fixture
async def http(issuer: FakeIssuer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(issuer.answer)) as client:
        yield client


def authenticator(http: httpx.AsyncClient, clock: FakeClock, **changes: Any) -> Authenticator:
    settings = IssuerSettings(**({"issuer": ISSUER, "audience": "ccc"} | changes))
    own = Tokens(["k" * 32], issuer="ccc-router", audience="ccc-router", clock=clock)

    async def heard(agent_id: str) -> None:
        """Nobody listens."""

    return Authenticator(own, Issuer(settings, http=http, clock=clock), heard)


def token(
    clock: FakeClock,
    key: RSAKey | ECKey = RSA,
    algorithm: str = "RS256",
    kid: str | None = None,
    claims: Mapping[str, object] | None = None,
) -> str:
    now = clock.now_ms() // 1000
    said: dict[str, object] = {"iss": ISSUER, "aud": "ccc", "sub": "an", "role": "agent", "iat": now, "exp": now + 60}
    header = {"alg": algorithm, "kid": kid or str(key.kid)}
    return jwt.encode(header, said | dict(claims or {}), key, algorithms=[algorithm])


async def test_rsa_and_elliptic_tokens_name_their_callers(
    http: httpx.AsyncClient, clock: FakeClock, issuer: FakeIssuer
) -> None:
    auth = authenticator(http, clock)
    assert await auth.verify(token(clock)) == Principal("an", Role.AGENT)
    assert await auth.verify(token(clock, EC, "ES256", claims={"sub": "binh"})) == Principal("binh", Role.AGENT)
    assert issuer.asked == 1, "the keys are kept"


async def test_claims_by_other_names_and_roles_by_other_words(http: httpx.AsyncClient, clock: FakeClock) -> None:
    auth = authenticator(
        http,
        clock,
        subject_claim="preferred_username",
        role_claim="realm_access.roles",
        roles={"cskh-truong-nhom": "supervisor"},
    )
    made = token(
        clock, claims={"preferred_username": "chi", "realm_access": {"roles": ["offline_access", "cskh-truong-nhom"]}}
    )
    assert await auth.verify(made) == Principal("chi", Role.SUPERVISOR)
    with pytest.raises(Unauthenticated):
        await auth.verify(token(clock, claims={"preferred_username": "chi", "realm_access": {"roles": ["admin"]}}))
    with pytest.raises(Unauthenticated):
        await auth.verify(token(clock, claims={"preferred_username": "chi", "realm_access": "admin"}))
    dotted = authenticator(http, clock, role_claim="https://example.vn/role")
    assert await dotted.verify(token(clock, claims={"https://example.vn/role": "admin"})) == Principal("an", Role.ADMIN)


@pytest.mark.parametrize(
    "changes",
    [{"iss": "https://evil.example"}, {"aud": "other"}, {"exp": 1}, {"aud": ["x", "y"]}, {"role": "system"}],
    ids=str,
)
async def test_wrong_claims_are_401(http: httpx.AsyncClient, clock: FakeClock, changes: dict[str, object]) -> None:
    with pytest.raises(Unauthenticated):
        await authenticator(http, clock).verify(token(clock, claims=changes))


async def test_the_public_key_used_as_a_secret_is_401(http: httpx.AsyncClient, clock: FakeClock) -> None:
    """The classic confusion: HS256 signed with the issuer's public key."""
    secret = RSA.as_pem(private=False)
    claims = {"iss": ISSUER, "aud": "ccc", "sub": "an", "role": "admin", "exp": clock.now_ms() // 1000 + 60}
    for algorithm in ("HS256", "HS512"):
        parts = [json.dumps({"alg": algorithm, "kid": "rsa-1"}).encode(), json.dumps(claims).encode()]
        head = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        mac = hmac.digest(secret, head, "sha256" if algorithm == "HS256" else "sha512")
        made = (head + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()
        with pytest.raises(Unauthenticated):
            await authenticator(http, clock).verify(made)


async def test_a_key_of_another_kind_or_a_shared_one_is_401(http: httpx.AsyncClient, clock: FakeClock) -> None:
    auth = authenticator(http, clock)
    with pytest.raises(Unauthenticated):
        await auth.verify(token(clock, EC, "ES256", kid="rsa-1"))
    with pytest.raises(Unauthenticated):
        await auth.verify(token(clock, kid="oct-1"))


async def test_another_key_under_a_known_name_is_401(http: httpx.AsyncClient, clock: FakeClock) -> None:
    with pytest.raises(Unauthenticated):
        await authenticator(http, clock).verify(token(clock, RSAKey.generate_key(2048), kid="rsa-1"))


async def test_an_unknown_key_is_asked_for_but_not_at_every_try(
    http: httpx.AsyncClient, clock: FakeClock, issuer: FakeIssuer
) -> None:
    auth = authenticator(http, clock)
    fresh = RSAKey.generate_key(2048, {"kid": "rsa-2"}, private=True)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await auth.verify(token(clock, fresh))
    assert issuer.asked == 1
    issuer.keys.append(fresh)
    await clock.advance(ASK_AGAIN_S)
    assert (await auth.verify(token(clock, fresh))).subject == "an"
    assert issuer.asked == 2


async def test_known_keys_stay_good_while_the_issuer_is_down(
    http: httpx.AsyncClient, clock: FakeClock, issuer: FakeIssuer
) -> None:
    auth = authenticator(http, clock)
    await auth.verify(token(clock))
    issuer.down = True
    await clock.advance(3600)
    assert (await auth.verify(token(clock))).subject == "an"


async def test_without_any_key_the_answer_is_503_and_not_401(
    http: httpx.AsyncClient, clock: FakeClock, issuer: FakeIssuer
) -> None:
    issuer.down = True
    with pytest.raises(Unavailable):
        await authenticator(http, clock).verify(token(clock))
