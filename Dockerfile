# Build:  docker build -t ottla .
# Run:    docker run -p 9092:9092 -v ottla-data:/var/lib/kafka/data ottla

FROM rust:1.95 AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src ./src
# The manifest names the benchmarks: cargo wants to see them, though it builds none here.
COPY benches ./benches
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin ottla && cp target/release/ottla /ottla

FROM debian:bookworm-slim

LABEL org.opencontainers.image.title="ottla" \
      org.opencontainers.image.description="A complete single-node, Kafka-compatible broker in one binary" \
      org.opencontainers.image.licenses="Apache-2.0"

# Compose files and test containers look for these paths, and write start scripts beside them.
RUN mkdir -p /etc/kafka/docker /etc/kafka/secrets /mnt/shared/config /opt/kafka/config /opt/kafka/bin /var/lib/kafka/data \
    && groupadd --gid 1000 appuser \
    && useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash appuser

COPY --from=build /ottla /usr/local/bin/ottla
COPY --chmod=755 config/docker/run /etc/kafka/docker/run
COPY --chmod=755 config/docker/bin/ /opt/kafka/bin/
COPY config/docker/server.properties /etc/kafka/docker/server.properties
COPY config/LICENSE /usr/share/doc/ottla/LICENSE

RUN chown -R 1000:1000 /opt/kafka /mnt/shared/config /var/lib/kafka /etc/kafka

USER 1000:1000
WORKDIR /opt/kafka
ENV PATH="/opt/kafka/bin:${PATH}"
EXPOSE 9092
VOLUME ["/var/lib/kafka/data", "/etc/kafka/secrets", "/mnt/shared/config"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --retries=12 CMD ["ottla", "health"]
CMD ["/etc/kafka/docker/run"]
