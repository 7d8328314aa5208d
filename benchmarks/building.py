"""Builds what people would pick instead of the connector, from its sources in `peers/`, when it is first asked for."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

_SOURCES = Path(__file__).resolve().parent / "peers"
_CACHE = _SOURCES.parents[1] / ".cache" / "peers"
_BUILD_SECONDS = 1_800  # 1 minute on an idle core, when the modules are there


class PeerError(Exception):
    """A peer cannot be had here; the text says what is missing."""


def bento() -> Path:
    """Return Bento's program, built once for this checkout. Raises PeerError where Go or a module cannot be had."""
    program = _CACHE / f"bento-{_digest()}"
    if not program.is_file():
        _build(program)
    return program


def _digest() -> str:
    """Sixteen letters that change with the sources."""
    files = (_SOURCES / name for name in ("go.mod", "go.sum", "main.go"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _build(program: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise PeerError("no Go (`go` on the PATH) to build Bento with; benchmarks/peers/go.mod says which one it needs")
    _CACHE.mkdir(parents=True, exist_ok=True)
    fresh = program.with_suffix(f".{os.getpid()}")
    command = [go, "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", str(fresh), "."]
    environment = os.environ | {"GOTOOLCHAIN": "local", "GOWORK": "off"}  # an old Go shall say so, not fetch another
    try:
        done = subprocess.run(
            command, cwd=_SOURCES, env=environment, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PeerError(f"Go did not build Bento within {_BUILD_SECONDS} s") from None
    if done.returncode:
        raise PeerError(f"Go cannot build Bento: {done.stderr.strip()[-1_000:]}")
    fresh.replace(program)
