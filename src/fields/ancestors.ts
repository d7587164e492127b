// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. Walks from a thread to its parents. */
import type { ThreadInfo } from '../state/thread-info.js';
import type { ThreadLookup } from './context.js';

/**
 * The next of a thread's parents, null at the end. `steps` counts from 1 on; chains that go in circles (their ids were used
 * again) end after MAX_STEPS.
 */
export function parentOf(threads: ThreadLookup, thread: ThreadInfo, steps: number): ThreadInfo | null {
  if (steps > MAX_STEPS || thread.tid === thread.ptid) return null;
  return threads.get(thread.ptid) ?? null;
}

const MAX_STEPS = 256;

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
