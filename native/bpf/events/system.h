/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Kernel modules from memory, and rings for asynchronous calls. */
#pragma once
#include "../readers.h"
#include "../record.h"

/* The beginning of a module's image is enough to know it by; a whole one does not fit into an event. */
#define MAX_IMAGE 4096

PROGRAM(SYSCALL_INIT_MODULE_X)
{
	struct writer w = begin(EVENT(SYSCALL_INIT_MODULE_X));
	if (!w.data)
		return 0;
	u64 length = argument(regs, 1);
	u32 kept = length > MAX_IMAGE ? MAX_IMAGE : length;
	barrier_var(kept);
	kept &= 2 * MAX_IMAGE - 1;
	put(&w, 0, 8, ret);
	if (kept && bpf_probe_read_user(at(w.data, w.position), kept, (void *)argument(regs, 0)))
		kept = 0;
	set_length(&w, 1, kept);
	w.position += kept;
	put(&w, 2, 8, length);
	put_user_text(&w, 3, argument(regs, 2), MAX_PATH);
	finish(&w);
	return 0;
}

/* struct io_uring_params, part of the kernel's user API, as far as it is reported. */
struct uring_params {
	u32 sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features;
};

PROGRAM(SYSCALL_IO_URING_SETUP_X)
{
	struct uring_params params = {};
	bpf_probe_read_user(&params, sizeof(params), (void *)argument(regs, 1));
	/* The wire has one bit more after the second, which Falco sets together with the first. */
	u32 flags = (params.flags & 3) | BIT_TO(params.flags, 1, F_io_uring_setup_flags_IORING_SQ_NEED_WAKEUP) |
		    ((params.flags & 0x7c) << 1);
	u8 *event = reserve(EVENT(SYSCALL_IO_URING_SETUP_X), EVENT_HEADER + 8 * 2 + 8 + 7 * 4);
	if (!event)
		return 0;
	put_fixed(event, 0, 42, 8, ret);
	put_fixed(event, 1, 50, 4, argument(regs, 0));
	put_fixed(event, 2, 54, 4, params.sq_entries);
	put_fixed(event, 3, 58, 4, params.cq_entries);
	put_fixed(event, 4, 62, 4, flags);
	put_fixed(event, 5, 66, 4, params.sq_thread_cpu);
	put_fixed(event, 6, 70, 4, params.sq_thread_idle);
	put_fixed(event, 7, 74, 4, params.features & 0x7ff);
	submit(event);
	return 0;
}

/* What a mount's setting is: nothing, a text, or bytes whose number is `aux`. Not known when the call failed. */
PROGRAM(SYSCALL_FSCONFIG_X)
{
	struct writer w = begin(EVENT(SYSCALL_FSCONFIG_X));
	if (!w.data)
		return 0;
	u32 command = argument(regs, 1), aux = argument(regs, 4);
	u64 value = ret < 0 ? 0 : argument(regs, 3);
	int text = command == F_fsconfig_cmds_FSCONFIG_SET_STRING || command == F_fsconfig_cmds_FSCONFIG_SET_PATH ||
		   command == F_fsconfig_cmds_FSCONFIG_SET_PATH_EMPTY;
	put(&w, 0, 8, ret);
	put(&w, 1, 8, from_s32(argument(regs, 0)));
	put(&w, 2, 4, command);
	put_user_text(&w, 3, argument(regs, 2), MAX_PATH);
	put_user_bytes(&w, 4, value, command == F_fsconfig_cmds_FSCONFIG_SET_BINARY ? (u16)aux : 0);
	put_user_text(&w, 5, text ? value : 0, MAX_PATH);
	put(&w, 6, 4, aux);
	finish(&w);
	return 0;
}
