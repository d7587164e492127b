# SPDX-License-Identifier: Apache-2.0
{
  "targets": [
    {
      "target_name": "bpf",
      "type": "none",
      "actions": [
        {
          "action_name": "compile the BPF programs",
          "inputs": ["native/build-bpf.sh", "native/shared.h", "<!@(find native/bpf -name '*.[ch]')"],
          "outputs": ["build/bpf/probe.tp_btf.bpf.o", "build/bpf/probe.raw_tp.bpf.o", "build/bpf/probe.tracepoint.bpf.o"],
          "action": ["sh", "native/build-bpf.sh", "native", "build/bpf"],
        },
      ],
    },
    {
      "target_name": "falco_ts",
      "dependencies": ["bpf"],
      "sources": ["native/addon/module.cc", "native/addon/probe.cc", "native/addon/settings.cc", "native/addon/failure.cc",
        "native/addon/tracepoint.cc", "native/addon/drain.cc", "native/addon/gunzip.cc"],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NAPI_CPP_EXCEPTIONS", "NODE_ADDON_API_DISABLE_DEPRECATED",
        # A worker that is terminated within a call cannot be thrown at any more.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti"],
      "cflags_cc": ["-std=c++17", "-fexceptions", "-fvisibility=hidden", "-Wall", "-Wextra"],
      "libraries": ["-lbpf", "-lz"],
    },
  ],
}
