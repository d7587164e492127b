/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Addresses of sockets, in the wire's packed forms. */
#pragma once
#include <bpf/bpf_endian.h>
#include "entry.h"
#include "readers.h"

#define S_IFSOCK 0140000
#define S_IFMT 0170000
#define SUN_PATH 108
/* In front of the path of a struct sockaddr_un. */
#define SUN_FAMILY 2
/* Where a user's address is read to, past every event. */
#define ADDRESS_AT (MAX_EVENT_BYTES + 1024)
#define ADDRESS_BYTES MAX_ADDRESS
/* In the place of an address in the caller's memory: the one that the call began with. */
#define ENTRY_ADDRESS_KEPT (~0ull)

INLINE struct sock *sock_of_file(struct file *file)
{
	if (!file || (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	/* A socket's path opened with O_PATH has no private data. */
	struct socket *socket = BPF_CORE_READ(file, private_data);
	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

INLINE struct sock *sock_of(s32 fd)
{
	return sock_of_file(file_of(fd));
}

INLINE void put_bytes(struct writer *w, u32 bytes, u64 value)
{
	store(at(w->data, w->position), bytes, value);
	w->position += bytes;
}

/* 16 bytes of an IPv6 address. */
INLINE void put_ipv6(struct writer *w, const void *kernel_address)
{
	bpf_probe_read_kernel(at(w->data, w->position), 16, kernel_address);
	w->position += 16;
}

/*
 * A path in the file system or, without its leading zero, an abstract name, of at most `bytes`; an empty text where there is
 * none. The kernel keeps abstract names without an end: behind them is other memory.
 */
INLINE void put_unix_name(struct writer *w, const char *name, u32 bytes)
{
	char first = 0;
	long n = 0;
	if (name)
		bpf_probe_read_kernel(&first, 1, name);
	u32 size = (bytes < SUN_PATH ? bytes : SUN_PATH) + (first != 0);
	barrier_var(size);
	if (name && bytes)
		n = bpf_probe_read_kernel_str(at(w->data, w->position), size & 127, first ? name : name + 1);
	if (n > 0)
		w->position += n;
	else
		put_bytes(w, 1, 0);
}

/* The address of a call's argument, read into the scratch buffer with zeros behind it; NULL: not readable. `bytes` are at
 * most those that the call began with. */
INLINE u8 *read_address(struct writer *w, u64 address, u32 bytes)
{
	u8 *to = w->data + ADDRESS_AT;
	if (address == ENTRY_ADDRESS_KEPT) {
		struct entry *entry = own_entry();
		return entry && !bpf_probe_read_kernel(to, ADDRESS_BYTES, entry->data) ? to : NULL;
	}
	__builtin_memset(to, 0, ADDRESS_BYTES);
	if (bytes > ADDRESS_BYTES - 8)
		bytes = ADDRESS_BYTES - 8;
	barrier_var(bytes);
	if (bytes == 0 || bpf_probe_read_user(to, bytes & (ADDRESS_BYTES - 1), (void *)address))
		return NULL;
	return to;
}

/* Family, then address and port (host order), or path. */
INLINE void put_address(struct writer *w, u32 index, u64 address, u32 bytes)
{
	u32 begin = w->position;
	u8 *from = read_address(w, address, (u16)bytes);
	if (from) {
		u32 family = *(u16 *)from;
		if (family == AF_INET) {
			put_bytes(w, 1, AF_INET);
			put_bytes(w, 4, *(u32 *)(from + 4));
			put_bytes(w, 2, bpf_ntohs(*(u16 *)(from + 2)));
		} else if (family == AF_INET6) {
			put_bytes(w, 1, AF_INET6);
			put_ipv6(w, from + 8);
			put_bytes(w, 2, bpf_ntohs(*(u16 *)(from + 2)));
		} else if (family == AF_UNIX) {
			put_bytes(w, 1, AF_UNIX);
			put_unix_name(w, (const char *)from + SUN_FAMILY, SUN_PATH);
		}
	}
	set_length(w, index, w->position - begin);
}

enum direction { OUTBOUND, INBOUND };

/*
 * Both ends of a socket. `user` is the address that the call was given, for a socket whose remote end the kernel has
 * not filled in; `user_bytes` 0: none.
 */
INLINE void put_tuple(struct writer *w, u32 index, s32 fd, enum direction direction, u64 user, u32 user_bytes)
{
	u32 begin = w->position;
	struct sock *sk = sock_of(fd);
	if (!sk) {
		put_empty(w, index);
		return;
	}
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family == AF_INET || family == AF_INET6) {
		struct inet_sock *inet = (struct inet_sock *)sk;
		u16 local_port = bpf_ntohs(BPF_CORE_READ(inet, inet_sport));
		u16 remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
		u8 *given = NULL;
		if (remote_port == 0 && user_bytes != 0) {
			u32 size = family == AF_INET ? 16 : 28;
			given = read_address(w, user, user_bytes < size ? user_bytes : size);
			if (given)
				remote_port = bpf_ntohs(*(u16 *)(given + 2));
		}
		put_bytes(w, 1, family);
		if (family == AF_INET) {
			u32 local = BPF_CORE_READ(inet, inet_saddr);
			u32 remote = given ? *(u32 *)(given + 4) : BPF_CORE_READ(sk, __sk_common.skc_daddr);
			put_bytes(w, 4, direction == OUTBOUND ? local : remote);
			put_bytes(w, 2, direction == OUTBOUND ? local_port : remote_port);
			put_bytes(w, 4, direction == OUTBOUND ? remote : local);
			put_bytes(w, 2, direction == OUTBOUND ? remote_port : local_port);
		} else {
			struct ipv6_pinfo *info = BPF_CORE_READ(inet, pinet6);
			const void *local = &info->saddr;
			const void *remote = given ? (const void *)(given + 8) : (const void *)&sk->__sk_common.skc_v6_daddr;
			put_ipv6(w, direction == OUTBOUND ? local : remote);
			put_bytes(w, 2, direction == OUTBOUND ? local_port : remote_port);
			put_ipv6(w, direction == OUTBOUND ? remote : local);
			put_bytes(w, 2, direction == OUTBOUND ? remote_port : local_port);
		}
	} else if (family == AF_UNIX) {
		struct unix_sock *local = (struct unix_sock *)sk;
		struct unix_sock *peer = (struct unix_sock *)BPF_CORE_READ(local, peer);
		put_bytes(w, 1, family);
		put_bytes(w, 8, direction == OUTBOUND ? (u64)peer : (u64)local);
		put_bytes(w, 8, direction == OUTBOUND ? (u64)local : (u64)peer);
		struct unix_sock *named = direction == OUTBOUND ? peer : local;
		const char *name = NULL;
		u32 name_bytes = 0;
		if (direction == OUTBOUND && !peer && user_bytes != 0) {
			u8 *given = read_address(w, user, (u16)user_bytes);
			if (given) {
				name = (const char *)given + SUN_FAMILY;
				name_bytes = SUN_PATH;
			}
		} else if (named) {
			struct unix_address *address = BPF_CORE_READ(named, addr);
			if (address) {
				name = (const char *)&address->name[0].sun_path;
				name_bytes = BPF_CORE_READ(address, len) - SUN_FAMILY;
			}
		}
		put_unix_name(w, name, name_bytes);
	}
	set_length(w, index, w->position - begin);
}
