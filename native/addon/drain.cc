// SPDX-License-Identifier: Apache-2.0
// HOT PATH: everything that runs for each event on this side of JavaScript.
#include "drain.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>

#include "../shared.h"
#include "error.h"

namespace {

constexpr uint32_t kRecordHeader = 8;
/** An event is handed over once it is this old: by then every other CPU has written what happened before it. */
constexpr uint64_t kGuardNs = 2'000'000;
/** A program that has not finished writing for this long was interrupted for good; order gives way. */
constexpr uint64_t kStallNs = 50'000'000;
constexpr auto kBusyPoll = std::chrono::milliseconds(1);
constexpr auto kIdlePoll = std::chrono::milliseconds(8);
/** Programs that ran while the probe was detached are done after this. */
constexpr auto kSettle = std::chrono::milliseconds(5);

uint64_t Padded(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

template <typename T>
T Read(const uint8_t* at) {
  T value;
  memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

Ring::Ring(int fd, uint32_t bytes) : mask_(bytes - 1) {
  const size_t page = sysconf(_SC_PAGESIZE);
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  // The kernel offers the data twice in a row, so that a record which wraps is contiguous. Each mapping of a page counts as
  // memory of this process: it is mapped once, and what wraps is copied in two parts.
  void* producer = mmap(nullptr, page + static_cast<size_t>(bytes), PROT_READ, MAP_SHARED, fd, page);
  if (consumer == MAP_FAILED || producer == MAP_FAILED) {
    throw CaptureError("ENOMEM", std::string("cannot map a ring buffer: ") + strerror(errno));
  }
  consumer_ = static_cast<uint8_t*>(consumer);
  producer_ = static_cast<uint8_t*>(producer);
  data_ = producer_ + page;
}

Ring::Ring(Ring&& other) noexcept
    : consumer_(other.consumer_), producer_(other.producer_), data_(other.data_), mask_(other.mask_) {
  other.consumer_ = nullptr;
}

Ring::~Ring() {
  if (consumer_ == nullptr) return;
  const size_t page = sysconf(_SC_PAGESIZE);
  munmap(consumer_, page);
  munmap(producer_, page + mask_ + 1);
}

uint64_t Ring::Scan(uint64_t& decode_errors, uint32_t largest) {
  const uint64_t end = __atomic_load_n(reinterpret_cast<uint64_t*>(producer_), __ATOMIC_ACQUIRE);
  const uint64_t begin = scanned_;
  stalled_ = false;
  while (scanned_ < end) {
    const uint32_t word = __atomic_load_n(reinterpret_cast<const uint32_t*>(At(scanned_)), __ATOMIC_ACQUIRE);
    if (word & BPF_RINGBUF_BUSY_BIT) {
      stalled_ = true;
      break;
    }
    const uint32_t length = word & ~BPF_RINGBUF_DISCARD_BIT;
    if ((word & BPF_RINGBUF_DISCARD_BIT) == 0) {
      // Records are aligned to 8 bytes, and so are prefix and time: none of them is split by the end of the ring.
      const uint64_t record = scanned_ + kRecordHeader;
      if (length < RECORD_PREFIX + EVENT_HEADER || Read<uint32_t>(At(record)) != length - RECORD_PREFIX || Padded(length) > largest) {
        decode_errors++;
      } else {
        Entry entry{Read<uint64_t>(At(record + RECORD_PREFIX)), scanned_};
        // CPUs that share a ring write nearly in order: an insertion from the end moves next to nothing.
        size_t i = entries_.size();
        entries_.push_back(entry);
        for (; i > next_ && entries_[i - 1].ts > entry.ts; i--) entries_[i] = entries_[i - 1];
        entries_[i] = entry;
      }
    }
    scanned_ += Padded(length + kRecordHeader);
  }
  return scanned_ - begin;
}

uint32_t Ring::Length(const Entry& entry) const { return RECORD_PREFIX + Read<uint32_t>(At(entry.position + kRecordHeader)); }

void Ring::Copy(const Entry& entry, uint8_t* to, uint32_t length) const {
  const uint64_t position = entry.position + kRecordHeader;
  const uint64_t until_end = mask_ + 1 - (position & mask_);
  if (length <= until_end) {
    memcpy(to, At(position), length);
  } else {
    memcpy(to, At(position), until_end);
    memcpy(to + until_end, data_, length - until_end);
  }
}

void Ring::Release() {
  uint64_t position = scanned_;
  if (next_ == entries_.size()) {
    entries_.clear();
    next_ = 0;
  } else {
    if (next_ > 0) {
      entries_.erase(entries_.begin(), entries_.begin() + static_cast<ptrdiff_t>(next_));
      next_ = 0;
    }
    for (const Entry& entry : entries_) position = std::min(position, entry.position);
  }
  __atomic_store_n(reinterpret_cast<uint64_t*>(consumer_), position, __ATOMIC_RELEASE);
}

Drain::Drain(const std::vector<int>& rings, uint32_t ring_bytes, std::vector<uint8_t*> slabs, Options options)
    : options_(options) {
  rings_.reserve(rings.size());
  for (int fd : rings) rings_.emplace_back(fd, ring_bytes);
  for (uint8_t* data : slabs) slabs_.push_back({data});
}

Drain::~Drain() {
  Abort();
  Join();
}

void Drain::Start(HandOver hand_over, std::function<void()> finished) {
  hand_over_ = std::move(hand_over);
  finished_ = std::move(finished);
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "falco-ts-drain");
}

void Drain::Release(uint32_t slab) {
  {
    std::lock_guard lock(mutex_);
    if (slab < slabs_.size()) slabs_[slab].free = true;
  }
  wake_.notify_one();
}

void Drain::Finish() {
  {
    std::lock_guard lock(mutex_);
    if (state_ == State::running) state_ = State::finishing;
  }
  wake_.notify_one();
}

void Drain::Abort() {
  {
    std::lock_guard lock(mutex_);
    state_ = State::aborting;
  }
  wake_.notify_one();
}

void Drain::Join() {
  if (thread_.joinable()) thread_.join();
}

uint64_t Drain::Now() const {
  timespec t;
  clock_gettime(CLOCK_BOOTTIME, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec + options_.boot_to_epoch_ns;
}

void Drain::Run() {
  uint64_t complete = 0;  // everything that happened before this time has been seen
  auto pause = kBusyPoll;
  const uint64_t flush_ns = uint64_t{options_.flush_ms} * 1'000'000;
  State state = State::running;
  for (bool settled = false;;) {
    const uint64_t now = Now();
    uint64_t seen = 0, decode_errors = 0;
    bool stalled = false;
    for (Ring& ring : rings_) {
      seen += ring.Scan(decode_errors, options_.slab_bytes);
      stalled |= ring.stalled();
    }
    if (decode_errors != 0) counters.decode_errors += decode_errors;
    if (!stalled || now - complete > kStallNs) complete = now - kGuardNs;
    if (!Emit(settled && !stalled ? UINT64_MAX : complete)) return;
    bool pending = false;
    for (Ring& ring : rings_) {
      ring.Release();
      pending |= !ring.empty();
    }
    if (settled && !pending && seen == 0 && !stalled) {
      Flush();
      finished_();
      return;
    }
    if (used_ > 0 && (state != State::running || Now() - slab_since_ >= flush_ns)) Flush();

    // Busy: at once again. Something waits for its time or for the flush: soon. Nothing: less and less often.
    pause = seen > 0 || pending || used_ > 0 ? kBusyPoll : std::min(2 * pause, kIdlePoll);
    const bool hurry = seen > options_.slab_bytes / 4;
    std::unique_lock lock(mutex_);
    if (state_ == State::running && !hurry) wake_.wait_for(lock, pause, [this] { return state_ != State::running; });
    if (state_ == State::aborting) return;
    if (state_ == State::finishing) {
      if (state == State::finishing) {
        settled = true;
      } else {
        wake_.wait_for(lock, kSettle, [this] { return state_ == State::aborting; });
      }
      state = State::finishing;
    }
  }
}

/** Copies what happened until then, oldest first. False: the thread must end. */
bool Drain::Emit(uint64_t until) {
  for (;;) {
    Ring* oldest = nullptr;
    uint64_t next = until;  // the oldest of the other rings
    for (Ring& ring : rings_) {
      if (ring.empty()) continue;
      if (oldest == nullptr || ring.head().ts < oldest->head().ts) {
        if (oldest != nullptr) next = std::min(next, oldest->head().ts);
        oldest = &ring;
      } else {
        next = std::min(next, ring.head().ts);
      }
    }
    if (oldest == nullptr || oldest->head().ts > until) return true;
    do {
      const Ring::Entry& entry = oldest->head();
      if (entry.ts < last_ts_) counters.late++;
      else last_ts_ = entry.ts;
      if (!Copy(*oldest, entry)) return false;
      oldest->pop();
    } while (!oldest->empty() && oldest->head().ts <= next);
  }
}

bool Drain::Copy(const Ring& ring, const Ring::Entry& entry) {
  const uint32_t length = ring.Length(entry);
  const uint32_t padded = static_cast<uint32_t>(Padded(length));
  if (used_ + padded > options_.slab_bytes) Flush();
  if (slab_ < 0 && !TakeSlab()) return false;
  ring.Copy(entry, slabs_[slab_].data + used_, length);
  used_ += padded;
  counters.delivered++;
  return true;
}

bool Drain::TakeSlab() {
  std::unique_lock lock(mutex_);
  bool waited = false;
  for (;;) {
    if (state_ == State::aborting) return false;
    for (size_t i = 0; i < slabs_.size(); i++) {
      if (!slabs_[i].free) continue;
      slabs_[i].free = false;
      slab_ = static_cast<int>(i);
      slab_since_ = Now();
      return true;
    }
    if (!waited) counters.slab_waits++;
    waited = true;
    wake_.wait(lock);
  }
}

void Drain::Flush() {
  if (slab_ < 0 || used_ == 0) return;
  hand_over_(static_cast<uint32_t>(slab_), used_);
  slab_ = -1;
  used_ = 0;
}
