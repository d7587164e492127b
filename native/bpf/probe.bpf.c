/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The probe. Every system call's return comes to `on_sys_exit`; one that nobody wants leaves after one table look-up.
 * Compiled twice: attached by BTF (tp_btf), and with -DRAW_TP for kernels that do not allow that.
 */
#include "kernel.h"
#include "maps.h"
#include "record.h"
#include "readers.h"
#include "memory.h"
#include "entry.h"
#include "generated/programs.h"
#include "events/io.h"
#include "events/keyctl.h"
#include "events/messages.h"
#include "events/open.h"
#include "events/clone.h"
#include "events/exec.h"
#include "events/exit.h"
#include "events/pipe.h"
#include "events/process.h"
#include "events/quota.h"
#include "events/semaphore.h"
#include "events/socket.h"
#include "events/sockopt.h"
#include "events/system.h"
#include "events/tracepoints.h"
#include "events/values.h"
#include "events/wait.h"

char _license[] SEC("license") = "Dual MIT/GPL";
/* Compared with the addon's before loading. */
const char schema_hash[] SEC(".rodata.schema") = FT_SCHEMA_HASH;

#define NOT_WANTED ((u32)-1)

/* Index into `compat_programs` of a 32-bit call. */
INLINE u32 compat_call(u64 *ctx, u32 number, u32 wanted)
{
#if defined(__TARGET_ARCH_x86)
	if (!(wanted & WANTED_COMPAT))
		return NOT_WANTED;
	if (number != IA32_SOCKETCALL)
		return number;
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	u64 call = (u32)REG(regs, bx);
	barrier_var(call);
	if (call >= sizeof(interest.socketcall) || !interest.socketcall[call])
		return NOT_WANTED;
	return COMPAT_SOCKETCALLS + call;
#else
	/* 32-bit programs on arm64 are not reported. */
	struct counts *c = this_counts();
	if (c)
		c->foreign++;
	return NOT_WANTED;
#endif
}

HOOK("sys_exit") int on_sys_exit(u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	/* Only the lower half counts: the kernel ignores what a caller leaves in the upper one. */
	u64 number = syscall_number(regs);
	barrier_var(number);
	if (number >= MAX_SYSCALLS)
		return 0;
	u32 wanted = interest.syscall[number];
	if (!wanted)
		return 0;
	if (config.drop_failed && (s64)ctx[1] < 0)
		return 0;
	if (is_compat_call()) {
		number = compat_call(ctx, number, wanted);
		if (number == NOT_WANTED)
			return 0;
		bpf_tail_call(ctx, &compat_programs, number);
	} else {
		if (!(wanted & WANTED))
			return 0;
		bpf_tail_call(ctx, &programs, number);
	}
	struct counts *c = this_counts();
	if (c) {
		c->produced++;
		c->dropped++;
	}
	return 0;
}

HOOK("sys_enter") int on_sys_enter(u64 *ctx)
{
	struct pt_regs *regs = (struct pt_regs *)ctx[0];
	u64 number = (u32)ctx[1];
	barrier_var(number);
	if (number >= MAX_SYSCALLS || !(interest.syscall[number] & WANTED_ENTRY))
		return 0;
	u64 compat_regs = 0;
	if (is_compat_call()) {
		number = compat_call(ctx, number, interest.syscall[number]);
		if (number >= MAX_COMPAT_CALLS)
			return 0;
		number = config.native_of_compat[number];
		bpf_probe_read_kernel(&compat_regs, sizeof(compat_regs), ctx);
	}
	u32 kind = config.entry_kinds[number & (MAX_SYSCALLS - 1)];
	if (kind != ENTRY_NONE)
		keep_entry(regs, compat_regs, kind);
	return 0;
}

/* A system call without an event of its own. */
HOOK("sys_exit") int ev_GENERIC_X(u64 *ctx)
{
	u32 number = syscall_number((struct pt_regs *)ctx[0]);
	if (is_compat_call())
		number = config.native_of_compat[number & (MAX_SYSCALLS - 1)];
	u8 *event = reserve(EVENT(GENERIC_X), EVENT_HEADER + 2 * 2 + 2 + 2);
	if (!event)
		return 0;
	put_fixed(event, 0, 30, 2, config.syscall_codes[number & (MAX_SYSCALLS - 1)]);
	put_fixed(event, 1, 32, 2, number);
	submit(event);
	return 0;
}
