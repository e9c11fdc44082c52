#!/usr/bin/env bash
# Takes what Kafka's script of this name takes.
exec ottla storage "$@"
