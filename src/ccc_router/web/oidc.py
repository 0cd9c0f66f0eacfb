"""Tokens of somebody else's issuer (OpenID Connect): its public keys are fetched, kept, and asked for again when one is unknown."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey

from ..kernel.clock import Clock
from ..kernel.errors import Unauthenticated, Unavailable
from ..rest.principal import Principal
from .tokens import TokenHeader, check_claims, principal_of

ALGORITHMS: Final[Mapping[str, type[RSAKey] | type[ECKey]]] = {"RS256": RSAKey, "ES256": ECKey}
KEEP_S: Final = 600.0
"""How long the issuer's keys are believed without asking again."""
ASK_AGAIN_S: Final = 30.0
"""An unknown key id, or an issuer that does not answer, makes us ask at most this often."""


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    """An OIDC issuer.

    ``jwks_url``: "" asks the issuer's discovery document. ``subject_claim`` and ``role_claim`` name claims; dots lead into
    objects (``realm_access.roles``). A role claim may be a list: the first name that ``roles`` maps to a role of ours counts.
    """

    issuer: str
    audience: str
    jwks_url: str = ""
    subject_claim: str = "sub"
    role_claim: str = "role"
    roles: Mapping[str, str] = field(default_factory=dict)


class Issuer:
    """Verifies the tokens of one issuer."""

    def __init__(self, settings: IssuerSettings, *, http: httpx.AsyncClient, clock: Clock) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._keys: dict[str, RSAKey | ECKey] = {}
        self._asked_at = float("-inf")
        self._fresh_until = float("-inf")
        self._asking = asyncio.Lock()

    async def verify(self, token: str, header: TokenHeader) -> Principal:
        """Whose token it is. Raises ``Unauthenticated``, or ``Unavailable`` while the issuer's keys cannot be had."""
        kind = ALGORITHMS.get(header.algorithm)
        if kind is None:
            raise Unauthenticated("The token is signed in a way that is not accepted.")
        key = await self._key(header.kid)
        if not isinstance(key, kind):
            raise Unauthenticated("The token names a key that its issuer does not have.")
        try:
            claims = jwt.decode(token, key, algorithms=[header.algorithm]).claims
        except (JoseError, ValueError) as error:
            raise Unauthenticated("The token's signature is wrong.") from error
        settings = self._settings
        check_claims(claims, issuer=settings.issuer, audience=settings.audience, now_s=self._clock.now_ms() // 1000)
        return principal_of(_claim(claims, settings.subject_claim), self._role(_claim(claims, settings.role_claim)))

    def _role(self, claimed: object) -> str | None:
        names: Sequence[object] = claimed if isinstance(claimed, list) else [claimed]
        mapped = (
            self._settings.roles.get(name, name if not self._settings.roles else "")
            for name in names
            if isinstance(name, str)
        )
        return next((role for role in mapped if role), None)

    async def _key(self, kid: str) -> RSAKey | ECKey | None:
        now = self._clock.monotonic()
        if kid in self._keys and now < self._fresh_until:
            return self._keys[kid]
        async with self._asking:
            now = self._clock.monotonic()
            stale = now >= self._fresh_until or kid not in self._keys
            if stale and now >= self._asked_at + ASK_AGAIN_S:
                self._asked_at = now
                await self._fetch(now)
        if not self._keys:
            raise Unavailable("The issuer's keys cannot be had now.", retry_after_s=5)
        return self._keys.get(kid)

    async def _fetch(self, now: float) -> None:
        try:
            url = self._settings.jwks_url or await self._discover()
            answer = await self._http.get(url)
            answer.raise_for_status()
            self._keys = _public_keys(answer.json())
            self._fresh_until = now + KEEP_S
        except (httpx.HTTPError, ValueError, KeyError, TypeError, JoseError):
            # The keys we have stay good until the issuer can be asked again: it may be down for a minute.
            self._fresh_until = now + ASK_AGAIN_S

    async def _discover(self) -> str:
        answer = await self._http.get(self._settings.issuer.rstrip("/") + "/.well-known/openid-configuration")
        answer.raise_for_status()
        return str(answer.json()["jwks_uri"])


def _public_keys(document: Mapping[str, object]) -> dict[str, RSAKey | ECKey]:
    listed = document["keys"]
    if not isinstance(listed, list):
        raise TypeError("a JWKS has a list of keys")
    usable = [
        key
        for key in listed
        if isinstance(key, dict) and key.get("kty") in ("RSA", "EC") and key.get("use", "sig") == "sig"
    ]
    keys = KeySet.import_key_set({"keys": usable})
    return {str(key.kid): key for key in keys.keys if key.kid and isinstance(key, RSAKey | ECKey)}


def _claim(claims: Mapping[str, object], path: str) -> object:
    if path in claims:  # a claim's own name may have dots: https://example.vn/roles
        return claims[path]
    value: object = claims
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
