// SPDX-License-Identifier: Apache-2.0
#include "gunzip.h"

#include <string>

namespace {

/** Window of 32 KiB, and gzip's header and checksum rather than zlib's. */
constexpr int kGzip = MAX_WBITS + 16;
constexpr uint8_t kMagic = 0x1f;

}  // namespace

Napi::Function Gunzip::Define(Napi::Env env) {
  return DefineClass(env, "Gunzip",
                     {
                         InstanceMethod<&Gunzip::Push>("push"),
                         InstanceMethod<&Gunzip::Next>("next"),
                         InstanceAccessor<&Gunzip::Unfinished>("unfinished"),
                     });
}

Gunzip::Gunzip(const Napi::CallbackInfo& info) : ObjectWrap(info) {
  output_ = Napi::Persistent(info[0].As<Napi::Uint8Array>());
  if (inflateInit2(&stream_, kGzip) != Z_OK) throw Napi::Error::New(info.Env(), "no memory to undo gzip");
}

Gunzip::~Gunzip() { inflateEnd(&stream_); }

void Gunzip::Push(const Napi::CallbackInfo& info) {
  const auto input = info[0].As<Napi::Uint8Array>();
  input_ = Napi::Persistent(input);
  stream_.next_in = input.Data();
  stream_.avail_in = static_cast<uInt>(input.ByteLength());
}

bool Gunzip::BeginMember() {
  if (begun_ && *stream_.next_in != kMagic) {
    over_ = true;
    return false;
  }
  inflateReset(&stream_);
  begun_ = within_ = true;
  return true;
}

Napi::Value Gunzip::Next(const Napi::CallbackInfo& info) {
  auto output = output_.Value();
  stream_.next_out = output.Data();
  stream_.avail_out = static_cast<uInt>(output.ByteLength());
  // Also without input: what did not fit into the last output comes now.
  while (!over_ && stream_.avail_out != 0) {
    if (!within_ && (stream_.avail_in == 0 || !BeginMember())) break;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_STREAM_END) within_ = false;
    else if (result == Z_BUF_ERROR) break;
    else if (result != Z_OK) {
      Napi::Error error = Napi::Error::New(info.Env(), stream_.msg != nullptr ? stream_.msg : "damaged");
      error.Set("code", result == Z_MEM_ERROR ? "Z_MEM_ERROR" : "Z_DATA_ERROR");
      throw error;
    }
  }
  return Napi::Number::New(info.Env(), static_cast<double>(output.ByteLength() - stream_.avail_out));
}

Napi::Value Gunzip::Unfinished(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), within_); }
