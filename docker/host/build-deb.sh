#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A Debian package with all that falco-ts needs, Node included: docker/host/build-deb.sh FOLDER
# dpkg-deb is in every Debian and Ubuntu; from Debian 12 and Ubuntu 22.04 on it knows zstd, which is ten times as fast to unpack.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$here/../../package.json")
arch=$(dpkg --print-architecture)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"

"$here/../stage.sh" "$root"
# The folder for a ConfigMap, and those of a Falco that may be installed beside it.
rm -r "$root/etc/falco-ts/config" "$root/etc/falco"
install -D -m 644 "$here/falco-ts.service" "$root/lib/systemd/system/falco-ts.service"
install -D -m 644 "$here/falco.yaml" "$root/etc/falco-ts/falco.yaml"
install -D -m 644 "$here/local.yaml" "$root/etc/falco-ts/rules.d/local.yaml"
install -D -m 644 "$here/logrotate" "$root/etc/logrotate.d/falco-ts"
install -D -m 644 "$here/../../README.md" "$root/usr/share/doc/falco-ts/README.md"
install -D -m 644 "$here/../../LICENSE" "$root/usr/share/doc/falco-ts/copyright"

mkdir "$root/DEBIAN"
cat > "$root/DEBIAN/control" <<CONTROL
Package: falco-ts
Version: $version
Architecture: $arch
Maintainer: The falco-ts project
Depends: libc6 (>= 2.31), libstdc++6$(ldd "$root/usr/lib/falco-ts/bin/node" | grep -q libatomic && echo ', libatomic1')
Recommends: logrotate
Section: admin
Priority: optional
Installed-Size: $(du -sk "$root" | cut -f1)
Description: runtime security monitor with Falco's rules
 Watches system calls by eBPF and Kubernetes audit events, and reports what rules describe.
CONTROL
printf '%s\n' /etc/falco-ts/falco.yaml /etc/falco-ts/rules.d/local.yaml /etc/logrotate.d/falco-ts > "$root/DEBIAN/conffiles"
# Started at boot from the first installation on, also where systemd does not run now (an image being made). A unit that the
# administrator has disabled since stays so at an upgrade.
cat > "$root/DEBIAN/postinst" <<'SCRIPT'
#!/bin/sh
set -e
mkdir -p /var/log/falco-ts
chmod 700 /var/log/falco-ts /var/lib/falco-ts
if [ "$1" = configure ] && [ -z "$2" ] && command -v systemctl > /dev/null; then systemctl enable --quiet falco-ts.service; fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  if systemctl is-enabled --quiet falco-ts.service; then systemctl restart falco-ts.service; else systemctl try-restart falco-ts.service; fi
fi
SCRIPT
cat > "$root/DEBIAN/prerm" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then systemctl stop falco-ts.service; fi
SCRIPT
cat > "$root/DEBIAN/postrm" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = purge ]; then rm -rf /var/lib/falco-ts /var/log/falco-ts /etc/systemd/system/multi-user.target.wants/falco-ts.service; fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
SCRIPT
chmod 755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm" "$root/DEBIAN/postrm"
dpkg-deb --root-owner-group -Zzstd -z9 --build "$root" "$out/falco-ts_${version}_$arch.deb"
