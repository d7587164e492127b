/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* How much memory a process uses, in KiB. Kernel threads have none. */
#pragma once
#include "kernel.h"

#define PAGE_KB 4

INLINE u32 memory_size(struct mm_struct *mm)
{
	return mm ? BPF_CORE_READ(mm, total_vm) * PAGE_KB : 0;
}

/* Each CPU keeps some pages back before it tells them: a total may be a little below zero. */
INLINE u32 pages_kb(s64 pages)
{
	return pages > 0 ? pages * PAGE_KB : 0;
}

INLINE u32 memory_resident(struct mm_struct *mm)
{
	return mm ? pages_kb(MM_PAGES(mm, MM_FILE) + MM_PAGES(mm, MM_ANON) + MM_PAGES(mm, MM_SHARED)) : 0;
}

INLINE u32 memory_swapped(struct mm_struct *mm)
{
	return mm ? pages_kb(MM_PAGES(mm, MM_SWAP)) : 0;
}

/* `ParamSource` in src/events/table.ts names these. */
INLINE u64 from_vm_size(s64 ret)
{
	return memory_size(BPF_CORE_READ(current_task(), mm));
}
INLINE u64 from_vm_rss(s64 ret)
{
	return memory_resident(BPF_CORE_READ(current_task(), mm));
}
INLINE u64 from_vm_swap(s64 ret)
{
	return memory_swapped(BPF_CORE_READ(current_task(), mm));
}
