"""Links to the next page that lead elsewhere, nowhere, or round and round."""

from collections.abc import Callable
from urllib.parse import urlsplit

from fhirnotify.harness.faults.fault import Bundle, Fault, fhir_json, on, reworked
from fhirnotify.harness.proxy import Act, Asked, Sent, Server, bundle_of, next_of

_APPOINTMENT = "Appointment"


def next_is(change: Callable[[str, Server], object]) -> Act:
    """Write another link to the next page, made of the right one; None for none."""

    def edit(bundle: Bundle, _asked: Asked, server: Server) -> None:
        if (right := next_of(bundle)) is not None:
            link(bundle, change(right, server))

    return reworked(edit)


def link(bundle: Bundle, url: object) -> None:
    """Let the next page be found at ``url``; None for no next page."""
    links = [one for one in bundle.get("link", ()) if one.get("relation") != "next"]
    bundle["link"] = links if url is None else [*links, {"relation": "next", "url": url}]


def _back_to(page: int | None) -> Act:
    """Write a link to an earlier page, or to this one, as that to the next."""
    return reworked(
        lambda bundle, asked, server: link(bundle, asked.url if page is None else server.link(asked.kind, page))
    )


def _without_end(asked: Asked, server: Server) -> Sent:
    """Give the first page again and again, each time with a link that was never there before."""
    reply = server.earlier(asked.kind) or server.ask(asked)
    if (bundle := bundle_of(reply)) is None:
        return reply
    link(bundle, f"{server.own}?_getpages=endless&_getpagesoffset={server.acted}")
    return fhir_json(bundle)


def _on_host(name: str) -> Callable[[str, Server], str]:
    return lambda right, _server: right.replace("://127.0.0.1:", f"://{name}:", 1)


def _on_port_of_stranger(right: str, server: Server) -> str:
    return right.replace(origin(server.own), server.stranger, 1)


def _disguised(right: str, server: Server) -> str:
    """Write http://own-host:own-port@stranger/…: all before the @ is a user name and a password."""
    stranger = server.stranger.removeprefix("http://")
    return right.replace(origin(right), f"{origin(right)}@{stranger}", 1)


def origin(url: str) -> str:
    """Give scheme, host and port of an address, as they are written."""
    return f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"


FAULTS = (
    Fault(
        "next-on-another-host",
        "links to the next page under another name of the host, where it is indeed found",
        "a-loud-failure",
        on(_APPOINTMENT, next_is(_on_host("localhost"))),
    ),
    Fault(
        "next-on-another-port",
        "links to the next page on another port of the host, where it is indeed found",
        "nothing-sensitive-leaves",
        on(_APPOINTMENT, next_is(_on_port_of_stranger)),
    ),
    Fault(
        "next-on-another-scheme",
        "links to the next page over https where http was asked",
        "a-loud-failure",
        on(_APPOINTMENT, next_is(lambda right, _: right.replace("http:", "https:", 1))),
    ),
    Fault(
        "next-behind-a-user-name",
        "links to the next page at a host that is written after what looks like the server's own, as a user name",
        "nothing-sensitive-leaves",
        on(_APPOINTMENT, next_is(_disguised)),
    ),
    Fault(
        "next-with-credentials",
        "puts a user name and a password of its own into the link to the next page",
        "nothing-sensitive-leaves",
        on(_APPOINTMENT, next_is(lambda right, _: right.replace("://", "://nobody:nothing@", 1))),
    ),
    Fault(
        "next-is-script",
        "gives javascript: for the next page",
        "a-loud-failure",
        on(_APPOINTMENT, next_is(lambda _, __: "javascript:alert(1)")),
    ),
    Fault(
        "next-is-empty",
        "says that there is a next page, but not where",
        "a-loud-failure",
        on(_APPOINTMENT, next_is(lambda _, __: ""), page=1),
    ),
    Fault(
        "next-is-a-number",
        "gives a number in the place of the address of the next page",
        "a-loud-failure",
        on(_APPOINTMENT, next_is(lambda _, __: 2), page=1),
    ),
    Fault(
        "next-is-relative",
        "links to the next page by path and query alone, as a relative address: odd, but clear",
        "none-forgotten",
        on(_APPOINTMENT, next_is(lambda right, _: right.removeprefix(origin(right)))),
    ),
    Fault(
        "next-is-this-page",
        "gives for the next page the address of the same page",
        "a-loud-failure",
        on(_APPOINTMENT, _back_to(None), page=2),
    ),
    Fault(
        "next-in-a-circle",
        "lets the third page lead back to the second",
        "a-loud-failure",
        on(_APPOINTMENT, _back_to(2), page=3),
    ),
    Fault(
        "pages-without-end",
        "gives the first page for ever, each time with a new link to the next",
        "a-loud-failure",
        on(_APPOINTMENT, _without_end),
    ),
)
