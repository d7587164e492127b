/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The one place where the three ways to attach a program differ (see native/README.md), and what a program is given by each. */
#pragma once
#include "kernel-types.h"

/* A program that is given no more than HOOK's accessors below tell. */
#if defined(TRACEPOINT)
#define HOOK(group, name) SEC("tp/" group "/" name)
#elif defined(RAW_TP)
#define HOOK(group, name) SEC("raw_tp/" name)
#else
#define HOOK(group, name) SEC("tp_btf/" name)
#endif

/* A program that needs the arguments of the kernel's own call, in `ctx`. */
#ifdef RAW_TP
#define ARGUMENTS_HOOK(name) SEC("raw_tp/" name)
#else
#define ARGUMENTS_HOOK(name) SEC("tp_btf/" name)
#endif

/* Checked pointers, or any memory. */
#ifdef RAW_TP
#define REG(regs, field) BPF_CORE_READ(regs, field)
#define checked_task() ((struct task_struct *)bpf_get_current_task())
#define CHECKED(pointer, ...) BPF_CORE_READ(pointer, __VA_ARGS__)
#else
#define REG(regs, field) ((regs)->field)
/* The current task as a pointer that the verifier knows the type of: members are read by plain loads, without a helper. */
#define checked_task() ((struct task_struct *)bpf_get_current_task_btf())
#define CHECKED(pointer, field) ((pointer)->field)
#endif

/* Of a system call, when it begins or returns: the caller's registers, … */
INLINE struct pt_regs *call_regs(u64 *ctx)
{
#ifdef TRACEPOINT
	return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
#else
	return (struct pt_regs *)ctx[0];
#endif
}

/* … these as a plain number, since a pointer that the verifier knows may not be passed to a global function, … */
INLINE u64 call_regs_address(u64 *ctx)
{
	u64 address = 0;
#ifdef TRACEPOINT
	struct pt_regs *regs = call_regs(ctx);
	bpf_probe_read_kernel(&address, sizeof(address), &regs);
#else
	bpf_probe_read_kernel(&address, sizeof(address), ctx);
#endif
	return address;
}

/* … what it returns, … */
INLINE s64 call_result(u64 *ctx)
{
#ifdef TRACEPOINT
	return ctx[2];
#else
	return ctx[1];
#endif
}

/* … and its number, when it begins. */
INLINE u32 call_number(u64 *ctx)
{
	return ctx[1];
}

INLINE u32 syscall_number(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return (u32)REG(regs, orig_ax);
#else
	return (u32)REG(regs, syscallno);
#endif
}

/* `index` is a constant at every call. */
INLINE u64 native_argument(struct pt_regs *regs, int index)
{
#if defined(__TARGET_ARCH_x86)
	switch (index) {
	case 0: return REG(regs, di);
	case 1: return REG(regs, si);
	case 2: return REG(regs, dx);
	case 3: return REG(regs, r10);
	case 4: return REG(regs, r8);
	default: return REG(regs, r9);
	}
#else
	switch (index) {
	case 0: return REG(regs, orig_x0);
	case 1: return REG(regs, regs[1]);
	case 2: return REG(regs, regs[2]);
	case 3: return REG(regs, regs[3]);
	case 4: return REG(regs, regs[4]);
	default: return REG(regs, regs[5]);
	}
#endif
}

INLINE struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* A 32-bit call on a 64-bit kernel: its number and arguments mean something else. */
INLINE int is_compat_call(void)
{
	struct task_struct *task = checked_task();
#if defined(__TARGET_ARCH_x86)
	return CHECKED(task, thread_info.status) & 2; /* TS_COMPAT */
#else
	return (CHECKED(task, thread_info.flags) >> 22) & 1; /* TIF_32BIT */
#endif
}
