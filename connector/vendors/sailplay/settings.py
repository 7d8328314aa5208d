"""A SailPlay department as the file has it, and how it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import parse_qsl

from pydantic import BeforeValidator, Discriminator, Tag

from connector.settings.fields import Rate, SinkModel, Span, optional, required
from connector.settings.model import Model
from connector.settings.references import (
    NEVER_A_LITERAL,
    EnvReference,
    FileReference,
    SecretReference,
    reference_tag,
)
from connector.settings.values import Login, SailPlay, Start
from connector.vendors.catalogue import METHODS, VENDOR_LIMITS
from connector.vendors.vendor import Vendor

if TYPE_CHECKING:
    import httpx

    from connector.clock import Clock
    from connector.vendors.base import Sink


def _codes(value: Any) -> Any:
    """Codes as text: a vendor may answer with either."""
    return {str(code): span for code, span in value.items()} if isinstance(value, dict) else value


class LoginModel(Model):
    """Credentials from which a token is made."""

    store_department_key: SecretReference = required("the department's key: {file: PATH} or {env: NAME}")
    pin_code: SecretReference = required("the department's pin code: {file: PATH} or {env: NAME}")


class LoginReference(Model):
    """A token that is made by logging in."""

    login: LoginModel = required("{store_department_key: …, pin_code: …}")


class SailPlayModel(SinkModel):
    """A SailPlay department."""

    kind: Literal["sailplay"] = required("mytracker or sailplay")
    store_department_id: int = required("the department's number", ge=1)
    token: Annotated[
        Annotated[FileReference, Tag("<file>")]
        | Annotated[EnvReference, Tag("<env>")]
        | Annotated[LoginReference, Tag("<login>")],
        Discriminator(
            lambda value: "<login>" if isinstance(value, dict) and "login" in value else reference_tag(value),
            custom_error_type="secret",
            custom_error_message=f"{NEVER_A_LITERAL}; "
            "a token may also be {login: {store_department_key: …, pin_code: …}}",
        ),
    ] = required("{file: PATH}, {env: NAME} or {login: {store_department_key: …, pin_code: …}}")
    rate: Rate | None = optional("40/s", "requests a second, every call counted; for one process")
    http_method: Literal["post", "get"] = optional("post", "post sends a form; get puts the token into the URL")
    on_unknown_outcome: Literal["retry", "dead_letter"] = optional(
        "retry", "when the answer to a fire was lost: firing again may give the points twice"
    )
    retry_codes: Annotated[dict[str, Span], BeforeValidator(_codes)] = optional(
        {}, "vendor codes that may heal, with how long to retry: {-4000: 10m}"
    )

    def settings(self, name: str, start: Start, directory: Path) -> SailPlay:
        """The settings of the sink called `name`."""
        token = self.token
        return SailPlay(
            **self.common(name, start),
            store_department_id=self.store_department_id,
            token=_login(token.login, directory) if isinstance(token, LoginReference) else token.secret(directory),
            http_method=self.http_method,
            on_unknown_outcome=self.on_unknown_outcome,
            retry_codes=self.retry_codes,
        )


def _login(part: LoginModel, directory: Path) -> Login:
    return Login(part.store_department_key.secret(directory), part.pin_code.secret(directory))


def _open(of: SailPlay, transport: httpx.AsyncBaseTransport, clock: Clock) -> Sink:
    from connector.vendors.sailplay.login import Login as LoginSecrets  # noqa: PLC0415
    from connector.vendors.sailplay.sink import SailPlaySink  # noqa: PLC0415 - to read a file no HTTP client is loaded

    token = of.token
    return SailPlaySink(
        name=of.name,
        base_url=of.base_url,
        store_department_id=of.store_department_id,
        token=LoginSecrets(token.store_department_key, token.pin_code) if isinstance(token, Login) else token,
        http_method=of.http_method,
        timeout=of.timeout,
        retry_codes=of.retry_codes,
        transport=transport,
        clock=clock,
    )


def _read(body: bytes) -> dict[str, Any]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


SAILPLAY = Vendor(
    kind="sailplay",
    account="store_department_id",
    methods=METHODS["sailplay"],
    limits=VENDOR_LIMITS["sailplay"],
    model=SailPlayModel,
    open=_open,
    read=_read,
)
