#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Demo: a privileged container breaks out. It is made here, of namespaces, a control group named as Docker names them, and
# this machine's own programs: no image is downloaded and no container runtime is needed.
# With `npm start` in one terminal, run this in another one, as root. Nothing is changed for good.
set -eu

[ "$(id -u)" = 0 ] || { echo 'This demo needs root.' >&2; exit 1; }
container=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
short=$(printf %.12s "$container")
root=$(mktemp -d)
groups=''

# A cgroup v2 machine has one hierarchy, a v1 machine one per controller.
if [ -f /sys/fs/cgroup/cgroup.procs ]; then bases=/sys/fs/cgroup; else bases=$(echo /sys/fs/cgroup/*); fi
for base in $bases; do
  [ -f "$base/cgroup.procs" ] && mkdir -p "$base/docker/$container" 2>/dev/null || continue
  # A new cpuset takes nobody in before it has a CPU.
  for key in cpuset.cpus cpuset.mems; do
    for dir in "$base/docker" "$base/docker/$container"; do
      [ -f "$dir/$key" ] && [ -z "$(cat "$dir/$key")" ] && cat "$base/$key" > "$dir/$key" 2>/dev/null || true
    done
  done
  groups="$groups $base/docker/$container"
done
cleanup() {
  # The last process may take a moment to leave.
  for group in $groups; do rmdir "$group" 2>/dev/null || { sleep 0.2; rmdir "$group" 2>/dev/null || true; }; done
  for base in $bases; do rmdir "$base/docker" 2>/dev/null || true; done
  rmdir "$root"
}
trap cleanup EXIT

# Inside: what an attacker does who has got a shell in a privileged container.
inside='
  echo "In container '"$short"', whose host name is $(hostname)."
  echo "1. Mounting a file system, which only a privileged container may:"
  mount -t tmpfs none /mnt && echo "   done"
  echo "2. Opening the kernel setting that names a program to be run as root on the host (and writing back what was there):"
  before=$(cat /proc/sys/kernel/core_pattern)
  echo "$before" > /proc/sys/kernel/core_pattern && echo "   done"
  echo "3. Entering the host through the namespaces of one of its processes:"
  nsenter --target '"$$"' --mount --uts sh -c "echo \"   out: now in the root directory of the host, whose name is \$(hostname)\""
'

echo "Starting container $short ..."
unshare --mount --uts --ipc --propagation private sh -eu -c '
  root=$1 groups=$2 inside=$3
  mount -t tmpfs none "$root"
  for dir in bin sbin lib lib32 lib64 libx32 usr etc; do
    if [ -L "/$dir" ]; then ln -s "$(readlink "/$dir")" "$root/$dir"
    elif [ -d "/$dir" ]; then mkdir "$root/$dir"; mount --bind "/$dir" "$root/$dir"
    fi
  done
  mkdir "$root/proc" "$root/mnt" "$root/tmp" "$root/dev"
  mount --rbind /proc "$root/proc"
  : > "$root/dev/null"; mount --bind /dev/null "$root/dev/null"
  hostname container
  # Into the group last: all before this line is the runtime at work, and no business of the container.
  for group in $groups; do echo $$ > "$group/cgroup.procs" 2>/dev/null || true; done
  exec chroot "$root" /bin/sh -eu -c "$inside"
' sh "$root" "$groups" "$inside"

echo "The monitor says, with container_id=$short:"
echo "  File system mounted in a container"
echo "  Kernel setting that runs programs opened for writing"
echo "  Namespace entered from a container"
