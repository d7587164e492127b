/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * execve and execveat. A call that succeeds is reported from sched_process_exec, as an execve either way: when the call
 * returns, the registers with its arguments are gone, and on x86_64 its number may be another one. A call that fails is
 * reported when it returns.
 */
#pragma once
#include "../entry.h"
#include "../deferred.h"
#include "../files.h"
#include "../tasks.h"

#define MAX_STRINGS 16
#define MAY_WRITE 2
#define SB_RDONLY 1
#define S_IMMUTABLE 8
#define CAP_DAC_OVERRIDE 1
#define CAP_FOWNER 3

/* Has the id a meaning in the namespace? */
INLINE int is_mapped(struct uid_gid_map *map, u32 id)
{
	u32 extents = BPF_CORE_READ(map, nr_extents);
	if (extents > 5)
		return 1; /* a long map is kept elsewhere */
	for (int i = 0; i < 5; i++) {
		if (i >= extents)
			break;
		u32 first = BPF_CORE_READ(map, extent[i].lower_first);
		if (id >= first && id - first < BPF_CORE_READ(map, extent[i].count))
			return 1;
	}
	return 0;
}

INLINE int in_groups(const struct cred *cred, u32 gid)
{
	struct group_info *groups = BPF_CORE_READ(cred, group_info);
	u32 left = 0, right = BPF_CORE_READ(groups, ngroups);
	for (int i = 0; i < 16 && left < right; i++) { /* the list is sorted and has at most 65536 entries */
		u32 middle = (left + right) / 2, found = 0;
		bpf_probe_read_kernel(&found, sizeof(found),
				      (void *)((u64)groups + bpf_core_field_offset(struct group_info, gid) + 4 * (u64)middle));
		if (found == gid)
			return 1;
		if (found < gid)
			left = middle + 1;
		else
			right = middle;
	}
	return 0;
}

/* Could the task write to its own executable? By owner, mode bits and capabilities, as the kernel would decide without
 * access control lists. */
INLINE int is_writable(const struct cred *cred, struct inode *inode)
{
	u32 mode = BPF_CORE_READ(inode, i_mode), kind = mode & 0170000;
	int plain = kind == 0100000 || kind == 040000 || kind == 0120000;
	if (plain && (BPF_CORE_READ(inode, i_sb, s_flags) & SB_RDONLY))
		return 0;
	if (BPF_CORE_READ(inode, i_flags) & S_IMMUTABLE)
		return 0;
	u32 uid = BPF_CORE_READ(inode, i_uid.val), gid = BPF_CORE_READ(inode, i_gid.val);
	if (uid == (u32)-1 || gid == (u32)-1)
		return 0;
	if (BPF_CORE_READ(cred, fsuid.val) == uid)
		return 1;
	if (gid == BPF_CORE_READ(cred, fsgid.val) || in_groups(cred, gid))
		mode >>= 3;
	if (mode & MAY_WRITE)
		return 1;
	struct user_namespace *ns = BPF_CORE_READ(cred, user_ns);
	if (!ns || !is_mapped(&ns->uid_map, uid))
		return 0;
	u64 effective = capability(&cred->cap_effective);
	if (effective & (1ull << CAP_FOWNER))
		return 1;
	return (effective & (1ull << CAP_DAC_OVERRIDE)) && is_mapped(&ns->gid_map, gid);
}

INLINE int is_memfd(struct dentry *dentry)
{
	if (BPF_CORE_READ(dentry, d_parent) != dentry)
		return 0;
	char name[8] = {};
	bpf_probe_read_kernel_str(name, 7, BPF_CORE_READ(dentry, d_name.name));
	return name[0] == 'm' && name[1] == 'e' && name[2] == 'm' && name[3] == 'f' && name[4] == 'd' && name[5] == ':';
}

INLINE u32 exe_flags(const struct cred *cred, struct file *exe)
{
	struct dentry *dentry = BPF_CORE_READ(exe, f_path.dentry);
	struct inode *inode = BPF_CORE_READ(exe, f_inode);
	enum layer layer = layer_of(inode, BPF_CORE_READ(inode, i_sb));
	return (is_writable(cred, inode) ? F_execve_flags_EXE_WRITABLE : 0) |
	       (layer == LAYER_UPPER ? F_execve_flags_EXE_UPPER_LAYER : 0) |
	       (layer == LAYER_LOWER ? F_execve_flags_EXE_LOWER_LAYER : 0) |
	       (is_memfd(dentry) ? F_execve_flags_EXE_FROM_MEMFD : 0);
}

/* Global, so that it is verified once. */
__noinline u32 executable_flags(u64 cred, u64 exe)
{
	return exe ? exe_flags((const struct cred *)cred, (struct file *)exe) : 0;
}

/* Parameters 16 (tty) to 29 (gid). */
INLINE void put_exec(struct writer *w, struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	struct file *exe = BPF_CORE_READ(task, mm, exe_file);
	struct inode *inode = BPF_CORE_READ(exe, f_inode);
	struct pid *group = BPF_CORE_READ(task, signal, pids[PIDTYPE_PGID]);
	put(w, 16, 4, tty_of(task));
	put(w, 17, 8, (s64)namespaced_nr(group));
	put(w, 18, 4, loginuid_of(task));
	put(w, 19, 4, executable_flags((u64)cred, (u64)exe));
	put(w, 20, 8, capability(&cred->cap_inheritable));
	put(w, 21, 8, capability(&cred->cap_permitted));
	put(w, 22, 8, capability(&cred->cap_effective));
	put(w, 23, 8, BPF_CORE_READ(inode, i_ino));
	put(w, 24, 8, inode_ctime(inode));
	put(w, 25, 8, inode_mtime(inode));
	put(w, 26, 4, BPF_CORE_READ(cred, euid.val));
	put_file_path(w, 27, exe);
	put(w, 28, 8, (s64)BPF_CORE_READ(group, numbers[0].nr));
	put(w, 29, 4, BPF_CORE_READ(cred, egid.val));
}

/* The name by which the program was called. */
INLINE const void *exec_filename(u64 *ctx)
{
#ifdef TRACEPOINT
	/* Its place in the record: the lower half of a word. */
	return (const u8 *)ctx + (*(u32 *)&ctx[1] & 0xffff);
#else
	struct linux_binprm *binprm = (void *)ctx[2];
	return BPF_CORE_READ(binprm, filename);
#endif
}

HOOK("sched", "sched_process_exec") int on_exec(u64 *ctx)
{
	if (!(interest.event[EV_SYSCALL_EXECVE_19_X & (MAX_EVENTS - 1)]))
		return 0;
	struct task_struct *task = current_task();
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return 0;
	forget_closed((u64)task);
	struct writer w = begin(EVENT(SYSCALL_EXECVE_19_X));
	if (!w.data)
		return 0;
	put(&w, 0, 8, 0);
	put_exe_and_args(&w, task);
	put_task(&w, task);
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	put_strings(&w, 15, BPF_CORE_READ(mm, env_start), BPF_CORE_READ(mm, env_end), MAX_ARGS);
	put_exec(&w, task);
	put_kernel_text(&w, 30, exec_filename(ctx), MAX_PATH);
	finish(&w);
	return 0;
}

/* Texts from a vector of pointers, from entry `first` on, at most `max` bytes of them. Gives the new position. */
__noinline u32 write_vector(u32 position, u64 vector, u32 first, u32 max, u32 pointer_bytes)
{
	u8 *data = scratch_data();
	if (!data || !vector)
		return position;
	u32 start = position;
	for (u32 i = first & 1; i < MAX_STRINGS; i++) {
		u64 pointer = 0;
		long failed = pointer_bytes == 4 ? bpf_probe_read_user(&pointer, 4, (void *)(vector + 4 * (u64)i))
						 : bpf_probe_read_user(&pointer, 8, (void *)(vector + 8 * (u64)i));
		if (failed || !pointer)
			break;
		long n = read_user_text(at(data, position), MAX_ARGS, pointer);
		if (n > 0)
			position += n;
		if (position - start >= max) {
			position = start + max;
			*at(data, position - 1) = 0;
			break;
		}
	}
	return position;
}

INLINE void put_vector(struct writer *w, u32 index, u64 vector, u32 first, u32 max, u32 pointer_bytes)
{
	u32 end = write_vector(w->position, vector, first, max, pointer_bytes);
	set_length(w, index, end - w->position);
	w->position = end;
}

/* Parameters 0 to 29 of a failed call, from its own arguments. */
INLINE void put_failed_exec(struct writer *w, s64 ret, u64 argv, u64 envp, u32 pointer_bytes)
{
	struct task_struct *task = current_task();
	u64 first = 0;
	u32 exe = 0;
	put(w, 0, 8, ret);
	if (argv)
		bpf_probe_read_user(&first, pointer_bytes == 4 ? 4 : 8, (void *)argv);
	if (argv)
		exe = put_user_text(w, 1, first, MAX_ARGS);
	else
		put(w, 1, 1, 0); /* no vector at all: an empty name */
	put_vector(w, 2, argv, 1, MAX_ARGS - exe, pointer_bytes);
	put_task(w, task);
	put_vector(w, 15, envp, 0, MAX_ARGS, pointer_bytes);
	put_exec(w, task);
}

PROGRAM(SYSCALL_EXECVE_19_X)
{
	if (ret == 0)
		return 0;
	struct writer w = begin(EVENT(SYSCALL_EXECVE_19_X));
	if (!w.data)
		return 0;
	put_failed_exec(&w, ret, argument(regs, 1), argument(regs, 2), compat_regs ? 4 : 8);
	put_entry_text(&w, 30, argument(regs, 0));
	finish(&w);
	return 0;
}

PROGRAM(SYSCALL_EXECVEAT_X)
{
	if (ret == 0)
		return 0;
	struct writer w = begin(EVENT(SYSCALL_EXECVEAT_X));
	if (!w.data)
		return 0;
	put_failed_exec(&w, ret, argument(regs, 2), argument(regs, 3), compat_regs ? 4 : 8);
	finish(&w);
	return 0;
}
