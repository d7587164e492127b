/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Calls that wait: for descriptors, or for a time. */
#pragma once
#include "io.h"

#define MAX_POLLED 16
/* struct pollfd of the user API. */
struct polled {
	s32 fd;
	u16 events, returned;
};

/* POLLRDHUP has the wire's fourth place, so what follows moves up by one. */
INLINE u16 poll_flags(u16 v)
{
	return (v & 7) | BIT_TO(v, 0x2000, F_poll_flags_POLLRDHUP) | (u16)((v & 0x3f8) << 1);
}

/* For each descriptor its number and what it is ready for. Gives the new position. */
__noinline u32 write_polled(u32 position, u64 address, u32 count)
{
	u8 *data = scratch_data();
	if (!data)
		return position;
	u32 begin = position;
	u32 pairs = count < MAX_POLLED ? count : MAX_POLLED;
	store(at(data, position), 2, pairs);
	position += 2;
	for (u32 i = 0; i < MAX_POLLED && i < pairs; i++) {
		struct polled one = {};
		if (bpf_probe_read_user(&one, sizeof(one), (void *)(address + i * sizeof(one)))) {
			store(at(data, begin), 2, 0);
			return begin + 2;
		}
		store(at(data, position), 8, (s64)one.fd);
		store(at(data, position + 8), 2, poll_flags(one.returned));
		position += 10;
	}
	return position;
}

INLINE void put_polled(struct writer *w, u32 index, u64 address, u32 count)
{
	u32 end = write_polled(w->position, address, count);
	set_length(w, index, end - w->position);
	w->position = end;
}

/* Calls that 32-bit programs have got since times have 64 bits there. */
#define IA32_TIME64_CALLS 403

INLINE u32 has_small_time(u64 compat_regs)
{
#if defined(__TARGET_ARCH_x86)
	return compat_regs && BPF_CORE_READ((struct pt_regs *)compat_regs, orig_ax) < IA32_TIME64_CALLS;
#else
	return 0;
#endif
}

PROGRAM(SYSCALL_POLL_X)
{
	struct writer w = begin(EVENT(SYSCALL_POLL_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, ret);
	put_polled(&w, 1, argument(regs, 0), argument(regs, 1));
	/* Falco widens it without a sign, so that "for ever" is 4294967295. */
	put(&w, 2, 8, from_u32(argument(regs, 2)));
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_PPOLL_X)
{
	struct writer w = begin(EVENT(SYSCALL_PPOLL_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, ret);
	put_polled(&w, 1, argument(regs, 0), argument(regs, 1));
	put(&w, 2, 8, user_time(argument(regs, 2), has_small_time(compat_regs), 1));
	put(&w, 3, 4, user_u32(argument(regs, 3)));
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_NANOSLEEP_X)
{
	u64 interval = user_time(argument(regs, 0), has_small_time(compat_regs), 1);
	u8 *event = reserve(EVENT(SYSCALL_NANOSLEEP_X), EVENT_HEADER + 2 * 2 + 2 * 8);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 8, ret);
	put_fixed(event, 1, 38, 8, interval);
	submit(event);
	return 0;
}
