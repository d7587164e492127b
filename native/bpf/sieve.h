/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * What no rule can match and no state depends on is held back here, before its event is made. What is asked comes from the
 * loaded rules (src/sieve/); each test lets through whatever is not certain.
 */
#pragma once
#include "deferred.h"
#include "entry.h"
#include "readers.h"
#include "told.h"

#define F_DUPFD 0
#define F_SETFD 2
#define F_DUPFD_CLOEXEC 1030
#define K_CLOSE_RANGE_CLOEXEC 4

INLINE struct sieve_set *active_sieve(void)
{
	return &sieve.sets[sieve.active & 1];
}

INLINE int held_back(void)
{
	struct counts *c = this_counts();
	if (c) {
		c->produced++;
		c->filtered++;
	}
	return 0;
}

/* Number in `programs` or, of a 32-bit call, in `compat_programs`. */
INLINE u32 program_of(struct pt_regs *regs)
{
	u32 number = syscall_number(regs);
#if defined(__TARGET_ARCH_x86)
	if (is_compat_call() && number == IA32_SOCKETCALL)
		return COMPAT_SOCKETCALLS + (u32)REG(regs, bx);
#endif
	return number;
}

INLINE u32 native_number(u64 program)
{
	if (!is_compat_call())
		return program;
	barrier_var(program);
	return program < MAX_COMPAT_CALLS ? config.native_of_compat[program] : 0;
}

/* On to the event's program. */
INLINE int go_on(u64 *ctx, u32 program)
{
	if (is_compat_call())
		bpf_tail_call(ctx, &compat_programs, program);
	else
		bpf_tail_call(ctx, &programs, program);
	struct counts *c = this_counts();
	if (c) {
		c->produced++;
		c->dropped++;
	}
	return 0;
}

/* Argument 0 to 5, without a call: the dispatcher may not have both calls and tail calls on some kernels. */
INLINE u64 inline_argument(struct pt_regs *regs, int index)
{
#if defined(__TARGET_ARCH_x86)
	if (is_compat_call()) {
		switch (index) {
		case 0: return (u32)REG(regs, bx);
		case 1: return (u32)REG(regs, cx);
		case 2: return (u32)REG(regs, dx);
		case 3: return (u32)REG(regs, si);
		case 4: return (u32)REG(regs, di);
		default: return (u32)REG(regs, bp);
		}
	}
#endif
	return native_argument(regs, index);
}

#define IS_DEFERRED(index) ((fds & (1 << index)) && deferred(process, (u32)inline_argument(regs, index)))

/* Does the call use a descriptor whose opening was held back? socketcall's arguments are in memory; they are sockets. */
INLINE int uses_deferred(struct pt_regs *regs, u32 fds)
{
	u64 process = current_process_tag();
	return IS_DEFERRED(0) || IS_DEFERRED(1) || IS_DEFERRED(2) || IS_DEFERRED(3) || IS_DEFERRED(4);
}

/* A descriptor that the call gave is none of those before. */
INLINE void forget_given(s64 ret, u32 what)
{
	if (what & SIEVE_GIVES_FD && ret >= 0) {
		forget_deferred(current_process_tag(), ret);
		forget_told(ret);
	}
}

#define FIRST_DEFERRED(index)                                                                                      \
	else if (IS_DEFERRED(index)) fd = (u32)inline_argument(regs, index)

HOOK("raw_syscalls", "sys_exit") int stage_descriptors(u64 *ctx)
{
	struct pt_regs *regs = call_regs(ctx);
	u32 program = program_of(regs);
	u32 fds = active_sieve()->uses_fds[native_number(program) & (MAX_SYSCALLS - 1)];
	u64 process = current_process_tag(), ids = bpf_get_current_pid_tgid();
	s64 fd = -1;
	if (0)
		;
	FIRST_DEFERRED(0);
	FIRST_DEFERRED(1);
	FIRST_DEFERRED(2);
	FIRST_DEFERRED(3);
	FIRST_DEFERRED(4);
	/* Told: the next one, if there is one. */
	if (fd >= 0 && !tell_descriptor(process, ids, file_of(fd), fd))
		bpf_tail_call(ctx, &stages, STAGE_DESCRIPTORS);
	forget_given(call_result(ctx), active_sieve()->calls[native_number(program) & (MAX_SYSCALLS - 1)]);
	return go_on(ctx, program);
}

HOOK("raw_syscalls", "sys_exit") int stage_close_range(u64 *ctx)
{
	struct pt_regs *regs = call_regs(ctx);
	u64 process = current_process_tag();
	/* In memory: of bounds in registers the verifier follows every combination, too many for Linux 5.10. */
	volatile u32 *range = (volatile u32 *)scratch_data();
	if (range && call_result(ctx) >= 0 && !(inline_argument(regs, 2) & K_CLOSE_RANGE_CLOEXEC)) {
		range[0] = inline_argument(regs, 0);
		range[1] = inline_argument(regs, 1);
		for (u32 fd = 0; fd < DEFERRED_FDS; fd++) {
			if (fd >= range[0] && fd <= range[1])
				forget_deferred(process, fd);
		}
	}
	return go_on(ctx, program_of(regs));
}

/* Do other processes have the same descriptors, or this process more than one set of them? */
INLINE int shares_files(void)
{
	struct task_struct *task = checked_task();
	struct files_struct *files = CHECKED(task, files);
	struct signal_struct *signal = CHECKED(task, signal);
	if (!files || !signal)
		return 1;
	return CHECKED(files, count.counter) != CHECKED(signal, nr_threads);
}

HOOK("raw_syscalls", "sys_exit") int stage_open(u64 *ctx)
{
	struct pt_regs *regs = call_regs(ctx);
	s64 ret = call_result(ctx);
	u32 program = program_of(regs);
	struct sieve_set *set = active_sieve();
	u32 native = native_number(program) & (MAX_SYSCALLS - 1);
	u32 what = set->calls[native], fds = set->uses_fds[native];
	u64 tag = current_process_tag() + (u32)ret;
	struct deferred_open *slot = NULL;
	u64 pointer = what & SIEVE_OPEN_AT ? inline_argument(regs, 1) : inline_argument(regs, 0);
	u64 flags = what & SIEVE_OPEN_AT ? inline_argument(regs, 2) : inline_argument(regs, 1);
	forget_given(ret, SIEVE_GIVES_FD);
	/* What the call began with: a path that is not the same now is looked at by the event's program. */
	struct entry *entry = own_entry();
	if (!entry)
		goto passes;
	if (what & SIEVE_OPEN_HOW) {
		if (!entry->how_bytes)
			goto passes;
		flags = entry->how[0];
	}
	u32 class = flags & 3;
	if (flags & (K_O_CREAT | (K_O_TMPFILE & ~K_O_DIRECTORY)))
		class |= OPEN_CREATES;
	u8 *path;
	if (ret < 0) {
		class |= OPEN_FAILED;
		path = scratch_data();
	} else {
		if (ret >= DEFERRED_FDS)
			goto passes;
		slot = slot_of(tag);
		if (!slot)
			goto passes;
		if (slot->tag || flags & K_O_DIRECTORY || shares_files()) {
			slot = NULL;
			goto passes;
		}
		path = (u8 *)slot->path;
	}
	if (set->any_path >> class & 1 || !path) {
		slot = NULL;
		goto passes;
	}
	if (slot && !take_slot(slot))
		goto passes;
	long n = read_user_text(path, MAX_SIEVED_PATH, pointer);
	if (n <= 1 || n >= MAX_SIEVED_PATH || n != entry->bytes)
		goto passes;

	u32 whole = HASH_BEGIN, name = HASH_BEGIN, directory = HASH_BEGIN, tail = 0, found = 0;
	u32 last = 0;
	u64 lengths = set->prefix_lengths;
	for (u32 i = 0; i < MAX_SIEVED_PATH - 1; i++) {
		u32 c = path[i];
		if (c != (u8)entry->data[i])
			goto passes;
		if (!c)
			break;
		/* Only plain paths: absolute, without what would have to be resolved. */
		if (i == 0 ? c != '/' : c == '/' ? last == '/' || last == '.' : c == '.' && last == '/')
			goto passes;
		if (c == '/') {
			directory = whole;
			name = HASH_BEGIN;
		} else {
			name = HASH_STEP(name, c);
		}
		whole = HASH_STEP(whole, c);
		if (i < MAX_PREFIX && lengths >> (i + 1) & 1)
			found |= set->paths[PATH_PREFIX][HASH_SLOT(whole)];
		tail = tail << 8 | c;
		last = c;
	}
	tail = HASH_TAIL(tail);
	found |= set->paths[PATH_WHOLE][HASH_SLOT(whole)] | set->paths[PATH_NAME][HASH_SLOT(name)] |
		 set->paths[PATH_DIRECTORY][HASH_SLOT(directory)] | set->paths[PATH_TAIL][HASH_SLOT(tail)];
	if (last == '/' || (found & set->some_paths) >> class & 1)
		goto passes;
	if (slot) {
		slot->flags = open_flags(flags);
		slot->check = tag + whole;
		slot->tag = tag;
		leave_slot(slot);
	}
	return held_back();
passes:
	if (slot)
		leave_slot(slot);
	/* The directory that a relative path starts from may have to be told of first. */
	if (fds && uses_deferred(regs, fds))
		bpf_tail_call(ctx, &stages, STAGE_DESCRIPTORS);
	return go_on(ctx, program);
}

HOOK("raw_syscalls", "sys_exit") int stage_message(u64 *ctx)
{
	struct pt_regs *regs = call_regs(ctx);
	u32 program = program_of(regs);
	u32 native = native_number(program) & (MAX_SYSCALLS - 1);
	struct sieve_set *set = active_sieve();
	u32 what = set->calls[native], fds = set->uses_fds[native];
	/* One that failed changes nothing; 32-bit calls are few. */
	if (call_result(ctx) >= 0 && !is_compat_call()) {
		s32 fd = inline_argument(regs, 0);
		u64 *told = told_slot(fd);
		u64 tells = message_tells(fd, what & SIEVE_INCOMING);
		if (tells && what & SIEVE_HEADER && has_control(inline_argument(regs, 1)))
			tells = 0;
		if (tells && told && *told == tells && what & SIEVE_REPEATED)
			return held_back();
		if (told)
			*told = tells;
	}
	if (fds && uses_deferred(regs, fds))
		bpf_tail_call(ctx, &stages, STAGE_DESCRIPTORS);
	return go_on(ctx, program);
}
