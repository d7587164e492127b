#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In a guest, beside a running monitor: one thing for each rule of smoke.yaml. bash, since it can connect by itself.
set -u
dir=/tmp/smoke-dir
mkdir $dir $dir/mounted
cp /bin/sleep $dir/program
echo made > $dir/made
SMOKE=yes $dir/program 0
( exec $dir/none ) 2> /dev/null
( : < /dev/tcp/127.0.0.1/9 ) 2> /dev/null
mv $dir/made $dir/renamed
chmod 4755 $dir/program
rm $dir/renamed
mount -t tmpfs none $dir/mounted
setpriv --reuid 65534 true
