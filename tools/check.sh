#!/bin/sh
# Runs every check, the failing ones not hindering the others, and ends with one summary. Usage: tools/check.sh lint|test
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
summary=
status=0
what=$1
set -- connector tests examples benchmarks tools

check() {
    name=$1
    shift
    echo "── $name"
    if "$@"; then
        summary="$summary
  ok      $name"
    else
        summary="$summary
  FAILED  $name"
        status=1
    fi
}

check 'ruff check' "$bin/ruff" check --quiet "$@"
check 'ruff format' "$bin/ruff" format --check --quiet "$@"
check 'mypy' "$bin/mypy"
check 'import contract' "$bin/lint-imports" --no-logo
if [ "$what" = test ]; then
    check 'pytest' "$bin/python" tools/run_tests.py
fi

echo "── summary$summary"
exit "$status"
