#!/bin/sh
# Makes .venv/ from the lock with nothing but Python's own venv and pip. Usage: tools/bootstrap.sh PYTHON
set -eu
cd "$(dirname "$0")/.."
python=${1:-}

if [ -z "$python" ]; then
    echo 'No Python 3.11 or newer is on the PATH. Install one (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3' >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "$python is no Python 3.11 or newer; name another: make PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$python cannot make virtual environments. Debian and Ubuntu keep that in a package of its own: apt-get install python3-venv" >&2
    exit 1
fi

# One that stands is kept and brought up to the lock, unless its Python is gone or too old.
if ! .venv/bin/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
echo 'Installing what requirements-dev.lock names'
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
