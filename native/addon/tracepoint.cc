// SPDX-License-Identifier: Apache-2.0
#include "tracepoint.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "error.h"
#include "failure.h"

namespace {

constexpr const char* kTracefs[] = {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"};

/** A file descriptor that is closed with its block. */
class Descriptor {
 public:
  explicit Descriptor(long fd) : fd_(static_cast<int>(fd)) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator int() const { return fd_; }

 private:
  const int fd_;
};

/** tracefs as a mount that no folder shows; < 0 with errno. */
int MountTracefs() {
  const Descriptor context(syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC));
  if (context < 0) return -1;
  if (syscall(SYS_fsconfig, static_cast<int>(context), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return -1;
  return static_cast<int>(syscall(SYS_fsmount, static_cast<int>(context), FSMOUNT_CLOEXEC, 0));
}

/** The number in an `id` file below `tracefs`; < 0 with errno. */
long ReadId(int tracefs, const std::string& path) {
  const Descriptor file(openat(tracefs, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file < 0) return -1;
  char text[24] = {};
  if (read(file, text, sizeof text - 1) <= 0) return -1;
  return strtol(text, nullptr, 10);
}

long TracepointId(const std::string& path) {
  for (const char* where : kTracefs) {
    const Descriptor tracefs(open(where, O_PATH | O_DIRECTORY | O_CLOEXEC));
    const long id = tracefs < 0 ? -1 : ReadId(tracefs, path);
    if (id > 0) return id;
  }
  const Descriptor tracefs(MountTracefs());
  return tracefs < 0 ? -1 : ReadId(tracefs, path);
}

}  // namespace

int OpenTracepoint(const std::string& name) {
  const std::string path = "events/" + name + "/id";
  const long id = TracepointId(path);
  if (id <= 0) {
    throw CaptureError("TRACEPOINT", "cannot read /sys/kernel/tracing/" + path + ": " + strerror(errno) +
                                         "; CAP_SYS_ADMIN can, and CAP_DAC_READ_SEARCH where tracefs is mounted");
  }
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = PERF_TYPE_TRACEPOINT;
  attributes.config = static_cast<uint64_t>(id);
  // One event on one CPU stands for the program, which the kernel runs on all of them.
  const long event = syscall(SYS_perf_event_open, &attributes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
  if (event >= 0) return static_cast<int>(event);
  // Debian's kernels, and those made from them, have levels that the kernel itself does not know.
  throw CaptureError("TRACEPOINT", "cannot open the tracepoint " + name + ": " + strerror(errno) +
                                       "; CAP_PERFMON can where kernel.perf_event_paranoid is 2 or less, CAP_SYS_ADMIN always");
}

bpf_link* AttachTracepoint(bpf_program* program) {
  const int event = OpenTracepoint(std::string(bpf_program__section_name(program)).substr(sizeof "tp/" - 1));
  bpf_link* link = bpf_program__attach_perf_event(program, event);
  if (link != nullptr) return link;
  const int error = errno;
  close(event);
  Fail(error, std::string("cannot attach ") + bpf_program__name(program));
}
