// SPDX-License-Identifier: Apache-2.0
/** Falco's names for what is counted here under names of our own. */
import { readFileSync } from 'node:fs';
import type { CaptureDetails } from '../sources/native-contract.js';

/** Counters of the state. */
export const STATE_COUNTERS: readonly (readonly [name: string, help: string, kind: string])[] = [
  ['n_added_threads', 'Threads that came into the table', 'added'],
  ['n_removed_threads', 'Threads that ended', 'removed'],
  ['n_drops_full_threadtable', 'Threads that found no room', 'refused'],
];

/** By the names in native/bpf. Ours alone: the one program for all calls that begin. */
const PROGRAMS: Readonly<Record<string, string>> = {
  on_sys_enter: 'sys_enter',
  on_sys_exit: 'sys_exit',
  on_exec: 'sched_p_exec',
  on_exit: 'sched_proc_exit',
  on_fork: 'sched_p_fork',
  on_switch: 'sched_switch',
  on_signal: 'signal_deliver',
  on_user_fault: 'pf_user',
  on_kernel_fault: 'pf_kernel',
};

export interface ProgramCost {
  readonly name: string;
  readonly runs: number;
  readonly nanoseconds: number;
  /** Nanoseconds of a run, whole ones. */
  readonly average: number;
}

/** What each BPF program has cost; none while the kernel does not measure them. */
export function programCosts({ programs }: CaptureDetails): readonly ProgramCost[] {
  if (!measuresPrograms()) return [];
  return programs.map(({ name, runs, nanoseconds }) => ({
    name: PROGRAMS[name] ?? name, runs, nanoseconds, average: runs === 0 ? 0 : Math.floor(nanoseconds / runs),
  }));
}

/** Does the kernel measure BPF programs? It costs each run some 20 ns, so that it is off unless somebody switches it on. */
export function measuresPrograms(): boolean {
  try {
    return readFileSync('/proc/sys/kernel/bpf_stats_enabled', 'latin1').trim() === '1';
  } catch {
    return false;
  }
}
