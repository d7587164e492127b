/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#pragma once
#include "../deferred.h"
#include "../tasks.h"

#define MAX_THREADS 30
#define MAX_ANCESTORS 60

/* A thread of the task's process that is not exiting: its id, 0: none, -1: too many to look at. */
__noinline int living_thread(u64 address)
{
	struct task_struct *task = (void *)address;
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	u64 head = (u64)signal + bpf_core_field_offset(struct signal_struct, thread_head);
	u64 node = (u64)BPF_CORE_READ(signal, thread_head.next);
	for (int i = 0; i < MAX_THREADS; i++) {
		if (node == head || !node)
			return 0;
		struct task_struct *thread = (void *)(node - bpf_core_field_offset(struct task_struct, thread_node));
		if (!(BPF_CORE_READ(thread, flags) & PF_EXITING))
			return BPF_CORE_READ(thread, pid);
		node = (u64)BPF_CORE_READ(thread, thread_node.next);
	}
	return -1;
}

/*
 * Who inherits the children: a living thread of the same process, else the nearest ancestor that asked for it
 * (PR_SET_CHILD_SUBREAPER) within the same pid namespace, else that namespace's init. 0: nobody, init itself dies;
 * -1: not found within the bounds, user space decides.
 */
INLINE int new_reaper(struct task_struct *task)
{
	int own = living_thread((u64)task);
	if (own != 0)
		return own;
	struct pid *pid = BPF_CORE_READ(task, thread_pid);
	struct task_struct *init = BPF_CORE_READ(pid_namespace_of(pid), child_reaper);
	if (init == task)
		return 0;
	int init_pid = BPF_CORE_READ(init, pid);
	struct signal_struct *signal = BPF_CORE_READ(task, signal);
	if (!BPF_CORE_READ_BITFIELD_PROBED(signal, has_child_subreaper))
		return init_pid;
	u32 level = BPF_CORE_READ(pid, level);
	struct task_struct *candidate = BPF_CORE_READ(task, real_parent);
	for (int i = 0; i < MAX_ANCESTORS; i++) {
		if (candidate == init || BPF_CORE_READ(candidate, thread_pid, level) != level)
			return init_pid;
		signal = BPF_CORE_READ(candidate, signal);
		if (BPF_CORE_READ_BITFIELD_PROBED(signal, is_child_subreaper)) {
			int found = living_thread((u64)candidate);
			if (found != 0)
				return found;
		}
		candidate = BPF_CORE_READ(candidate, real_parent);
	}
	return -1;
}

HOOK("sched", "sched_process_exit") int on_exit(u64 *ctx)
{
	if (!interest.event[EV_PROCEXIT_1_E])
		return 0;
	struct task_struct *task = current_task(); /* the one that exits */
	if (BPF_CORE_READ(task, signal, live.counter) == 0) {
		u64 process = current_process_tag();
		for (u32 fd = 0; fd < DEFERRED_FDS; fd++)
			forget_deferred(process, fd);
	}
	s32 code = BPF_CORE_READ(task, exit_code);
	u32 signal = code & 0x7f;
	u64 children = (u64)task + bpf_core_field_offset(struct task_struct, children);
	s64 reaper = (u64)BPF_CORE_READ(task, children.next) != children ? new_reaper(task) : 0;
	u8 *event = reserve(EVENT(PROCEXIT_1_E), EVENT_HEADER + 5 * 2 + 8 + 8 + 1 + 1 + 8);
	if (!event)
		return 0;
	put_fixed(event, 0, 36, 8, (s64)code);
	put_fixed(event, 1, 44, 8, (code >> 8) & 0xff);
	put_fixed(event, 2, 52, 1, signal != 0x7f ? signal : 0);
	put_fixed(event, 3, 53, 1, (code & 0x80) != 0);
	put_fixed(event, 4, 54, 8, reaper);
	submit(event);
	return 0;
}
