/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* setsockopt and getsockopt: the value as what the option is. */
#pragma once
#include "io.h"

#define SOL_SOCKET 1
#define SOL_TCP 6

/* First byte of the value: which of `sockopt_dynamic_param`'s types follows. */
#define SOCKOPT_AS_BYTES 0
#define SOCKOPT_AS_ERRNO 1
#define SOCKOPT_AS_U32 2
#define SOCKOPT_AS_U64 3
#define SOCKOPT_AS_TIME 4

/* Options of include/uapi/asm-generic/socket.h that are treated apart. */
#define K_SO_ERROR 4
#define K_SO_LINGER 13
#define K_SO_PEERCRED 17
#define K_SO_RCVTIMEO_OLD 20
#define K_SO_SNDTIMEO_OLD 21
#define K_SO_ATTACH_FILTER 26
#define K_SO_PEERNAME 28
#define K_SO_ATTACH_BPF 50
#define K_SO_MEMINFO 55
#define K_SO_COOKIE 57
#define K_SO_PEERGROUPS 59
#define K_SO_RCVTIMEO_NEW 66
#define K_SO_SNDTIMEO_NEW 67

INLINE u32 option_level(s32 level)
{
	return level == SOL_SOCKET ? F_sockopt_levels_SOL_SOCKET : level == SOL_TCP ? F_sockopt_levels_SOL_TCP : F_sockopt_levels_UNKNOWN;
}

/* The wire has the kernel's numbers up to 50. */
INLINE u32 option_name(s32 level, s32 option)
{
	if (level != SOL_SOCKET)
		return F_sockopt_options_UNKNOWN;
	if (option > 0 && option <= K_SO_ATTACH_BPF)
		return option;
	switch (option) {
	case K_SO_MEMINFO: return F_sockopt_options_SO_MEMINFO;
	case K_SO_COOKIE: return F_sockopt_options_SO_COOKIE;
	case K_SO_PEERGROUPS: return F_sockopt_options_SO_PEERGROUPS;
	case K_SO_RCVTIMEO_NEW: return F_sockopt_options_SO_RCVTIMEO;
	case K_SO_SNDTIMEO_NEW: return F_sockopt_options_SO_SNDTIMEO;
	default: return F_sockopt_options_UNKNOWN;
	}
}

INLINE u32 option_kind(s32 level, s32 option)
{
	if (level != SOL_SOCKET)
		return SOCKOPT_AS_BYTES;
	switch (option) {
	case K_SO_ERROR: return SOCKOPT_AS_ERRNO;
	case K_SO_COOKIE: return SOCKOPT_AS_U64;
	case K_SO_RCVTIMEO_OLD:
	case K_SO_SNDTIMEO_OLD:
	case K_SO_RCVTIMEO_NEW:
	case K_SO_SNDTIMEO_NEW: return SOCKOPT_AS_TIME;
	case K_SO_LINGER:
	case K_SO_PEERCRED:
	case K_SO_ATTACH_FILTER:
	case K_SO_PEERNAME: return SOCKOPT_AS_BYTES;
	default: return option > 0 && option < K_SO_ATTACH_BPF ? SOCKOPT_AS_U32 : SOCKOPT_AS_BYTES;
	}
}

INLINE void put_option(struct writer *w, u32 index, s32 level, s32 option, u64 address, u32 bytes, u32 compat)
{
	u32 kind = option_kind(level, option), begin = w->position;
	put_bytes(w, 1, kind);
	if (kind == SOCKOPT_AS_ERRNO) {
		put_bytes(w, 8, -(s64)(s32)user_u32(address));
	} else if (kind == SOCKOPT_AS_U32) {
		put_bytes(w, 4, user_u32(address));
	} else if (kind == SOCKOPT_AS_U64) {
		u64 value = 0;
		bpf_probe_read_user(&value, sizeof(value), (void *)address);
		put_bytes(w, 8, value);
	} else if (kind == SOCKOPT_AS_TIME) {
		put_bytes(w, 8, user_time(address, compat && option <= K_SO_SNDTIMEO_OLD, 1000));
	} else {
		/* `put_data` sets the length of what it writes; the byte in front of it counts too. */
		put_user_bytes(w, index, address, bytes);
	}
	set_length(w, index, w->position - begin);
}

PROGRAM(SOCKET_SETSOCKOPT_X)
{
	struct writer w = begin(EVENT(SOCKET_SETSOCKOPT_X));
	if (!w.data)
		return 0;
	s32 level = argument(regs, 1), option = argument(regs, 2);
	u32 bytes = (u16)argument(regs, 4);
	put(&w, 0, 8, ret);
	put(&w, 1, 8, from_s32(argument(regs, 0)));
	put(&w, 2, 1, option_level(level));
	put(&w, 3, 1, option_name(level, option));
	put_option(&w, 4, level, option, argument(regs, 3), bytes, compat_regs != 0);
	put(&w, 5, 4, bytes);
	finish(&w);
	return 0;
}

/* The value and its length are the kernel's when the call succeeded, else what the caller had there. */
PROGRAM(SOCKET_GETSOCKOPT_X)
{
	struct writer w = begin(EVENT(SOCKET_GETSOCKOPT_X));
	if (!w.data)
		return 0;
	s32 level = argument(regs, 1), option = argument(regs, 2);
	u32 bytes = user_u32(argument(regs, 4));
	put(&w, 0, 8, ret);
	put(&w, 1, 8, from_s32(argument(regs, 0)));
	put(&w, 2, 1, option_level(level));
	put(&w, 3, 1, option_name(level, option));
	put_option(&w, 4, level, option, argument(regs, 3), (u16)bytes, compat_regs != 0);
	put(&w, 5, 4, bytes);
	finish(&w);
	return 0;
}
