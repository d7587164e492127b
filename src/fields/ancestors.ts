// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. Walks from a thread to its parents. */
import type { ThreadInfo } from '../state/thread-info.js';
import type { ThreadLookup } from './context.js';

/** Where the walk that is under way was at its last power of two (Brent's algorithm). There is one walk at a time. */
let mark: ThreadInfo | null = null;

/**
 * The next of a thread's parents, null at the end. `steps` counts from 1 on. There is no limit, behind which a process could
 * hide by forking often enough; a chain that goes in circles (its ids were used again) ends once it is back where it was.
 */
export function parentOf(threads: ThreadLookup, thread: ThreadInfo, steps: number): ThreadInfo | null {
  if (thread.tid === thread.ptid) return null;
  const parent = threads.get(thread.ptid) ?? null;
  if (steps > 1 && parent === mark) return null;
  if ((steps & (steps - 1)) === 0) mark = parent;
  return parent;
}

/** What `read` says of each ancestor of a process, nearest first. */
export function ancestorValues<T>(
  threads: ThreadLookup, thread: ThreadInfo, read: (thread: ThreadInfo) => T,
): T[] | null {
  const process = thread.leader;
  if (process === null) return null;
  const values: T[] = [];
  let steps = 1;
  for (let at = parentOf(threads, process, steps); at !== null; at = parentOf(threads, at, ++steps)) values.push(read(at));
  return values;
}
