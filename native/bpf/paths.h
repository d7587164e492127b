/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * Paths of open files and cgroups. bpf_d_path() is not allowed in these hooks, so the dentries are walked by hand,
 * without locks: a rename at that very moment can give a mixed path.
 *
 * The functions that write are global: verified once, whoever calls them. They take and give the position in this CPU's
 * scratch buffer.
 */
#pragma once
#include "record.h"

#define MAX_COMPONENTS 128
#define NAME_MASK 255
/*
 * Paths are put together backwards, in the upper half of the scratch buffer. The position lives in memory and not in a
 * register: what is read back from memory the verifier knows nothing about, so that all rounds of the loop look the same
 * to it and it follows one.
 */
#define PATH_END (MAX_PATH - 1)
#define CGROUP_DEPTH 12

INLINE u8 *backwards(u8 *data, u32 offset)
{
	return data + MAX_EVENT_BYTES + 8192 + (offset & (MAX_PATH - 1));
}

INLINE volatile u32 *backwards_position(u8 *data)
{
	return (volatile u32 *)(data + MAX_EVENT_BYTES + 4096);
}

__noinline u32 write_path(u32 position, u64 file_address)
{
	u8 *data = scratch_data();
	struct file *file = (void *)file_address;
	if (!data || !file)
		return position;
	struct dentry *dentry = BPF_CORE_READ(file, f_path.dentry);
	struct vfsmount *vfs = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount = mount_of(vfs);
	struct dentry *root = BPF_CORE_READ(vfs, mnt_root);
	*backwards_position(data) = PATH_END;
	*backwards(data, PATH_END) = 0;

	for (int i = 0; i < MAX_COMPONENTS; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		if (dentry == root) {
			struct mount *up = BPF_CORE_READ(mount, mnt_parent);
			if (mount == up)
				break;
			dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			mount = up;
			root = BPF_CORE_READ(mount, mnt.mnt_root);
			continue;
		}
		if (dentry == parent)
			break;
		u32 length = BPF_CORE_READ(dentry, d_name.len) & NAME_MASK;
		u32 offset = *backwards_position(data);
		if (offset < length + 1)
			break;
		offset -= length;
		if (bpf_probe_read_kernel(backwards(data, offset), length & NAME_MASK, BPF_CORE_READ(dentry, d_name.name)))
			break;
		offset -= 1;
		*backwards(data, offset) = '/';
		*backwards_position(data) = offset;
		dentry = parent;
	}
	u32 offset = *backwards_position(data);
	const void *text = backwards(data, offset);
	/* No component: the root itself, or a file without a place in the tree (memfd, pipe), which has only a name. */
	if (offset == PATH_END)
		text = BPF_CORE_READ(dentry, d_name.name);
	long n = bpf_probe_read_kernel_str(at(data, position), MAX_PATH, text);
	return n > 0 ? position + n : position;
}

INLINE void put_file_path(struct writer *w, u32 index, struct file *file)
{
	u32 end = write_path(w->position, (u64)file);
	set_length(w, index, end - w->position);
	w->position = end;
}

/* `name=/path` and a zero, of one controller of a task. */
__noinline u32 write_cgroup(u32 position, u32 controller, u64 task)
{
	u8 *data = scratch_data();
	if (!data)
		return position;
	struct css_set *set = BPF_CORE_READ((struct task_struct *)task, cgroups);
	struct cgroup_subsys_state *state = BPF_CORE_READ(set, subsys[controller & 15]);
	long n = bpf_probe_read_kernel_str(at(data, position), 64, BPF_CORE_READ(state, ss, name));
	if (n <= 1)
		return position;
	position += n;
	*at(data, position - 1) = '=';

	const char *names[CGROUP_DEPTH] = {};
	struct cgroup *group = BPF_CORE_READ(state, cgroup), *unified = BPF_CORE_READ(set, dfl_cgrp);
	/* In cgroup v2 the controller may be enabled for an ancestor only: the task is in the group all the same. */
	if (BPF_CORE_READ(group, root) == BPF_CORE_READ(unified, root))
		group = unified;
	struct kernfs_node *node = BPF_CORE_READ(group, kn);
	u32 depth = 0;
#pragma unroll
	for (int i = 0; i < CGROUP_DEPTH; i++) {
		struct kernfs_node *parent = node ? kernfs_parent(node) : NULL;
		if (parent) {
			names[i] = BPF_CORE_READ(node, name);
			depth++;
		}
		node = parent;
	}
	*at(data, position) = '/';
	if (depth == 0)
		position++;
#pragma unroll
	for (int i = CGROUP_DEPTH - 1; i >= 0; i--) {
		if (!names[i])
			continue;
		*at(data, position) = '/';
		n = bpf_probe_read_kernel_str(at(data, position + 1), NAME_MASK + 1, names[i]);
		if (n > 0)
			position += n;
	}
	*at(data, position) = 0;
	return position + 1;
}

#define PUT_CGROUP(end, id)                                                                                        \
	if (bpf_core_enum_value_exists(enum cgroup_subsys_id, id))                                                 \
	end = write_cgroup(end, bpf_core_enum_value(enum cgroup_subsys_id, id), (u64)task)

/* The same five controllers and order as the field's other probes. */
INLINE void put_cgroups(struct writer *w, u32 index, struct task_struct *task)
{
	u32 end = w->position;
	PUT_CGROUP(end, cpuset_cgrp_id);
	PUT_CGROUP(end, cpu_cgrp_id);
	PUT_CGROUP(end, cpuacct_cgrp_id);
	PUT_CGROUP(end, io_cgrp_id);
	PUT_CGROUP(end, memory_cgrp_id);
	set_length(w, index, end - w->position);
	w->position = end;
}
