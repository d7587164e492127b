// SPDX-License-Identifier: Apache-2.0
// From errors of the kernel and of libbpf to one that says what to do: a stable code, and their own words.
#include "failure.h"

#include <bpf/libbpf.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "error.h"

namespace {

constexpr size_t kLogLimit = 4000;

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

}  // namespace

void BeginLog() {
  static const bool once = (libbpf_set_print(KeepLog), libbpf_set_strict_mode(LIBBPF_STRICT_ALL), true);
  (void)once;
  libbpf_log.clear();
}

void Fail(int error, const std::string& what) {
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

std::string RefusedProgram(const std::string& log) {
  const size_t end = log.rfind("': failed to load");
  const size_t begin = end == std::string::npos ? end : log.rfind('\'', end - 1);
  return begin == std::string::npos ? "" : log.substr(begin + 1, end - begin - 1);
}

std::string Reason(const std::string& log) {
  std::string reason = log.substr(0, log.find('\n'));
  const size_t begin = log.rfind("\nlibbpf: prog '");
  if (begin != std::string::npos) reason += " (" + log.substr(begin + 9, log.find('\n', begin + 1) - begin - 9) + ")";
  return reason;
}
