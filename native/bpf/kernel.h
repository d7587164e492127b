/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* Accessors, one for each change of the kernel. */
#pragma once
#include "hooks.h"
#include "kernel-types.h"

INLINE u64 epoch_ns(s64 sec, u64 nsec)
{
	return sec < 0 ? 0 : (u64)sec * 1000000000ull + nsec;
}

/*
 * 6.6 (13bc24457850) renamed i_ctime, 6.11 (3aa63a569c64) split seconds from nanoseconds, 6.13 (4e40eff0b573) made the
 * highest bit of the nanoseconds a flag.
 */
INLINE u64 inode_ctime(struct inode *inode)
{
	struct inode___6_11 *split = (void *)inode;
	if (bpf_core_field_exists(split->i_ctime_sec))
		return epoch_ns(BPF_CORE_READ(split, i_ctime_sec), BPF_CORE_READ(split, i_ctime_nsec) & 0x7fffffff);
	struct inode___6_6 *renamed = (void *)inode;
	if (bpf_core_field_exists(renamed->__i_ctime))
		return epoch_ns(BPF_CORE_READ(renamed, __i_ctime.tv_sec), BPF_CORE_READ(renamed, __i_ctime.tv_nsec));
	struct inode___before_6_6 *old = (void *)inode;
	return epoch_ns(BPF_CORE_READ(old, i_ctime.tv_sec), BPF_CORE_READ(old, i_ctime.tv_nsec));
}

/* 6.7 (12cd44023651) renamed i_mtime, 6.11 split it. */
INLINE u64 inode_mtime(struct inode *inode)
{
	struct inode___6_11 *split = (void *)inode;
	if (bpf_core_field_exists(split->i_mtime_sec))
		return epoch_ns(BPF_CORE_READ(split, i_mtime_sec), BPF_CORE_READ(split, i_mtime_nsec));
	struct inode___6_7 *renamed = (void *)inode;
	if (bpf_core_field_exists(renamed->__i_mtime))
		return epoch_ns(BPF_CORE_READ(renamed, __i_mtime.tv_sec), BPF_CORE_READ(renamed, __i_mtime.tv_nsec));
	struct inode___before_6_6 *old = (void *)inode;
	return epoch_ns(BPF_CORE_READ(old, i_mtime.tv_sec), BPF_CORE_READ(old, i_mtime.tv_nsec));
}

/* 6.2 (f1a7941243c1) made the counters per CPU; the approximate total is what both shapes give. A macro, because the
 * relocation needs a literal index. */
#define MM_FILE 0
#define MM_ANON 1
#define MM_SWAP 2
#define MM_SHARED 3
#define MM_PAGES(mm, kind)                                                                                         \
	(bpf_core_type_exists(struct mm_rss_stat)                                                                  \
		 ? BPF_CORE_READ((struct mm_struct___before_6_2 *)(mm), rss_stat.count[kind].counter)              \
		 : BPF_CORE_READ(mm, rss_stat[kind].count))

/* 6.15 (633488947ef6) renamed kernfs_node.parent. */
INLINE struct kernfs_node *kernfs_parent(struct kernfs_node *node)
{
	struct kernfs_node___6_15 *renamed = (void *)node;
	if (bpf_core_field_exists(renamed->__parent))
		return BPF_CORE_READ(renamed, __parent);
	return BPF_CORE_READ(node, parent);
}

INLINE struct mount *mount_of(struct vfsmount *mnt)
{
	return (struct mount *)((u64)mnt - __builtin_preserve_field_info(((struct mount *)0)->mnt, 0 /* byte offset */));
}

/* Device numbers as user space knows them (stat, /proc). */
INLINE u32 user_device(kdev dev)
{
	u32 major = dev >> 20, minor = dev & 0xfffff;
	return (minor & 0xff) | (major << 8) | ((minor & ~0xffu) << 12);
}
