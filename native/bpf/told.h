/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Messages that tell nothing new. Of a message that no rule can match, the state takes what it tells of its socket: both ends,
 * their names. So the first one on a descriptor is reported, and the next ones are held back as long as they would tell the
 * same. What was told is one number, made of all that it depends on, in a slot of the process and descriptor; a slot that
 * another one took lets through. It is told again about each second, and after a reload, so that a state which has forgotten it, or
 * never heard of it, does not stay so.
 */
#pragma once
#include "sockets.h"

/* struct msghdr: bytes of control data. */
#define MSG_CONTROLLEN 40
/* About a second: from 0.3 s to 2.6 s, as the kernel counts 1000 to 100 a second. */
#define TOLD_JIFFIES_BITS 8

INLINE u64 mix(u64 hash, u64 value)
{
	hash = (hash ^ value) * 0x9E3779B97F4A7C15ull;
	return hash ^ hash >> 29;
}

INLINE u64 *told_slot(u32 fd)
{
	u64 tag = (bpf_get_current_pid_tgid() >> 32 << 32 | fd) * 0x9E3779B97F4A7C15ull;
	u32 index = tag >> (64 - TOLD_BITS);
	return bpf_map_lookup_elem(&told_messages, &index);
}

/* The next message on the descriptor is reported. */
INLINE void forget_told(u32 fd)
{
	u64 *told = told_slot(fd);
	if (told)
		*told = 0;
}

/*
 * All that a message on a socket tells the state, as a number that is the same only for the same; 0: more than can be seen
 * here. It depends on what `put_tuple` in sockets.h writes and the handlers in src/state/handlers/messages.ts make of it.
 */
INLINE u64 message_tells(s32 fd, u32 incoming)
{
	struct file *file = file_of(fd);
	struct sock *sk = sock_of_file(file);
	if (!sk)
		return 0;
	/* The slot may be another's, and a socket's memory is soon another socket's: their numbers are not. */
	u64 hash = mix(bpf_get_current_pid_tgid() >> 32 << 32 | (u32)fd, BPF_CORE_READ(file, f_inode, i_ino));
	u32 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	hash = mix(hash, (u64)sieve.active << 32 | family);
	hash = mix(hash, bpf_jiffies64() >> TOLD_JIFFIES_BITS);
	if (family == AF_INET || family == AF_INET6) {
		/* Connected: both directions tell the same. */
		struct inet_sock *inet = (struct inet_sock *)sk;
		u32 remote_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
		if (!remote_port)
			return 0;
		hash = mix(hash, remote_port << 16 | BPF_CORE_READ(inet, inet_sport));
		if (family == AF_INET)
			return mix(hash, (u64)BPF_CORE_READ(sk, __sk_common.skc_daddr) << 32 | BPF_CORE_READ(inet, inet_saddr)) | 1;
		u64 address[2] = {};
		bpf_probe_read_kernel(address, sizeof(address), &sk->__sk_common.skc_v6_daddr);
		hash = mix(mix(hash, address[0]), address[1]);
		struct ipv6_pinfo *info = BPF_CORE_READ(inet, pinet6);
		bpf_probe_read_kernel(address, sizeof(address), &info->saddr);
		return mix(mix(hash, address[0]), address[1]) | 1;
	}
	if (family == AF_UNIX) {
		struct unix_sock *peer = (struct unix_sock *)BPF_CORE_READ((struct unix_sock *)sk, peer);
		struct unix_sock *named = incoming ? (struct unix_sock *)sk : peer;
		/* The caller says to whom. */
		if (!named)
			return 0;
		hash = mix(mix(hash, (u64)peer), incoming);
		return mix(hash, (u64)BPF_CORE_READ(named, addr)) | 1;
	}
	return hash | 1;
}

/* Does something come with the message, such as descriptors? */
INLINE int has_control(u64 header)
{
	u64 bytes = 1;
	if (bpf_probe_read_user(&bytes, sizeof(bytes), (void *)(header + MSG_CONTROLLEN)))
		return 1;
	return bytes != 0;
}
