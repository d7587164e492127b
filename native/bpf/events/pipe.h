/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once
#include "../files.h"
#include "../readers.h"

struct pipe_ends {
	s32 fds[2];
	u64 ino;
};

INLINE struct pipe_ends new_pipe(s64 ret, u64 fds)
{
	struct pipe_ends out = {{-1, -1}, 0};
	if (bpf_probe_read_user(out.fds, sizeof(out.fds), (void *)fds))
		out.fds[0] = out.fds[1] = -1;
	if (ret == 0) {
		struct file *file = file_of(out.fds[0]);
		if (file)
			out.ino = BPF_CORE_READ(file, f_inode, i_ino);
	}
	return out;
}

PROGRAM(SYSCALL_PIPE_X)
{
	struct pipe_ends ends = new_pipe(ret, argument(regs, 0));
	u8 *event = reserve(EVENT(SYSCALL_PIPE_X), EVENT_HEADER + 4 * 2 + 4 * 8);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, ret);
	put_fixed(event, 1, 42, 8, (s64)ends.fds[0]);
	put_fixed(event, 2, 50, 8, (s64)ends.fds[1]);
	put_fixed(event, 3, 58, 8, ends.ino);
	submit(event);
	return 0;
}

PROGRAM(SYSCALL_PIPE2_X)
{
	struct pipe_ends ends = new_pipe(ret, argument(regs, 0));
	u8 *event = reserve(EVENT(SYSCALL_PIPE2_X), EVENT_HEADER + 5 * 2 + 4 * 8 + 4);
	if (!event)
		return 0;
	put_fixed(event, 0, 36, 8, ret);
	put_fixed(event, 1, 44, 8, (s64)ends.fds[0]);
	put_fixed(event, 2, 52, 8, (s64)ends.fds[1]);
	put_fixed(event, 3, 60, 8, ends.ino);
	put_fixed(event, 4, 68, 4, pipe_flags(argument(regs, 1)));
	submit(event);
	return 0;
}
