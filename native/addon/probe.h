// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <bpf/libbpf.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../shared.h"
#include "error.h"

/** How the programs are attached; see native/README.md. */
enum class Hook { kTracepoint, kBtf, kRaw };
/** By its name: `tracepoint`, `tp_btf` or `raw_tp`; none: another name. */
std::optional<Hook> HookOf(const std::string& name);

struct ProbeOptions {
  std::string object_dir;
  /** The first to be tried; by default what suits the kernel. */
  std::optional<Hook> hook;
  uint32_t cpus_per_buffer = 1;
  uint32_t buffer_bytes = 8 << 20;
  uint32_t snaplen = 80;
  bool drop_failed = false;
  std::vector<uint32_t> syscalls;
  std::vector<uint32_t> tracepoints;
};

/** What is held back in the kernel; see `Sieve` in src/sources/native-contract.ts. */
struct SieveOptions {
  struct Call {
    uint32_t number, what, uses_fds;
  };
  struct Path {
    uint32_t test;
    std::string text;
    uint32_t classes;
  };
  std::vector<Call> calls;
  uint32_t any_path = 0xffff, some_paths = 0;
  std::vector<Path> paths;
};

/** What one BPF program has cost. All zero unless the kernel measures it (kernel.bpf_stats_enabled). */
struct ProgramCost {
  std::string name;
  uint64_t runs, nanoseconds;
};

/** The BPF programs in the kernel: opened, set up, loaded and attached by the constructor, gone with the destructor. */
class Probe {
 public:
  /** @throws CaptureError */
  explicit Probe(const ProbeOptions& options);
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  /** Nothing is written to the rings after this, but for programs that run at this moment. */
  void Detach();
  void SetInterest(const std::vector<uint32_t>& syscalls, const std::vector<uint32_t>& tracepoints);
  /** Takes effect at once, as a whole. */
  void SetSieve(const SieveOptions& options);
  counts Counts() const;
  /** For each CPU that the machine may have. */
  std::vector<counts> CountsByCpu() const;
  /** Of the programs that the kernel calls itself: what they call in turn is part of it. */
  std::vector<ProgramCost> Costs() const;

  const char* hook() const;
  /** What this kernel lacks, as things stand: what rules ask for changes at a reload. */
  std::vector<std::string> missing() const;
  const std::vector<int>& rings() const { return rings_; }
  uint32_t ring_bytes() const { return ring_bytes_; }
  /** Time since boot plus this is the time since the epoch, in nanoseconds. */
  uint64_t boot_to_epoch_ns() const { return boot_to_epoch_ns_; }

 private:
  /** @throws CaptureError when there is none of this name */
  bpf_map* Map(const char* name) const;
  void Open(const std::string& path);
  void Configure(const ProbeOptions& options);
  void Load();
  void MapShared();
  void CreateRings(uint32_t cpus_per_buffer);
  void FillPrograms();
  void Attach();
  /** The programs of `hook_` are not to be had; the next kind is. @throws CaptureError when there is none */
  void NextHook(const CaptureError& error);
  void AttachOptional();
  void Close();

  Hook hook_ = Hook::kBtf;
  bpf_object* object_ = nullptr;
  std::vector<bpf_link*> links_;
  std::vector<int> rings_;
  /** Beside `kOptional`; null: detached. */
  std::vector<bpf_link*> optional_links_;
  /** Programs that the kernel calls itself. */
  std::vector<int> attached_;
  std::vector<std::string> missing_, missing_tracepoints_;
  /** Names of programs that this kernel refuses. */
  std::set<std::string> left_out_;
  interest* interest_ = nullptr;
  sieve* sieve_ = nullptr;
  /** By CPU. */
  counts* counts_ = nullptr;
  int cpus_ = 1;
  uint32_t ring_bytes_ = 0;
  uint64_t boot_to_epoch_ns_ = 0;
};
