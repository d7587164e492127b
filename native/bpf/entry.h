/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Arguments as the kernel used them. A program could change a path or an address between the kernel's reading and ours when
 * the call returns. So it is read when the call begins as well, just before the kernel does:
 *
 *   the same at both times     that is it
 *   changed in between         what was there at the beginning; for a file that was opened, its path in the kernel too
 *   not in memory then         (the kernel has fetched it since) what is there now; and the path in the kernel too
 *
 * Calls that take one or two paths and give no file (rename, unlink, chmod, mount …) are looked at in the same way, without
 * the third word. "Too" means a second event when the two paths differ, since a symbolic link looks the same as a changed text.
 */
#pragma once
#include "files.h"
#include "paths.h"
#include "record.h"

#define MAX_ADDRESS 128

INLINE struct entry *entry_slot(u64 thread)
{
	u32 slot = thread & (ENTRY_SLOTS - 1);
	return bpf_map_lookup_elem(&entries, &slot);
}

/* What this thread's call began with, NULL when that is not known. */
INLINE struct entry *own_entry(void)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct entry *entry = entry_slot(thread);
	return entry && entry->owner == thread ? entry : NULL;
}

INLINE void keep_text(struct entry *entry, u64 address)
{
	long n = read_user_text(entry->data, ENTRY_BYTES, address);
	entry->bytes = n > 0 ? n : 0;
}

/* Is it longer, the rest is not known, and so none of it. */
INLINE u32 kept_half(u8 *to, u64 address)
{
	long n = read_user_text(to, ENTRY_HALF, address);
	return n > 0 && n < ENTRY_HALF ? n : 0;
}

INLINE u64 path_argument(struct pt_regs *regs, u64 compat_regs, u32 index)
{
	switch (index) {
	case 0: return argument(regs, 0);
	case 1: return argument(regs, 1);
	case 2: return argument(regs, 2);
	default: return argument(regs, 3);
	}
}

INLINE void keep_paths(struct entry *entry, struct pt_regs *regs, u64 compat_regs, u32 kind)
{
	u32 first = kind >> 2 & 3, second = kind & 3;
	if (first == second) {
		keep_text(entry, path_argument(regs, compat_regs, first));
		return;
	}
	entry->bytes = kept_half(entry->data, path_argument(regs, compat_regs, first));
	entry->second_bytes = kept_half(entry->data + ENTRY_HALF, path_argument(regs, compat_regs, second));
	/* While the kernel fetches the page of one, the other one can be changed before it is read. */
	if (!entry->bytes || !entry->second_bytes)
		entry->bytes = entry->second_bytes = 0;
}

INLINE void keep_entry(struct pt_regs *regs, u64 compat_regs, u32 kind)
{
	u64 thread = bpf_get_current_pid_tgid();
	struct entry *entry = entry_slot(thread);
	if (!entry)
		return;
	entry->owner = thread;
	if (kind == ENTRY_TEXT_0) {
		keep_text(entry, argument(regs, 0));
	} else if (kind == ENTRY_ADDRESS) {
		u32 bytes = argument(regs, 2);
		if (bytes > MAX_ADDRESS - 8)
			bytes = MAX_ADDRESS - 8;
		barrier_var(bytes);
		__builtin_memset(entry->data, 0, MAX_ADDRESS);
		if (bpf_probe_read_user(entry->data, bytes & (MAX_ADDRESS - 1), (void *)argument(regs, 1)))
			bytes = 0;
		entry->bytes = bytes;
	} else if (kind >= ENTRY_PATHS) {
		keep_paths(entry, regs, compat_regs, kind);
	} else {
		keep_text(entry, argument(regs, 1));
		entry->how_bytes = kind == ENTRY_OPENAT2 &&
				   !bpf_probe_read_user(entry->how, sizeof(entry->how), (void *)argument(regs, 2));
	}
}

/* Of the last word, what belongs to a text of `bytes`; nothing when it ends with the word before. */
INLINE u64 last_word_mask(u32 bytes)
{
	return (1ull << (8 * (bytes & 7))) - 1;
}

/* Is the text at `position` of the scratch buffer another one than what is kept? `max`: room for that, a constant. */
INLINE int differs_from(const u8 *kept, u32 kept_bytes, u32 max, u8 *data, u32 position, u32 bytes)
{
	if (bytes == 0 || kept_bytes != bytes)
		return 1;
	u32 words = bytes / 8;
	for (u32 i = 0; i < max / 8 && i < words; i++)
		if (*(u64 *)(kept + 8 * i) != *(u64 *)at(data, position + 8 * i))
			return 1;
	u32 last = 8 * words;
	if (last > max)
		return 1;
	return ((*(u64 *)(kept + last) ^ *(u64 *)at(data, position + last)) & last_word_mask(bytes)) != 0;
}

/* Is it not the one that the call began with? */
__noinline int differs_from_entry(u32 position, u32 bytes)
{
	u8 *data = scratch_data();
	struct entry *entry = own_entry();
	return !data || !entry || differs_from(entry->data, entry->bytes, ENTRY_BYTES, data, position, bytes);
}

__noinline int differs_from_second(u32 position, u32 bytes)
{
	u8 *data = scratch_data();
	struct entry *entry = own_entry();
	return !data || !entry || differs_from(entry->data + ENTRY_HALF, entry->second_bytes, ENTRY_HALF, data, position, bytes);
}

/* Do two texts in the scratch buffer differ? */
__noinline int texts_differ(u32 a, u32 b, u32 bytes)
{
	u8 *data = scratch_data();
	if (!data)
		return 0;
	u32 words = bytes / 8;
	for (u32 i = 0; i < MAX_PATH / 8 && i < words; i++)
		if (*(u64 *)at(data, a + 8 * i) != *(u64 *)at(data, b + 8 * i))
			return 1;
	return ((*(u64 *)at(data, a + 8 * words) ^ *(u64 *)at(data, b + 8 * words)) & last_word_mask(bytes)) != 0;
}

/* A text argument as the call began with it. Gives whether the kernel may have used another one. */
INLINE int put_entry_text(struct writer *w, u32 index, u64 address)
{
	u32 begin = w->position;
	u32 bytes = put_user_text(w, index, address, MAX_PATH);
	if (!differs_from_entry(begin, bytes))
		return 0;
	struct entry *entry = own_entry();
	if (entry && entry->bytes) {
		w->position = begin;
		put_kernel_text(w, index, entry->data, MAX_PATH);
	}
	return 1;
}

/* The second one of two texts. */
INLINE void put_second_entry_text(struct writer *w, u32 index, u64 address)
{
	u32 begin = w->position;
	u32 bytes = put_user_text(w, index, address, MAX_PATH);
	if (!differs_from_second(begin, bytes))
		return;
	struct entry *entry = own_entry();
	if (entry && entry->second_bytes) {
		w->position = begin;
		put_kernel_text(w, index, entry->data + ENTRY_HALF, ENTRY_HALF);
	}
}

/* Has the file another path than the text of `bytes` at `position`? The scratch buffer from `end` on is free. */
INLINE int has_other_path(struct file *file, u32 position, u32 bytes, u32 end)
{
	if (!file)
		return 0;
	u32 path_bytes = write_path(end, (u64)file) - end;
	return path_bytes != bytes || texts_differ(position, end, bytes);
}
