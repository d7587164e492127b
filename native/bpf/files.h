/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* From a descriptor of the current task to the file behind it. */
#pragma once
#include "record.h"

INLINE struct file *file_of(s32 fd)
{
	struct task_struct *task = checked_task();
	struct files_struct *open = CHECKED(task, files);
	if (fd < 0 || !open)
		return NULL;
	struct fdtable *table = CHECKED(open, fdt);
	if (!table || (u32)fd >= CHECKED(table, max_fds))
		return NULL;
	struct file **files = CHECKED(table, fd);
	struct file *file = NULL;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

enum layer { LAYER_NONE, LAYER_UPPER, LAYER_LOWER };

/*
 * On overlayfs: does the file live in the writable layer? The overlay's inode is followed by a pointer to the upper
 * dentry (struct ovl_inode; __upperdentry stands right after vfs_inode in all kernels so far).
 */
INLINE enum layer layer_of(struct inode *inode, struct super_block *filesystem)
{
	if (BPF_CORE_READ(filesystem, s_magic) != OVERLAYFS_MAGIC)
		return LAYER_NONE;
	struct dentry *upper = NULL;
	bpf_probe_read_kernel(&upper, sizeof(upper), (void *)((u64)inode + bpf_core_type_size(struct inode)));
	return upper && BPF_CORE_READ(upper, d_inode, i_ino) ? LAYER_UPPER : LAYER_LOWER;
}

struct opened {
	u32 dev;
	u64 ino;
	u32 created;
	enum layer layer;
};

/* What a successful open tells beyond its arguments. */
INLINE struct opened opened_file(s64 fd)
{
	struct opened out = {};
	struct file *file = file_of(fd);
	if (!file)
		return out;
	/* Descriptor 0 is left out by Falco but for the created flag. */
	if (BPF_CORE_READ(file, f_mode) & FMODE_CREATED)
		out.created = F_file_flags_O_F_CREATED;
	if (fd == 0)
		return out;
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct super_block *filesystem = BPF_CORE_READ(inode, i_sb);
	out.dev = user_device(BPF_CORE_READ(filesystem, s_dev));
	out.ino = BPF_CORE_READ(inode, i_ino);
	out.layer = layer_of(inode, filesystem);
	return out;
}

INLINE u32 layer_flags(enum layer layer)
{
	return layer == LAYER_UPPER ? F_file_flags_FD_UPPER_LAYER : layer == LAYER_LOWER ? F_file_flags_FD_LOWER_LAYER : 0;
}
