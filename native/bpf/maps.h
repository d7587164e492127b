/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the programs and the addon share. `native/addon/shared.h` describes the same layouts for C++. */
#pragma once
#include "kernel.h"
#include "../shared.h"

/* Set before loading; the verifier takes it for constants. */
const volatile struct config config SEC(".rodata.config") = {};
/* Written by the addon at any time, through a shared mapping. */
struct interest interest SEC(".data.interest") = {};

/* As above. */
struct sieve sieve SEC(".data.sieve") = {};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << DEFERRED_BITS);
	__type(key, u32);
	__type(value, struct deferred_open);
} deferred_opens SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << TOLD_BITS);
	__type(key, u32);
	__type(value, u64);
} told_messages SEC(".maps");

/* Programs that stand between the dispatcher and an event's program. */
enum stage { STAGE_OPEN, STAGE_DESCRIPTORS, STAGE_CLOSE_RANGE, STAGE_MESSAGE, STAGES };
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, STAGES);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} stages SEC(".maps");

/* Native system call number to its program. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, MAX_SYSCALLS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} programs SEC(".maps");

/* The same by 32-bit number. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, MAX_COMPAT_CALLS);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
} compat_programs SEC(".maps");

/* CPU to its ring buffer; neighbours share one. The addon sets the number of entries and creates the rings. */
struct ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(u32));
	__array(values, struct ring);
} rings SEC(".maps");

/* By CPU. Read through a mapping: a look-up by system call would keep programs of tracepoints from running on its CPU, for as
 * long as another thread has interrupted it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct counts);
} counts SEC(".maps");

/* By CPU. Per-CPU arrays end at 32 KiB, so it is a plain one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* What a thread that is in a call has given to it, by the lower bits of its id. */
struct entry {
	/* Process and thread id; another's: two threads share the place. */
	u64 owner;
	/* Of `data`; 0: its memory could not be read. */
	u32 bytes, how_bytes;
	/* Of the second text, which has a place of its own within `data`. */
	u32 second_bytes;
	u64 how[3];
	u8 data[ENTRY_BYTES + 8];
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENTRY_SLOTS);
	__type(key, u32);
	__type(value, struct entry);
} entries SEC(".maps");

INLINE struct counts *this_counts(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	return bpf_map_lookup_elem(&counts, &cpu);
}

INLINE void *this_ring(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	return bpf_map_lookup_elem(&rings, &cpu);
}
