/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* ptrace, prctl, capset: what one process does to itself or to another. */
#pragma once
#include "../tasks.h"

/* First byte of a DYNAMIC parameter: which of its set of types follows (`DYNAMIC_SETS` in the table). */
#define PTRACE_AS_U64 0
#define PTRACE_AS_SIGNAL 1

INLINE u32 ptrace_request(u64 request)
{
	if (request <= 9)
		return F_ptrace_requests_PTRACE_TRACEME + request;
	if (request >= 0x4200 && request <= 0x420b)
		return F_ptrace_requests_PTRACE_SETOPTIONS + (request - 0x4200);
	switch (request) {
	case 16: return F_ptrace_requests_PTRACE_ATTACH;
	case 17: return F_ptrace_requests_PTRACE_DETACH;
	case 24: return F_ptrace_requests_PTRACE_SYSCALL;
	case 31: return F_ptrace_requests_PTRACE_SYSEMU;
	case 32: return F_ptrace_requests_PTRACE_SYSEMU_SINGLESTEP;
#if defined(__TARGET_ARCH_x86)
	case 12: return F_ptrace_requests_PTRACE_GETREGS;
	case 13: return F_ptrace_requests_PTRACE_SETREGS;
	case 14: return F_ptrace_requests_PTRACE_GETFPREGS;
	case 15: return F_ptrace_requests_PTRACE_SETFPREGS;
	case 18: return F_ptrace_requests_PTRACE_GETFPXREGS;
	case 19: return F_ptrace_requests_PTRACE_SETFPXREGS;
	case 21: return F_ptrace_requests_PTRACE_OLDSETOPTIONS;
	case 25: return F_ptrace_requests_PTRACE_GET_THREAD_AREA;
	case 26: return F_ptrace_requests_PTRACE_SET_THREAD_AREA;
	case 30: return F_ptrace_requests_PTRACE_ARCH_PRCTL;
	case 33: return F_ptrace_requests_PTRACE_SINGLEBLOCK;
#endif
	default: return F_ptrace_requests_PTRACE_UNKNOWN;
	}
}

INLINE void put_dynamic(struct writer *w, u32 index, u32 kind, u32 bytes, u64 value)
{
	store(at(w->data, w->position), 1, kind);
	store(at(w->data, w->position + 1), bytes, value);
	set_length(w, index, 1 + bytes);
	w->position += 1 + bytes;
}

PROGRAM(SYSCALL_PTRACE_X)
{
	struct writer w = begin(EVENT(SYSCALL_PTRACE_X));
	if (!w.data)
		return 0;
	u32 request = ptrace_request(argument(regs, 0));
	u64 data = argument(regs, 3);
	put(&w, 0, 8, ret);
	put_dynamic(&w, 1, PTRACE_AS_U64, 8, ret < 0 ? 0 : argument(regs, 2));
	switch (ret < 0 ? (u32)F_ptrace_requests_PTRACE_UNKNOWN : request) {
	case F_ptrace_requests_PTRACE_PEEKTEXT:
	case F_ptrace_requests_PTRACE_PEEKDATA:
	case F_ptrace_requests_PTRACE_PEEKUSR: {
		u64 word = 0;
		bpf_probe_read_user(&word, sizeof(word), (void *)data);
		put_dynamic(&w, 2, PTRACE_AS_U64, 8, word);
		break;
	}
	case F_ptrace_requests_PTRACE_CONT:
	case F_ptrace_requests_PTRACE_SINGLESTEP:
	case F_ptrace_requests_PTRACE_DETACH:
	case F_ptrace_requests_PTRACE_SYSCALL:
		put_dynamic(&w, 2, PTRACE_AS_SIGNAL, 1, data);
		break;
	default:
		put_dynamic(&w, 2, PTRACE_AS_U64, 8, ret < 0 ? 0 : data);
		break;
	}
	put(&w, 3, 2, request);
	put(&w, 4, 8, from_s32(argument(regs, 1)));
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_PRCTL_X)
{
	struct writer w = begin(EVENT(SYSCALL_PRCTL_X));
	if (!w.data)
		return 0;
	u32 option = argument(regs, 0);
	u64 second = argument(regs, 1);
	put(&w, 0, 8, ret);
	put(&w, 1, 4, option);
	if (option == F_prctl_options_PR_SET_NAME || option == F_prctl_options_PR_GET_NAME) {
		put_user_text(&w, 2, second, MAX_PATH);
		second = 0;
	} else {
		put_empty(&w, 2);
		if (option == F_prctl_options_PR_GET_CHILD_SUBREAPER) {
			s32 answer = 0;
			bpf_probe_read_user(&answer, sizeof(answer), (void *)second);
			second = (s64)answer;
		}
	}
	put(&w, 3, 8, second);
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_CAPSET_X)
{
	const struct cred *cred = BPF_CORE_READ(current_task(), cred);
	u8 *event = reserve(EVENT(SYSCALL_CAPSET_X), EVENT_HEADER + 4 * 2 + 4 * 8);
	if (!event)
		return 0;
	put_fixed(event, 0, 34, 8, ret);
	put_fixed(event, 1, 42, 8, capability(&cred->cap_inheritable));
	put_fixed(event, 2, 50, 8, capability(&cred->cap_permitted));
	put_fixed(event, 3, 58, 8, capability(&cred->cap_effective));
	submit(event);
	return 0;
}
