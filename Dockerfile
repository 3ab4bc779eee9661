# The application, the ingest job and the set-up step: one image. TORCH=default has CUDA, cpu is 2.5 GB smaller.
FROM python:3.11.14-slim-trixie AS build
ARG TORCH=cpu
RUN pip install --no-cache-dir uv==0.13.9 && python -m venv --without-pip /opt/venv
COPY requirements.txt requirements-s3.txt /tmp/
RUN if [ "$TORCH" = cpu ]; then \
      sed -i -E '/^(nvidia-|triton)/d' /tmp/requirements.txt; export UV_TORCH_BACKEND=cpu; \
    fi; \
    uv pip install --python /opt/venv/bin/python --no-cache --compile-bytecode \
      -r /tmp/requirements.txt -r /tmp/requirements-s3.txt
COPY LICENSE NOTICE /srv/
COPY app /srv/app
COPY demo /srv/demo
COPY deploy /srv/deploy
COPY es-mappings /srv/es-mappings
COPY imagesearch /srv/imagesearch
COPY ingest /srv/ingest
# Readable by everyone, whatever the umask was where this was checked out.
RUN python -m compileall -q /srv && chmod -R a+rX /srv

FROM python:3.11.14-slim-trixie
# Folders that volumes are mounted on: an empty volume takes its owner from here. Group 0, as Elasticsearch has.
RUN openssl version && useradd --uid 10001 --no-create-home --home-dir /tmp search && \
    install -d -m 750 -o search -g root /certificates /access /access/app /access/ingest /access/model && \
    install -d -m 750 -o search -g root /data /models /pictures /run/secrets && \
    install -d -m 770 -o 1000 -g root /snapshots
COPY --from=build /opt/venv /opt/venv
COPY --from=build /srv /srv
WORKDIR /srv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA=/data HF_HOME=/models
USER 10001
EXPOSE 8000
CMD ["python", "-m", "app.serve", "--bind", "0.0.0.0"]
