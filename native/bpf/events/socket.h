/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once
#include "../sockets.h"

#define EINPROGRESS 115

PROGRAM(SOCKET_BIND_X)
{
	struct writer w = begin(EVENT(SOCKET_BIND_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, ret);
	put_address(&w, 1, argument(regs, 1), argument(regs, 2));
	put(&w, 2, 8, from_s32(argument(regs, 0)));
	finish(&w);
	return 0;
}

PROGRAM(SOCKET_CONNECT_X)
{
	struct writer w = begin(EVENT(SOCKET_CONNECT_X));
	if (!w.data)
		return 0;
	s32 fd = argument(regs, 0);
	struct entry *entry = own_entry();
	u64 address = entry && entry->bytes ? ENTRY_ADDRESS_KEPT : argument(regs, 1);
	put(&w, 0, 8, ret);
	if (ret == 0 || ret == -EINPROGRESS)
		put_tuple(&w, 1, fd, OUTBOUND, address, argument(regs, 2));
	else
		put_empty(&w, 1);
	put(&w, 2, 8, (s64)fd);
	put_address(&w, 3, address, argument(regs, 2));
	finish(&w);
	return 0;
}

/* Parameters 0 to 4: the new descriptor, its ends, and how full the listening socket's queue is. */
INLINE void put_accepted(struct writer *w, s64 ret, s32 listener)
{
	u32 length = 0, max = 0;
	put(w, 0, 8, ret);
	if (ret >= 0) {
		put_tuple(w, 1, ret, INBOUND, 0, 0);
		struct sock *sk = sock_of(listener);
		if (sk) {
			length = BPF_CORE_READ(sk, sk_ack_backlog);
			max = BPF_CORE_READ(sk, sk_max_ack_backlog);
		}
	} else {
		put_empty(w, 1);
	}
	put(w, 2, 1, length && max ? (u64)length * 100 / max : 0);
	put(w, 3, 4, length);
	put(w, 4, 4, max);
}

PROGRAM(SOCKET_ACCEPT_5_X)
{
	struct writer w = begin(EVENT(SOCKET_ACCEPT_5_X));
	if (!w.data)
		return 0;
	put_accepted(&w, ret, argument(regs, 0));
	finish(&w);
	return 0;
}

PROGRAM(SOCKET_ACCEPT4_6_X)
{
	struct writer w = begin(EVENT(SOCKET_ACCEPT4_6_X));
	if (!w.data)
		return 0;
	put_accepted(&w, ret, argument(regs, 0));
	put(&w, 5, 4, from_socket_flags(argument(regs, 3)));
	finish(&w);
	return 0;
}

PROGRAM(SOCKET_SOCKETPAIR_X)
{
	s32 fds[2] = {-1, -1};
	u64 source = 0, peer = 0;
	if (ret == 0) {
		bpf_probe_read_user(fds, sizeof(fds), (void *)argument(regs, 3));
		struct sock *sk = sock_of(fds[0]);
		source = (u64)sk;
		if (sk)
			peer = (u64)BPF_CORE_READ((struct unix_sock *)sk, peer);
	}
	u8 *event = reserve(EVENT(SOCKET_SOCKETPAIR_X), EVENT_HEADER + 8 * 2 + 5 * 8 + 3 * 4);
	if (!event)
		return 0;
	put_fixed(event, 0, 42, 8, ret);
	put_fixed(event, 1, 50, 8, (s64)fds[0]);
	put_fixed(event, 2, 58, 8, (s64)fds[1]);
	put_fixed(event, 3, 66, 8, source);
	put_fixed(event, 4, 74, 8, peer);
	put_fixed(event, 5, 82, 4, from_socket_family(argument(regs, 0)));
	put_fixed(event, 6, 86, 4, argument(regs, 1));
	put_fixed(event, 7, 90, 4, argument(regs, 2));
	submit(event);
	return 0;
}
