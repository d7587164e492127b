// SPDX-License-Identifier: Apache-2.0
#include "probe.h"

#include <bpf/bpf.h>
#include <linux/membarrier.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <unordered_map>

#include "../bpf/generated/events.h"
#include "error.h"
#include "failure.h"
#include "generated/syscalls.h"
#include "tracepoint.h"

namespace {

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

/** Without these nothing is seen. Any other program that a kernel refuses is left out. */
constexpr const char* kCore[] = {"on_sys_exit", "on_exec", "on_exit", "on_fork", "ev_GENERIC_X",
                                 "stage_open", "stage_descriptors", "stage_close_range", "stage_message"};

bool IsCore(const std::string& program) {
  return std::any_of(std::begin(kCore), std::end(kCore), [&](const char* name) { return program == name; });
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

constexpr const char* kHookNames[] = {"tracepoint", "tp_btf", "raw_tp"};

/** Since Linux 7.0, another thread can take the CPU of one that runs a program by tp_btf or raw_tp. */
bool Preempts() {
  utsname name{};
  return uname(&name) == 0 && atoi(name.release) >= 7;
}

bpf_link* AttachProgram(bpf_program* program) {
  if (bpf_program__type(program) == BPF_PROG_TYPE_TRACEPOINT) return AttachTracepoint(program);
  bpf_link* link = bpf_program__attach(program);
  if (link == nullptr) Fail(errno, std::string("cannot attach ") + bpf_program__name(program));
  return link;
}

}  // namespace

std::optional<Hook> HookOf(const std::string& name) {
  const auto found = std::find(std::begin(kHookNames), std::end(kHookNames), name);
  if (found == std::end(kHookNames)) return std::nullopt;
  return static_cast<Hook>(found - std::begin(kHookNames));
}

Probe::Probe(const ProbeOptions& options) {
  BeginLog();
  if (access(kKernelBtf, R_OK) != 0) Fail(errno, std::string("cannot read ") + kKernelBtf);
  cpus_ = libbpf_num_possible_cpus();
  if (cpus_ < 1) Fail(cpus_, "cannot count the CPUs");
  ring_bytes_ = options.buffer_bytes;
  boot_to_epoch_ns_ = BootToEpoch();
  hook_ = options.hook.value_or(Preempts() ? Hook::kTracepoint : Hook::kBtf);
  try {
    for (;;) {
      try {
        // Before the programs are loaded, which takes a second.
        if (hook_ == Hook::kTracepoint) close(OpenTracepoint("raw_syscalls/sys_exit"));
        Open(options.object_dir + "/probe." + hook() + ".bpf.o");
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
        const std::string refused = RefusedProgram(error.what());
        if (!refused.empty() && !IsCore(refused)) {
          left_out_.insert(refused);
        } else {
          NextHook(error);
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

const char* Probe::hook() const { return kHookNames[static_cast<int>(hook_)]; }

void Probe::NextHook(const CaptureError& error) {
  // Without its file, another try would not do better.
  if (error.code == "ENOENT" || error.code == "SCHEMA" || hook_ == Hook::kRaw) throw error;
  if (hook_ == Hook::kTracepoint) {
    missing_.push_back("BPF programs that are not interrupted (by tracepoint). While one is, calls of other threads on that CPU are not seen, but counted as missed: " + Reason(error.what()));
    hook_ = Hook::kBtf;
  } else {
    // Nor without permission.
    if (error.code == "EPERM") throw error;
    missing_.push_back("tracing programs by BTF (tp_btf, Linux 5.11 or later): " + Reason(error.what()));
    hook_ = Hook::kRaw;
  }
  left_out_.clear();
}

void Probe::Open(const std::string& path) {
  // Named, so that libbpf does not go through the modules' types too for what the kernel's own lack: that takes
  // CAP_SYS_ADMIN, and time.
  LIBBPF_OPTS(bpf_object_open_opts, options, .btf_custom_path = kKernelBtf);
  object_ = bpf_object__open_file(path.c_str(), &options);
  if (object_ == nullptr) Fail(errno, "cannot open " + path);
}

bpf_map* Probe::Map(const char* name) const {
  bpf_map* map = bpf_object__find_map_by_name(object_, name);
  if (map == nullptr) throw CaptureError("EBPF", std::string("the BPF object has no map ") + name);
  return map;
}

void Probe::Load() {
  for (const std::string& name : left_out_) bpf_program__set_autoload(bpf_object__find_program_by_name(object_, name.c_str()), false);
  if (int e = bpf_object__load(object_)) Fail(e, "the kernel does not take the BPF programs");
}

void Probe::MapShared() {
  const auto map = [&](const char* name, size_t bytes) {
    void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(Map(name)), 0);
    if (at == MAP_FAILED) Fail(errno, std::string("cannot map ") + name);
    return at;
  };
  interest_ = static_cast<interest*>(map(".data.interest", sizeof(interest)));
  sieve_ = static_cast<sieve*>(map(".data.sieve", sizeof(sieve)));
  counts_ = static_cast<counts*>(map("counts", cpus_ * sizeof(counts)));
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
  const int outer = bpf_map__fd(Map("rings"));
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
  const int native = bpf_map__fd(Map("programs"));
  const int compat = bpf_map__fd(Map("compat_programs"));
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
  const int stages = bpf_map__fd(Map("stages"));
  int stage = 0;
  for (const char* name : {"stage_open", "stage_descriptors", "stage_close_range", "stage_message"}) {
    if (bpf_map_update_elem(stages, &stage, &by_name.at(name), BPF_ANY)) Fail(errno, "cannot set up the table of programs");
    stage++;
  }
}

void Probe::Attach() {
  for (const char* name : {"on_fork", "on_exec", "on_exit", "on_sys_exit"}) {
    bpf_program* program = bpf_object__find_program_by_name(object_, name);
    // on_fork is there for arm64 only.
    if (program == nullptr) continue;
    links_.push_back(AttachProgram(program));
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
      std::string why;
      try {
        if (program != nullptr) link = AttachProgram(program);
      } catch (const CaptureError& error) {
        why = " (" + Reason(error.what()) + ")";
      }
      if (link == nullptr) missing_tracepoints_.push_back(lacking + why);
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

std::vector<std::string> Probe::missing() const {
  std::vector<std::string> all = missing_;
  for (const std::string& name : left_out_) {
    if (name.rfind("ev_", 0) == 0) all.push_back("the BPF program of " + name.substr(3) + ", which its verifier refuses: these calls are reported without parameters");
  }
  all.insert(all.end(), missing_tracepoints_.begin(), missing_tracepoints_.end());
  return all;
}

std::vector<counts> Probe::CountsByCpu() const {
  if (counts_ == nullptr) return {};
  return {counts_, counts_ + cpus_};
}

std::vector<ProgramCost> Probe::Costs() const {
  std::vector<ProgramCost> all;
  for (int program : attached_) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    if (bpf_obj_get_info_by_fd(program, &info, &size) == 0) all.push_back({info.name, info.run_cnt, info.run_time_ns});
  }
  return all;
}

counts Probe::Counts() const {
  counts sum{};
  for (const counts& c : CountsByCpu()) {
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
  if (links_.empty()) return;
  for (bpf_link* link : links_) bpf_link__destroy(link);
  links_.clear();
  for (bpf_link*& link : optional_links_) {
    if (link != nullptr) bpf_link__destroy(link);
    link = nullptr;
  }
  // A program that runs now still writes its event. This waits for all of them; where the kernel refuses, a few may be missed.
  syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0);
}

void Probe::Close() {
  Detach();
  if (interest_ != nullptr) munmap(interest_, sizeof(interest));
  interest_ = nullptr;
  if (sieve_ != nullptr) munmap(sieve_, sizeof(sieve));
  sieve_ = nullptr;
  if (counts_ != nullptr) munmap(counts_, cpus_ * sizeof(counts));
  counts_ = nullptr;
  for (int fd : rings_) close(fd);
  rings_.clear();
  attached_.clear();
  if (object_ != nullptr) bpf_object__close(object_);
  object_ = nullptr;
}
