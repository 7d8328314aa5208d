"""The C library below the client: for what no call of the client's does."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from typing import Any

from confluent_kafka import cimpl


def librdkafka(signatures: Mapping[str, tuple[Any, list[Any]]]) -> ctypes.CDLL:
    """The library that confluent_kafka itself runs on, found through the module that is linked to it.

    `signatures`: what each function that will be called returns and takes. Raises AttributeError if it lacks one.
    """
    library = ctypes.CDLL(cimpl.__file__)
    for name, (result, arguments) in signatures.items():
        function = library[name]
        function.restype, function.argtypes = result, arguments
        setattr(library, name, function)
    return library
