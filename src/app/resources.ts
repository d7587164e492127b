// SPDX-License-Identifier: Apache-2.0
/** `resource_utilization_enabled`: what the monitor and its host use, under Falco's names. */
import { readFileSync } from 'node:fs';

export type ResourceUnit = 'perc' | 'kb' | 'bytes' | 'count';

export interface Resource {
  /** Without its unit. */
  readonly name: string;
  readonly unit: ResourceUnit;
  readonly help: string;
  readonly value: number;
}

/** The memory of the container that the monitor runs in, as cgroup v1 and v2 tell it. */
const CONTAINER_MEMORY = ['/sys/fs/cgroup/memory/memory.usage_in_bytes', '/sys/fs/cgroup/memory.current'];

/** What cannot be read is left out. @param startedAt milliseconds since the epoch @param hostRoot HOST_ROOT */
export function resources(startedAt: number, hostRoot: string): readonly Resource[] {
  const { user, system } = process.cpuUsage();
  const status = read('/proc/self/status');
  const memory = read(`${hostRoot}/proc/meminfo`);
  const stat = read(`${hostRoot}/proc/stat`);
  const kilobytes = (text: string, name: string) => number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]);
  const paths = process.env.FALCO_CGROUP_MEM_PATH === undefined ? CONTAINER_MEMORY : [process.env.FALCO_CGROUP_MEM_PATH];
  const container = paths.map((path) => number(read(path).trim())).find((value) => value !== null) ?? null;
  const free = ['MemFree', 'Buffers', 'Cached'].reduce((sum, name) => sum + (kilobytes(memory, name) ?? 0), 0);
  const total = kilobytes(memory, 'MemTotal');
  const all: readonly (readonly [name: string, unit: ResourceUnit, help: string, value: number | null])[] = [
    ['cpu_usage', 'perc', 'CPU time of the monitor by run time', (user + system) / 10 / Math.max(1, Date.now() - startedAt)],
    ['memory_rss', 'kb', 'Resident memory of the monitor', kilobytes(status, 'VmRSS')],
    ['memory_vsz', 'kb', 'Virtual memory of the monitor', kilobytes(status, 'VmSize')],
    ['memory_pss', 'kb', 'Proportional memory of the monitor', kilobytes(read('/proc/self/smaps_rollup'), 'Pss')],
    ['container_memory_used', 'bytes', 'Memory of the container that the monitor runs in', container],
    ['host_cpu_usage', 'perc', 'CPU time in use on the host since its start', hostCpu(stat)],
    ['host_memory_used', 'kb', 'Memory in use on the host', total === null ? null : total - free],
    ['host_procs_running', 'count', 'Processes that run on the host', number(/^procs_running (\d+)/m.exec(stat)?.[1])],
    ['host_open_fds', 'count', 'Open files on the host', number(/^\d+/.exec(read(`${hostRoot}/proc/sys/fs/file-nr`))?.[0])],
  ];
  return all.flatMap(([name, unit, help, value]) => (value === null ? [] : [{ name, unit, help, value }]));
}

/** Seconds since the epoch. */
export function bootTime(hostRoot: string): number {
  return number(/^btime (\d+)/m.exec(read(`${hostRoot}/proc/stat`))?.[1]) ?? 0;
}

/** Columns: user, nice, system, idle, iowait, irq, softirq. */
function hostCpu(stat: string): number | null {
  const columns = /^cpu +(.*)$/m.exec(stat)?.[1].split(' ').slice(0, 7).map(Number);
  if (columns === undefined || columns.length < 7) return null;
  const sum = columns.reduce((a, b) => a + b, 0);
  return sum === 0 ? null : 100 - ((columns[3] + columns[4]) * 100) / sum;
}

const number = (text: string | undefined): number | null => (text === undefined || !/^\d+$/.test(text) ? null : Number(text));

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
