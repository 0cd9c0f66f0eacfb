"""Our own bearer tokens: JWT signed with HS256 by a key of the settings, and the check of what they claim."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from ..events.vocabulary import Role
from ..kernel.clock import Clock
from ..kernel.errors import Misconfigured, Unauthenticated
from ..rest.principal import Principal

ALGORITHM: Final = "HS256"
LEEWAY_S: Final = 30
MIN_KEY_BYTES: Final = 32
MAX_TOKEN: Final = 8192
_CALLERS: Final = frozenset({Role.AGENT, Role.SUPERVISOR, Role.ADMIN, Role.DEPARTMENT, Role.CHANNEL})


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """What an unverified token says of its own signature: good for choosing a key, for nothing else."""

    algorithm: str
    kid: str


class Tokens:
    """Makes and verifies our own tokens. The first key signs, all verify (two during a rotation)."""

    def __init__(self, keys: Sequence[str], *, issuer: str, audience: str, clock: Clock) -> None:
        if not keys or any(len(key.encode()) < MIN_KEY_BYTES for key in keys):
            raise Misconfigured(f"A key that signs tokens has at least {MIN_KEY_BYTES} bytes.")
        self._keys = {_kid(key): OctKey.import_key(key.encode()) for key in keys}
        self._signer = _kid(keys[0])
        self._issuer = issuer
        self._audience = audience
        self._clock = clock

    def issue(self, role: Role, subject: str, *, lifetime_s: int = 43_200) -> str:
        """A token for `subject`. Raises ValueError for a role that has no tokens."""
        if role not in _CALLERS:
            raise ValueError(f"there are no tokens for the role {role}")
        now = self._clock.now_ms() // 1000
        claims: dict[str, str | int] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": subject,
            "role": role.value,
            "iat": now,
            "exp": now + lifetime_s,
        }
        header = {"alg": ALGORITHM, "kid": self._signer}
        return jwt.encode(header, claims, self._keys[self._signer], algorithms=[ALGORITHM])

    def knows(self, header: TokenHeader) -> bool:
        """Whether the token says that we signed it."""
        return header.algorithm == ALGORITHM and header.kid in self._keys

    def verify(self, token: str, header: TokenHeader) -> Principal:
        """Whose token it is. Raises ``Unauthenticated``."""
        try:
            decoded = jwt.decode(token, self._keys[header.kid], algorithms=[ALGORITHM])
        except (JoseError, ValueError, KeyError) as error:
            raise Unauthenticated("The token's signature is wrong.") from error
        check_claims(decoded.claims, issuer=self._issuer, audience=self._audience, now_s=self._clock.now_ms() // 1000)
        return principal_of(decoded.claims.get("sub"), decoded.claims.get("role"))


def read_header(token: str) -> TokenHeader:
    """The unverified header of a JWT. Raises ``Unauthenticated`` when it is none."""
    if len(token) > MAX_TOKEN or token.count(".") != 2:
        raise Unauthenticated("This is no token.")
    encoded = token.split(".", 1)[0]
    try:
        header = json.loads(base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise Unauthenticated("This is no token.") from error
    if not isinstance(header, dict) or "crit" in header:
        raise Unauthenticated("This is no token.")
    algorithm, kid = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or not isinstance(kid, str):
        raise Unauthenticated("The token does not name its key.")
    return TokenHeader(algorithm, kid)


def check_claims(claims: Mapping[str, object], *, issuer: str, audience: str, now_s: int) -> None:
    """Issuer, audience, expiry and start, with 30 s of leeway. Raises ``Unauthenticated``."""
    registry = jwt.JWTClaimsRegistry(
        now=now_s,
        leeway=LEEWAY_S,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": audience},
        exp={"essential": True},
        sub={"essential": True},
    )
    try:
        registry.validate(dict(claims))
    except (JoseError, ValueError, TypeError) as error:
        raise Unauthenticated("The token is over, or not for us.") from error


def principal_of(subject: object, role: object) -> Principal:
    """The caller that verified claims name. Raises ``Unauthenticated`` when they name none."""
    if not isinstance(subject, str) or not 0 < len(subject) <= 200 or not isinstance(role, str):
        raise Unauthenticated("The token names nobody.")
    if role not in _CALLERS:
        raise Unauthenticated("The token has no role here.")
    return Principal(subject, Role(role))


def _kid(key: str) -> str:
    return hashlib.sha256(b"ccc-router token key\n" + key.encode()).hexdigest()[:16]
