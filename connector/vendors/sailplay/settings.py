"""A SailPlay department's section of the file, and the settings of its sink."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Tag

from connector.secrets import Secret
from connector.settings.fields import Rate, Span, optional, required
from connector.settings.model import Model
from connector.settings.references import (
    NEVER_A_LITERAL,
    EnvReference,
    FileReference,
    SecretReference,
    reference_tag,
    resolved,
)
from connector.settings.values import SinkSettings


def _codes(value: Any) -> Any:
    """Return codes as text: a vendor may answer with either."""
    return {str(code): span for code, span in value.items()} if isinstance(value, dict) else value


class LoginSecrets(Model):
    """Credentials from which a token is made."""

    store_department_key: SecretReference = required("the department's key: {file: PATH} or {env: NAME}")
    pin_code: SecretReference = required("the department's pin code: {file: PATH} or {env: NAME}")


class LoginReference(Model):
    """A token that is made by logging in."""

    login: LoginSecrets = required("{store_department_key: …, pin_code: …}")


_TokenReference = Annotated[
    Annotated[FileReference, Tag("<file>")]
    | Annotated[EnvReference, Tag("<env>")]
    | Annotated[LoginReference, Tag("<login>")],
    Discriminator(
        lambda value: "<login>" if isinstance(value, dict) and "login" in value else reference_tag(value),
        custom_error_type="secret",
        custom_error_message=f"{NEVER_A_LITERAL}; "
        "a token may also be {login: {store_department_key: …, pin_code: …}}",
    ),
]


class SailPlaySettings(SinkSettings):
    """A SailPlay department."""

    kind: Literal["sailplay"] = required("mytracker or sailplay")
    store_department_id: int = required("the department's number", ge=1)
    token: Annotated[Secret | LoginReference, resolved(_TokenReference)] = required(
        "{file: PATH}, {env: NAME} or {login: {store_department_key: …, pin_code: …}}"
    )
    rate: Rate | None = optional("40/s", "requests a second, every call counted; for one process")
    http_method: Literal["post", "get"] = optional("post", "post sends a form; get puts the token into the URL")
    on_unknown_outcome: Literal["retry", "dead_letter"] = optional(
        "retry", "when the answer to a fire was lost: firing again may give the points twice"
    )
    retry_codes: Annotated[dict[str, Span], BeforeValidator(_codes)] = optional(
        {}, "vendor codes that may heal, with how long to retry: {-4000: 10m}"
    )

    @property
    def unknown_outcome_policy(self) -> Literal["retry", "dead_letter"]:
        """How to treat a fire whose request may have taken effect without a proper answer."""
        return self.on_unknown_outcome
