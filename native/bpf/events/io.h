/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Reading and writing, with the first `snaplen` bytes of the data. */
#pragma once
#include "../sockets.h"

#define MAX_PIECES 32
#define MAX_DATA 0xffff

INLINE u32 kept_bytes(u64 bytes)
{
	u32 max = config.snaplen > MAX_DATA ? MAX_DATA : config.snaplen;
	return bytes < max ? bytes : max;
}

/* `bytes` of the caller's memory, as far as they are kept. */
INLINE void put_data(struct writer *w, u32 index, u64 address, u64 bytes)
{
	put_user_bytes(w, index, address, kept_bytes(bytes));
}

struct piece {
	u64 base, bytes;
};

/* struct iovec of the caller. */
INLINE int read_piece(struct piece *piece, u64 vector, u32 index, u32 compat)
{
	if (!compat)
		return bpf_probe_read_user(piece, sizeof(*piece), (void *)(vector + 16 * (u64)index));
	u32 small[2] = {};
	int failed = bpf_probe_read_user(small, sizeof(small), (void *)(vector + 8 * (u64)index));
	piece->base = small[0];
	piece->bytes = small[1];
	return failed;
}

/* Adds one piece, at most up to position `end`. A function of its own, so that the verifier knows nothing of the position
 * that it gives back: all rounds of the loop below look the same to it. */
__noinline u32 write_piece(u32 position, u64 base, u64 bytes, u32 end)
{
	u8 *data = scratch_data();
	u32 left = end - position;
	if (bytes < left)
		left = bytes;
	barrier_var(left);
	left &= MAX_DATA;
	if (!data || left == 0)
		return position;
	return bpf_probe_read_user(at(data, position), left, (void *)base) ? position : position + left;
}

/* At most `limit` bytes out of the pieces. Gives the new position. */
__noinline u32 write_pieces(u32 position, u64 vector, u32 count, u32 limit, u32 compat)
{
	u32 end = position + kept_bytes(limit);
	for (u32 i = 0; i < MAX_PIECES; i++) {
		struct piece piece = {};
		if (i >= count || position == end || read_piece(&piece, vector, i, compat))
			break;
		position = write_piece(position, piece.base, piece.bytes, end);
	}
	return position;
}

__noinline u32 pieces_size(u64 vector, u32 count, u32 compat)
{
	u32 size = 0;
	for (u32 i = 0; i < MAX_PIECES; i++) {
		struct piece piece = {};
		if (i >= count)
			break;
		if (read_piece(&piece, vector, i, compat))
			return 0;
		size += piece.bytes;
	}
	return size;
}

INLINE void put_pieces(struct writer *w, u32 index, u64 vector, u32 count, u32 limit, u32 compat)
{
	u32 end = write_pieces(w->position, vector, count, limit, compat);
	set_length(w, index, end - w->position);
	w->position = end;
}

/* struct msghdr of the caller, in either width. */
struct message {
	u64 name, name_bytes, pieces, count, control, control_bytes;
};

INLINE int read_message(struct message *m, u64 address, u32 compat)
{
	if (!compat) {
		int failed = bpf_probe_read_user(m, sizeof(*m), (void *)address);
		m->name_bytes = (u32)m->name_bytes;
		return failed;
	}
	u32 small[6] = {};
	int failed = bpf_probe_read_user(small, sizeof(small), (void *)address);
	m->name = small[0];
	m->name_bytes = small[1];
	m->pieces = small[2];
	m->count = small[3];
	m->control = small[4];
	m->control_bytes = small[5];
	return failed;
}

/* Control data is kept whole, whatever the limit on data: passed descriptors are in there. */
INLINE void put_control(struct writer *w, u32 index, const struct message *m)
{
	put_user_bytes(w, index, m->control, m->control_bytes > MAX_DATA ? 0 : m->control_bytes);
}

/* read and write: res, data, fd, size, and for the positioned ones pos. What was not written is kept too. */
#define READ_EVENT(key, more)                                                                                      \
	PROGRAM(key)                                                                                               \
	{                                                                                                          \
		struct writer w = begin(EVENT(key));                                                               \
		if (!w.data)                                                                                       \
			return 0;                                                                                  \
		put(&w, 0, 8, ret);                                                                                \
		put_data(&w, 1, argument(regs, 1), ret > 0 ? ret : 0);                                             \
		put(&w, 2, 8, from_s32(argument(regs, 0)));                                                        \
		put(&w, 3, 4, argument(regs, 2));                                                                  \
		more;                                                                                              \
		finish(&w);                                                                                        \
		return 0;                                                                                          \
	}
#define WRITE_EVENT(key, more)                                                                                     \
	PROGRAM(key)                                                                                               \
	{                                                                                                          \
		struct writer w = begin(EVENT(key));                                                               \
		if (!w.data)                                                                                       \
			return 0;                                                                                  \
		put(&w, 0, 8, ret);                                                                                \
		put_data(&w, 1, argument(regs, 1), ret > 0 ? (u64)ret : argument(regs, 2));                        \
		put(&w, 2, 8, from_s32(argument(regs, 0)));                                                        \
		put(&w, 3, 4, argument(regs, 2));                                                                  \
		more;                                                                                              \
		finish(&w);                                                                                        \
		return 0;                                                                                          \
	}
READ_EVENT(SYSCALL_READ_X, )
READ_EVENT(SYSCALL_PREAD_X, put(&w, 4, 8, argument(regs, 3)))
WRITE_EVENT(SYSCALL_WRITE_X, )
WRITE_EVENT(SYSCALL_PWRITE_X, put(&w, 4, 8, argument(regs, 3)))

/* readv: res, size, data, fd. */
#define READV_EVENT(key, more)                                                                                     \
	PROGRAM(key)                                                                                               \
	{                                                                                                          \
		struct writer w = begin(EVENT(key));                                                               \
		if (!w.data)                                                                                       \
			return 0;                                                                                  \
		u32 bytes = ret > 0 ? ret : 0;                                                                     \
		put(&w, 0, 8, ret);                                                                                \
		put(&w, 1, 4, bytes);                                                                              \
		put_pieces(&w, 2, argument(regs, 1), argument(regs, 2), bytes, compat_regs != 0);                  \
		put(&w, 3, 8, from_s32(argument(regs, 0)));                                                        \
		more;                                                                                              \
		finish(&w);                                                                                        \
		return 0;                                                                                          \
	}
/* writev: res, data, fd, size. */
#define WRITEV_EVENT(key, more)                                                                                    \
	PROGRAM(key)                                                                                               \
	{                                                                                                          \
		struct writer w = begin(EVENT(key));                                                               \
		if (!w.data)                                                                                       \
			return 0;                                                                                  \
		u64 vector = argument(regs, 1);                                                                    \
		u32 count = argument(regs, 2), compat = compat_regs != 0;                                          \
		put(&w, 0, 8, ret);                                                                                \
		put_pieces(&w, 1, vector, count, ret > 0 ? ret : MAX_DATA, compat);                                \
		put(&w, 2, 8, from_s32(argument(regs, 0)));                                                        \
		put(&w, 3, 4, pieces_size(vector, count, compat));                                                 \
		more;                                                                                              \
		finish(&w);                                                                                        \
		return 0;                                                                                          \
	}
READV_EVENT(SYSCALL_READV_X, )
READV_EVENT(SYSCALL_PREADV_X, put(&w, 4, 8, argument(regs, 3)))
WRITEV_EVENT(SYSCALL_WRITEV_X, )
WRITEV_EVENT(SYSCALL_PWRITEV_X, put(&w, 4, 8, argument(regs, 3)))

/* send and sendto: res, data, fd, size, tuple. `to`: the address that the call was given. */
INLINE void put_sent(struct writer *w, s64 ret, s32 fd, u64 data, u32 size, u64 to, u32 to_bytes)
{
	put(w, 0, 8, ret);
	put_data(w, 1, data, ret > 0 ? ret : size);
	put(w, 2, 8, (s64)fd);
	put(w, 3, 4, size);
	if (ret >= 0)
		put_tuple(w, 4, fd, OUTBOUND, to, to_bytes);
	else
		put_empty(w, 4);
}

PROGRAM(SOCKET_SENDTO_X)
{
	struct writer w = begin(EVENT(SOCKET_SENDTO_X));
	if (!w.data)
		return 0;
	u64 to = argument(regs, 4);
	put_sent(&w, ret, argument(regs, 0), argument(regs, 1), argument(regs, 2), to, to ? argument(regs, 5) : 0);
	finish(&w);
	return 0;
}

PROGRAM(SOCKET_RECVFROM_X)
{
	struct writer w = begin(EVENT(SOCKET_RECVFROM_X));
	if (!w.data)
		return 0;
	s32 fd = argument(regs, 0);
	put(&w, 0, 8, ret);
	if (ret >= 0) {
		put_data(&w, 1, argument(regs, 1), ret);
		put_tuple(&w, 2, fd, INBOUND, argument(regs, 4), argument(regs, 4) ? ADDRESS_BYTES : 0);
	} else {
		put_empty(&w, 1);
		put_empty(&w, 2);
	}
	put(&w, 3, 8, (s64)fd);
	put(&w, 4, 4, argument(regs, 2));
	finish(&w);
	return 0;
}

PROGRAM(SOCKET_SENDMSG_X)
{
	struct writer w = begin(EVENT(SOCKET_SENDMSG_X));
	if (!w.data)
		return 0;
	s32 fd = argument(regs, 0);
	u32 compat = compat_regs != 0;
	struct message m = {};
	put(&w, 0, 8, ret);
	if (read_message(&m, argument(regs, 1), compat)) {
		put_empty(&w, 1);
		put(&w, 2, 8, (s64)fd);
		put_empty(&w, 3);
		put_empty(&w, 4);
	} else {
		put_pieces(&w, 1, m.pieces, m.count, ret > 0 ? ret : MAX_DATA, compat);
		put(&w, 2, 8, (s64)fd);
		put(&w, 3, 4, pieces_size(m.pieces, m.count, compat));
		if (ret >= 0)
			put_tuple(&w, 4, fd, OUTBOUND, m.name, m.name ? m.name_bytes : 0);
		else
			put_empty(&w, 4);
	}
	finish(&w);
	return 0;
}

PROGRAM(SOCKET_RECVMSG_X)
{
	struct writer w = begin(EVENT(SOCKET_RECVMSG_X));
	if (!w.data)
		return 0;
	s32 fd = argument(regs, 0);
	u32 compat = compat_regs != 0;
	struct message m = {};
	put(&w, 0, 8, ret);
	put(&w, 1, 4, ret > 0 ? ret : 0);
	if (ret >= 0) {
		read_message(&m, argument(regs, 1), compat);
		put_pieces(&w, 2, m.pieces, m.count, ret, compat);
		put_tuple(&w, 3, fd, INBOUND, m.name, m.name ? m.name_bytes : 0);
		put_control(&w, 4, &m);
	} else {
		put_empty(&w, 2);
		put_empty(&w, 3);
		put_empty(&w, 4);
	}
	put(&w, 5, 8, (s64)fd);
	finish(&w);
	return 0;
}
