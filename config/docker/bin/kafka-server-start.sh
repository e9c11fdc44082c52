#!/usr/bin/env bash
# Takes what Kafka's script of this name takes: [-daemon] server.properties [--override key=value]...
set -o errexit -o nounset
if [[ "${1-}" == -daemon ]]; then
  shift
  nohup ottla start "$@" > /dev/null 2>&1 < /dev/null &
  exit 0
fi
exec ottla start "$@"
