// SPDX-License-Identifier: Apache-2.0
/** HOT PATH. Walks from a thread to its parents. */
import type { ThreadInfo } from '../state/thread-info.js';
import type { ThreadLookup } from './context.js';

/** The main thread's ancestor of that generation, as main thread; 0 is the process itself. */
export function ancestor(threads: ThreadLookup, thread: ThreadInfo, generation: number): ThreadInfo | null {
  let process = thread.leader;
  for (let i = 0; i < generation; i++) {
    if (process === null) return null;
    const parent = threads.get(process.ptid);
    if (parent === undefined) return null;
    process = parent.leader;
  }
  return process;
}

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

/**
 * Who leads a session or group: the thread with that id, or, where the id belongs to another pid namespace, the oldest
 * of the ancestors in a row that share it.
 */
export function leaderOf(
  threads: ThreadLookup, thread: ThreadInfo, idOf: (thread: ThreadInfo) => number, namespaced: boolean,
): ThreadInfo | null {
  const id = idOf(thread);
  if (id === -1) return null;
  if (!namespaced || !thread.inPidNamespace) {
    const direct = threads.get(id);
    if (direct !== undefined) return direct;
  }
  let leader: ThreadInfo | null = null;
  let steps = 1;
  for (let at = parentOf(threads, thread, steps); at !== null && idOf(at) === id; at = parentOf(threads, at, ++steps)) leader = at;
  return leader;
}
