"""A vendor kind in one value: how its accounts are configured, what they are sent, and what their answers mean.

The seam is two pure functions, an Exchange: a request made of a method, items and secrets, and a judgement of an
answer. Secrets, renewal, time limits, retries with a new token and the masking of secrets are the one HTTP sink's
(connector.vendors.http_sink). Nothing here imports an HTTP client, so that a configuration is read without one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

import orjson

from connector.errors import Mistake
from connector.model import Item, Limits, Outcome
from connector.settings.values import Route, SinkSettings
from connector.vendors.base import Method

if TYPE_CHECKING:
    from connector.http.client import Answer

S = TypeVar("S", bound=SinkSettings)

# The secrets of a sink's section by their path in it (`token`), read and checked.
Secrets = Mapping[str, str]


class Request(NamedTuple):
    """One HTTP request. A `query` that holds a secret or an item is kept apart from the URL, which is cached.

    Make `headers` once and use the same object again: the sink prepares them once for each object.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: bytes = b""


class VendorCall(NamedTuple):
    """A request that carries no items, and the judgement of its answer."""

    request: Callable[[Secrets], Request]
    judge: Callable[[Answer], Outcome]


# The outcome of a call, and its answer; None where none came.
Reply: TypeAlias = "tuple[Outcome, Answer | None]"

# Makes a call as soon as the sink's rate allows. Raises nothing for what the vendor or the network does.
Ask = Callable[[VendorCall], Awaitable[Reply]]


class TokenLogin(NamedTuple):
    """A call that turns the section's secrets into a token, which `request` then gets under the name `provides`.

    `token` reads it from an answer that was judged accepted; anything but one line of visible ASCII counts as none.
    """

    call: Callable[[Secrets], Request]
    judge: Callable[[Answer], Outcome]
    token: Callable[[Answer], object]
    provides: str = "token"


def rejected_by_status(outcome: Outcome) -> bool:
    """True if the answer's status says that the credentials were not accepted: 401 or 403."""
    return outcome.status in (401, 403)


class Exchange(NamedTuple):
    """The requests and the judgement of one account: two pure functions.

    `request` takes a method, its items (within the limits) and the secrets. `judge` takes the answer and the number
    of items sent; the sink adds Retry-After, masks secrets in the message and cuts it to 1 KB. `rejects_credentials`
    looks at what `judge` said. Where there is a `login`, its token stands in for the section's own secrets.
    """

    request: Callable[[str, Sequence[Item], Secrets], Request]
    judge: Callable[[Answer, int], Outcome]
    rejects_credentials: Callable[[Outcome], bool] = rejected_by_status
    login: TokenLogin | None = None


# --- optional capabilities -------------------------------------------------------------------------------------------


class Unverified(NamedTuple):
    """The vendor answered a probe in a way that says nothing about our credentials; `why` is for people."""

    why: str


class VendorEvent(NamedTuple):
    """An event as the account has it set up; both texts are for people."""

    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.name} ({self.kind})"


# The events of an account by the key that routes map.
VendorEvents = Mapping[str, VendorEvent]


@dataclass(frozen=True, slots=True)
class EventCatalogue(Generic[S]):
    """Compares a sink's routes with the events of its account, for a vendor where events must be set up first.

    `fetch` asks the vendor; an Outcome says why there is no answer. `key` is the field that names the event.
    `named_keys` returns the keys that a route names literally. `check` returns what is wrong with the routes, each
    mistake with its path. `describe` says which event an item's fields fire, or why the vendor will refuse it.
    """

    key: str
    fetch: Callable[[S, Ask], Awaitable[VendorEvents | Outcome]]
    named_keys: Callable[[Route], Sequence[str]]
    check: Callable[[Iterable[Route], VendorEvents], Sequence[Mistake]]
    describe: Callable[[Mapping[str, Any], VendorEvents], str]


class Sightings(NamedTuple):
    """How often the vendor has seen the event of an item, and when last (the vendor's own time)."""

    times: int
    last: str | None


class MaxRate(NamedTuple):
    """How many requests a second the vendor takes, and for whom it counts them: `partner`."""

    per_second: float
    shared_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor(Generic[S]):
    """A vendor kind, as `kind` in the file names it.

    `limits` are the vendor's own. `settings` is the class of a sink's section; `exchange` makes the two functions of an
    account. `title` is the name for people. `account_key` is a key that this kind's sections have and no other kind's:
    it tells the kind where `kind` is misspelt. `account` names the account whose credentials a probe verifies.
    `read_body` turns an item's bytes back into fields, for people. `envelope` says what a request holds beside its
    items, for people who ask why an event is too large.

    Optional: `probe`, a call that changes nothing, for `check --live`; `events`, the account's own list of events;
    `sightings`, how often the event of an item's body was seen; `max_rate`, for warnings.
    """

    kind: str
    title: str
    methods: Mapping[str, Method]
    limits: Limits
    settings: type[S]
    exchange: Callable[[S], Exchange]
    account_key: str | None = None
    account: Callable[[S], str] = lambda _: "the account"
    read_body: Callable[[bytes], Mapping[str, Any]] = orjson.loads
    envelope: str = ""
    probe: Callable[[S, Ask], Awaitable[Outcome | Unverified]] | None = None
    events: EventCatalogue[S] | None = None
    sightings: Callable[[S, Ask, bytes], Awaitable[Sightings | Outcome]] | None = None
    max_rate: MaxRate | None = None
