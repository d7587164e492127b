/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Writing a record: prefix, scap event header, a length for each parameter, then the parameters.
 *
 * `reserve` … `submit` writes an event of fixed size straight into the ring buffer. `begin` … `finish` puts one with
 * texts together in this CPU's scratch buffer and copies it. Nothing wakes the reader: it polls.
 */
#pragma once
#include "maps.h"
#include "generated/events.h"

#define MAX_PATH 4096
#define POSITION_MASK (MAX_EVENT_BYTES - 1)

/* Type, number of parameters and loss category of an event, as three arguments. */
#define EVENT(key) EV_##key, EV_##key##_PARAMS, EV_##key##_LOSS

/*
 * A program that the dispatcher calls when a system call returns. `compat_regs` is the address of the registers of a
 * 32-bit call, else 0.
 */
#define PROGRAM(key)                                                                                               \
	INLINE int body_##key(struct pt_regs *regs, u64 compat_regs, s64 ret);                                     \
	HOOK("raw_syscalls", "sys_exit") int ev_##key(u64 *ctx)                                                                    \
	{                                                                                                          \
		u64 compat_regs = is_compat_call() ? call_regs_address(ctx) : 0;                                   \
		return body_##key(call_regs(ctx), compat_regs, call_result(ctx));                             \
	}                                                                                                          \
	INLINE int body_##key(struct pt_regs *regs, u64 compat_regs, s64 ret)

/* Within a PROGRAM: argument 0 to 5 of the call. */
#define argument(regs, index) (compat_regs ? compat_argument(compat_regs, index) : native_argument(regs, index))

/* 32-bit calls whose registers hold something else than their 64-bit namesakes' arguments. */
#define IA32_UMOUNT 22
#define IA32_OLD_SELECT 82
#define IA32_OLD_MMAP 90
#define IA32_LLSEEK 140
#define IA32_PREAD64 180
#define IA32_PWRITE64 181
#define IA32_MMAP2 192
#define IA32_PREADV 333
#define IA32_PWRITEV 334

/* A text of the caller's with its closing zero. Gives its bytes, or < 0. Linux 6.12 and older (not 6.18) count 0 for an empty one. */
INLINE long read_user_text(void *to, u32 max, u64 address)
{
	long n = bpf_probe_read_user_str(to, max, (void *)address);
	return n == 0 ? 1 : n;
}

INLINE u32 user_u32(u64 address)
{
	u32 value = 0;
	bpf_probe_read_user(&value, sizeof(value), (void *)address);
	return value;
}

/* Seconds and a fraction in units of `unit` nanoseconds, as nanoseconds; `small`: two numbers of 32 bits. */
INLINE u64 user_time(u64 address, u32 small, u32 unit)
{
	u64 time[2] = {};
	if (small) {
		time[0] = user_u32(address);
		time[1] = user_u32(address + 4);
	} else {
		bpf_probe_read_user(time, sizeof(time), (void *)address);
	}
	return time[0] * 1000000000ull + time[1] * unit;
}

__noinline u64 compat_argument(u64 address, u32 index)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs *regs = (struct pt_regs *)address;
	u32 number = BPF_CORE_READ(regs, orig_ax);
	/* Arguments in memory. */
	if (number == IA32_SOCKETCALL)
		return user_u32((u32)BPF_CORE_READ(regs, cx) + 4 * (u64)(index & 7));
	if (number == IA32_OLD_MMAP || number == IA32_OLD_SELECT)
		return user_u32((u32)BPF_CORE_READ(regs, bx) + 4 * (u64)(index & 7));
	/* Reported as umount2: it has no flags. */
	if (number == IA32_UMOUNT && index == 1)
		return 0;
	/* An offset of 64 bits in two registers, or counted in pages. */
	if (number == IA32_LLSEEK && index == 1)
		return (u64)(u32)BPF_CORE_READ(regs, cx) << 32 | (u32)BPF_CORE_READ(regs, dx);
	if (number == IA32_LLSEEK && index == 2)
		return (u32)BPF_CORE_READ(regs, di);
	if ((number == IA32_PREAD64 || number == IA32_PWRITE64 || number == IA32_PREADV || number == IA32_PWRITEV) && index == 3)
		return (u64)(u32)BPF_CORE_READ(regs, di) << 32 | (u32)BPF_CORE_READ(regs, si);
	if (number == IA32_MMAP2 && index == 5)
		return (u64)(u32)BPF_CORE_READ(regs, bp) << 12;
	switch (index) {
	case 0: return (u32)BPF_CORE_READ(regs, bx);
	case 1: return (u32)BPF_CORE_READ(regs, cx);
	case 2: return (u32)BPF_CORE_READ(regs, dx);
	case 3: return (u32)BPF_CORE_READ(regs, si);
	case 4: return (u32)BPF_CORE_READ(regs, di);
	default: return (u32)BPF_CORE_READ(regs, bp);
	}
#else
	return 0;
#endif
}

INLINE u64 now(void)
{
	return bpf_ktime_get_boot_ns() + config.boot_to_epoch_ns;
}

INLINE void put_header_of(u8 *record, u32 kind, u32 tid, u32 type, u32 nparams, u32 len)
{
	*(u32 *)record = len;
	*(u32 *)(record + 4) = (u16)bpf_get_smp_processor_id() | kind << 16;
	u8 *header = record + RECORD_PREFIX;
	*(u64 *)header = now();
	*(u64 *)(header + 8) = tid;
	*(u32 *)(header + 16) = len;
	*(u16 *)(header + 20) = type;
	*(u32 *)(header + 22) = nparams;
}

INLINE void put_header(u8 *record, u32 type, u32 nparams, u32 len)
{
	put_header_of(record, RECORD_EVENT, (u32)bpf_get_current_pid_tgid(), type, nparams, len);
}

INLINE void store(u8 *at, u32 bytes, u64 value)
{
	if (bytes == 8)
		*(u64 *)at = value;
	else if (bytes == 4)
		*(u32 *)at = value;
	else if (bytes == 2)
		*(u16 *)at = value;
	else
		*at = value;
}

/* ---- fixed size ---- */

INLINE u8 *reserve(u32 type, u32 nparams, enum loss loss, u32 size)
{
	struct counts *c = this_counts();
	void *ring = this_ring();
	if (!c || !ring)
		return NULL;
	c->produced++;
	u8 *record = bpf_ringbuf_reserve(ring, RECORD_PREFIX + size, 0);
	if (!record) {
		c->ring_full[loss]++;
		return NULL;
	}
	put_header(record, type, nparams, size);
	return record;
}

INLINE void put_fixed(u8 *record, u32 index, u32 at, u32 bytes, u64 value)
{
	*(u16 *)(record + RECORD_PREFIX + EVENT_HEADER + 2 * index) = bytes;
	store(record + RECORD_PREFIX + at, bytes, value);
}

INLINE void submit(u8 *record)
{
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

/* ---- with texts ---- */

/* `position` counts from the beginning of the event and is masked at each use: that is what the verifier can follow. */
struct writer {
	u8 *data;
	u32 position;
	u32 type, nparams;
	enum loss loss;
};

INLINE struct scratch *this_scratch(void)
{
	u32 cpu = bpf_get_smp_processor_id();
	return bpf_map_lookup_elem(&scratches, &cpu);
}

INLINE u8 *scratch_data(void)
{
	struct scratch *s = this_scratch();
	return s ? s->data : NULL;
}

INLINE struct writer begin(u32 type, u32 nparams, enum loss loss)
{
	struct scratch *scratch = this_scratch();
	struct writer w = {scratch ? scratch->data : NULL, EVENT_HEADER + 2 * nparams, type, nparams, loss};
	if (scratch)
		scratch->owner = bpf_get_current_pid_tgid();
	return w;
}

/*
 * On Linux 7 another thread may run one of our other programs on this CPU meanwhile, and puts its event together in the
 * same place. Then neither can be told, and both are counted: each finds that the place is not its own.
 */
INLINE int is_spoiled(void)
{
	struct scratch *scratch = this_scratch();
	if (scratch && scratch->owner == bpf_get_current_pid_tgid())
		return 0;
	if (scratch)
		scratch->owner = 0;
	return 1;
}

INLINE u8 *at(u8 *data, u32 position)
{
	return data + RECORD_PREFIX + (position & POSITION_MASK);
}

INLINE void set_length(struct writer *w, u32 index, u32 bytes)
{
	*(u16 *)(w->data + RECORD_PREFIX + EVENT_HEADER + 2 * index) = bytes;
}

INLINE void put(struct writer *w, u32 index, u32 bytes, u64 value)
{
	store(at(w->data, w->position), bytes, value);
	set_length(w, index, bytes);
	w->position += bytes;
}

INLINE void put_empty(struct writer *w, u32 index)
{
	set_length(w, index, 0);
}

/* A text with its closing zero; empty when there is none or its page is not in memory. Gives the bytes written. */
INLINE u32 put_user_text(struct writer *w, u32 index, u64 pointer, u32 max)
{
	long n = 0;
	if (pointer)
		n = read_user_text(at(w->data, w->position), max, pointer);
	if (n < 0)
		n = 0;
	set_length(w, index, n);
	w->position += n;
	return n;
}

/* Exactly `bytes` (at most 65535) of the caller's memory; empty when they cannot be read. */
INLINE void put_user_bytes(struct writer *w, u32 index, u64 address, u32 bytes)
{
	barrier_var(bytes);
	bytes &= POSITION_MASK;
	if (bytes == 0 || !address || bpf_probe_read_user(at(w->data, w->position), bytes, (void *)address))
		bytes = 0;
	set_length(w, index, bytes);
	w->position += bytes;
}

INLINE u32 put_kernel_text(struct writer *w, u32 index, const void *pointer, u32 max)
{
	long n = 0;
	if (pointer)
		n = bpf_probe_read_kernel_str(at(w->data, w->position), max, pointer);
	if (n < 0)
		n = 0;
	set_length(w, index, n);
	w->position += n;
	return n;
}

/* The event of another thread than the current one. */
INLINE void finish_as(struct writer *w, u32 thread)
{
	struct counts *c = this_counts();
	void *ring = this_ring();
	if (!c || !ring)
		return;
	c->produced++;
	u32 size = w->position;
	if (size > POSITION_MASK || is_spoiled()) {
		c->dropped++;
		return;
	}
	put_header_of(w->data, RECORD_EVENT, thread, w->type, w->nparams, size);
	/* The verifier wants the bound on the very register that is passed. */
	size += RECORD_PREFIX;
	barrier_var(size);
	if (bpf_ringbuf_output(ring, w->data, size & (SCRATCH_BYTES - 1), BPF_RB_NO_WAKEUP))
		c->ring_full[w->loss]++;
}

INLINE void finish(struct writer *w)
{
	finish_as(w, bpf_get_current_pid_tgid());
}
