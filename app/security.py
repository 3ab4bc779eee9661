"""What every answer carries, who is answered, and who may change anything.

There is no sign-in and no cookie, so there is nothing that a foreign page could make a browser send in
a person's name: what changes the store needs a token in the Authorization header, which browsers never
add by themselves, and which scripts of other origins may only set after a preflight that is refused
here (no CORS headers). That is why forms carry no CSRF token.

What a foreign page could still do is to point its own host name at this machine (DNS rebinding) and
read answers as if they were its own. That is why the Host header is held against the names this server
is known by.
"""

import hmac
import ipaddress

from flask import Flask, Response, request

from app.kinds import Forbidden, Unauthorized, WrongHost
from app.services import services
from imagesearch.config import Settings

# Room for the other fields of a form beside the largest picture.
FORM_ROOM = 64 * 1024

_CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def register(app: Flask, settings: Settings) -> None:
    """Guard every request to `app`, and send the headers with every answer."""
    names = known_names(settings)

    def refuse_other_hosts() -> None:
        name = host_name(request.host)
        if names and name not in names:
            raise WrongHost(
                f"This server does not answer to the name {name!r}. Open it as "
                f"http://localhost:{settings.port}, or start it with HOSTS={name} if the name is its own."
            )

    app.before_request(refuse_other_hosts)
    app.after_request(_headers)


def known_names(settings: Settings) -> frozenset[str]:
    """The names that the Host header may have; none if it may have any.

    Open to the network without HOSTS, the server cannot know what it is called there.
    """
    given = frozenset(name.strip().lower() for name in (settings.hosts or "").split(",") if name.strip())
    if not given and not _is_loopback(settings.bind):
        return frozenset()
    return given | _LOCAL_NAMES | {settings.bind}


def _is_loopback(bind: str) -> bool:
    try:
        return ipaddress.ip_address(bind.strip("[]")).is_loopback
    except ValueError:
        return bind == "localhost"


def host_name(host: str) -> str:
    """A Host header without its port; an IPv6 address keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def require_token() -> None:
    """Raises Forbidden if no token is configured, Unauthorized if the request does not carry it."""
    token = services().settings.api_token
    if token is None:
        raise Forbidden(
            "Pictures cannot be added or removed here: the server was started without a token. "
            "Set API_TOKEN to one of at least 16 characters and start it again."
        )
    given = request.authorization
    sent = given.token if given and given.type == "bearer" and given.token else ""
    if not hmac.compare_digest(sent.encode(), token.encode()):
        raise Unauthorized(
            "The token is missing or wrong. Send the server's API_TOKEN as 'Authorization: Bearer <token>'."
        )


def _headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _CSP)
    response.headers.setdefault("Cache-Control", "private, no-cache")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
