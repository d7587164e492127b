/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once
#include "../files.h"
#include "../paths.h"
#include "../readers.h"

/* struct open_how of openat2, part of the kernel's user API. */
struct open_how_user {
	u64 flags, mode, resolve;
};

PROGRAM(SYSCALL_OPEN_X)
{
	struct writer w = begin(EVENT(SYSCALL_OPEN_X));
	if (!w.data)
		return 0;
	struct opened file = opened_file(ret);
	u32 flags = argument(regs, 1);
	put(&w, 0, 8, ret);
	put_user_text(&w, 1, argument(regs, 0), MAX_PATH);
	put(&w, 2, 4, open_flags(flags) | file.created | layer_flags(file.layer));
	put(&w, 3, 4, open_mode(flags, argument(regs, 2)));
	put(&w, 4, 4, file.dev);
	put(&w, 5, 8, file.ino);
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_OPENAT_2_X)
{
	struct writer w = begin(EVENT(SYSCALL_OPENAT_2_X));
	if (!w.data)
		return 0;
	struct opened file = opened_file(ret);
	u32 flags = argument(regs, 2);
	put(&w, 0, 8, ret);
	put(&w, 1, 8, from_s32(argument(regs, 0)));
	put_user_text(&w, 2, argument(regs, 1), MAX_PATH);
	put(&w, 3, 4, open_flags(flags) | file.created | layer_flags(file.layer));
	put(&w, 4, 4, open_mode(flags, argument(regs, 3)));
	put(&w, 5, 4, file.dev);
	put(&w, 6, 8, file.ino);
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_OPENAT2_X)
{
	struct writer w = begin(EVENT(SYSCALL_OPENAT2_X));
	if (!w.data)
		return 0;
	struct opened file = opened_file(ret);
	struct open_how_user how = {};
	bpf_probe_read_user(&how, sizeof(how), (void *)argument(regs, 2));
	/* RESOLVE_*: the wire has the kernel's bits in another order. */
	u32 resolve = BIT_TO(how.resolve, 1, F_openat2_flags_RESOLVE_NO_XDEV) |
		      BIT_TO(how.resolve, 2, F_openat2_flags_RESOLVE_NO_MAGICLINKS) |
		      BIT_TO(how.resolve, 4, F_openat2_flags_RESOLVE_NO_SYMLINKS) |
		      BIT_TO(how.resolve, 8, F_openat2_flags_RESOLVE_BENEATH) |
		      BIT_TO(how.resolve, 16, F_openat2_flags_RESOLVE_IN_ROOT) |
		      BIT_TO(how.resolve, 32, F_openat2_flags_RESOLVE_CACHED);
	put(&w, 0, 8, ret);
	put(&w, 1, 8, from_s32(argument(regs, 0)));
	put_user_text(&w, 2, argument(regs, 1), MAX_PATH);
	put(&w, 3, 4, open_flags(how.flags) | file.created | layer_flags(file.layer));
	put(&w, 4, 4, open_mode(how.flags, how.mode));
	put(&w, 5, 4, resolve);
	put(&w, 6, 4, file.dev);
	put(&w, 7, 8, file.ino);
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_CREAT_X)
{
	struct writer w = begin(EVENT(SYSCALL_CREAT_X));
	if (!w.data)
		return 0;
	struct opened file = opened_file(ret);
	put(&w, 0, 8, ret);
	put_user_text(&w, 1, argument(regs, 0), MAX_PATH);
	put(&w, 2, 4, open_mode(K_O_CREAT, argument(regs, 1)));
	put(&w, 3, 4, file.dev);
	put(&w, 4, 8, file.ino);
	put(&w, 5, 2, file.layer == LAYER_UPPER ? F_creat_flags_FD_UPPER_LAYER_CREAT
		      : file.layer == LAYER_LOWER ? F_creat_flags_FD_LOWER_LAYER_CREAT : 0);
	finish(&w);
	return 0;
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
