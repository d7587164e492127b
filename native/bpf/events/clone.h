/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* clone, clone3, fork, vfork: one event in the parent, and one in the child, which returns from the same call with 0. */
#pragma once
#include "../deferred.h"
#include "../tasks.h"

#define CLONE_THREAD 0x10000

INLINE u32 cloned_flags(struct task_struct *task, u64 flags)
{
	u32 out = from_clone_flags(flags);
	struct pid_namespace *ns = pid_namespace_of(BPF_CORE_READ(task, thread_pid));
	/* In the parent, the child's namespace may already differ (unshare, setns). */
	if (BPF_CORE_READ(ns, level) != 0 || BPF_CORE_READ(task, nsproxy, pid_ns_for_children) != ns)
		out |= F_clone_flags_CLONE_CHILD_IN_PIDNS;
	return out;
}

/* All parameters but the first, which is written before. */
INLINE void put_clone(struct writer *w, struct task_struct *task, u32 flags)
{
	put_task(w, task);
	put(w, 15, 4, flags);
	put(w, 16, 4, BPF_CORE_READ(task, cred, euid.val));
	put(w, 17, 4, BPF_CORE_READ(task, cred, egid.val));
	put(w, 18, 8, (s64)namespaced_nr(BPF_CORE_READ(task, thread_pid)));
}

INLINE int clone_event(struct writer *w, s64 ret, u64 flags)
{
	if (!w->data)
		return 0;
	struct task_struct *task = current_task();
	/* Before the first of the two events: what the child inherits. */
	if (ret >= 0 && !(flags & CLONE_THREAD))
		tell_all((u64)(ret == 0 ? BPF_CORE_READ(task, real_parent) : task));
	put(w, 0, 8, ret);
	if (ret >= 0) {
		put_exe_and_args(w, task);
	} else {
		put_empty(w, 1);
		put_empty(w, 2);
	}
	put_clone(w, task, cloned_flags(task, flags));
	struct pid *tgid = BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
	put(w, 19, 8, (s64)namespaced_nr(tgid));
	/* Only the child knows which namespace it is in. */
	put(w, 20, 8, ret == 0 ? BPF_CORE_READ(pid_namespace_of(tgid), child_reaper, start_time) : 0);
	finish(w);
	return 0;
}

#if defined(__TARGET_ARCH_arm64)
/* arm64 does not trace a new child's return: its event is written by its parent, before the child runs. Which flags were
 * asked for is not known here; some can be seen. */
ARGUMENTS_HOOK("sched_process_fork") int on_fork(u64 *ctx)
{
	if (!interest.event[EV_SYSCALL_CLONE_20_X])
		return 0;
	struct task_struct *parent = current_task(), *child = NULL;
	/* Read, not taken: as a number. A pointer that tp_btf knows the type of may not be passed to a global function. */
	bpf_probe_read_kernel(&child, sizeof(child), &ctx[1]);
	if (BPF_CORE_READ(parent, flags) & PF_KTHREAD)
		return 0;
	struct writer w = begin(EVENT(SYSCALL_CLONE_20_X));
	if (!w.data)
		return 0;
	u32 thread = BPF_CORE_READ(child, pid), flags = 0;
	if (thread != BPF_CORE_READ(child, tgid))
		flags |= F_clone_flags_CLONE_THREAD | F_clone_flags_CLONE_SIGHAND | F_clone_flags_CLONE_VM;
	if (BPF_CORE_READ(child, files) == BPF_CORE_READ(parent, files))
		flags |= F_clone_flags_CLONE_FILES;
	struct pid *own = BPF_CORE_READ(child, thread_pid), *group = BPF_CORE_READ(child, signal, pids[PIDTYPE_TGID]);
	struct pid_namespace *ns = pid_namespace_of(own);
	if (BPF_CORE_READ(ns, level) != 0)
		flags |= F_clone_flags_CLONE_CHILD_IN_PIDNS;
	put(&w, 0, 8, 0);
	/* The child's memory is a copy of the parent's, or the same. */
	put_exe_and_args(&w, parent);
	put_clone(&w, child, flags);
	put(&w, 19, 8, (s64)namespaced_nr(group));
	put(&w, 20, 8, BPF_CORE_READ(ns, child_reaper, start_time));
	finish_as(&w, thread);
	return 0;
}
#endif

PROGRAM(SYSCALL_CLONE_20_X)
{
	struct writer w = begin(EVENT(SYSCALL_CLONE_20_X));
	return clone_event(&w, ret, argument(regs, 0));
}

PROGRAM(SYSCALL_FORK_20_X)
{
	struct writer w = begin(EVENT(SYSCALL_FORK_20_X));
	return clone_event(&w, ret, 0);
}

PROGRAM(SYSCALL_VFORK_20_X)
{
	struct writer w = begin(EVENT(SYSCALL_VFORK_20_X));
	return clone_event(&w, ret, 0);
}

PROGRAM(SYSCALL_CLONE3_X)
{
	struct writer w = begin(EVENT(SYSCALL_CLONE3_X));
	/* The flags are the first member of struct clone_args. */
	u64 flags = 0;
	bpf_probe_read_user(&flags, sizeof(flags), (void *)argument(regs, 0));
	return clone_event(&w, ret, flags);
}
