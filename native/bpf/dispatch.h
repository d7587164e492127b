/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Every system call's return comes to `on_sys_exit`; one that nobody wants leaves after one table look-up. */
#pragma once
#include "entry.h"
#include "maps.h"
#include "record.h"
#include "sieve.h"

#define NOT_WANTED ((u32)-1)

/* Index into `compat_programs` of a 32-bit call. */
INLINE u32 compat_call(u64 *ctx, u32 number, u32 wanted)
{
#if defined(__TARGET_ARCH_x86)
	if (!(wanted & WANTED_COMPAT))
		return NOT_WANTED;
	if (number != IA32_SOCKETCALL)
		return number;
	struct pt_regs *regs = call_regs(ctx);
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

HOOK("raw_syscalls", "sys_exit") int on_sys_exit(u64 *ctx)
{
	struct pt_regs *regs = call_regs(ctx);
	/* Only the lower half counts: the kernel ignores what a caller leaves in the upper one. */
	u64 number = syscall_number(regs);
	barrier_var(number);
	if (number >= MAX_SYSCALLS)
		return 0;
	u32 wanted = interest.syscall[number];
	if (!wanted)
		return 0;
	s64 ret = call_result(ctx);
	if (config.drop_failed && ret < 0)
		return 0;
	u32 program = number, native = number;
	if (is_compat_call()) {
		program = compat_call(ctx, number, wanted);
		if (program == NOT_WANTED)
			return 0;
		native = native_number(program);
	} else if (!(wanted & WANTED)) {
		return 0;
	}
	native &= MAX_SYSCALLS - 1;
	barrier_var(native);
	struct sieve_set *set = active_sieve();
	u32 what = set->calls[native & (MAX_SYSCALLS - 1)], fds = set->uses_fds[native & (MAX_SYSCALLS - 1)];
	if (what) {
		if (what & (ret < 0 ? SIEVE_FAILED : SIEVE_SUCCEEDED))
			return held_back();
		if (what & (SIEVE_OPEN | SIEVE_OPEN_AT))
			bpf_tail_call(ctx, &stages, STAGE_OPEN);
		if (what & SIEVE_CLOSE) {
			struct deferred_open *slot = deferred(current_process_tag(), (u32)inline_argument(regs, 0));
			if (slot) {
				slot->tag = 0;
				return held_back();
			}
		}
		if (what & SIEVE_FCNTL) {
			u32 command = inline_argument(regs, 1);
			if (command != F_DUPFD && command != F_SETFD && command != F_DUPFD_CLOEXEC)
				return held_back();
		}
		if (what & SIEVE_CLOSE_RANGE)
			bpf_tail_call(ctx, &stages, STAGE_CLOSE_RANGE);
		if (what & SIEVE_MESSAGE)
			bpf_tail_call(ctx, &stages, STAGE_MESSAGE);
		if (what & SIEVE_SOCKET)
			forget_told(inline_argument(regs, 0));
	}
	if (fds && uses_deferred(regs, fds))
		bpf_tail_call(ctx, &stages, STAGE_DESCRIPTORS);
	forget_given(ret, what);
	return go_on(ctx, program);
}

HOOK("raw_syscalls", "sys_enter") int on_sys_enter(u64 *ctx)
{
	struct pt_regs *regs = call_regs(ctx);
	u64 number = call_number(ctx);
	barrier_var(number);
	if (number >= MAX_SYSCALLS || !(interest.syscall[number] & WANTED_ENTRY))
		return 0;
	u64 compat_regs = 0;
	if (is_compat_call()) {
		number = compat_call(ctx, number, interest.syscall[number]);
		if (number >= MAX_COMPAT_CALLS)
			return 0;
		number = config.native_of_compat[number];
		compat_regs = call_regs_address(ctx);
	}
	u32 kind = config.entry_kinds[number & (MAX_SYSCALLS - 1)];
	if (kind != ENTRY_NONE)
		keep_entry(regs, compat_regs, kind);
	return 0;
}

/* A system call without an event of its own. */
HOOK("raw_syscalls", "sys_exit") int ev_GENERIC_X(u64 *ctx)
{
	u32 number = syscall_number(call_regs(ctx));
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
