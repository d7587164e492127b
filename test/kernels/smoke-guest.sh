#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In a guest, in the project's folder: starts the monitor with the default rules and those of smoke.yaml and ia32.yaml, does what they
# watch for, and prints the alerts. What the monitor says is printed as it says it.

# What runs and waits, from the kernel: by the shell alone and what lies in memory, since the shared files may be what it waits for.
evidence() {
  echo "guest: no alert after $1 s; the monitor's threads:"
  for task in /proc/"$monitor"/task/*; do
    read -r comm < "$task/comm"
    read -r call < "$task/syscall"
    echo "thread ${task##*/} $comm: system call $call"
    while read -r line; do echo "  $line"; done < "$task/stack"
  done
  echo 7 > /proc/sys/kernel/printk
  echo w > /proc/sysrq-trigger
  echo l > /proc/sysrq-trigger
  echo 3 > /proc/sys/kernel/printk
}

node dist/cli/main.js -o webserver.enabled=false --disable-source k8s_audit -r rules/falco_rules.yaml -r test/kernels/ia32.yaml -r test/kernels/smoke.yaml > /tmp/alerts &
monitor=$!
( /root/busybox sleep 120; evidence 120 ) &
watchdog=$!
until grep -q FIRST-SIGN /tmp/alerts; do
  kill -0 $monitor || exit 1
  # The first alert tells that events are read.
  echo x > /usr/bin/FIRST-SIGN
  sleep 1
done
kill $watchdog 2> /dev/null
bash test/kernels/smoke.sh
if [ -x build/setup/kernels/ia32 ]; then build/setup/kernels/ia32 || echo "the 32-bit program failed at step $?"; fi
rules/demo/write-binary-dir.sh
[ "$1" = no-escape ] || rules/demo/container-escape.sh
sleep 3
kill -INT $monitor
wait $monitor
echo "MONITOR $?"
sed 's/^/ALERT /' /tmp/alerts
