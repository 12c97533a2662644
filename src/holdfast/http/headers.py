"""The headers that every answer has: what a browser may do with it, and that it stays with TLS.

Answers of the API may do nothing in a browser; pages load what is their own, and no script that stands in them.
"""

from holdfast.http.errors import Headers

API_CSP = b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
PAGE_CSP = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    b"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
_ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
SECURITY: Headers = [
    *_ALWAYS,
    (b"content-security-policy", API_CSP),
    (b"referrer-policy", b"no-referrer"),
]
PAGE: Headers = [
    *_ALWAYS,
    (b"content-security-policy", PAGE_CSP),
    # with `no-referrer` a browser hides the origin of the page's own forms, too
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
]
HSTS: Headers = [(b"strict-transport-security", b"max-age=31536000")]


def completed(headers: Headers) -> Headers:
    """The headers of an answer with those of `SECURITY`, or of `PAGE`, that it does not set itself."""
    have = {name.lower(): value for name, value in headers}
    common = PAGE if have.get(b"content-type", b"").startswith(b"text/html") else SECURITY
    return headers + [pair for pair in common if pair[0] not in have]
