// SPDX-License-Identifier: Apache-2.0
// What the BPF programs are told: once, before they are loaded, and at each change of the rules.
#include <algorithm>
#include <cstring>

#include "../bpf/generated/events.h"
#include "error.h"
#include "failure.h"
#include "generated/syscalls.h"
#include "probe.h"

namespace {

/** What is kept of a call when it begins, by the event that it leads to. */
unsigned char EntryKind(uint16_t event) {
  switch (event) {
    case EV_SYSCALL_OPEN_X:
    case EV_SYSCALL_CREAT_X:
    case EV_SYSCALL_EXECVE_19_X: return ENTRY_TEXT_0;
    case EV_SYSCALL_OPENAT_2_X: return ENTRY_TEXT_1;
    case EV_SYSCALL_OPENAT2_X: return ENTRY_OPENAT2;
    case EV_SOCKET_CONNECT_X: return ENTRY_ADDRESS;
    default: break;
  }
  for (const PathRow& row : kPaths) {
    if (row.event == event) return static_cast<unsigned char>(ENTRY_PATHS + 4 * row.first + row.second);
  }
  return ENTRY_NONE;
}

uint32_t Hash(const std::string& text, size_t bytes) {
  uint32_t hash = HASH_BEGIN;
  for (size_t i = 0; i < bytes; i++) hash = HASH_STEP(hash, static_cast<unsigned char>(text[i]));
  return hash;
}

}  // namespace

void Probe::Configure(const ProbeOptions& options) {
  size_t size = 0;
  const char* hash = static_cast<const char*>(bpf_map__initial_value(Map(".rodata.schema"), &size));
  if (hash == nullptr || strncmp(hash, FT_SCHEMA_HASH, size) != 0) {
    throw CaptureError("SCHEMA", "the BPF object and the addon were built from different event tables; build both again");
  }
  config settings{};
  settings.boot_to_epoch_ns = boot_to_epoch_ns_;
  settings.snaplen = options.snaplen;
  settings.drop_failed = options.drop_failed ? 1 : 0;
  for (const SyscallRow& row : kSyscalls) {
    if (row.number < MAX_SYSCALLS) settings.syscall_codes[row.number] = row.code;
  }
  for (const SyscallRow& row : kSyscalls) {
    if (row.number < MAX_SYSCALLS) settings.entry_kinds[row.number] = EntryKind(row.event);
  }
  memset(settings.native_of_compat, 0xff, sizeof settings.native_of_compat);
  for (const CompatRow& row : kCompatSyscalls) {
    if (row.number >= 0) settings.native_of_compat[row.number] = row.native;
  }
  if (int e = bpf_map__set_initial_value(Map(".rodata.config"), &settings, sizeof settings)) Fail(e, "cannot set up the probe");
  for (const char* name : {"rings", "scratches", "counts"}) {
    if (int e = bpf_map__set_max_entries(Map(name), cpus_)) Fail(e, "cannot set up the probe");
  }
}

void Probe::SetInterest(const std::vector<uint32_t>& syscalls, const std::vector<uint32_t>& tracepoints) {
  interest next{};
  bool entry_of_native[MAX_SYSCALLS] = {};
  for (const SyscallRow& row : kSyscalls) entry_of_native[row.number] = EntryKind(row.event) != ENTRY_NONE;
  for (uint32_t number : syscalls) {
    if (number < MAX_SYSCALLS) next.syscall[number] |= WANTED | (entry_of_native[number] ? WANTED_ENTRY : 0);
  }
  for (const CompatRow& row : kCompatSyscalls) {
    if (row.number < 0 || (next.syscall[row.native] & WANTED) == 0) continue;
    if (row.number < COMPAT_SOCKETCALLS) {
      next.syscall[row.number] |= WANTED_COMPAT | (entry_of_native[row.native] ? WANTED_ENTRY : 0);
    } else {
      next.syscall[IA32_SOCKETCALL] |= WANTED_COMPAT | (entry_of_native[row.native] ? WANTED_ENTRY : 0);
      next.socketcall[row.number - COMPAT_SOCKETCALLS] = 1;
    }
  }
  for (uint32_t type : tracepoints) {
    if (type < MAX_EVENTS) next.event[type] = 1;
  }
  // Byte by byte: a program sees the old or the new state of a call, never neither.
  volatile unsigned char* to = reinterpret_cast<volatile unsigned char*>(interest_);
  const unsigned char* from = reinterpret_cast<const unsigned char*>(&next);
  for (size_t i = 0; i < sizeof next; i++) {
    if (to[i] != from[i]) to[i] = from[i];
  }
  if (!links_.empty()) AttachOptional();
}

void Probe::SetSieve(const SieveOptions& options) {
  const unsigned int next = sieve_->active + 1;
  sieve_set& set = sieve_->sets[next & 1];
  memset(&set, 0, sizeof set);
  for (const SieveOptions::Call& call : options.calls) {
    if (call.number >= MAX_SYSCALLS) continue;
    set.calls[call.number] = static_cast<unsigned short>(call.what);
    set.uses_fds[call.number] = static_cast<unsigned char>(call.uses_fds);
  }
  set.any_path = static_cast<unsigned short>(options.any_path);
  set.some_paths = static_cast<unsigned short>(options.some_paths);
  for (const SieveOptions::Path& path : options.paths) {
    size_t bytes = path.text.size();
    uint32_t hash = 0;
    if (path.test == PATH_TAIL) {
      uint32_t tail = 0;
      for (unsigned char byte : path.text) tail = tail << 8 | byte;
      hash = HASH_TAIL(tail);
    } else {
      if (path.test == PATH_PREFIX) {
        bytes = std::min<size_t>(bytes, MAX_PREFIX);
        set.prefix_lengths |= 1ull << bytes;
      }
      hash = Hash(path.text, bytes);
    }
    set.paths[path.test % PATH_TESTS][HASH_SLOT(hash)] |= static_cast<unsigned short>(path.classes);
  }
  __atomic_store_n(&sieve_->active, next, __ATOMIC_RELEASE);
}
