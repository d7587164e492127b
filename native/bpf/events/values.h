/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Calls whose arguments point to numbers: limits, ids, an offset. */
#pragma once
#include "../readers.h"
#include "../record.h"

struct limits {
	s64 current, maximum;
};

/* struct rlimit; the 32-bit one has 32-bit numbers, with an infinity of its own. */
INLINE struct limits user_limits(u64 address, u32 small)
{
	struct limits out = {};
	if (!small) {
		bpf_probe_read_user(&out, sizeof(out), (void *)address);
		return out;
	}
	u32 both[2] = {};
	bpf_probe_read_user(both, sizeof(both), (void *)address);
	out.current = both[0] == (u32)-1 ? -1 : (s64)both[0];
	out.maximum = both[1] == (u32)-1 ? -1 : (s64)both[1];
	return out;
}

INLINE u32 limited_resource(u32 resource)
{
	return resource <= F_rlimit_resources_RLIMIT_RTTIME ? resource : (u8)F_rlimit_resources_RLIMIT_UNKNOWN;
}

INLINE int limit_event(u8 *event, s64 ret, struct limits limits, u32 resource)
{
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, ret);
	put_fixed(event, 1, 42, 8, limits.current);
	put_fixed(event, 2, 50, 8, limits.maximum);
	put_fixed(event, 3, 58, 1, limited_resource(resource));
	submit(event);
	return 0;
}

#define LIMIT_EVENT_BYTES (EVENT_HEADER + 4 * 2 + 3 * 8 + 1)

PROGRAM(SYSCALL_GETRLIMIT_X)
{
	struct limits limits = {-1, -1};
	u32 resource = argument(regs, 0);
	if (ret == 0)
		limits = user_limits(argument(regs, 1), compat_regs != 0);
	return limit_event(reserve(EVENT(SYSCALL_GETRLIMIT_X), LIMIT_EVENT_BYTES), ret, limits, resource);
}

PROGRAM(SYSCALL_SETRLIMIT_X)
{
	struct limits limits = user_limits(argument(regs, 1), compat_regs != 0);
	u32 resource = argument(regs, 0);
	return limit_event(reserve(EVENT(SYSCALL_SETRLIMIT_X), LIMIT_EVENT_BYTES), ret, limits, resource);
}

PROGRAM(SYSCALL_PRLIMIT_X)
{
	struct limits next = user_limits(argument(regs, 2), 0), old = {-1, -1};
	if (ret == 0)
		old = user_limits(argument(regs, 3), 0);
	u8 *event = reserve(EVENT(SYSCALL_PRLIMIT_X), EVENT_HEADER + 7 * 2 + 6 * 8 + 1);
	if (!event)
		return 0;
	put_fixed(event, 0, 40, 8, ret);
	put_fixed(event, 1, 48, 8, next.current);
	put_fixed(event, 2, 56, 8, next.maximum);
	put_fixed(event, 3, 64, 8, old.current);
	put_fixed(event, 4, 72, 8, old.maximum);
	put_fixed(event, 5, 80, 8, from_s32(argument(regs, 0)));
	put_fixed(event, 6, 88, 1, limited_resource(argument(regs, 1)));
	submit(event);
	return 0;
}

/* Three ids that the call has written. */
#define IDS_EVENT(key)                                                                                             \
	PROGRAM(key)                                                                                               \
	{                                                                                                          \
		u32 real = user_u32(argument(regs, 0)), effective = user_u32(argument(regs, 1));                   \
		u32 saved = user_u32(argument(regs, 2));                                                           \
		u8 *event = reserve(EVENT(key), EVENT_HEADER + 4 * 2 + 8 + 3 * 4);                                 \
		if (!event)                                                                                        \
			return 0;                                                                                  \
		put_fixed(event, 0, 34, 8, ret);                                                                   \
		put_fixed(event, 1, 42, 4, real);                                                                  \
		put_fixed(event, 2, 46, 4, effective);                                                             \
		put_fixed(event, 3, 50, 4, saved);                                                                 \
		submit(event);                                                                                     \
		return 0;                                                                                          \
	}
IDS_EVENT(SYSCALL_GETRESUID_X)
IDS_EVENT(SYSCALL_GETRESGID_X)

#define IA32_SENDFILE 187

PROGRAM(SYSCALL_SENDFILE_X)
{
	u64 offset = 0, address = argument(regs, 2);
#if defined(__TARGET_ARCH_x86)
	if (compat_regs && BPF_CORE_READ((struct pt_regs *)compat_regs, orig_ax) == IA32_SENDFILE)
		offset = user_u32(address);
	else
#endif
		bpf_probe_read_user(&offset, sizeof(offset), (void *)address);
	u8 *event = reserve(EVENT(SYSCALL_SENDFILE_X), EVENT_HEADER + 5 * 2 + 5 * 8);
	if (!event)
		return 0;
	put_fixed(event, 0, 36, 8, ret);
	put_fixed(event, 1, 44, 8, offset);
	put_fixed(event, 2, 52, 8, from_s32(argument(regs, 0)));
	put_fixed(event, 3, 60, 8, from_s32(argument(regs, 1)));
	put_fixed(event, 4, 68, 8, argument(regs, 3));
	submit(event);
	return 0;
}
