"""The base of every mapping of the file: it refuses unknown keys, and its error messages say what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from connector.errors import Mistake, SettingError
from connector.settings.suggestions import suggestion
from connector.settings.units import shown

# The type of an error whose message is final.
_EXPLAINED = "explained"
# Follows a mapping's key in the location of an error where the key itself is wrong.
_KEY = "[key]"


class Model(BaseModel):
    """A mapping of the file. Each validation error has a message that says what would be right."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            keys = {field.alias or name: field for name, field in cls.model_fields.items()}
            raise ValidationError.from_exception_data(
                error.title,
                [
                    InitErrorDetails(
                        # Without the input, which may hold a secret.
                        type=PydanticCustomError(_EXPLAINED, "{message}", _explanation(detail, keys)),
                        loc=detail["loc"],
                        input=None,
                    )
                    for detail in error.errors(include_url=False)
                ],
            ) from None


def default_of(model: type[Model], key: str) -> Any:
    """Return the default of an optional key, written as in the file. Raises KeyError where there is no such key."""
    return model.model_fields[key].default


def mistakes_of(error: ValidationError) -> list[Mistake]:
    """Return the mistakes that a `Model` found, each with its path in the file."""
    return [
        Mistake(_path(detail["loc"]), detail["msg"], detail["ctx"]["name"])
        for detail in error.errors(include_url=False)
    ]


def _path(loc: tuple[int | str, ...]) -> str:
    path = ""
    for step, after in zip(loc, (*loc[1:], ""), strict=True):
        if isinstance(step, int) and after != _KEY:
            path += f"[{step}]"
        elif step != _KEY and not str(step).startswith("<"):  # the branch of a union
            path += f".{step}" if path else str(step)
    return path


def _explanation(detail: ErrorDetails, keys: Mapping[str, FieldInfo]) -> dict[str, str]:
    """Return the message of an error, and the name of its kind."""
    if detail["type"] == _EXPLAINED:
        return detail["ctx"]
    return {"message": _message(detail, keys), "name": _name(detail)}


def _name(detail: ErrorDetails) -> str:
    if detail["type"] == "value_error":
        error = detail["ctx"]["error"]
        return error.name if isinstance(error, SettingError) else "wrong-value"
    return _NAMES.get(detail["type"], "wrong-type")


def _message(detail: ErrorDetails, keys: Mapping[str, FieldInfo]) -> str:
    kind, last = detail["type"], str(detail["loc"][-1]) if detail["loc"] else ""
    if kind == "extra_forbidden":
        return f"there is no key {last} here{suggestion(last, keys)}"
    if kind == "missing":
        return f"is missing: {keys[last].description}"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind in _EXPECTED:
        expected = _EXPECTED[kind].format(**detail.get("ctx", {}))
        return f"must be {expected}, not {shown(detail['input'])}{_hint(kind, detail['input'], keys)}"
    return _FINAL.get(kind, detail["msg"])


def _hint(kind: str, value: Any, keys: Mapping[str, FieldInfo]) -> str:
    if kind == "string_type":
        return "; put it between quotes" if isinstance(value, bool | int | float) else ""
    takes_defaults = kind == "model_type" and value is None and not any(key.is_required() for key in keys.values())
    return "; {} takes the defaults" if takes_defaults else ""


# The kinds of mistakes by the type of the error; every other is a value of the wrong type.
_NAMES = {
    "extra_forbidden": "unknown-key",
    "greater_than_equal": "out-of-range",
    "kind": "unknown-kind",
    "less_than_equal": "out-of-range",
    "literal_error": "wrong-value",
    "missing": "missing-key",
    "secret": "literal-secret",
    "string_too_short": "empty-value",
    "too_short": "empty-value",
}
# Messages that need not quote the value.
_FINAL = {"too_short": "must have at least one entry"}
# The values that pydantic's own checks expect, by the type of the error.
_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "greater_than_equal": "at least {ge}",
    "int_type": "a whole number",
    "less_than_equal": "at most {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "a mapping",
    "string_type": "text",
    "string_too_short": "text of at least one character",
}
