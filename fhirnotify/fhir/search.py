"""One search over all its pages: each match once, and all of them, or an error.

HAPI keeps a search open for an hour, Cambio's server for five minutes; then ``next`` is answered with 410 Gone
(some servers say 404), and the search has to be made again.
"""

from collections.abc import Iterator
from http import HTTPStatus

from fhirnotify.core.model import Identifier
from fhirnotify.errors import IncompleteRead
from fhirnotify.fhir.bundle import Page, Seen, read_page
from fhirnotify.fhir.client import Client, Params
from fhirnotify.fhir.faults import RefusedError
from fhirnotify.fhir.search_values import token

BY_IDENTIFIER = "patient:identifier"
"""Finds what names its patient by identifier alone, on the few servers that know it."""

_EXPIRED = frozenset({404, 410})
_NOBODY = Identifier("urn:fhirnotify:probe", "nobody")


class PageExpired(IncompleteRead):
    """The next page is no longer there."""

    def __init__(self, resource_type: str) -> None:
        super().__init__(
            f"The pages of the search for {resource_type} expire before they are read.",
            "Raise fhir.page_size, let the server keep its searches open longer (HAPI: retain_cached_searches_mins),"
            " and see that its links to further pages keep the path of fhir.base_url.",
        )


class Search:
    """One search, made once."""

    def __init__(self, client: Client, resource_type: str, params: Params) -> None:
        self.seen = Seen()
        """The ids of the matches given so far."""
        self.total: int | None = None
        """How many matches there are, as the first page says."""
        self._client = client
        self._type = resource_type
        self._params = params

    def pages(self) -> Iterator[Page]:
        """Give page after page, each match once.

        Raises:
            PageExpired: a further page is gone; what was given stands.
            IncompleteRead: fewer matches than the total, pages in a circle or without end, or a page that is wrong.
        """
        page = read_page(self._client.search(self._type, self._params), self._type)
        self.total = page.total
        links, barren, limits = Seen(), 0, self._client.limits
        while True:
            new = [match for match in page.matches if self.seen.add(match["id"])]
            barren = 0 if new else barren + 1
            yield Page(new, page.included, page.total, page.next)
            if page.next is None:
                return self._check_total()
            if not links.add(page.next) or len(links) >= limits.pages or barren >= limits.barren:
                raise IncompleteRead(
                    f"The pages of the search for {self._type} go in a circle, or have no end.",
                    "See the FHIR server; raise fhir.page_size if there really are that many.",
                )
            page = read_page(self._follow(page.next), self._type)

    def _follow(self, link: str) -> object:
        try:
            return self._client.follow(link, self._type)
        except RefusedError as refusal:
            if refusal.status not in _EXPIRED:
                raise
        raise PageExpired(self._type)

    def _check_total(self) -> None:
        if self.total is not None and len(self.seen) < self.total:
            raise IncompleteRead(
                f"The search for {self._type} gave {len(self.seen)} of {self.total} matches.",
                "Run again; if it stays so, see the FHIR server: a page or a resource is withheld from this account.",
            )


def every_page(client: Client, resource_type: str, params: Params) -> Iterator[Page]:
    """Give the pages of a search, from the beginning again if they expire: then matches come more than once."""
    for _ in range(client.limits.restarts):
        try:
            yield from Search(client, resource_type, params).pages()
        except PageExpired:
            continue
        return
    yield from Search(client, resource_type, params).pages()


def knows_identifier(client: Client, resource_type: str) -> bool:
    """Try ``patient:identifier`` with one that nobody has: a server that refuses or ignores it does not know it.

    Raises:
        RefusedError: it refuses us, which says nothing of what it knows.
    """
    nobody = ((BY_IDENTIFIER, token(_NOBODY)), ("_count", "1"), ("_total", "accurate"))
    try:
        page = read_page(client.search(resource_type, nobody), resource_type)
    except RefusedError as refusal:
        if refusal.status == HTTPStatus.UNAUTHORIZED:
            raise
        return False
    except IncompleteRead:
        return False
    return not page.matches and not page.total
