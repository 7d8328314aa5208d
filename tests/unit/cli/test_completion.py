"""Shell completion: commands, options, and names from the configuration that the line names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from connector.cli import app
from connector.model import Reason

CORRECT = Path(__file__).parents[1] / "config" / "correct.yaml"
BIN = Path(sys.executable).parent
HEAVY = ("aiohttp", "confluent_kafka", "httpx", "uvloop", "jsonschema_rs")


def completed(line: str, shell: str = "bash") -> list[str]:
    """What the connector answers a shell that completes the last word of a line; a line's space begins a new one."""
    words = line.split(" ")
    env = {
        "_CONNECTOR_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    result = CliRunner().invoke(app, [], prog_name="connector", env=env)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    tree = yaml.safe_load(CORRECT.read_text(encoding="utf-8"))
    tree["routes"].append({**tree["routes"][0], "name": "points for a review"})
    tree["routes"].append(tree["routes"][1])
    tree["topics"]["^shop[.].*"] = {}
    path = tmp_path / "connector.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def test_commands_and_options_are_completed() -> None:
    assert {"run", "check", "preview", "dlq", "skip", "example"} <= set(completed("connector "))
    assert completed("connector dlq s") == ["summary", "show"]
    assert completed("connector check --con") == ["--config"]


def test_a_file_is_left_to_the_shell() -> None:
    """bash, zsh and fish complete files where the program has nothing to say."""
    assert "".join(completed("connector check --config ")) == ""
    assert completed("connector check --config ", "zsh") == ["_files"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dlq summary --config FILE --sink ", ["mt", "sp"]),
        ("dlq summary --config FILE --sink m", ["mt"]),
        ("dlq summary -c FILE --method ", ["registration", "fire"]),
        ("dlq summary --config FILE --route mt", ["mt.registration"]),
        ("dlq replay --config FILE --route sp", ["sp.fire", "sp.fire#2"]),
        ("dlq summary --config FILE --route po", [r"points\ for\ a\ review"]),
        ("dlq summary --config FILE --topic ", ["orders"]),
        ("dlq summary --reason un", [reason for reason in Reason if reason.startswith("un")]),
        ("dlq export --config FILE --reason ", list(Reason)),
        ("run --config FILE --sink ", ["mt", "sp"]),
        ("preview --config FILE --topic ", ["orders"]),
        ("skip orders/0/1 --config FILE --sink s", ["sp"]),
    ],
)
def test_names_come_from_the_configuration(line: str, words: list[str], config: Path) -> None:
    assert completed(f"connector {line}".replace("FILE", str(config))) == words


def test_other_shells_get_words_as_they_are(config: Path) -> None:
    assert completed(f"connector dlq summary --config {config} --route po", "fish") == ["points for a review"]
    assert "points for a review" in completed(f"connector dlq summary --config {config} --route po", "zsh")[0]


@pytest.mark.parametrize("text", ["sinks: [", "", "sinks: x\nroutes: {a: 1}\ntopics: [1]"])
def test_a_file_that_cannot_be_read_completes_nothing_and_says_nothing(text: str, tmp_path: Path) -> None:
    path = tmp_path / "connector.yaml"
    path.write_text(text, encoding="utf-8")
    for option in ("--sink", "--route", "--topic", "--method"):
        assert "".join(completed(f"connector dlq summary --config {path} {option} ")) == ""
        assert "".join(completed(f"connector dlq summary --config {path}.none {option} ")) == ""
        assert "".join(completed(f"connector dlq summary {option} ")) == ""


def test_completing_loads_no_client(config: Path) -> None:
    code = (
        "import sys, json\n"
        "from connector.cli import main\n"
        "sys.argv = ['connector']\n"
        "try: main()\n"
        f"finally: print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    )
    line = f"connector run --config {config} --sink "
    env = os.environ | {"_CONNECTOR_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": "5"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    names, loaded = done.stdout.splitlines()[:-1], done.stdout.splitlines()[-1]
    assert (names, json.loads(loaded)) == (["mt", "sp"], [])


def test_bash_completes_what_is_typed(config: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash here")
    script = (
        'eval "$(_CONNECTOR_COMPLETE=source_bash connector)"\n'
        'complete -p connector\nCOMP_WORDS=(connector dlq summary --config "$1" --sink m); COMP_CWORD=6\n'
        '_connector_completion connector\nprintf "%s\\n" "${COMPREPLY[@]}"'
    )
    env = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"}
    command = [bash, "--norc", "-c", script, "bash", str(config)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["complete -o default -F _connector_completion connector", "mt"]


@pytest.mark.parametrize(("shell", "sign"), [("zsh", "#compdef connector"), ("fish", "complete --command connector")])
def test_other_shells_have_their_scripts(shell: str, sign: str) -> None:
    result = CliRunner().invoke(app, [], prog_name="connector", env={"_CONNECTOR_COMPLETE": f"source_{shell}"})
    assert sign in result.output
