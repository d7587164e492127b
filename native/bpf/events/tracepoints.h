/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Tracepoints that are frequent and seldom wanted: attached while a rule asks for them, see `kOptional` in the addon. */
#pragma once
#include "../memory.h"
#include "../readers.h"
#include "../record.h"

ARGUMENTS_HOOK("sched_switch") int on_switch(u64 *ctx)
{
	struct task_struct *previous = (void *)ctx[1], *next = (void *)ctx[2]; /* the former is the current one */
	struct mm_struct *mm = BPF_CORE_READ(previous, mm);
	u8 *event = reserve(EVENT(SCHEDSWITCH_6_E), EVENT_HEADER + 6 * 2 + 3 * 8 + 3 * 4);
	if (!event)
		return 0;
	put_fixed(event, 0, 38, 8, (s64)BPF_CORE_READ(next, pid));
	put_fixed(event, 1, 46, 8, BPF_CORE_READ(previous, maj_flt));
	put_fixed(event, 2, 54, 8, BPF_CORE_READ(previous, min_flt));
	put_fixed(event, 3, 62, 4, memory_size(mm));
	put_fixed(event, 4, 66, 4, memory_resident(mm));
	put_fixed(event, 5, 70, 4, memory_swapped(mm));
	submit(event);
	return 0;
}

#define SIGNAL_HUP 1
#define SIGNAL_INT 2
#define SIGNAL_QUIT 3
#define SIGNAL_KILL 9
#define SIGNAL_TERM 15
#define SIGNAL_CHLD 17
#define SIGNAL_TSTP 20
#define SIGNAL_RTMIN 32
#define SIGNAL_RTMAX 64

/* Who sent it, where the kernel says so: the field stands first in each of the siginfo's variants. */
INLINE int signal_sender(u32 signal, struct kernel_siginfo *info)
{
	/* 0 and 1 stand for "no information" and "the kernel". */
	if ((u64)info <= 1)
		return 0;
	int code = BPF_CORE_READ(info, si_code), sender = 0;
	int by_process = (signal == SIGNAL_TERM || signal == SIGNAL_HUP || signal == SIGNAL_INT || signal == SIGNAL_TSTP ||
			  signal == SIGNAL_QUIT) && code <= 0;
	if (by_process || signal == SIGNAL_KILL || signal == SIGNAL_CHLD || (signal >= SIGNAL_RTMIN && signal <= SIGNAL_RTMAX))
		bpf_core_read(&sender, sizeof(sender), &info->_sifields);
	return sender;
}

ARGUMENTS_HOOK("signal_deliver") int on_signal(u64 *ctx)
{
	u32 signal = ctx[0];
	s64 sender = signal_sender(signal, (void *)ctx[1]);
	u8 *event = reserve(EVENT(SIGNALDELIVER_E), EVENT_HEADER + 3 * 2 + 2 * 8 + 1);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, sender);
	put_fixed(event, 1, 40, 8, (u32)bpf_get_current_pid_tgid());
	put_fixed(event, 2, 48, 1, signal);
	submit(event);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
INLINE int fault_event(u64 address, u64 regs_address, u32 error)
{
	struct pt_regs *regs = (void *)regs_address;
	u64 ip = BPF_CORE_READ(regs, ip);
	u8 *event = reserve(EVENT(PAGE_FAULT_E), EVENT_HEADER + 3 * 2 + 2 * 8 + 4);
	if (!event)
		return 0;
	put_fixed(event, 0, 32, 8, address);
	put_fixed(event, 1, 40, 8, ip);
	/* Three of the processor's bits have a wire bit for each of their values. */
	put_fixed(event, 2, 48, 4,
		  (error & 1 ? F_pf_flags_PROTECTION_VIOLATION : F_pf_flags_PAGE_NOT_PRESENT) |
			  (error & 2 ? F_pf_flags_WRITE_ACCESS : F_pf_flags_READ_ACCESS) |
			  (error & 4 ? F_pf_flags_USER_FAULT : F_pf_flags_SUPERVISOR_FAULT) |
			  BIT_TO(error, 8, F_pf_flags_RESERVED_PAGE) | BIT_TO(error, 16, F_pf_flags_INSTRUCTION_FETCH));
	submit(event);
	return 0;
}

ARGUMENTS_HOOK("page_fault_user") int on_user_fault(u64 *ctx)
{
	return fault_event(ctx[0], ctx[1], ctx[2]);
}

ARGUMENTS_HOOK("page_fault_kernel") int on_kernel_fault(u64 *ctx)
{
	return fault_event(ctx[0], ctx[1], ctx[2]);
}
#endif
