/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* sendmmsg and recvmmsg: an event for each message, and one when there was none. */
#pragma once
#include "io.h"

/* The kernel takes no more (UIO_MAXIOV). */
#define MAX_MESSAGES 1024
/* struct mmsghdr: a message's header, and the bytes that were sent or received. */
#define MMSG_BYTES 64
#define MMSG_LENGTH 56
#define COMPAT_MMSG_BYTES 32
#define COMPAT_MMSG_LENGTH 28

INLINE u32 message_length(u64 address, u32 compat)
{
	return user_u32(address + (compat ? COMPAT_MMSG_LENGTH : MMSG_LENGTH));
}

/* Global functions: verified once, whatever the round of the loops that call them. */
__noinline int sent_message(u64 address, s32 fd, u32 compat)
{
	struct writer w = begin(EVENT(SOCKET_SENDMMSG_X));
	struct message m = {};
	if (!w.data)
		return 0;
	read_message(&m, address, compat);
	u32 sent = message_length(address, compat);
	put(&w, 0, 8, sent);
	put(&w, 1, 8, (s64)fd);
	put(&w, 2, 4, pieces_size(m.pieces, m.count, compat));
	put_pieces(&w, 3, m.pieces, m.count, sent ? sent : MAX_DATA, compat);
	put_tuple(&w, 4, fd, OUTBOUND, m.name, m.name ? m.name_bytes : 0);
	finish(&w);
	return 0;
}

__noinline int received_message(u64 address, s32 fd, u32 compat)
{
	struct writer w = begin(EVENT(SOCKET_RECVMMSG_X));
	struct message m = {};
	if (!w.data)
		return 0;
	read_message(&m, address, compat);
	u32 received = message_length(address, compat);
	put(&w, 0, 8, received);
	put(&w, 1, 8, (s64)fd);
	put(&w, 2, 4, received);
	put_pieces(&w, 3, m.pieces, m.count, received, compat);
	put_tuple(&w, 4, fd, INBOUND, m.name, m.name ? m.name_bytes : 0);
	put_control(&w, 5, &m);
	finish(&w);
	return 0;
}

/* An event for each message; one when there was none. */
#define MESSAGES_EVENT(key, one_message, more)                                                                     \
	PROGRAM(key)                                                                                               \
	{                                                                                                          \
		s32 fd = argument(regs, 0);                                                                        \
		u32 compat = compat_regs != 0;                                                                     \
		if (ret > 0) {                                                                                     \
			u64 address = argument(regs, 1);                                                           \
			for (u32 i = 0; i < MAX_MESSAGES && i < ret; i++)                                          \
				one_message(address + i * (u64)(compat ? COMPAT_MMSG_BYTES : MMSG_BYTES), fd, compat); \
			return 0;                                                                                  \
		}                                                                                                  \
		struct writer w = begin(EVENT(key));                                                               \
		if (!w.data)                                                                                       \
			return 0;                                                                                  \
		put(&w, 0, 8, ret);                                                                                \
		put(&w, 1, 8, (s64)fd);                                                                            \
		put(&w, 2, 4, 0);                                                                                  \
		put_empty(&w, 3);                                                                                  \
		put_empty(&w, 4);                                                                                  \
		more;                                                                                              \
		finish(&w);                                                                                        \
		return 0;                                                                                          \
	}
MESSAGES_EVENT(SOCKET_SENDMMSG_X, sent_message, )
MESSAGES_EVENT(SOCKET_RECVMMSG_X, received_message, put_empty(&w, 5))

/* The caller's side of the copy; nothing when it failed. */
#define PROCESS_VM_EVENT(key)                                                                                      \
	PROGRAM(key)                                                                                               \
	{                                                                                                          \
		struct writer w = begin(EVENT(key));                                                               \
		if (!w.data)                                                                                       \
			return 0;                                                                                  \
		put(&w, 0, 8, ret);                                                                                \
		put(&w, 1, 8, from_s32(argument(regs, 0)));                                                        \
		if (ret > 0)                                                                                       \
			put_pieces(&w, 2, argument(regs, 1), argument(regs, 2), ret, compat_regs != 0);            \
		else                                                                                               \
			put_empty(&w, 2);                                                                          \
		finish(&w);                                                                                        \
		return 0;                                                                                          \
	}
PROCESS_VM_EVENT(SYSCALL_PROCESS_VM_READV_X)
PROCESS_VM_EVENT(SYSCALL_PROCESS_VM_WRITEV_X)

/* 32-bit socketcall only: send and recv have no native number. */
PROGRAM(SOCKET_SEND_X)
{
	struct writer w = begin(EVENT(SOCKET_SEND_X));
	if (!w.data)
		return 0;
	put_sent(&w, ret, argument(regs, 0), argument(regs, 1), argument(regs, 2), 0, 0);
	finish(&w);
	return 0;
}

PROGRAM(SOCKET_RECV_X)
{
	struct writer w = begin(EVENT(SOCKET_RECV_X));
	if (!w.data)
		return 0;
	s32 fd = argument(regs, 0);
	put(&w, 0, 8, ret);
	put_data(&w, 1, argument(regs, 1), ret > 0 ? ret : 0);
	put(&w, 2, 8, (s64)fd);
	put(&w, 3, 4, argument(regs, 2));
	if (ret >= 0)
		put_tuple(&w, 4, fd, INBOUND, 0, 0);
	else
		put_empty(&w, 4);
	finish(&w);
	return 0;
}
