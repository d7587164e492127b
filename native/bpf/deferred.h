/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Files whose opening was held back by the sieve. What such a descriptor refers to is told when an event that is reported
 * uses it, or when a child inherits it; its closing is held back too. A slot that is taken is no loss: that opening is
 * reported. Descriptors are a process's: openings are not held back where a process shares them with another one.
 */
#pragma once
#include "files.h"
#include "record.h"

#define AT_FDCWD -100

INLINE u64 process_tag(u32 tgid)
{
	return (u64)tgid * DEFERRED_FDS;
}

INLINE u64 current_process_tag(void)
{
	return process_tag(bpf_get_current_pid_tgid() >> 32);
}

INLINE struct deferred_open *slot_of(u64 tag)
{
	u32 index = tag * 0x9E3779B97F4A7C15ull >> (64 - DEFERRED_BITS);
	return bpf_map_lookup_elem(&deferred_opens, &index);
}

/* Null unless the descriptor's opening was held back. */
INLINE struct deferred_open *deferred(u64 process, u64 fd)
{
	if (fd >= DEFERRED_FDS)
		return NULL;
	struct deferred_open *slot = slot_of(process + fd);
	return slot && slot->tag == process + fd ? slot : NULL;
}

/* Spelled out: compilers make of the built-in function what Linux 5.10 does not have, an addition with a result. */
INLINE void add_atomically(u32 *to, u32 value)
{
	asm volatile("lock *(u32 *)(%0 + 0) += %1" : : "r"(to), "r"(value) : "memory");
}

/*
 * Of two CPUs that want one slot at the same time, at most one gets it; an opening that gets none is reported. Linux 5.10
 * has no compare-and-swap for programs either. To be left in any case.
 */
INLINE int take_slot(struct deferred_open *slot)
{
	add_atomically(&slot->writers, 1);
	return *(volatile u32 *)&slot->writers == 1 && !*(volatile u64 *)&slot->tag;
}

INLINE void leave_slot(struct deferred_open *slot)
{
	add_atomically(&slot->writers, -1);
}

INLINE void forget_deferred(u64 process, u64 fd)
{
	struct deferred_open *slot = deferred(process, fd);
	if (slot)
		slot->tag = 0;
}

/* Writes the opening as a record that is no event. Gives 0 when nothing is left to tell. */
INLINE int tell_descriptor(u64 process, u32 tid, struct file *file, u64 fd)
{
	struct deferred_open *slot = deferred(process, fd);
	if (!slot)
		return 0;
	struct writer w = begin(EVENT(SYSCALL_OPENAT_2_X));
	struct counts *c = this_counts();
	void *ring = this_ring();
	if (!w.data || !c || !ring)
		return 1;
	u32 hash = HASH_BEGIN;
	for (int i = 0; i < MAX_SIEVED_PATH - 1; i++) {
		u8 byte = slot->path[i];
		if (!byte)
			break;
		hash = HASH_STEP(hash, byte);
	}
	put(&w, 0, 8, fd);
	put(&w, 1, 8, (s64)AT_FDCWD);
	put_kernel_text(&w, 2, slot->path, MAX_SIEVED_PATH);
	put(&w, 3, 4, slot->flags);
	put(&w, 4, 4, 0);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct super_block *filesystem = BPF_CORE_READ(inode, i_sb);
	put(&w, 5, 4, fd ? user_device(BPF_CORE_READ(filesystem, s_dev)) : 0);
	put(&w, 6, 8, fd ? BPF_CORE_READ(inode, i_ino) : 0);
	/* Closed by another thread meanwhile, and written over (or what was made of it here): what it was is lost. */
	if (slot->check != (process + fd) + hash || is_spoiled()) {
		forget_deferred(process, fd);
		c->produced++;
		c->dropped++;
		return 0;
	}
	u32 size = w.position;
	put_header_of(w.data, RECORD_DESCRIPTOR, tid, w.type, w.nparams, size);
	size += RECORD_PREFIX;
	barrier_var(size);
	if (bpf_ringbuf_output(ring, w.data, size & (SCRATCH_BYTES - 1), BPF_RB_NO_WAKEUP)) {
		c->produced++;
		c->ring_full[LOSS_FILE]++;
		return 1;
	}
	forget_deferred(process, fd);
	return 0;
}

__noinline int tell_one(u32 tgid, u32 tid, u64 file, u64 fd)
{
	return tell_descriptor(process_tag(tgid), tid, (struct file *)file, fd);
}

/* The file behind a descriptor of any process, by address. */
INLINE u64 file_in(struct fdtable *table, u32 fd)
{
	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	struct file *file = NULL;
	bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(table, fd) + fd);
	return (u64)file;
}

/* A child has, or will have, what `task`'s process has open. */
__noinline int tell_all(u64 task_address)
{
	struct task_struct *task = (void *)task_address;
	u32 tgid = BPF_CORE_READ(task, tgid), tid = BPF_CORE_READ(task, pid);
	u64 process = process_tag(tgid);
	for (u32 fd = 0; fd < DEFERRED_FDS; fd++) {
		if (deferred(process, fd))
			tell_one(tgid, tid, file_in(BPF_CORE_READ(task, files, fdt), fd), fd);
	}
	return 0;
}

/* A program was executed: what is closed by that is gone. */
__noinline int forget_closed(u64 task_address)
{
	struct task_struct *task = (void *)task_address;
	u64 process = process_tag(BPF_CORE_READ(task, tgid));
	for (u32 fd = 0; fd < DEFERRED_FDS; fd++) {
		struct deferred_open *slot = deferred(process, fd);
		if (slot && !file_in(BPF_CORE_READ(task, files, fdt), fd))
			slot->tag = 0;
	}
	return 0;
}
