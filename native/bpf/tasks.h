/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the process events say about a task. */
#pragma once
#include "memory.h"
#include "paths.h"
#include "readers.h"

#define MAX_ARGS 4096

INLINE int namespaced_nr(struct pid *pid)
{
	u32 level = BPF_CORE_READ(pid, level);
	struct upid upid = {};
	bpf_core_read(&upid, sizeof(upid), (void *)((u64)pid + bpf_core_field_offset(struct pid, numbers) +
						     (u64)level * bpf_core_type_size(struct upid)));
	return upid.nr;
}

/* The namespace in which the pid was made. */
INLINE struct pid_namespace *pid_namespace_of(struct pid *pid)
{
	u32 level = BPF_CORE_READ(pid, level);
	struct upid *upid = (void *)((u64)pid + bpf_core_field_offset(struct pid, numbers) +
				     (u64)level * bpf_core_type_size(struct upid));
	return BPF_CORE_READ(upid, ns);
}

INLINE u64 capability(const void *set)
{
	u64 bits = 0;
	bpf_probe_read_kernel(&bits, sizeof(bits), set);
	return bits;
}

INLINE u32 tty_of(struct task_struct *task)
{
	struct tty_struct *tty = BPF_CORE_READ(task, signal, tty);
	if (!tty)
		return 0;
	struct tty_driver *driver = BPF_CORE_READ(tty, driver);
	if (!driver)
		return 0;
	u32 minor = BPF_CORE_READ(driver, minor_start) + BPF_CORE_READ(tty, index);
	return user_device(((u32)BPF_CORE_READ(driver, major) << 20) + minor);
}

INLINE u32 loginuid_of(struct task_struct *task)
{
	return bpf_core_field_exists(task->loginuid) ? BPF_CORE_READ(task, loginuid.val) : (u32)-1;
}

/* From here to `end` of the task's own memory, at most `max` bytes, closed by a zero; empty when not readable. */
INLINE void put_strings(struct writer *w, u32 index, u64 start, u64 end, u32 max)
{
	u64 bytes = end > start ? end - start : 0;
	if (bytes > max)
		bytes = max;
	u32 n = bytes & (2 * MAX_ARGS - 1);
	if (n == 0 || bpf_probe_read_user(at(w->data, w->position), n, (void *)start)) {
		put_empty(w, index);
		return;
	}
	set_length(w, index, n);
	w->position += n;
	*at(w->data, w->position - 1) = 0;
}

/* exe (parameter 1) and args (2), as the task's memory has them now. */
INLINE void put_exe_and_args(struct writer *w, struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	u64 start = BPF_CORE_READ(mm, arg_start), end = BPF_CORE_READ(mm, arg_end);
	u32 exe = put_user_text(w, 1, start, MAX_ARGS);
	put_strings(w, 2, start + exe, end, MAX_ARGS - exe);
}

/* Parameters 3 to 14 of clone and exec events: tid, pid, ptid, cwd, fdlimit, faults, memory, comm, cgroups. */
INLINE void put_task(struct writer *w, struct task_struct *task)
{
	put(w, 3, 8, (s64)BPF_CORE_READ(task, pid));
	put(w, 4, 8, (s64)BPF_CORE_READ(task, tgid));
	put(w, 5, 8, (s64)BPF_CORE_READ(task, real_parent, pid));
	put_empty(w, 6); /* cwd: user space knows it */
	put(w, 7, 8, BPF_CORE_READ(task, signal, rlim[RLIMIT_NOFILE].rlim_cur));
	put(w, 8, 8, BPF_CORE_READ(task, maj_flt));
	put(w, 9, 8, BPF_CORE_READ(task, min_flt));
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	put(w, 10, 4, memory_size(mm));
	put(w, 11, 4, memory_resident(mm));
	put(w, 12, 4, memory_swapped(mm));
	put_kernel_text(w, 13, &task->comm, 16);
	put_cgroups(w, 14, task);
}
