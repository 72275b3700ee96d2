# The dashboard as a container: docs/guide/serving.md says how to run it.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml setup.py requirements.txt README.md LICENSE streamlit_app.py ./
COPY .streamlit .streamlit
COPY assets assets
COPY pages pages
COPY effq_core effq_core
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
# tini ends what workers leave behind: drivers and engines outlive the process that started them.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home effq \
    && install --directory --owner effq --group effq /data
# A layer of its own: another version of the code does not install TensorFlow again.
COPY requirements.txt /requirements.txt
RUN pip install --no-cache-dir --requirement /requirements.txt
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-deps /wheels/*.whl

ENV EFFQ_HOME=/data
VOLUME /data
EXPOSE 8501
USER 1000
WORKDIR /home/effq
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["effq", "studio", "--address", "0.0.0.0", "--port", "8501", "--no-browser"]
