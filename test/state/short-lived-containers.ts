// SPDX-License-Identifier: Apache-2.0
/**
 * Containers that live for one command each, as events through the real state, with the real look-up beside it. Process ids
 * come out of a small pool, so that each is that of a container, then of another one or of a host's process in between.
 */
import type { ContainerEngine, Told } from '../../src/sources/containers/engine.js';
import { ContainerLookUp, type LookUpStats } from '../../src/sources/containers/look-up.js';
import { bareContainer, type ContainerInfo, ContainerTable } from '../../src/state/containers.js';
import { cloneParams, exec, exit, fork, machine } from '../helpers/processes.js';

/** One container a tenth of a second, by a clock of its own, and what is over is let go of every half minute as in the program. */
const CONTAINER_MS = 100;
const SWEEP_EVERY = 300;
const SHELL = 1000;
const FIRST_PID = 5_000;

export interface Run {
  /** Process ids in use. */
  readonly pids: number;
  /** Names that are used again and again, as with containerd's; absent: each container has an id of its own. */
  readonly ids?: number;
  /** Every so many containers the runtime tells nothing, and the first process is what is seen first. */
  readonly silent?: number;
  /** Lets go of the event loop. */
  readonly turn: () => Promise<unknown>;
  /** Called after each sweep, with the number of containers so far. */
  readonly swept?: (containers: number) => void;
}

export interface RunResult {
  readonly wrong: readonly string[];
  readonly stats: LookUpStats;
  readonly mostContainers: number;
  readonly mostThreads: number;
  readonly containersLeft: number;
  /** Threads that were not there at the beginning. */
  readonly threadsLeft: number;
}

/** A runtime that knows each container as long as it runs. */
class Runtime implements ContainerEngine {
  readonly name = 'docker';
  readonly socket = '/';
  told: Told = () => undefined;
  readonly containers = new Map<string, ContainerInfo>();

  make(fullId: string, name: string, created: number, silent: boolean): void {
    const info = { ...bareContainer(fullId.slice(0, 12), 'docker'), fullId, name, imageRepository: `team/${name}`, created: BigInt(created) * 1_000_000_000n };
    this.containers.set(fullId, info);
    if (!silent) this.told(info, true);
  }
  async inspect(id: string): Promise<ContainerInfo | null> {
    for (const [fullId, info] of this.containers) if (fullId.startsWith(id)) return info;
    return null;
  }
  async running(): Promise<readonly string[]> {
    return [];
  }
  follow(told: Told): Promise<void> {
    this.told = told;
    return new Promise(() => undefined);
  }
  async close(): Promise<void> {}
}

export async function runContainers(count: number, { pids, ids, silent = 0, turn, swept }: Run): Promise<RunResult> {
  const containers = new ContainerTable();
  const state = machine({ containers });
  const runtime = new Runtime();
  const inUse = () => new Set([...state.threads.values()].map((thread) => thread.containerId));
  const lookUp = new ContainerLookUp({ engines: [runtime], table: containers, inUse, isOfUser: () => null, bundleOf: () => null, follow: true, info: () => undefined, warn: () => undefined });
  await lookUp.start();
  const before = state.threads.size;
  const wrong: string[] = [];
  let mostContainers = 0;
  let mostThreads = 0;
  // Whole milliseconds: sums of fractions would fall short of a minute.
  let now = Math.ceil(performance.now());
  /** What `container.id` and `container.name` show of a process. */
  const expectFields = (pid: number, id: string, name: string | null): void => {
    const info = containers.get(state.threads.get(pid)?.containerId ?? 'no such process');
    const seen = [info?.id ?? state.threads.get(pid)?.containerId, info?.name ?? null];
    if ((seen[0] !== id || seen[1] !== name) && wrong.length < 10) wrong.push(`${pid}: ${seen.join(' ')} instead of ${id} ${name}`);
  };
  /** One process: made in its cgroup, another program in it, and its end. */
  const live = async (pid: number, cgroup: string, id: string, names: readonly (string | null)[]): Promise<void> => {
    const cgroups = [`cpuset=${cgroup}`, `memory=${cgroup}`];
    fork(state, SHELL, pid, cloneParams({ cgroups, tid: pid, pid, ptid: SHELL, vtid: 1, vpid: 1 }));
    exec(state, pid, '/bin/job', [], { cgroups, ptid: SHELL });
    expectFields(pid, id, names[0]);
    await turn();
    expectFields(pid, id, names[1]);
    mostThreads = Math.max(mostThreads, state.threads.size - before);
    exit(state, pid);
  };

  for (let i = 0; i < count; i++) {
    const pid = FIRST_PID + (i % pids);
    const fullId = ids === undefined ? i.toString(16).padStart(12, '0') + 'e'.repeat(52) : `job-${i % ids}`;
    const name = `name-${i}`;
    const isSilent = silent > 0 && i % silent === 0;
    runtime.make(fullId, name, i + 1, isSilent);
    await live(pid, ids === undefined ? `/docker/${fullId}` : `/default/${fullId}`, fullId.slice(0, 12), [isSilent ? null : name, name]);
    runtime.containers.delete(fullId);
    if (i % 4 === 0) await live(pid, '/user.slice', 'host', ['host', 'host']);
    mostContainers = Math.max(mostContainers, containers.size);
    now += CONTAINER_MS;
    if (i % SWEEP_EVERY === SWEEP_EVERY - 1) {
      lookUp.sweep(now);
      swept?.(i + 1);
    }
  }
  lookUp.sweep(now);
  lookUp.sweep(now + 61_000);
  const result = { wrong, stats: { ...lookUp.stats() }, mostContainers, mostThreads, containersLeft: containers.size, threadsLeft: state.threads.size - before };
  await lookUp.stop();
  return result;
}
