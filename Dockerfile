# Debian slim, two stages, a user without rights, and a root file system that may be read-only.
#   docker build -t ccc-router . && docker compose up

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/ccc-router
WORKDIR /src
COPY requirements/run.txt requirements/build.txt requirements/
RUN /opt/ccc-router/bin/pip install --require-hashes -r requirements/run.txt -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY requirements/run.in requirements/simulation.in requirements/otel.in requirements/
COPY src src
RUN /opt/ccc-router/bin/pip install --no-deps --no-build-isolation . \
    && /opt/ccc-router/bin/pip uninstall --yes setuptools pip \
    && python -m compileall -q /opt/ccc-router/lib

FROM python:3.12-slim-bookworm
# PostgreSQL's initdb asks the system for its user's name, so the user must have one.
RUN groupadd --gid 10001 ccc-router \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ccc-router \
    && install -d -o ccc-router -g ccc-router -m 0700 /var/lib/ccc-router
COPY --from=build /opt/ccc-router /opt/ccc-router
ENV PATH=/opt/ccc-router/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    CCC_HOST=0.0.0.0 \
    CCC_DATA_DIR=/var/lib/ccc-router
USER 10001:10001
VOLUME /var/lib/ccc-router
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD \
    ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/livez', timeout=2)"]
ENTRYPOINT ["ccc-router"]
CMD ["up"]
