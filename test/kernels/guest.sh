#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# In the guest, with its root file system in place: what a booted machine has, then the command, then off.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 CI=true NO_COLOR=1
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
# A file on overlayfs has two inodes: tests make theirs where there is one.
for dir in /dev/shm /tmp /var/tmp /run; do mount -t tmpfs tmpfs "$dir"; done
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
/root/busybox ip link set lo up
/root/busybox hostname guest
echo "GUEST $(uname -r)"
sh /root/command.sh
echo "RESULT $?"
sync
echo o > /proc/sysrq-trigger
/root/busybox sleep 60
