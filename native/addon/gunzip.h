// SPDX-License-Identifier: Apache-2.0
// Undoes gzip into a buffer of JavaScript's that is used again and again: `Gunzip` of src/sources/native-contract.ts.
#pragma once

#include <napi.h>

#define ZLIB_CONST
#include <zlib.h>

class Gunzip : public Napi::ObjectWrap<Gunzip> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Gunzip(const Napi::CallbackInfo& info);
  ~Gunzip() override;

 private:
  void Push(const Napi::CallbackInfo& info);
  Napi::Value Next(const Napi::CallbackInfo& info);
  Napi::Value Unfinished(const Napi::CallbackInfo& info);
  /** Between two members: whether another one begins. What follows the last one is not ours, as in gzip(1). */
  bool BeginMember();

  Napi::Reference<Napi::Uint8Array> output_;
  /** What is being read; kept so that it stays where it is. */
  Napi::Reference<Napi::Uint8Array> input_;
  z_stream stream_{};
  bool within_ = false;
  bool begun_ = false;
  bool over_ = false;
};
