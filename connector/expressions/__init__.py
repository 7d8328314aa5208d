"""JMESPath with the connector's functions, compiled to Python."""

from __future__ import annotations

from connector.expressions.compiler import (
    Condition,
    compile_condition,
    compile_element_fields,
    compile_expression,
    compile_fields,
)

__all__ = ["Condition", "compile_condition", "compile_element_fields", "compile_expression", "compile_fields"]
