// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

/** A BPF ring buffer, mapped and read without the kernel's help. */
class Ring {
 public:
  struct Entry {
    uint64_t ts;
    /** Where the record's own header begins, counted from the beginning of time. */
    uint64_t position;
  };

  /** @throws CaptureError */
  Ring(int fd, uint32_t bytes);
  ~Ring();
  Ring(Ring&& other) noexcept;
  Ring(const Ring&) = delete;

  /**
   * Takes note of what was written since the last call, in order of time. Gives the bytes seen.
   * `stalled()` afterwards: a program had not finished writing; what follows is not seen yet.
   */
  uint64_t Scan(uint64_t& decode_errors, uint32_t largest);
  bool stalled() const { return stalled_; }
  bool empty() const { return next_ == entries_.size(); }
  const Entry& head() const { return entries_[next_]; }
  /** Bytes of an entry's prefix and event. */
  uint32_t Length(const Entry& entry) const;
  /** Copies them. */
  void Copy(const Entry& entry, uint8_t* to, uint32_t length) const;
  void pop() { next_++; }
  /** Gives the room of the entries that were popped back to the kernel. */
  void Release();

 private:
  const uint8_t* At(uint64_t position) const { return data_ + (position & mask_); }

  uint8_t* consumer_ = nullptr;
  uint8_t* producer_ = nullptr;
  const uint8_t* data_ = nullptr;
  uint64_t mask_ = 0;
  uint64_t scanned_ = 0;
  bool stalled_ = false;
  std::vector<Entry> entries_;
  size_t next_ = 0;
};

struct Slab {
  uint8_t* data;
  bool free = true;
};

struct DrainCounters {
  std::atomic<uint64_t> decode_errors{0};
  std::atomic<uint64_t> slab_waits{0};
  std::atomic<uint64_t> delivered{0};
  std::atomic<uint64_t> late{0};
};

/** The thread that merges the rings in order of time and fills the slabs. */
class Drain {
 public:
  using HandOver = std::function<void(uint32_t slab, uint32_t bytes)>;

  struct Options {
    uint32_t slab_bytes;
    uint32_t flush_ms;
    uint64_t boot_to_epoch_ns;
  };

  /** @throws CaptureError */
  Drain(const std::vector<int>& rings, uint32_t ring_bytes, std::vector<uint8_t*> slabs, Options options);
  ~Drain();

  /** `hand_over` and `finished` are called on the drain thread. */
  void Start(HandOver hand_over, std::function<void()> finished);
  void Release(uint32_t slab);
  /** Empties the rings, hands over the rest, calls `finished`, ends. */
  void Finish();
  /** Ends at once. */
  void Abort();
  void Join();

  DrainCounters counters;

 private:
  enum class State { running, finishing, aborting };
  void Run();
  bool Emit(uint64_t until);
  bool Copy(const Ring& ring, const Ring::Entry& entry);
  bool TakeSlab();
  void Flush();
  uint64_t Now() const;

  std::vector<Ring> rings_;
  std::vector<Slab> slabs_;
  const Options options_;
  HandOver hand_over_;
  std::function<void()> finished_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  State state_ = State::running;
  int slab_ = -1;
  uint32_t used_ = 0;
  uint64_t slab_since_ = 0;
  uint64_t last_ts_ = 0;
};
