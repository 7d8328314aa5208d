"""Finds the tests files that a command line names, or that lie beside the configuration."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from connector.errors import ConfigError, Mistake

_ENDINGS = (".yaml", ".yml")


def find_files(config: Path, given: Sequence[Path]) -> list[Path]:
    """Return the tests files: those given, and all of each directory given; else those beside the configuration.

    Beside `crm.yaml` they are `crm.tests.yaml`, and all of the directory `tests`. Hidden files and the configuration
    itself are none. Raises ConfigError for what is not there, and where there is no file at all.
    """
    mistakes = []
    found: list[Path] = []
    for path in given or _beside(config):
        try:
            is_directory = stat.S_ISDIR(path.stat().st_mode)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            why = error.strerror if isinstance(error, OSError) else error
            mistakes.append(Mistake("TESTS", f"{path} cannot be read: {why}"))
            continue
        inside = _in_directory(path, config) if is_directory else [path]
        found += inside
        if not inside:
            mistakes.append(Mistake("TESTS", f"there is no YAML file in {path}"))
    if not found and not mistakes:
        mistakes.append(Mistake("TESTS", _no_tests(config)))
    if mistakes:
        raise ConfigError(mistakes)
    return list({path.resolve(): path for path in found}.values())


def _beside(config: Path) -> Iterator[Path]:
    for ending in _ENDINGS:
        path = config.with_name(f"{config.stem}.tests{ending}")
        if path.exists():
            yield path
    directory = config.parent / "tests"
    if directory.is_dir() and _in_directory(directory, config):
        yield directory


def _in_directory(directory: Path, config: Path) -> list[Path]:
    return sorted(
        path
        for path in directory.rglob("*")
        if path.suffix in _ENDINGS
        and not any(part.startswith(".") for part in path.relative_to(directory).parts)
        and path.is_file()
        and path.resolve() != config.resolve()
    )


def _no_tests(config: Path) -> str:
    beside = config.with_name(f"{config.stem}.tests.yaml")
    return (
        f"there are no tests: no {beside}, and no YAML file in {config.parent / 'tests'}. Name the files, or begin "
        f"one: connector example --tests > {beside}"
    )
