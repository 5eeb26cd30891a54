"""Who may come in: access tokens, the tenants and scopes that they cover, how often (spec 1(b), 1(c) 18)."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response

from kade.auth.tokens import Granted, Tokens, Verified
from kade.core.clock import now
from kade.core.errors import AccessReason, KadeError, RequestReason, TokenReason
from kade.core.grants import Verb
from kade.core.ids import Id
from kade.core.ports import Tx
from kade.core.principals import Caller
from kade.services import applications
from kade.web.authentication import remember
from kade.web.dialect import Kit
from kade.web.rate_limits import RateLimits, hold

TENANT_HEADER = "x-raet-tenant-id"
_GRANTED = "kade.granted"


class Scope(StrEnum):
    """What a token may be limited to."""

    LIST = "youforce-fileapi:files:list"
    UPLOAD = "youforce-fileapi:files:upload"
    DOWNLOAD = "youforce-fileapi:files:download"
    DELETE = "youforce-fileapi:files:delete"


_SCOPES: dict[Verb, frozenset[Scope]] = {
    Verb.WRITE: frozenset({Scope.LIST, Scope.UPLOAD, Scope.DOWNLOAD}),
    Verb.SUBSCRIBE: frozenset({Scope.LIST, Scope.DOWNLOAD, Scope.DELETE}),
}

Handler = Callable[[Request, Caller], Awaitable[Response]]


class Door:
    """Turns a request into a caller that acts in one tenant."""

    def __init__(self, kit: Kit, tokens: Tokens, limits: RateLimits) -> None:
        self._kit = kit
        self._tokens = tokens
        self._limits = limits

    async def caller(self, request: Request) -> Caller:
        """The application whose token the request brings, in the tenant that it works for.

        Raises:
            KadeError: an ``AccessReason``; ``RequestReason.RATE_LIMITED``; ``MISSING_VALUE`` when the token
                covers several tenants and the request names none.
        """
        verified = await self._kit.authentication.by_token(request, self._tokens)
        self._limits.take(verified.caller.principal_id)
        await hold(request, self._limits.parallel(verified.caller.principal_id))
        tenants = await self._kit.catalog.glance(applications.tenants_of, verified.caller.principal_id)
        tenant = _tenant(request, verified, tenants)
        request.scope[_GRANTED] = Granted(tenant, verified.claims.scopes)
        return remember(request, replace(verified.caller, tenant_id=tenants[tenant]))

    async def allow(self, caller: Caller, tenant: str | None, scopes: frozenset[str] | None) -> Granted:
        """Implements ``web.oauth.Allow``: scopes follow from what the application was granted.

        Raises:
            KadeError: ``TokenReason.TENANT_NOT_GRANTED``, ``VERB_NOT_GRANTED`` when it has no right at all;
                ``TokenReason.SCOPE_NOT_GRANTED``.
        """
        tenants, possible = await self._kit.catalog.glance(_possible, caller)
        if tenant is not None and tenant not in tenants:
            raise KadeError(TokenReason.TENANT_NOT_GRANTED)
        if not possible:
            raise KadeError(AccessReason.VERB_NOT_GRANTED, caller.principal_id)
        if scopes is not None and not scopes <= possible:
            raise KadeError(TokenReason.SCOPE_NOT_GRANTED)
        return Granted(tenant, possible if scopes is None else scopes)


def tenant_of(request: Request) -> str:
    """The name of the tenant that the request works for."""
    granted: Granted = request.scope[_GRANTED]
    assert granted.tenant is not None
    return granted.tenant


def scoped(scope: Scope, handler: Handler) -> Handler:
    """*handler* for tokens of that scope alone; others get ``TokenReason.SCOPE_MISSING``."""

    async def guarded(request: Request, caller: Caller) -> Response:
        granted: Granted = request.scope[_GRANTED]
        if scope not in granted.scopes:
            raise KadeError(TokenReason.SCOPE_MISSING, scope)
        return await handler(request, caller)

    return guarded


def _tenant(request: Request, verified: Verified, tenants: dict[str, Id]) -> str:
    """The tenant by header, else by token, else the only one there is."""
    named = request.headers.get(TENANT_HEADER) or verified.claims.tenant
    if named is None and len(tenants) > 1:
        raise KadeError(RequestReason.MISSING_VALUE, TENANT_HEADER)
    tenant = named if named is not None else next(iter(tenants), "")
    if tenant not in tenants or verified.claims.tenant not in (None, tenant):
        raise KadeError(TokenReason.TENANT_NOT_GRANTED)
    return tenant


def _possible(tx: Tx, caller: Caller) -> tuple[dict[str, Id], frozenset[str]]:
    at = now()
    grants = tx.grants.of_principal(caller.principal_id)
    verbs = {verb for each in grants if each.in_force(at) for verb in each.verbs}
    scopes = frozenset(scope.value for verb in verbs for scope in _SCOPES.get(verb, ()))
    return applications.tenants_of(tx, caller.principal_id), scopes
