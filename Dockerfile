# The page over the built-in sample, to show to others: see docs/how-to/publish.md.
#     docker build -t rsh .
#     docker run --init --read-only --tmpfs /tmp -e RSH_TOKEN=... -p 127.0.0.1:8866:8866 rsh

FROM python:3.12-slim AS build

# Where pip finds torch for processors alone. Without it comes the one for CUDA: three gigabytes
# more to load, of which the image keeps nothing.
ARG PIP_EXTRA_INDEX_URL

RUN python -m venv /opt/rsh
ENV PATH=/opt/rsh/bin:$PATH
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY data/bluemarble.zip data/
COPY notebooks/dashboard.ipynb notebooks/
COPY rsh rsh/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --disable-pip-version-check -c constraints.txt ".[onnx]"

# A gallery knows its run by the folder: both are made where they will lie.
WORKDIR /srv/rsh
COPY deploy/demo.sh deploy/without_torch.sh /build/
RUN sh /build/demo.sh && rsh export-onnx runs/bluemarble-64 && rm runs/bluemarble-64/last.ckpt
RUN sh /build/without_torch.sh

FROM python:3.12-slim

# All of it is root's, and the page runs as somebody else: who gets into a kernel changes nothing.
COPY --from=build /opt/rsh /opt/rsh
COPY --from=build /srv/rsh /srv/rsh
RUN useradd --uid 1000 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin rsh
USER 1000

# The one place that is written to, for what numba has compiled among other things.
ENV HOME=/tmp
ENV PATH=/opt/rsh/bin:$PATH
WORKDIR /srv/rsh
EXPOSE 8866

# A script of the page: it takes no token and no kernel.
HEALTHCHECK --interval=60s --timeout=10s --start-period=60s --start-interval=5s \
    CMD ["python", "-c", "import http.client; page = http.client.HTTPConnection('127.0.0.1', 8866, timeout=8); page.request('GET', '/voila/static/voila.js'); raise SystemExit(page.getresponse().status >= 400)"]

# Refuses to start without RSH_TOKEN, 16 characters or more, which is given to `docker run`.
ENTRYPOINT ["rsh", "dashboard", "--public", "--port", "8866", "--no-open"]
CMD ["galleries/bluemarble-64"]
