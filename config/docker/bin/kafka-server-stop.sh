#!/usr/bin/env bash
# Asks every broker of this container to stop.
set -o nounset
stopped=1
for status in /proc/[0-9]*/status; do
  pid=${status%/status}; pid=${pid#/proc/}
  if [[ "$(tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline")" =~ ^([^ ]*/)?ottla\ start\  ]]; then
    kill -s TERM "$pid" && stopped=0
  fi
done
[[ $stopped == 0 ]] || echo "No kafka server to stop"
exit $stopped
