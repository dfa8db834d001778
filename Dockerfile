# Two images, for amd64 and arm64; docs/docker.md tells of their use:
#   docker build --target server -t hearth-server .
#   docker build --target satellite -t hearth-satellite .
ARG BASE=python:3.11-slim-bookworm

# What both are in the end: a user who is nobody else, and a folder for all that is kept.
FROM ${BASE} AS base
ENV PATH=/opt/hearth/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HOME=/data \
    XDG_CACHE_HOME=/data/cache \
    HEARTH_DATA_DIR=/data \
    HEARTH_HTTP=10190
RUN useradd --uid 1000 --user-group --groups audio,video --no-create-home --home-dir /data hearth \
    && install --directory --owner hearth --group hearth /data
VOLUME /data
HEALTHCHECK --interval=30s --timeout=10s --start-period=2m \
    CMD ["python3", "-c", "import os, urllib.request as http; http.urlopen(f'http://127.0.0.1:{os.environ[\"HEARTH_HTTP\"].rpartition(\":\")[2]}/healthz', timeout=8)"]

# Hearth itself, in a layer of its own: an update leaves the packages below it as they are.
FROM base AS wheel
WORKDIR /src
RUN python3 -m venv /opt/hearth
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

# The packages, which change only with pyproject.toml: installed for a Hearth that is empty, which then goes again.
FROM base AS packages
WORKDIR /src
RUN python3 -m venv /opt/hearth \
    && mkdir models wyoming_servers camera satellite \
    && touch README.md LICENSE
COPY pyproject.toml .

FROM packages AS server-packages
# Neural engines, such as whisper,kokoro,onnx. With llama (or neural, for all four), llama-cpp-python is compiled: 15
# minutes and more.
ARG NEURAL=""
RUN case ",$NEURAL," in *,llama,* | *,neural,*) \
        apt-get update \
        && apt-get install -y --no-install-recommends g++ \
        && rm -rf /var/lib/apt/lists/* ;; \
    esac
# Not for the very CPU that builds: the image shall run on others, and llama.cpp's AMX code crashes.
RUN CMAKE_ARGS="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF" \
    pip install --no-cache-dir ".[vad,wake,asr,handle,tts,image,mqtt,hass${NEURAL:+,$NEURAL}]" \
    && pip uninstall -y wyoming-hearth

FROM packages AS satellite-packages
RUN pip install --no-cache-dir ".[satellite,camera,mqtt]" \
    && pip uninstall -y wyoming-hearth

FROM base AS server
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=server-packages /opt/hearth /opt/hearth
COPY --from=wheel /wheel /wheel
RUN pip install --no-cache-dir --no-index --no-deps /wheel/*.whl
EXPOSE 10100 10200 10300 10400 10500 10800
USER 1000
ENTRYPOINT ["hearth"]
CMD ["up", "--lan"]

FROM base AS satellite
RUN apt-get update \
    && apt-get install -y --no-install-recommends alsa-utils libportaudio2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=satellite-packages /opt/hearth /opt/hearth
COPY --from=wheel /wheel /wheel
RUN pip install --no-cache-dir --no-index --no-deps /wheel/*.whl
EXPOSE 10700
USER 1000
ENTRYPOINT ["hearth"]
CMD ["satellite", "--home-assistant", "--uri", "tcp://0.0.0.0:10700"]
