#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Lays an installation below a folder, as images and Debian packages have it: the program with what it needs to run, Node
# itself, /usr/bin/falco-ts, and the folders of the configuration. What is not built yet is built.
#   docker/stage.sh FOLDER
set -eu

# Node goes along as one file: a distribution's own build (Debian's nodejs) is not one.
node=$(command -v node)
others=$(ldd "$node" | sed -n 's/^[[:space:]]*\([^ ]*\.so[^ ]*\) .*/\1/p' | grep -Ev '^(linux-vdso|/lib|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|atomic)\.so)' | tr '\n' ' ' || true)
if [ -n "$others" ]; then
  echo "docker/stage.sh: $node needs libraries of this machine ($others): put a Node of nodejs.org first in PATH" >&2
  exit 1
fi

project=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
root=$(cd "$1" && pwd)
home=$root/usr/lib/falco-ts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What npm would publish, for this machine's architecture alone, installed as anybody installs it; the clients of Kafka and
# NATS are optional elsewhere.
cd "$project"
arch=$(node -p process.arch)
node src/setup/setup.mjs >&2
node src/setup/prebuild/prebuild.mjs "$arch" >&2
npm pack --ignore-scripts --silent --pack-destination "$work" >&2
mkdir -p "$work/install"
printf '{"private":true}' > "$work/install/package.json"
cd "$work/install"
npm install --omit=dev --ignore-scripts --no-audit --no-fund --silent "$work"/falco-ts-*.tgz @platformatic/kafka@1 @nats-io/transport-node@3
# Sources, types and documents of packages are no use at run time.
find node_modules -type f ! -iname 'licen[cs]e*' ! -iname 'notice*' \
  \( -name '*.map' -o -name '*.md' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete
find node_modules -mindepth 2 -type d \( -name test -o -name tests -o -name benchmarks \) -prune -exec rm -rf {} +
for one in node_modules/falco-ts/prebuilds/*; do
  [ "$(basename "$one")" = "linux-$arch" ] || rm -rf "$one"
done

"$node" node_modules/falco-ts/dist/cli/main.js --version > /dev/null

mkdir -p "$home/bin" "$root/usr/bin" "$root/etc/falco-ts/rules.d" "$root/etc/falco-ts/config" "$root/etc/falco/rules.d" "$root/var/lib/falco-ts"
# Where configurations for Falco look for the default rules.
for rules in falco_rules.yaml k8s_audit_rules.yaml; do
  [ -e "$root/etc/falco/$rules" ] || ln -s "/usr/lib/falco-ts/node_modules/falco-ts/rules/$rules" "$root/etc/falco/$rules"
done
cp -a node_modules "$home/"
cp -L "$node" "$home/bin/node"
cat > "$root/usr/bin/falco-ts" <<'RUN'
#!/bin/sh
exec /usr/lib/falco-ts/bin/node --max-semi-space-size=2 /usr/lib/falco-ts/node_modules/falco-ts/dist/cli/main.js "$@"
RUN
chmod 755 "$root/usr/bin/falco-ts" "$home/bin/node"
chmod -R u+rwX,go+rX,go-w "$home"
