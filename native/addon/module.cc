// SPDX-License-Identifier: Apache-2.0
// What crosses the border to JavaScript: src/sources/native-contract.ts, and nothing else.
#include <napi.h>
#include <syslog.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "drain.h"
#include "error.h"
#include "generated/syscalls.h"
#include "gunzip.h"
#include "probe.h"

namespace {

/** What the drain thread sends to JavaScript, packed into the call's data pointer: a slab's number and bytes, or the end. */
constexpr uintptr_t kFinished = UINTPTR_MAX;
static_assert(sizeof(uintptr_t) == 8, "a slab's number and bytes share a pointer");

std::vector<uint32_t> Numbers(const Napi::Value& value) {
  std::vector<uint32_t> out;
  const auto array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) out.push_back(array.Get(i).As<Napi::Number>().Uint32Value());
  return out;
}

class Capture : public Napi::ObjectWrap<Capture> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Capture",
                       {
                           InstanceAccessor<&Capture::Hook>("hook"),
                           InstanceAccessor<&Capture::Missing>("missing"),
                           InstanceMethod<&Capture::Start>("start"),
                           InstanceMethod<&Capture::Release>("release"),
                           InstanceMethod<&Capture::SetSyscalls>("setSyscalls"),
                           InstanceMethod<&Capture::SetSieve>("setSieve"),
                           InstanceMethod<&Capture::Counters>("counters"),
                           InstanceMethod<&Capture::Details>("details"),
                           InstanceMethod<&Capture::Close>("close"),
                       });
  }

  explicit Capture(const Napi::CallbackInfo& info) : ObjectWrap(info), env_(info.Env()) {
    const auto options = info[0].As<Napi::Object>();
    const auto slabs = options.Get("slabs").As<Napi::Array>();
    std::vector<uint8_t*> data;
    size_t slab_bytes = SIZE_MAX;
    for (uint32_t i = 0; i < slabs.Length(); i++) {
      auto buffer = slabs.Get(i).As<Napi::ArrayBuffer>();
      data.push_back(static_cast<uint8_t*>(buffer.Data()));
      slab_bytes = std::min(slab_bytes, buffer.ByteLength());
    }
    if (data.size() < 2 || slab_bytes < MAX_EVENT_BYTES + RECORD_PREFIX) {
      throw Napi::RangeError::New(env_, "a capture needs two slabs of more than 64 KiB at least");
    }
    slabs_ = Napi::Persistent(slabs.As<Napi::Object>());

    ProbeOptions probe;
    const auto number = [&](const char* name) { return options.Get(name).As<Napi::Number>().Uint32Value(); };
    probe.object_dir = options.Get("objectDir").As<Napi::String>().Utf8Value();
    const Napi::Value hook = options.Get("hook");
    if (hook.IsString()) probe.hook = HookOf(hook.As<Napi::String>().Utf8Value());
    probe.cpus_per_buffer = number("cpusPerBuffer");
    probe.buffer_bytes = number("bufferBytes");
    probe.snaplen = number("snaplen");
    probe.drop_failed = options.Get("dropFailed").ToBoolean();
    probe.syscalls = Numbers(options.Get("syscalls"));
    probe.tracepoints = Numbers(options.Get("tracepoints"));
    try {
      probe_ = std::make_unique<Probe>(probe);
      drain_ = std::make_unique<Drain>(
          probe_->rings(), probe_->ring_bytes(), data,
          Drain::Options{static_cast<uint32_t>(slab_bytes), number("flushMs"), probe_->boot_to_epoch_ns()});
    } catch (const CaptureError& error) {
      probe_.reset();
      Napi::Error thrown = Napi::Error::New(env_, error.what());
      thrown.Set("code", error.code);
      throw thrown;
    }
    hook_ = probe_->hook();
    missing_ = probe_->missing();
  }

  // An environment that ends has run StopAtExit before it destroys its objects.
  ~Capture() override { drain_.reset(); }

 private:
  Napi::Value Hook(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), hook_); }

  Napi::Value Missing(const Napi::CallbackInfo& info) {
    auto out = Napi::Array::New(info.Env());
    for (uint32_t i = 0; i < missing_.size(); i++) out[i] = Napi::String::New(info.Env(), missing_[i]);
    return out;
  }

  void Start(const Napi::CallbackInfo& info) {
    if (drain_ == nullptr || calls_ != nullptr) throw Napi::Error::New(info.Env(), "the capture was started already, or is closed");
    on_slab_ = Napi::Persistent(info[0].As<Napi::Function>());
    const napi_status status =
        napi_create_threadsafe_function(env_, nullptr, nullptr, Napi::String::New(env_, "falco-ts capture"), 0, 1, nullptr,
                                        nullptr, this, &Capture::OnDrain, &calls_);
    if (status != napi_ok) throw Napi::Error::New(env_, "cannot create a thread-safe function");
    // Hooks run last added first, so this one runs before that of the thread-safe function.
    napi_add_env_cleanup_hook(env_, &Capture::StopAtExit, this);
    Ref();
    drain_->Start(
        [this](uint32_t slab, uint32_t bytes) { Send(uintptr_t{slab} << 32 | bytes); }, [this] { Send(kFinished); });
  }

  void Send(uintptr_t what) {
    napi_call_threadsafe_function(calls_, reinterpret_cast<void*>(what), napi_tsfn_nonblocking);
  }

  static void OnDrain(napi_env env, napi_value, void* context, void* data) {
    if (env == nullptr) return;
    auto* self = static_cast<Capture*>(context);
    const auto what = reinterpret_cast<uintptr_t>(data);
    if (what == kFinished) {
      self->Finished();
      return;
    }
    napi_value arguments[2], receiver;
    napi_create_uint32(env, static_cast<uint32_t>(what >> 32), &arguments[0]);
    napi_create_uint32(env, static_cast<uint32_t>(what), &arguments[1]);
    napi_get_undefined(env, &receiver);
    if (napi_call_function(env, receiver, self->on_slab_.Value(), 2, arguments, nullptr) == napi_pending_exception) {
      ThrowUncaught(env);
    }
  }

  /** An exception that nobody can catch: Node would otherwise only warn of it. */
  static void ThrowUncaught(napi_env env) {
    napi_value exception;
    if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
  }

  static void StopAtExit(void* data) {
    auto* self = static_cast<Capture*>(data);
    self->drain_->Abort();
    self->drain_->Join();
    self->probe_.reset();
  }

  void Release(const Napi::CallbackInfo& info) {
    if (drain_ != nullptr) drain_->Release(info[0].As<Napi::Number>().Uint32Value());
  }

  void SetSyscalls(const Napi::CallbackInfo& info) {
    if (probe_ == nullptr) return;
    probe_->SetInterest(Numbers(info[0]), Numbers(info[1]));
    missing_ = probe_->missing();
  }

  void SetSieve(const Napi::CallbackInfo& info) {
    if (probe_ == nullptr) return;
    const auto from = info[0].As<Napi::Object>();
    const auto each = [](const Napi::Value& list, const auto& take) {
      const auto array = list.As<Napi::Array>();
      for (uint32_t i = 0; i < array.Length(); i++) take(array.Get(i).As<Napi::Object>());
    };
    const auto number = [](const Napi::Object& object, const char* name) { return object.Get(name).As<Napi::Number>().Uint32Value(); };
    SieveOptions options;
    options.any_path = number(from, "anyPath");
    options.some_paths = number(from, "somePaths");
    each(from.Get("calls"), [&](const Napi::Object& call) {
      options.calls.push_back({number(call, "number"), number(call, "what"), number(call, "usesFds")});
    });
    each(from.Get("paths"), [&](const Napi::Object& path) {
      const auto text = path.Get("text").As<Napi::Buffer<char>>();
      options.paths.push_back({number(path, "test"), std::string(text.Data(), text.Length()), number(path, "classes")});
    });
    probe_->SetSieve(options);
  }

  Napi::Value Counters(const Napi::CallbackInfo& info) {
    if (probe_ != nullptr) last_counts_ = probe_->Counts();
    const counts& c = last_counts_;
    auto out = Napi::Object::New(info.Env());
    const auto set = [&](const char* name, uint64_t value) { out.Set(name, static_cast<double>(value)); };
    uint64_t full = 0;
    for (unsigned long long n : c.ring_full) full += n;
    set("produced", c.produced);
    set("ringFull", full);
    const auto lost = [&](loss category) { return c.ring_full[category]; };
    set("ringFullProcess", lost(LOSS_PROCESS) + lost(LOSS_CLONE_FORK) + lost(LOSS_EXECVE) + lost(LOSS_PROC_EXIT) + lost(LOSS_INTEREST));
    set("ringFullNetwork", lost(LOSS_NETWORK) + lost(LOSS_CONNECT));
    set("ringFullFile", lost(LOSS_FILE) + lost(LOSS_OPEN) + lost(LOSS_DIR_FILE) + lost(LOSS_CLOSE));
    set("ringFullCloneFork", lost(LOSS_CLONE_FORK));
    set("ringFullExecve", lost(LOSS_EXECVE));
    set("ringFullProcExit", lost(LOSS_PROC_EXIT));
    set("ringFullInterest", lost(LOSS_INTEREST));
    set("ringFullConnect", lost(LOSS_CONNECT));
    set("ringFullOpen", lost(LOSS_OPEN));
    set("ringFullDirFile", lost(LOSS_DIR_FILE));
    set("ringFullClose", lost(LOSS_CLOSE));
    set("bpfDropped", c.dropped);
    set("foreignCalls", c.foreign);
    set("missed", c.missed);
    set("filtered", c.filtered);
    if (drain_ != nullptr) ReadDrain();
    set("decodeErrors", decode_errors_);
    set("slabWaits", slab_waits_);
    set("delivered", delivered_);
    set("late", late_);
    return out;
  }

  Napi::Value Details(const Napi::CallbackInfo& info) {
    auto cpus = Napi::Array::New(info.Env()), programs = Napi::Array::New(info.Env());
    const auto counter = [&](Napi::Object to, const char* name, uint64_t value) { to.Set(name, static_cast<double>(value)); };
    if (probe_ != nullptr) {
      for (const counts& c : probe_->CountsByCpu()) {
        uint64_t lost = c.dropped + c.foreign;
        for (unsigned long long n : c.ring_full) lost += n;
        auto cpu = Napi::Object::New(info.Env());
        counter(cpu, "produced", c.produced + c.foreign);
        counter(cpu, "lost", lost);
        cpus[cpus.Length()] = cpu;
      }
      for (const ProgramCost& cost : probe_->Costs()) {
        auto program = Napi::Object::New(info.Env());
        program.Set("name", cost.name);
        counter(program, "runs", cost.runs);
        counter(program, "nanoseconds", cost.nanoseconds);
        programs[programs.Length()] = program;
      }
    }
    auto out = Napi::Object::New(info.Env());
    out.Set("cpus", cpus);
    out.Set("programs", programs);
    return out;
  }

  void ReadDrain() {
    decode_errors_ = drain_->counters.decode_errors;
    slab_waits_ = drain_->counters.slab_waits;
    delivered_ = drain_->counters.delivered;
    late_ = drain_->counters.late;
  }

  void Close(const Napi::CallbackInfo& info) {
    const auto done = info[0].As<Napi::Function>();
    if (drain_ == nullptr) {
      done.Call({});
      return;
    }
    done_.push_back(Napi::Persistent(done));
    if (closing_) return;
    closing_ = true;
    probe_->Detach();
    if (calls_ != nullptr) drain_->Finish();
    else Finished();
  }

  void Finished() {
    drain_->Join();
    ReadDrain();
    last_counts_ = probe_->Counts();
    drain_.reset();
    probe_.reset();
    if (calls_ != nullptr) {
      napi_remove_env_cleanup_hook(env_, &Capture::StopAtExit, this);
      napi_release_threadsafe_function(calls_, napi_tsfn_release);
      Unref();
    }
    slabs_.Reset();
    auto done = std::move(done_);
    for (auto& callback : done) {
      napi_value receiver;
      napi_get_undefined(env_, &receiver);
      if (napi_call_function(env_, receiver, callback.Value(), 0, nullptr, nullptr) == napi_pending_exception) {
        ThrowUncaught(env_);
      }
    }
  }

  Napi::Env env_;
  std::string hook_;
  std::vector<std::string> missing_;
  Napi::ObjectReference slabs_;
  Napi::FunctionReference on_slab_;
  std::vector<Napi::FunctionReference> done_;
  std::unique_ptr<Probe> probe_;
  std::unique_ptr<Drain> drain_;
  napi_threadsafe_function calls_ = nullptr;
  bool closing_ = false;
  counts last_counts_{};
  uint64_t decode_errors_ = 0, slab_waits_ = 0, delivered_ = 0, late_ = 0;
};

/** syslog(3) keeps the pointer to the identity: it must outlive the call. */
void Syslog(const Napi::CallbackInfo& info) {
  static std::string ident;
  const std::string next = info[1].As<Napi::String>().Utf8Value();
  if (next != ident) {
    ident = next;
    openlog(ident.c_str(), LOG_PID, LOG_USER);
  }
  syslog(info[0].As<Napi::Number>().Int32Value(), "%s", info[2].As<Napi::String>().Utf8Value().c_str());
}

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  auto* constructor = new Napi::FunctionReference(Napi::Persistent(Capture::Define(env)));
  env.SetInstanceData(constructor);
  exports.Set("schemaHash", FT_SCHEMA_HASH);
  exports.Set("openCapture", Napi::Function::New(env, [](const Napi::CallbackInfo& info) -> Napi::Value {
                return info.Env().GetInstanceData<Napi::FunctionReference>()->New({info[0]});
              }));
  exports.Set("Gunzip", Gunzip::Define(env));
  exports.Set("syslog", Napi::Function::New(env, Syslog));
  return exports;
}

}  // namespace

NODE_API_MODULE(falco_ts, Init)
