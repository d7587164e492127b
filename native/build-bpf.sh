#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles the BPF programs: build-bpf.sh <native directory> <output directory>. Called by binding.gyp; `$` and `>` do not
# survive in a gyp action. For another machine than this one: BPF_MACHINE, and BPF_SYSROOT with its headers.
set -eu
native=$1
out=$2
clang=${CLANG:-clang}
strip=${LLVM_STRIP:-llvm-strip}
machine=${BPF_MACHINE:-$(uname -m)}
case $machine in
  x86_64) target=x86 ;;
  aarch64) target=arm64 ;;
  *) echo "build-bpf.sh: no support for $machine" >&2; exit 1 ;;
esac
for tool in "$clang" "$strip"; do
  command -v "$tool" > /dev/null || { echo "build-bpf.sh: $tool is missing (apt-get install clang llvm)" >&2; exit 1; }
done
mkdir -p "$out"
compile() {
  # The multiarch directory holds asm/types.h, which `-target bpf` does not look for by itself.
  "$clang" -target bpf -O2 -g -mcpu=v3 -Wall -Werror -Wno-unused-function -D__TARGET_ARCH_$target "$@" \
    -I"${BPF_SYSROOT:-}/usr/include/$machine-linux-gnu" -I"$native" -c "$native/bpf/probe.bpf.c" -o "$object.tmp"
  "$strip" -g "$object.tmp"
  mv "$object.tmp" "$object"
}
(object=$out/probe.tp_btf.bpf.o; compile) & first=$!
(object=$out/probe.tracepoint.bpf.o; compile -DTRACEPOINT) & second=$!
object=$out/probe.raw_tp.bpf.o; compile -DRAW_TP
wait $first
wait $second
