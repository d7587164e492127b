/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once
#include "../entry.h"
#include "../readers.h"

/* struct open_how of openat2, part of the kernel's user API. */
struct open_how_user {
	u64 flags, mode, resolve;
};

/* What the parameters of the four calls are made of. */
struct open_call {
	s64 ret;
	s32 directory;
	u32 flags, mode, resolve;
	u64 name;
};

enum open_shape { SHAPE_OPEN, SHAPE_OPENAT, SHAPE_OPENAT2, SHAPE_CREAT };

/* RESOLVE_*: the wire has the kernel's bits in another order. */
INLINE u32 resolve_flags(u64 v)
{
	return BIT_TO(v, 1, F_openat2_flags_RESOLVE_NO_XDEV) | BIT_TO(v, 2, F_openat2_flags_RESOLVE_NO_MAGICLINKS) |
	       BIT_TO(v, 4, F_openat2_flags_RESOLVE_NO_SYMLINKS) | BIT_TO(v, 8, F_openat2_flags_RESOLVE_BENEATH) |
	       BIT_TO(v, 16, F_openat2_flags_RESOLVE_IN_ROOT) | BIT_TO(v, 32, F_openat2_flags_RESOLVE_CACHED);
}

/* The parameters behind the name: `index` is that of the first one. */
INLINE void put_open_rest(struct writer *w, u32 index, const struct open_call *call, enum open_shape shape)
{
	struct opened file = opened_file(call->ret);
	if (shape != SHAPE_CREAT)
		put(w, index++, 4, open_flags(call->flags) | file.created | layer_flags(file.layer));
	put(w, index++, 4, open_mode(call->flags, call->mode));
	if (shape == SHAPE_OPENAT2)
		put(w, index++, 4, resolve_flags(call->resolve));
	put(w, index++, 4, file.dev);
	put(w, index++, 8, file.ino);
	if (shape == SHAPE_CREAT)
		put(w, index, 2, file.layer == LAYER_UPPER ? F_creat_flags_FD_UPPER_LAYER_CREAT
				 : file.layer == LAYER_LOWER ? F_creat_flags_FD_LOWER_LAYER_CREAT : 0);
}

INLINE int open_event(u32 type, u32 nparams, enum loss loss, const struct open_call *call, enum open_shape shape)
{
	struct writer w = begin(type, nparams, loss);
	if (!w.data)
		return 0;
	u32 index = 0;
	put(&w, index++, 8, call->ret);
	if (shape == SHAPE_OPENAT || shape == SHAPE_OPENAT2)
		put(&w, index++, 8, (s64)call->directory);
	u32 name = w.position, name_index = index++;
	int doubtful = put_entry_text(&w, name_index, call->name);
	u32 name_bytes = w.position - name;
	put_open_rest(&w, index, call, shape);
	finish(&w);
	if (!doubtful || call->ret < 0)
		return 0;
	struct file *file = file_of(call->ret);
	if (!has_other_path(file, name, name_bytes, w.position))
		return 0;
	w.position = name;
	put_file_path(&w, name_index, file);
	put_open_rest(&w, index, call, shape);
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_OPEN_X)
{
	struct open_call call = {.ret = ret, .name = argument(regs, 0), .flags = argument(regs, 1), .mode = argument(regs, 2)};
	return open_event(EVENT(SYSCALL_OPEN_X), &call, SHAPE_OPEN);
}

PROGRAM(SYSCALL_CREAT_X)
{
	struct open_call call = {.ret = ret, .name = argument(regs, 0), .flags = K_O_CREAT, .mode = argument(regs, 1)};
	return open_event(EVENT(SYSCALL_CREAT_X), &call, SHAPE_CREAT);
}

PROGRAM(SYSCALL_OPENAT_2_X)
{
	struct open_call call = {.ret = ret, .directory = argument(regs, 0), .name = argument(regs, 1), .flags = argument(regs, 2),
				 .mode = argument(regs, 3)};
	return open_event(EVENT(SYSCALL_OPENAT_2_X), &call, SHAPE_OPENAT);
}

PROGRAM(SYSCALL_OPENAT2_X)
{
	struct open_how_user how = {};
	struct entry *entry = own_entry();
	if (entry && entry->how_bytes) {
		how.flags = entry->how[0];
		how.mode = entry->how[1];
		how.resolve = entry->how[2];
	} else {
		bpf_probe_read_user(&how, sizeof(how), (void *)argument(regs, 2));
	}
	struct open_call call = {.ret = ret, .directory = argument(regs, 0), .name = argument(regs, 1), .flags = how.flags,
				 .mode = how.mode, .resolve = how.resolve};
	return open_event(EVENT(SYSCALL_OPENAT2_X), &call, SHAPE_OPENAT2);
}

PROGRAM(SYSCALL_OPEN_BY_HANDLE_AT_X)
{
	struct writer w = begin(EVENT(SYSCALL_OPEN_BY_HANDLE_AT_X));
	if (!w.data)
		return 0;
	struct opened file = {};
	if (ret > 0)
		file = opened_file(ret);
	put(&w, 0, 8, ret);
	put(&w, 1, 8, from_s32(argument(regs, 0)));
	put(&w, 2, 4, open_flags(argument(regs, 2)) | file.created | layer_flags(file.layer));
	put_file_path(&w, 3, ret > 0 ? file_of(ret) : NULL);
	put(&w, 4, 4, file.dev);
	put(&w, 5, 8, file.ino);
	finish(&w);
	return 0;
}
