# GoneQuiet in a container: built from the lock files with hashes, run as a user of its own, all state in /data.
#   docker build -t gonequiet .                     (or: buildah build --isolation chroot -t gonequiet .)
#   docker run --rm gonequiet demo --check          proves the image
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/gonequiet && python3 -m venv /opt/build
COPY requirements.lock requirements-build.lock /src/
RUN /opt/gonequiet/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /src/requirements.lock \
 && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /src/requirements-build.lock
COPY pyproject.toml README.md LICENSE /src/
COPY monitor /src/monitor
COPY config /src/config
COPY dashboards /src/dashboards
RUN /opt/build/bin/pip wheel --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir /src/dist /src \
 && /opt/gonequiet/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-index /src/dist/*.whl \
 && /opt/gonequiet/bin/python -m compileall -q /opt/gonequiet/lib

FROM ${BASE}
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 tzdata \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --system --gid 10001 gonequiet \
 && useradd --system --uid 10001 --gid gonequiet --home-dir /data --no-create-home --shell /usr/sbin/nologin gonequiet \
 && install --directory --owner=gonequiet --group=gonequiet --mode=0750 /data
COPY --from=build /opt/gonequiet /opt/gonequiet
COPY config/container.yaml /etc/gonequiet/gonequiet.yaml
ENV PATH=/opt/gonequiet/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER gonequiet
WORKDIR /data
VOLUME /data
EXPOSE 8025
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8025/healthz', timeout=4)"]
ENTRYPOINT ["gonequiet"]
CMD ["run", "--config", "/etc/gonequiet/gonequiet.yaml"]
