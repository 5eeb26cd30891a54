"""OAuth 2.0: the token endpoint for client credentials, the keys to verify by, and the server's metadata.

RFC 6749 (4.4 and 5), RFC 7517 (5) and RFC 8414 (3). Which scopes and tenants a client may have is the
dialect's to say.
"""

import base64
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from kade.auth import client_secret
from kade.auth.tokens import Granted, Issued, Tokens
from kade.core.errors import AccessReason, Code, KadeError, Reason, RequestReason, TokenReason
from kade.core.events import Event
from kade.core.ids import undashed
from kade.core.ports import Catalog
from kade.core.principals import Caller
from kade.services.audit import Audit
from kade.services.signing_keys import KeyRing
from kade.web.authentication import origin_of, remember
from kade.web.operation import AnyMethod, operation
from kade.web.rate_limits import RateLimits
from kade.web.receive import read_all

JWK_SET = "application/jwk-set+json"
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"
_GRANT = "client_credentials"
_LONGEST = 16 << 10
_FIELDS = 32
_PARAMETERS = ("grant_type", "client_id", "client_secret", "scope", "tenant_id")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*")  # RFC 6749, 3.3
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_CACHEABLE = {"Cache-Control": "public, max-age=300"}

# RFC 6749, 5.2: a status and an error code. What is not invalid_client is 400 there; HTTP's own are ours.
ERRORS: dict[Code, tuple[int, str]] = {
    **dict.fromkeys(Code, (400, "invalid_request")),
    Code.UNAUTHENTICATED: (401, "invalid_client"),
    Code.FORBIDDEN: (400, "unauthorized_client"),
    Code.TOO_SLOW: (408, "invalid_request"),
    Code.TOO_MANY: (429, "temporarily_unavailable"),
    Code.NO_SPACE: (503, "temporarily_unavailable"),
    Code.UNAVAILABLE: (503, "temporarily_unavailable"),
    Code.INTERNAL: (500, "server_error"),
}
ERROR_OF_REASON: dict[Reason, tuple[int, str]] = {
    TokenReason.UNSUPPORTED_GRANT: (400, "unsupported_grant_type"),
    TokenReason.SCOPE_NOT_GRANTED: (400, "invalid_scope"),
    RequestReason.METHOD_NOT_ALLOWED: (405, "invalid_request"),
    RequestReason.UNKNOWN_PATH: (404, "invalid_request"),
}


@dataclass(frozen=True, slots=True)
class Style:
    """How a token endpoint answers: *lifetime* in seconds, as text for old clients; *names_scope* or not."""

    token_type: str = "Bearer"  # noqa: S105 - RFC 6750, 4
    lifetime: int = 3600
    expires_in_as_text: bool = False
    names_scope: bool = True


class Allow(Protocol):
    """What a dialect says of tokens."""

    async def __call__(self, caller: Caller, tenant: str | None, scopes: frozenset[str] | None) -> Granted:
        """What *caller* gets who asked for a tenant and scopes, or for none in particular (None).

        Raises:
            KadeError: ``TokenReason.SCOPE_NOT_GRANTED``; a reason of code ``forbidden`` when it gets none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Giving:
    """What every token endpoint of a dialect has in common.

    *guesses* counts refused clients, by client id and address; whoever exceeds it is refused unheard.
    """

    catalog: Catalog
    tokens: Tokens
    allow: Allow
    audit: Audit
    guesses: RateLimits


class _Asked:
    """A token request (RFC 6749, 4.4.2), read but not yet judged."""

    def __init__(self, form: dict[str, str], client: tuple[str, str] | None) -> None:
        if client is not None and ("client_secret" in form or form.get("client_id", client[0]) != client[0]):
            raise KadeError(RequestReason.BAD_VALUE, "client_id")  # more than one proof (RFC 6749, 2.3)
        self.client_id, self.secret = client or (form.get("client_id", ""), form.get("client_secret", ""))
        if "grant_type" not in form:
            raise KadeError(RequestReason.MISSING_VALUE, "grant_type")
        self.grant_type = form["grant_type"]
        self.scope = form.get("scope")
        self.tenant = form.get("tenant_id")

    @property
    def scopes(self) -> frozenset[str] | None:
        """Raises KadeError(TokenReason.SCOPE_NOT_GRANTED) for what cannot be one."""
        if self.scope is None:
            return None
        if not _SCOPE.fullmatch(self.scope):
            raise KadeError(TokenReason.SCOPE_NOT_GRANTED)
        return frozenset(self.scope.split(" "))


def token_endpoint(name: str, giving: Giving, style: Style) -> AnyMethod:
    """The application that gives tokens; *name* is its operation's."""

    async def give(request: Request) -> Response:
        _require_method(request, "POST")
        asked = _Asked(await _form(request), _basic(request))
        caller = await _client(request, asked, giving)
        if asked.grant_type != _GRANT:
            raise KadeError(TokenReason.UNSUPPORTED_GRANT)
        granted = await giving.allow(caller, asked.tenant, asked.scopes)
        issued = await giving.tokens.issue(caller, granted, style.lifetime)
        giving.audit.note(_event(caller, granted, issued))
        return _json(_answer(issued, granted, style), _NO_STORE)

    return AnyMethod(operation(name, give, refuse, giving.audit))


def jwks(name: str, key_ring: KeyRing, audit: Audit, media_type: str = JWK_SET) -> AnyMethod:
    """The application that publishes the keys by which tokens are verified (RFC 7517, 5)."""

    async def tell(request: Request) -> Response:
        _require_method(request, "GET", "HEAD")
        keys = [json.loads(key.public) for key in await key_ring.published()]
        return _json({"keys": keys}, _CACHEABLE, media_type)

    return AnyMethod(operation(name, tell, refuse, audit))


@dataclass(frozen=True, slots=True)
class Metadata:
    """Where things are, as absolute URLs, and which scopes there are (RFC 8414, 2; RFC 9728, 4)."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    scopes: Sequence[str]
    resources: Sequence[str]


def server_metadata(name: str, describe: Callable[[], Metadata], audit: Audit) -> AnyMethod:
    """The application that says what the authorization server can do (RFC 8414, 3)."""

    async def tell(request: Request) -> Response:
        _require_method(request, "GET", "HEAD")
        where = describe()
        return _json(
            {
                "issuer": where.issuer,
                "token_endpoint": where.token_endpoint,
                "jwks_uri": where.jwks_uri,
                "scopes_supported": list(where.scopes),
                "protected_resources": list(where.resources),
                "response_types_supported": [],
                "grant_types_supported": [_GRANT],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            },
            _CACHEABLE,
        )

    return AnyMethod(operation(name, tell, refuse, audit))


def refuse(request: Request, error: KadeError) -> Response:
    """RFC 6749, 5.2. Why a client is not believed is nobody's business but the audit's."""
    status, code = ERROR_OF_REASON.get(error.reason, ERRORS[error.code])
    body = {"error": code}
    if status == 400:
        named = f": {error.subject}" if error.subject in _PARAMETERS else ""
        body["error_description"] = f"{error.reason}{named}"
    headers = dict(_NO_STORE)
    if status == 401 and "authorization" in request.headers:
        headers["WWW-Authenticate"] = 'Basic realm="token", charset="UTF-8"'
    if status == 405:
        headers["Allow"] = str(error.facts["allow"])
    if error.reason is RequestReason.RATE_LIMITED:
        headers["Retry-After"] = str(error.facts["retry_after"])
    return _json(body, headers, status=status)


async def _client(request: Request, asked: _Asked, giving: Giving) -> Caller:
    """Who asks. Raises as ``client_secret.authenticate``, and KadeError(RequestReason.RATE_LIMITED)."""
    if not asked.client_id or not asked.secret:
        raise KadeError(AccessReason.NO_CREDENTIAL)
    origin = origin_of(request)
    # What is no client id need not be kept apart: somebody may send any number of them.
    guesser = f"{undashed(asked.client_id) or ''} {origin.address}"
    giving.guesses.require(guesser)
    try:
        caller = await giving.catalog.glance(
            client_secret.authenticate, asked.client_id, asked.secret, origin
        )
    except KadeError as error:
        if error.code is Code.UNAUTHENTICATED:
            giving.guesses.take(guesser)
        raise
    return remember(request, caller)


async def _form(request: Request) -> dict[str, str]:
    """The parameters that have a value (RFC 6749, 3.2): those without count as omitted."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != _FORM:
        raise KadeError(RequestReason.UNSUPPORTED_MEDIA_TYPE)
    body = await read_all(request.scope, request.receive, _LONGEST)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS
        )
    except ValueError as error:
        raise KadeError(RequestReason.MALFORMED) from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise KadeError(RequestReason.MALFORMED)  # none may be repeated
    return {name: value for name, value in form.items() if value}


def _basic(request: Request) -> tuple[str, str] | None:
    """Client id and secret of HTTP Basic, each encoded like a form before (RFC 6749, 2.3.1).

    Raises:
        KadeError: ``AccessReason.UNKNOWN_CREDENTIAL`` for anything else in the header.
    """
    if "authorization" not in request.headers:
        return None
    scheme, _, value = request.headers["authorization"].partition(" ")
    try:
        text = base64.b64decode(value.strip(), validate=True).decode("ascii")
        client_id, separator, secret = text.partition(":")
        client = unquote_plus(client_id, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError as error:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL) from error
    if scheme.lower() != "basic" or not separator:
        raise KadeError(AccessReason.UNKNOWN_CREDENTIAL)
    return client


def _event(caller: Caller, granted: Granted, issued: Issued) -> Event:
    return Event.by(
        caller,
        "token.issued",
        issued.token_id,
        key=issued.key_id,
        scope=" ".join(sorted(granted.scopes)),
        lifetime=issued.lifetime,
        tenant=granted.tenant or "",
    )


def _answer(issued: Issued, granted: Granted, style: Style) -> dict[str, str | int]:
    """RFC 6749, 5.1."""
    answer: dict[str, str | int] = {
        "access_token": issued.token,
        "token_type": style.token_type,
        "expires_in": str(issued.lifetime) if style.expires_in_as_text else issued.lifetime,
    }
    if style.names_scope:
        answer["scope"] = " ".join(sorted(granted.scopes))
    return answer


def _require_method(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise KadeError(RequestReason.METHOD_NOT_ALLOWED, request.method[:20], allow=", ".join(methods))


def _json(body: object, headers: dict[str, str], media_type: str = _JSON, status: int = 200) -> Response:
    return Response(json.dumps(body), status, {**headers, "Content-Type": media_type})
