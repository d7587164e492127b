#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In a guest, in the project's folder: starts the monitor with the default rules and those of smoke.yaml and ia32.yaml, does what they
# watch for, and prints the alerts.
node dist/cli/main.js -o webserver.enabled=false --disable-source k8s_audit -r rules/falco_rules.yaml -r test/kernels/ia32.yaml -r test/kernels/smoke.yaml > /tmp/alerts 2> /tmp/messages &
monitor=$!
tries=0
until grep -q FIRST-SIGN /tmp/alerts; do
  tries=$((tries + 1))
  if [ $tries -gt 600 ] || ! kill -0 $monitor; then cat /tmp/messages; exit 1; fi
  # The first alert tells that events are read.
  echo x > /usr/bin/FIRST-SIGN
  sleep 0.5
done
bash test/kernels/smoke.sh
if [ -x build/setup/kernels/ia32 ]; then build/setup/kernels/ia32 || echo "the 32-bit program failed at step $?"; fi
rules/demo/write-binary-dir.sh
[ "$1" = no-escape ] || rules/demo/container-escape.sh
sleep 3
kill -INT $monitor
wait $monitor
echo "MONITOR $?"
cat /tmp/messages
sed 's/^/ALERT /' /tmp/alerts
