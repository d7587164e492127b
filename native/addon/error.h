// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <stdexcept>
#include <string>

/** Why a capture cannot be opened: a stable code, and a message with the kernel's or libbpf's own words. */
class CaptureError : public std::runtime_error {
 public:
  CaptureError(std::string code, const std::string& message) : std::runtime_error(message), code(std::move(code)) {}
  const std::string code;
};
