#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Demo: a file is dropped among the machine's programs, and removed again.
# With `npm start` in one terminal, run this in another one, as root.
set -eu
file=/usr/local/bin/falco-ts-demo

echo "Writing $file, as somebody would who wants to stay on this machine ..."
trap 'rm -f "$file"' EXIT
printf '#!/bin/sh\necho hello\n' > "$file"
chmod 755 "$file"

echo "... and removing it again."
echo "The monitor says: File in a binary directory opened for writing | file=$file ..."
