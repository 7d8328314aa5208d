"""How a secret is named in the file: {file: PATH} or {env: NAME}, never the secret itself.

A field of type SecretReference is written so, and holds a connector.secrets.Secret once validated. Paths start at the
directory that the validation's context names by DIRECTORY, else where the process runs.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    GetPydanticSchema,
    Tag,
    ValidationInfo,
)
from pydantic_core import core_schema

from connector.errors import SettingError
from connector.secrets import Secret
from connector.settings.model import Model

# The key of the validation's context: where relative paths start.
DIRECTORY = "directory"
NEVER_A_LITERAL = "a secret is either {file: PATH} or {env: NAME}, never a literal"


def _text(value: Any) -> str:
    # No message here repeats the value: it may be the secret, put in the wrong place.
    if not isinstance(value, str) or not value:
        raise SettingError("the path of a file or the name of a variable is wanted here", "secret-reference")
    return value


def _variable(value: str) -> str:
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) is None:
        message = "this is no name of an environment variable: letters, digits and _, such as VENDOR_TOKEN"
        raise SettingError(message, "secret-reference")
    return value


class FileReference(Model):
    """A secret kept in a file."""

    file: Annotated[str, BeforeValidator(_text)] = Field(description="the file that holds the secret")

    def secret(self, directory: Path) -> Secret:
        """Return the secret; a relative path starts at `directory`."""
        return Secret.from_file(directory / self.file)


class EnvReference(Model):
    """A secret kept in an environment variable."""

    env: Annotated[str, BeforeValidator(_text), AfterValidator(_variable)] = Field(
        description="the environment variable that holds the secret"
    )

    def secret(self, directory: Path) -> Secret:  # noqa: ARG002 - one signature with FileReference
        """Return the secret."""
        return Secret.from_env(self.env)


def reference_tag(value: Any) -> str | None:
    """Return the tag of the form that a value has; None where it has neither, or both."""
    if isinstance(value, FileReference | EnvReference):
        return "<file>" if isinstance(value, FileReference) else "<env>"
    if not isinstance(value, dict) or ("file" in value) == ("env" in value):
        return None
    return "<file>" if "file" in value else "<env>"


Reference = Annotated[
    Annotated[FileReference, Tag("<file>")] | Annotated[EnvReference, Tag("<env>")],
    Discriminator(reference_tag, custom_error_type="secret", custom_error_message=NEVER_A_LITERAL),
]


def resolved(reference: object) -> GetPydanticSchema:
    """Return the annotation of a field that is written as `reference` and, once validated, holds the Secret it names.

    Other branches of `reference` stay as they are.
    """

    def resolve(value: Any, info: ValidationInfo) -> Any:
        if not isinstance(value, FileReference | EnvReference):
            return value
        return value.secret((info.context or {}).get(DIRECTORY, Path()))

    return GetPydanticSchema(
        lambda _, handler: core_schema.with_info_after_validator_function(resolve, handler.generate_schema(reference))
    )


# A secret in the file: written as a reference, read by everybody as a Secret.
SecretReference = Annotated[Secret, resolved(Reference)]
