// SPDX-License-Identifier: Apache-2.0
/** Which sources the configuration asks for, and how each is opened. */
import { readFileSync } from 'node:fs';
import { Ev } from '../events/ids.js';
import type { EventView } from '../events/event-view.js';
import { AUDIT_SOURCE } from '../fields/audit-catalogue.js';
import { SYSCALL_SOURCE } from '../fields/catalogues.js';
import { bundleOf } from '../sources/containers/bundle.js';
import { isMadeBy } from '../sources/containers/maker.js';
import { openEngines } from '../sources/containers/engines.js';
import { ContainerLookUp, type LookUpStats } from '../sources/containers/look-up.js';
import { readContainerConfig } from '../sources/containers/options.js';
import { interestOf, type Selection } from '../sources/interest.js';
import type { CaptureDetails } from '../sources/native-contract.js';
import { Procfs } from '../sources/procfs.js';
import { ReplaySource } from '../sources/replay.js';
import { type Source, type SourceStats, StartError } from '../sources/source.js';
import { StateKeeper } from '../sources/state-keeper.js';
import { bufferPreset, SyscallSource } from '../sources/syscall.js';
import { UserFiles } from '../sources/user-files.js';
import { HOST_CONTAINER } from '../state/users.js';
import { Interval } from '../util/interval.js';
import type { Log } from '../util/log.js';
import { AuditSlot } from './audit-slot.js';
import type { LoadedConfig } from './config/load.js';
import type { Config } from './config/schema.js';
import type { Detection } from './detection.js';
import type { Machine } from './machine.js';
import type { Pipeline } from './pipeline.js';
import { initConfig } from './plugin-config.js';
import { decodeBytes } from '../util/byte-text.js';

/** A source that has been opened or will be: what the monitor holds of it. */
export interface OpenSource {
  readonly name: string;
  /** The capture engine's name, as metrics show it. */
  readonly engine: string;
  /** What the start-up log says. */
  readonly opening: readonly string[];
  /** Starts it into the pipeline. */
  start(end: (error?: Error) => void): Promise<void>;
  stop(): Promise<void>;
  stats(): SourceStats;
  /** What the probe counts by CPU and by program; absent: there is no probe. */
  details?(): CaptureDetails | null;
  /** What asking the container runtimes came to; absent: nobody asks. */
  containers?(): LookUpStats;
  /** Tells it what the rules and the configuration now need. */
  adapt(detection: Detection, config: Config): void;
  /** Opens it anew where another configuration wants that; absent: that takes a restart. @throws StartError with everything as it was */
  reopen?(loaded: LoadedConfig): Promise<void>;
}

export interface SourceTools {
  readonly loaded: LoadedConfig;
  readonly machine: Machine;
  readonly pipeline: Pipeline;
  readonly log: Log;
  /** Told once a second of a replay's own time, in milliseconds. */
  readonly replayed: (now: number) => void;
}

/** @throws StartError when the source's options make no sense */
export function openSource(name: string, detection: Detection, tools: SourceTools): OpenSource {
  const { config } = tools.loaded;
  if (name === AUDIT_SOURCE) return new AuditSlot(tools.loaded, tools.pipeline.audit, tools.log);
  if (name !== SYSCALL_SOURCE) throw new StartError('SOURCES', `there is no event source ${name}`);
  switch (config.engine.kind) {
    case 'replay':
      return replaySource(config.engine.replay.capture_file, tools);
    case 'nodriver':
      return idleSource();
    case 'modern_ebpf':
    case 'kmod':
      return liveSource(detection, tools);
    default:
      return config.engine.kind satisfies never;
  }
}

function liveSource(detection: Detection, tools: SourceTools): OpenSource {
  const { loaded: { config }, machine, pipeline, log } = tools;
  const { engine } = config;
  const probe = engine.kind === 'kmod' ? { ...engine.kmod, cpus_for_each_buffer: engine.modern_ebpf.cpus_for_each_buffer } : engine.modern_ebpf;
  const interest = (of: Detection, base: Config['base_syscalls']) =>
    interestOf(of.engine.eventTypesOf(SYSCALL_SOURCE), {
      base, genericNames: of.engine.namesOf(SYSCALL_SOURCE, Ev.GENERIC_X),
    });
  const selection = interest(detection, config.base_syscalls);
  const bufferBytes = bufferPreset(probe.buf_size_preset);
  const procfs = new Procfs(machine.state.hostRoot);
  const userFiles = new UserFiles(machine.state, machine.users, machine.state.hostRoot);
  const containers = containerLookUp(tools);
  const failures = new Interval(5000);
  const source = new SyscallSource({
    interest: selection,
    sieve: detection.sieve,
    describe: (opening) => {
      machine.state.apply(opening);
      machine.state.after(opening);
    },
    cpusPerBuffer: probe.cpus_for_each_buffer,
    bufferBytes,
    ...(config.falco_libs.snaplen > 0 && { snaplen: config.falco_libs.snaplen }),
    dropFailed: probe.drop_failed_exit,
    failed: (error, event) => {
      // What the event ended (a process, a descriptor) must not be taken for there still.
      machine.state.after(event);
      const held = failures.pass();
      if (held !== null) log.error(`A system call event could not be evaluated${held > 0 ? ` (and ${held} before it)` : ''}: ${error instanceof Error ? error.stack : String(error)}`);
    },
    seed: () => seedFromProc(machine, procfs),
  });
  const keeper = new StateKeeper(machine.state, procfs, {
    lostEvents: () => source.lost(),
    arrivedEvents: () => source.delivered,
    purgeInterval: config.falco_libs.thread_table_auto_purging_interval_s,
    purgeTimeout: config.falco_libs.thread_table_auto_purging_thread_timeout_s,
  });
  const warnOfMissing = () => {
    for (const line of source.missing) log.warning(`This kernel lacks: ${line}`);
  };
  return {
    ...common(source),
    engine: 'modern_bpf',
    opening: [
      `The chosen syscall buffer dimension is: ${bufferBytes} bytes (${bufferBytes / 1024 / 1024} MBs)`,
      ...(engine.kind === 'kmod' ? ["engine.kind 'kmod' is served by the modern BPF probe: there is no kernel module"] : []),
      ...(probe.drop_failed_exit ? ['Failed system calls are dropped in the kernel'] : []),
      "Opening 'syscall' source with modern BPF probe.",
      `One ring buffer every '${probe.cpus_for_each_buffer}' CPUs.`,
    ],
    start: async () => {
      explain(selection, log);
      await containers.start();
      try {
        await source.start(pipeline.syscall);
      } catch (error) {
        await containers.stop();
        throw error;
      }
      log.info(`The BPF programs are attached by ${source.hook}`);
      warnOfMissing();
      keeper.start();
      await userFiles.start();
    },
    stop: async () => {
      keeper.stop();
      await userFiles.stop();
      await source.stop();
      await containers.stop();
    },
    details: () => source.details(),
    containers: () => containers.stats(),
    adapt: (next, { base_syscalls: base }) => {
      const changed = interest(next, base);
      explain(changed, log);
      source.setInterest(changed, next.sieve);
      warnOfMissing();
    },
  };
}

/** Asks the runtimes that the container plugin's options name: the default ones when it is not configured. */
function containerLookUp({ loaded, machine, log }: SourceTools): ContainerLookUp {
  const config = readContainerConfig(initConfig('container', loaded), (message) => log.warning(message));
  return new ContainerLookUp({
    engines: openEngines(config, machine.state.hostRoot),
    table: machine.context.containers,
    inUse: () => {
      const ids = new Set<string>();
      for (const thread of machine.state.threads.values()) ids.add(thread.containerId);
      return ids;
    },
    isOfUser: (id, user) => isMadeBy(machine.state.threads, id, user),
    bundleOf: (tid, fullId) => {
      const folder = bundleOf(machine.state.threads, tid, fullId);
      return folder === null ? null : machine.state.hostRoot + folder;
    },
    follow: config.hooks.length > 0,
    info: (message) => log.info(message),
    warn: (message) => log.warning(message),
  });
}

/** A rule that names a call which is not watched would be silent for no visible reason. */
function explain({ syscalls, ignored, removed, unavailable, forState, invalid }: Selection, log: Log): void {
  const list = (names: readonly string[]): string => names.join(', ');
  if (invalid.length > 0) log.warning(`base_syscalls.custom_set names unknown system calls: ${list(invalid)}`);
  if (ignored.length > 0) log.warning(`Rules use system calls that are ignored by default; set base_syscalls.all to watch them: ${list(ignored)}`);
  if (removed.length > 0) log.warning(`Rules use system calls that base_syscalls.custom_set removes: ${list(removed)}`);
  if (unavailable.length > 0) log.debug(`Rules use system calls that this architecture does not have: ${list(unavailable)}`);
  log.debug(`${syscalls.length} system calls are watched, for the state alone: ${list(forState)}`);
}

/** Puts the threads, descriptors, users and interfaces of the running machine into the state. */
function seedFromProc({ state, users }: Machine, procfs: Procfs): void {
  const text = (file: string) => {
    try {
      return decodeBytes(readFileSync(`${state.hostRoot}/etc/${file}`));
    } catch {
      return '';
    }
  };
  users.load(HOST_CONTAINER, text('passwd'), text('group'));
  procfs.seed(state);
}

export function replaySource(path: string, { machine, pipeline, replayed }: Pick<SourceTools, 'machine' | 'pipeline' | 'replayed'>): OpenSource {
  const { origin, state } = machine;
  origin.live = false;
  const source = new ReplaySource({
    path,
    state,
    onMachine: (info) => {
      origin.machine = info;
    },
  });
  return {
    ...common(source),
    engine: 'savefile',
    opening: [`Replaying events from the capture file: ${path}`],
    start: (end) => source.start(ticking(pipeline.syscall, replayed), end),
    adapt: () => undefined,
  };
}

/** What is done once a second, the events of a capture have done in their own time. */
function ticking(deliver: (event: EventView) => void, tick: (now: number) => void): (event: EventView) => void {
  let next = 0;
  return (event) => {
    const now = event.timestampFloat() / 1e6;
    if (now >= next) {
      if (next !== 0) tick(now);
      next = now + 1000;
    }
    deliver(event);
  };
}

const NO_EVENTS: SourceStats = { produced: 0, delivered: 0, losses: {} };

/** `nodriver`: the syscall source is there and gives no event. */
function idleSource(): OpenSource {
  const nothing = async () => undefined;
  return {
    name: SYSCALL_SOURCE, engine: 'nodriver', opening: ["Opening 'syscall' source with no driver"],
    start: nothing, stop: nothing, stats: () => NO_EVENTS, adapt: () => undefined,
  };
}

const common = (source: Pick<Source, 'name' | 'stop' | 'stats'>) => ({
  name: source.name,
  stop: () => source.stop(),
  stats: () => source.stats(),
});
