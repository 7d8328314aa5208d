"""Plants each mutation in a copy of the tree and shows that a test fails for it. Usage: tools/mutations.py [NAME]...

The guarantee is only as good as the suite that tests it: each mutation breaks it in one line, as a change in good faith
might. Exit status 0 if every mutation was caught. Takes some minutes; `make test` does not run it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COPIED = ("connector", "tests", "schemas", "examples", "pyproject.toml")
ADDRESS = "KAFKA_BOOTSTRAP_SERVERS"
SECONDS = 300
SHOWN = 150  # characters


class Mutation(NamedTuple):
    """`old` occurs exactly once in the file and becomes `new`; `tests` are pytest's arguments that must then fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str


KILL = "tests/faults/test_kill.py -k classic"
MUTATIONS = [
    Mutation(
        "commit before the vendor has accepted",
        "connector/delivery/offsets.py",
        "return self._next if record is None else record.offset",
        "return self._next",
        KILL,
    ),
    Mutation(
        "commit one too far",
        "connector/delivery/offsets.py",
        "return self._next if record is None else record.offset",
        "return self._next if record is None else record.offset + 1",
        KILL,
    ),
    Mutation(
        "commit one short",
        "connector/delivery/offsets.py",
        "self._next = record.offset + 1",
        "self._next = record.offset",
        "tests/faults/test_stop.py -k every_stage",
    ),
    Mutation(
        "a stalled thread commits and sends",
        "connector/kafka/poll_tracker.py",
        "self._doubtful_until = now + self._confirm_after",
        "pass",
        "tests/unit/kafka/test_poll_tracker.py",
    ),
    Mutation(
        "results of an earlier assignment count",
        "connector/delivery/assignment.py",
        "offsets = self.offsets.get(record.assignment_epoch)",
        "offsets = self.offsets.get(self._current.get((record.topic, record.partition), -1))",
        "tests/component tests/unit/delivery tests/faults/test_rebalance.py",
    ),
    Mutation(
        "a letter is settled without its delivery report",
        "connector/kafka/dead_letter_producer.py",
        "headers=list(letter.headers), on_delivery=delivered\n                )",
        "headers=list(letter.headers)\n                )\n            self._report(report, None)",
        "tests/faults/test_broker.py -k dead_letter_topic",
    ),
    Mutation(
        "a revocation waits for nothing in flight",
        "connector/delivery/pipeline.py",
        "await self._handover.drain(epochs, self._clock.monotonic() + self._limits.drain)",
        "self._handover.drop_unsent(epochs)",
        "tests/faults/test_rebalance.py -k storm",
    ),
    Mutation(
        "a revocation commits nothing",
        "connector/kafka/group_member.py",
        "self.committer.commit_sync(commits)",
        "pass",
        "tests/faults/test_rebalance.py -k storm",
    ),
    Mutation(
        "stopping waits for nothing in flight",
        "connector/delivery/pipeline.py",
        "drained = await self._handover.drain(epochs, deadline)",
        "drained = True",
        "tests/faults/test_stop.py -k every_stage",
    ),
    Mutation(
        "the commit's metadata is not used",
        "connector/delivery/assignment.py",
        "committed = commit_metadata.decode(self._group, topic, partition, position, metadata)",
        "pass",
        "tests/faults/test_duplicates.py",
    ),
    Mutation(
        "the commit's metadata is trusted whatever the log holds",
        "connector/delivery/inherited_progress.py",
        "if settled is None or record.offset != position or fingerprint(record) != settled.fingerprint:",
        "if settled is None:",
        "tests/faults/test_duplicates.py",
    ),
    Mutation(
        "what is settled of a half-settled record is not told",
        "connector/delivery/offsets.py",
        "return above if self.inherited is None else {**above, **self.inherited.unread_half_settled(position)}",
        "return {}",
        "tests/component/test_lives.py",
    ),
    Mutation(
        "what waits behind its key overtakes what was given back",
        "connector/batching/batcher.py",
        "elif keep(item) and self._key(item) not in dropped:",
        "elif keep(item):",
        "tests/component/test_lives.py",
    ),
    Mutation(
        "a half-settled record is finished by a request that ends after the drain",
        "connector/delivery/handover.py",
        "deadline - self._request_timeout - self._clock.monotonic()",
        "deadline - self._clock.monotonic()",
        "tests/component/test_lives.py",
    ),
    Mutation(
        "a turn is believed whenever it is heard",
        "connector/delivery/pipeline.py",
        "self.assignment.record_poll(polled_at, confirmed)",
        "self.assignment.record_poll(self._clock.monotonic(), confirmed)",
        "tests/component/test_frozen.py",
    ),
    Mutation(
        "one key in two batches at a time",
        "connector/batching/batcher.py",
        "if owner is not self._open.get(item.method):\n            return False",
        "if owner is not self._open.get(item.method):\n            self._append_to_open(item)\n            return True",
        KILL,
    ),
    Mutation(
        "a vendor's fault makes a dead letter",
        "connector/delivery/outcomes.py",
        "        elif poison:\n",
        "        else:\n",
        "tests/faults/test_outage.py",
    ),
    Mutation(
        "a restart counts dead letters afresh",
        "connector/service/run.py",
        "if letter.sink == runtime.pipeline.sink.name",
        "if False",
        "tests/faults/test_isolation.py -k flood",
    ),
    Mutation(
        "a dead producer is not replaced",
        "connector/kafka/dead_letter_producer.py",
        "self._replace(error.args[0].str())",
        "raise",
        "tests/faults/test_broker.py -k produce_request",
    ),
]


def run(mutation: Mutation, environment: Mapping[str, str]) -> tuple[bool, str]:
    """Return True if the tests failed for it, as they must, and the last line that they printed."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as directory:
        tree = Path(directory)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
            elif source.exists():
                shutil.copy(source, tree / name)
        (tree / ".cache").symlink_to(ROOT / ".cache")
        file = tree / mutation.file
        text = file.read_text()
        if text.count(mutation.old) != 1:
            return False, f"{mutation.file} holds the text {text.count(mutation.old)} times: mend the mutation"
        file.write_text(text.replace(mutation.old, mutation.new))
        arguments = re.findall(r"\S+", mutation.tests)
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]
        try:
            done = subprocess.run(
                command, cwd=tree, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return True, f"not through within {SECONDS} s"
        return done.returncode == 1, _why(done.stdout)


def _why(output: str) -> str:
    """Return the first line that says what broke."""
    lines = [line.lstrip(" |") for line in output.splitlines()]
    broken = (line.removeprefix("E").strip() for line in lines if line.startswith(("E  ", "AssertionError")))
    return next(broken, lines[-1] if lines else "")[:SHOWN]


@contextlib.contextmanager
def one_broker() -> Iterator[dict[str, str]]:
    """The environment in which all tests share one broker, unless one is given: each would else start its own."""
    if ADDRESS in os.environ:
        yield dict(os.environ)
        return
    broker = subprocess.Popen(
        [sys.executable, "-m", "tests.support.broker"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert broker.stdout is not None
        address = broker.stdout.readline().strip()
        if not address:
            sys.exit("the mutations need a broker")  # why there is none has just been said
        yield {**os.environ, ADDRESS: address}
    finally:
        broker.terminate()
        broker.wait()


def main(names: list[str]) -> int:
    """Run the mutations whose names hold one of these texts (none: all)."""
    chosen = [each for each in MUTATIONS if not names or any(name in each.name for name in names)]
    missed = 0
    with one_broker() as environment:
        for mutation in chosen:
            began = time.monotonic()
            caught, why = run(mutation, environment)
            missed += not caught
            seconds = time.monotonic() - began
            print(f"{'caught' if caught else 'MISSED'}  {seconds:3.0f} s  {mutation.name}: {why}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
