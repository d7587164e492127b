// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

constexpr const char* kKernelBtf = "/sys/kernel/btf/vmlinux";

/** From here on, what libbpf says is kept for the next failure of this thread. */
void BeginLog();

/** @throws CaptureError always: `what`, the error number (negative or not) in words, and what libbpf said */
[[noreturn]] void Fail(int error, const std::string& what);

/** The program that libbpf said it could not load, empty: it was something else. */
std::string RefusedProgram(const std::string& log);

/** What failed, and the last that libbpf said about a program, in one line. */
std::string Reason(const std::string& log);
