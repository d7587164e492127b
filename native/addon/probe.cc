// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <bpf/bpf.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <unordered_map>

#include "../bpf/generated/events.h"
#include "error.h"
#include "generated/syscalls.h"

namespace {

constexpr size_t kLogLimit = 4000;
constexpr const char* kKernelBtf = "/sys/kernel/btf/vmlinux";

thread_local std::string libbpf_log;

int KeepLog(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG) return 0;
  // A verifier's log comes as one line of many kilobytes, and its end is what matters.
  va_list again;
  va_copy(again, arguments);
  const int n = vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (n <= 0) return 0;
  const size_t at = libbpf_log.size();
  libbpf_log.resize(at + n + 1);
  vsnprintf(&libbpf_log[at], n + 1, format, arguments);
  libbpf_log.pop_back();
  if (libbpf_log.size() > 4 * kLogLimit) libbpf_log.erase(0, libbpf_log.size() - kLogLimit);
  return 0;
}

std::string ReadFile(const char* path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

[[noreturn]] void Fail(int error, const std::string& what) {
  error = error < 0 ? -error : error;
  std::string code;
  if (libbpf_log.find("END PROG LOAD LOG") != std::string::npos) {
    code = "VERIFIER";
  } else if (access(kKernelBtf, R_OK) != 0) {
    code = "NO_BTF";
  } else if (error == EPERM || error == EACCES) {
    code = ReadFile("/sys/kernel/security/lockdown").find("[confidentiality]") != std::string::npos ? "LOCKDOWN" : "EPERM";
  } else {
    switch (error) {
      case ENOSYS: code = "ENOSYS"; break;
      case ENOMEM: code = "ENOMEM"; break;
      case ENOENT: code = "ENOENT"; break;
      case EINVAL: code = "EINVAL"; break;
      case E2BIG: code = "E2BIG"; break;
      default: code = "EBPF"; break;
    }
  }
  std::string log = libbpf_log;
  libbpf_log.clear();
  if (log.size() > kLogLimit) log = "…" + log.substr(log.size() - kLogLimit);
  while (!log.empty() && log.back() == '\n') log.pop_back();
  throw CaptureError(code, what + ": " + strerror(error) + (log.empty() ? "" : "\n" + log));
}

uint64_t Nanoseconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

/** The tightest of a few readings: a preemption between the two clocks must not shift all times. */
uint64_t BootToEpoch() {
  uint64_t best = 0, least = UINT64_MAX;
  for (int i = 0; i < 5; i++) {
    uint64_t before = Nanoseconds(CLOCK_BOOTTIME), real = Nanoseconds(CLOCK_REALTIME), after = Nanoseconds(CLOCK_BOOTTIME);
    if (after - before < least) {
      least = after - before;
      best = real - (before + (after - before) / 2);
    }
  }
  return best;
}

/** CPU numbers out of `0-3,8`. */
std::vector<int> OnlineCpus() {
  std::vector<int> cpus;
  std::ifstream in("/sys/devices/system/cpu/online");
  for (int first; in >> first;) {
    int last = first;
    if (in.peek() == '-') in.ignore() >> last;
    for (int cpu = first; cpu <= last; cpu++) cpus.push_back(cpu);
    if (in.peek() == ',') in.ignore();
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

bpf_map* FindMap(bpf_object* object, const char* name) {
  bpf_map* map = bpf_object__find_map_by_name(object, name);
  if (map == nullptr) throw CaptureError("EBPF", std::string("the BPF object has no map ") + name);
  return map;
}

/** What is kept of a call when it begins, by the event that it leads to. */
unsigned char EntryKind(uint16_t event) {
  switch (event) {
    case EV_SYSCALL_OPEN_X:
    case EV_SYSCALL_CREAT_X:
    case EV_SYSCALL_EXECVE_19_X: return ENTRY_TEXT_0;
    case EV_SYSCALL_OPENAT_2_X: return ENTRY_TEXT_1;
    case EV_SYSCALL_OPENAT2_X: return ENTRY_OPENAT2;
    case EV_SOCKET_CONNECT_X: return ENTRY_ADDRESS;
    default: return ENTRY_NONE;
  }
}

/** Without these nothing is seen. Any other program that a kernel refuses is left out. */
constexpr const char* kCore[] = {"on_sys_exit", "on_exec", "on_exit", "on_fork", "ev_GENERIC_X",
                                 "stage_open", "stage_descriptors", "stage_close_range"};

bool IsCore(const std::string& program) {
  return std::any_of(std::begin(kCore), std::end(kCore), [&](const char* name) { return program == name; });
}

/** The program that libbpf said it could not load, empty: it was something else. */
std::string RefusedProgram(const std::string& log) {
  const size_t end = log.rfind("': failed to load");
  const size_t begin = end == std::string::npos ? end : log.rfind('\'', end - 1);
  return begin == std::string::npos ? "" : log.substr(begin + 1, end - begin - 1);
}

struct OptionalProgram {
  uint16_t event;
  const char* program;
  const char* tracepoint;
};

/** Frequent events, attached only while a rule asks for them. The names stand in bpf/events/tracepoints.h. */
constexpr OptionalProgram kOptional[] = {
    {EV_SCHEDSWITCH_6_E, "on_switch", "sched_switch"},
    {EV_SIGNALDELIVER_E, "on_signal", "signal_deliver"},
    {EV_PAGE_FAULT_E, "on_user_fault", "page_fault_user"},
    {EV_PAGE_FAULT_E, "on_kernel_fault", "page_fault_kernel"},
};

}  // namespace

Probe::Probe(const ProbeOptions& options) {
  static const bool once = (libbpf_set_print(KeepLog), libbpf_set_strict_mode(LIBBPF_STRICT_ALL), true);
  (void)once;
  libbpf_log.clear();
  if (access(kKernelBtf, R_OK) != 0) Fail(errno, std::string("cannot read ") + kKernelBtf);
  cpus_ = libbpf_num_possible_cpus();
  if (cpus_ < 1) Fail(cpus_, "cannot count the CPUs");
  ring_bytes_ = options.buffer_bytes;
  boot_to_epoch_ns_ = BootToEpoch();
  try {
    for (;;) {
      try {
        Open(options.object_dir + (raw_ ? "/probe.raw_tp.bpf.o" : "/probe.tp_btf.bpf.o"));
        Configure(options);
        Load();
        MapShared();
        CreateRings(options.cpus_per_buffer);
        FillPrograms();
        SetInterest(options.syscalls, options.tracepoints);
        Attach();
        AttachOptional();
        // Loading took some megabytes for instructions, relocations and type information.
#ifdef __GLIBC__
        malloc_trim(0);
#endif
        return;
      } catch (const CaptureError& error) {
        // Without permission, or without its file, another try would not do better.
        if (error.code == "EPERM" || error.code == "ENOENT" || error.code == "SCHEMA") throw;
        const std::string why = error.what(), refused = RefusedProgram(why);
        if (!refused.empty() && !IsCore(refused)) {
          left_out_.insert(refused);
        } else if (raw_) {
          throw;
        } else {
          missing_.push_back("tracing programs by BTF (tp_btf, Linux 5.11 or later): " + why.substr(0, why.find('\n')));
          left_out_.clear();
          raw_ = true;
        }
        Close();
      }
    }
  } catch (...) {
    Close();
    throw;
  }
}

Probe::~Probe() { Close(); }

void Probe::Open(const std::string& path) {
  // Named, so that libbpf does not go through the modules' types too for what the kernel's own lack: that takes
  // CAP_SYS_ADMIN, and time.
  LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = kKernelBtf);
  object_ = bpf_object__open_file(path.c_str(), &options);
  if (object_ == nullptr) Fail(errno, "cannot open " + path);
}

void Probe::Configure(const ProbeOptions& options) {
  size_t size = 0;
  const char* hash = static_cast<const char*>(bpf_map__initial_value(FindMap(object_, ".rodata.schema"), &size));
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
  if (int e = bpf_map__set_initial_value(FindMap(object_, ".rodata.config"), &settings, sizeof settings)) Fail(e, "cannot set up the probe");
  for (const char* name : {"rings", "scratches"}) {
    if (int e = bpf_map__set_max_entries(FindMap(object_, name), cpus_)) Fail(e, "cannot set up the probe");
  }
}

void Probe::Load() {
  for (const std::string& name : left_out_) bpf_program__set_autoload(bpf_object__find_program_by_name(object_, name.c_str()), false);
  if (int e = bpf_object__load(object_)) Fail(e, "the kernel does not take the BPF programs");
  counts_fd_ = bpf_map__fd(FindMap(object_, "counts"));
}

void Probe::MapShared() {
  const auto map = [&](const char* name, size_t bytes) {
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(FindMap(object_, name)), 0);
    if (at == MAP_FAILED) Fail(errno, std::string("cannot map ") + name);
    return at;
  };
  interest_ = static_cast<interest*>(map(".data.interest", sizeof(interest)));
  sieve_ = static_cast<sieve*>(map(".data.sieve", sizeof(sieve)));
}

/** Online CPUs share rings in groups of neighbours; one that comes online later writes to the first. */
void Probe::CreateRings(uint32_t cpus_per_buffer) {
  const std::vector<int> online = OnlineCpus();
  const size_t group = cpus_per_buffer == 0 ? online.size() : cpus_per_buffer;
  std::vector<int> ring_of(cpus_, 0);
  for (size_t i = 0; i < online.size(); i++) {
    if (online[i] < cpus_) ring_of[online[i]] = static_cast<int>(i / group);
  }
  for (size_t i = 0; i < (online.size() + group - 1) / group; i++) {
    int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "events", 0, 0, ring_bytes_, nullptr);
    if (fd < 0) Fail(errno, "cannot create a ring buffer of " + std::to_string(ring_bytes_) + " bytes");
    rings_.push_back(fd);
  }
  const int outer = bpf_map__fd(FindMap(object_, "rings"));
  for (int cpu = 0; cpu < cpus_; cpu++) {
    if (bpf_map_update_elem(outer, &cpu, &rings_[ring_of[cpu]], BPF_ANY)) Fail(errno, "cannot assign a ring buffer to a CPU");
  }
}

/** Every system call gets its event's program, or the generic one: the set of reported ones can then change at any time. */
void Probe::FillPrograms() {
  std::unordered_map<std::string, int> by_name;
  bpf_program* program;
  bpf_object__for_each_program(program, object_) {
    if (bpf_program__fd(program) >= 0) by_name[bpf_program__name(program)] = bpf_program__fd(program);
  }
  const int native = bpf_map__fd(FindMap(object_, "programs"));
  const int compat = bpf_map__fd(FindMap(object_, "compat_programs"));
  const auto set = [&](int table, int number, uint16_t event) {
    const auto found = by_name.find(kPrograms[event]);
    const int fd = found != by_name.end() ? found->second : by_name.at("ev_GENERIC_X");
    if (bpf_map_update_elem(table, &number, &fd, BPF_ANY)) Fail(errno, "cannot set up the table of programs");
  };
  for (const SyscallRow& row : kSyscalls) {
    if (row.number < MAX_SYSCALLS) set(native, row.number, row.event);
  }
  for (const CompatRow& row : kCompatSyscalls) {
    if (row.number >= 0) set(compat, row.number, row.event);
  }
  const int stages = bpf_map__fd(FindMap(object_, "stages"));
  int stage = 0;
  for (const char* name : {"stage_open", "stage_descriptors", "stage_close_range"}) {
    if (bpf_map_update_elem(stages, &stage, &by_name.at(name), BPF_ANY)) Fail(errno, "cannot set up the table of programs");
    stage++;
  }
}

void Probe::Attach() {
  for (const char* name : {"on_fork", "on_exec", "on_exit", "on_sys_exit"}) {
    bpf_program* program = bpf_object__find_program_by_name(object_, name);
    // on_fork is there for arm64 only.
    if (program == nullptr) continue;
    bpf_link* link = bpf_program__attach(program);
    if (link == nullptr) Fail(errno, std::string("cannot attach ") + name);
    links_.push_back(link);
  }
  for (const char* name : {"on_fork", "on_exec", "on_exit", "on_sys_exit", "on_sys_enter", "on_switch", "on_signal", "on_user_fault", "on_kernel_fault"}) {
    bpf_program* program = bpf_object__find_program_by_name(object_, name);
    if (program != nullptr && bpf_program__fd(program) >= 0) attached_.push_back(bpf_program__fd(program));
  }
}

/** Attaches what is asked for and detaches what is not: it costs nothing when nobody wants it. */
void Probe::AttachOptional() {
  missing_tracepoints_.clear();
  optional_links_.resize(std::size(kOptional) + 1);
  const auto toggle = [this](bpf_link*& link, bool wanted, const char* name, const std::string& lacking) {
    if (!wanted) {
      if (link != nullptr) bpf_link__destroy(link);
      link = nullptr;
    } else if (link == nullptr) {
      bpf_program* program = bpf_object__find_program_by_name(object_, name);
      link = program == nullptr ? nullptr : bpf_program__attach(program);
      if (link == nullptr) missing_tracepoints_.push_back(lacking);
    }
  };
  for (size_t i = 0; i < std::size(kOptional); i++) {
    const OptionalProgram& optional = kOptional[i];
    toggle(optional_links_[i], interest_->event[optional.event] != 0, optional.program,
           std::string("the tracepoint ") + optional.tracepoint + ", which a rule asks for");
  }
  const bool entries = std::any_of(interest_->syscall, interest_->syscall + MAX_SYSCALLS, [](unsigned char c) { return c & WANTED_ENTRY; });
  toggle(optional_links_.back(), entries, "on_sys_enter", "the tracepoint sys_enter: a path or an address that changes during a call can fool a rule");
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

std::vector<std::string> Probe::missing() const {
  std::vector<std::string> all = missing_;
  for (const std::string& name : left_out_) {
    if (name.rfind("ev_", 0) == 0) all.push_back("the BPF program of " + name.substr(3) + ", which its verifier refuses: these calls are reported without parameters");
  }
  all.insert(all.end(), missing_tracepoints_.begin(), missing_tracepoints_.end());
  return all;
}

namespace {

uint32_t Hash(const std::string& text, size_t bytes) {
  uint32_t hash = HASH_BEGIN;
  for (size_t i = 0; i < bytes; i++) hash = HASH_STEP(hash, static_cast<unsigned char>(text[i]));
  return hash;
}

}  // namespace

void Probe::SetSieve(const SieveOptions& options) {
  const unsigned int next = ~sieve_->active & 1;
  sieve_set& set = sieve_->sets[next];
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

counts Probe::Counts() const {
  counts sum{};
  if (counts_fd_ < 0) return sum;
  std::vector<counts> each(cpus_);
  const uint32_t zero = 0;
  if (bpf_map_lookup_elem(counts_fd_, &zero, each.data())) return sum;
  for (const counts& c : each) {
    sum.produced += c.produced;
    sum.dropped += c.dropped;
    sum.foreign += c.foreign;
    sum.filtered += c.filtered;
    for (int i = 0; i < LOSS_CATEGORIES; i++) sum.ring_full[i] += c.ring_full[i];
  }
  for (int program : attached_) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &size) == 0) sum.missed += info.recursion_misses;
  }
  return sum;
}

void Probe::Detach() {
  for (bpf_link* link : links_) bpf_link__destroy(link);
  links_.clear();
  for (bpf_link*& link : optional_links_) {
    if (link != nullptr) bpf_link__destroy(link);
    link = nullptr;
  }
}

void Probe::Close() {
  Detach();
  if (interest_ != nullptr) munmap(interest_, sizeof(interest));
  interest_ = nullptr;
  if (sieve_ != nullptr) munmap(sieve_, sizeof(sieve));
  sieve_ = nullptr;
  for (int fd : rings_) close(fd);
  rings_.clear();
  counts_fd_ = -1;
  attached_.clear();
  if (object_ != nullptr) bpf_object__close(object_);
  object_ = nullptr;
}
