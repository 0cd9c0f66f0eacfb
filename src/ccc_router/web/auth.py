"""From the ``Authorization`` header to a caller."""

from collections.abc import Awaitable
from typing import Protocol

from fastapi import Request

from ..events.vocabulary import Role
from ..kernel.errors import Unauthenticated
from ..rest.principal import Principal
from .oidc import Issuer
from .tokens import Tokens, read_header


class Heard(Protocol):
    """Tells that an agent's client is alive: any authenticated request of his counts."""

    def __call__(self, agent_id: str) -> Awaitable[None]: ...


class Authenticator:
    """``app.state.identify``: our own tokens, and those of an OIDC issuer if the settings name one."""

    def __init__(self, tokens: Tokens, issuer: Issuer | None, heard: Heard) -> None:
        self._tokens = tokens
        self._issuer = issuer
        self._heard = heard

    async def __call__(self, request: Request) -> Principal:
        principal = await self.verify(_bearer(request))
        if principal.role is Role.AGENT:
            await self._heard(principal.subject)
        return principal

    async def verify(self, token: str) -> Principal:
        """Whose token it is. Raises ``Unauthenticated``.

        The header only chooses who verifies; each verifier then takes its own algorithms and keys and no others, so a
        token cannot talk us into another way of checking it.
        """
        header = read_header(token)
        if self._tokens.knows(header):
            return self._tokens.verify(token, header)
        if self._issuer is not None:
            return await self._issuer.verify(token, header)
        raise Unauthenticated("The token names a key that is not known.")


def _bearer(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if len(values) != 1:
        raise Unauthenticated("Send one Authorization header with a bearer token.")
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send one Authorization header with a bearer token.")
    return token.strip()
