#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# First program of a guest: this machine's files, shared read-only, with memory above them for what is written.
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in /modules/*; do
  [ -e "$module" ] && insmod "$module"
done
mount -t virtiofs files /lower || { echo 'guest: no virtiofs'; poweroff -f; }
mount -t tmpfs rw /rw
mkdir /rw/upper /rw/work
mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work root /root || { echo 'guest: no overlayfs'; poweroff -f; }
for dir in dev proc sys; do mount --move "/$dir" "/root/$dir"; done
cp /guest.sh /command.sh /bin/busybox /root/root/
cd /root
mount --move . /
exec chroot . /bin/sh /root/guest.sh
