# The connector's image: what requirements.lock names, checked by its hashes, on a plain Python.
#
#   docker build --tag connector .
#
# PYTHON_IMAGE is any image with Python 3.11 or newer, venv and pip. RUNTIME_IMAGE may be a smaller one, without pip, that
# has the same Python at the same path. PIP_INDEX_URL is your package index; without it pip asks its own default.
ARG PYTHON_IMAGE=python:3.13-slim
ARG RUNTIME_IMAGE=${PYTHON_IMAGE}

FROM ${PYTHON_IMAGE} AS build
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /build && python3 -m venv --without-pip /opt/connector
WORKDIR /source
# Only binary packages: nothing is compiled here, and no package's own set-up code runs.
COPY requirements.lock ./
RUN /build/bin/pip --python /opt/connector/bin/python install --require-hashes --only-binary :all: \
        --no-compile --requirement requirements.lock
# Of the development lock only the build backend and what it needs.
COPY requirements-dev.lock ./
RUN awk '/^[a-z]/ {wanted = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/} wanted' requirements-dev.lock \
        > backend.lock \
    && /build/bin/pip install --require-hashes --only-binary :all: --requirement backend.lock
COPY pyproject.toml LICENSE ./
COPY schemas schemas
COPY connector connector
# Bytecode is made now, since the file system is read-only later. Unchecked, by one process and with a fixed hash seed, it
# holds neither times nor chance: the same lock and source give the same files.
RUN /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /build/bin/pip --python /opt/connector/bin/python install --no-deps --no-compile /wheels/*.whl \
    && PYTHONHASHSEED=0 /opt/connector/bin/python -m compileall -qf --invalidation-mode unchecked-hash /opt/connector/lib

FROM ${RUNTIME_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="connector" \
      org.opencontainers.image.description="Delivers Kafka events to myTracker and SailPlay" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /opt/connector /opt/connector
# HEALTH_PORT is for the health check below alone: set it when http.port in the configuration is not 8080.
ENV PATH=/opt/connector/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HEALTH_PORT=8080
# By number, because runAsNonRoot cannot judge a name. The image needs no entry in /etc/passwd.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['HEALTH_PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["connector"]
CMD ["run", "--config", "/etc/connector/connector.yaml"]
