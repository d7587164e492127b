// SPDX-License-Identifier: Apache-2.0
/**
 * A small machine for tests of fields: init (1), a login shell (100) and its child (1000, with the thread 1001), seeded
 * as /proc would be; then events go through the real state and fields are read as rules and outputs read them.
 */
import { createEngine } from '../../src/engine/engine.js';
import { parse } from '../../src/lang/parse.js';
import type { EventView } from '../../src/events/event-view.js';
import { argumentOf } from '../../src/fields/catalogue.js';
import { emptyContext, syscallCatalogue } from '../../src/fields/catalogues.js';
import type { FieldContext } from '../../src/fields/context.js';
import type { FieldDef, FieldReader } from '../../src/lang/catalogue.js';
import type { Value } from '../../src/lang/value.js';
import { ContainerTable } from '../../src/state/containers.js';
import { FdInfo } from '../../src/state/fd-info.js';
import { State } from '../../src/state/state.js';
import { ThreadInfo } from '../../src/state/thread-info.js';
import { UserTable } from '../../src/state/users.js';
import { type EventOptions, feed, type ParamValue } from './event-builder.js';

export interface Happening {
  readonly key: string;
  readonly values?: Readonly<Record<string, ParamValue>>;
  readonly options?: EventOptions;
}

export const BOOT = 1_600_000_000_000_000_000n;

export class Scene {
  readonly users = new UserTable();
  readonly containers = new ContainerTable();
  readonly state = new State({ users: this.users, containers: this.containers });
  readonly context: FieldContext;
  readonly catalogue: ReturnType<typeof syscallCatalogue>;

  constructor(context: Partial<FieldContext> = {}) {
    this.context = {
      ...emptyContext(),
      hostname: 'node1',
      threads: this.state.threads,
      users: this.users,
      containers: this.containers,
      interfaces: this.state.interfaces,
      ...context,
    };
    this.catalogue = syscallCatalogue(this.context);
    this.users.load('', 'root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000::/home/alice:/bin/zsh\n', 'root:x:0:\nstaff:x:1000:alice\n');
    this.state.interfaces.set([
      { name: 'lo', address: '127.0.0.1', netmask: '255.0.0.0' },
      { name: 'eth0', address: '10.0.0.5', netmask: '255.255.255.0' },
    ]);
    this.add(1, 1, 0, 'init', ['/sbin/init'], (t) => {
      t.sid = 1;
      t.exepath = '/usr/lib/systemd/systemd';
    });
    this.add(100, 100, 1, 'bash', ['-bash', '-l'], (t) => {
      t.exepath = '/usr/bin/bash';
      t.sid = 100;
      t.pgid = 100;
      t.vpgid = 100;
      t.env = ['HOME=/home/alice', 'SECRET=  of bash '];
      t.cloneTs = BOOT;
    });
    this.add(1000, 1000, 100, 'cat', ['/bin/cat', '-n', 'some file'], (t) => {
      t.exepath = '/usr/bin/cat';
      t.sid = 100;
      t.pgid = 1000;
      t.vpgid = 1000;
      t.uid = 1000;
      t.gid = 1000;
      t.env = ['HOME=/home/alice', 'PATH=/usr/bin:/bin'];
      t.cwd = '/home/alice/';
      t.tty = 34816;
      t.cloneTs = BOOT + 5_000_000_000n;
      t.fdLimit = 1024;
      t.fds.set(0, new FdInfo('file', '/dev/null'));
      t.fds.set(1, new FdInfo('pipe', ''));
      t.fds.set(3, new FdInfo('file', '/etc/passwd'));
      t.fds.set(4, new FdInfo('directory', '/etc'));
    });
    this.add(1001, 1000, 100, 'cat', ['/bin/cat', '-n', 'some file'], () => {});
    this.state.seeded();
  }

  /** Changes the process 1000, as if it had always been so. */
  with(change: (thread: ThreadInfo) => void): this {
    change(this.thread(1000));
    return this;
  }

  thread(tid: number): ThreadInfo {
    const thread = this.state.threads.get(tid);
    if (thread === undefined) throw new Error(`no thread ${tid}`);
    return thread;
  }

  /** Lets something happen that nobody looks at. */
  first(key: string, values: Readonly<Record<string, ParamValue>> = {}, options: EventOptions = {}): this {
    feed(this.state, key, values, options);
    return this;
  }

  /** What an output prints of a use of a field (`proc.aname[2]`) for an event. */
  prints(use: string, event: Happening = { key: 'SYSCALL_GETUID_X' }): Value {
    return this.read(this.bind(use, false), event);
  }

  /** What a comparison looks at. */
  compares(use: string, event: Happening = { key: 'SYSCALL_GETUID_X' }): Value {
    return this.read(this.bind(use, true), event);
  }

  /** Does a rule with the condition match the event? */
  matches(condition: string, event: Happening = { key: 'SYSCALL_GETUID_X' }): boolean {
    const { ast, errors } = parse(condition);
    if (ast === null) throw new Error(errors[0].message);
    let matched = false;
    const rule = { name: 'r', source: 'syscall', condition: ast, enabled: true };
    const engine = createEngine([rule], [this.catalogue], { matching: 'all', onMatch: () => { matched = true; } });
    feed(this.state, event.key, event.values ?? {}, event.options ?? {}, (view) => engine.process(0, view));
    return matched;
  }

  /** Why a use is refused; null: it is not. */
  refuses(use: string): string | null {
    try {
      this.bind(use, false);
      return null;
    } catch (error) {
      return (error as Error).message;
    }
  }

  field(use: string): FieldDef<EventView> | undefined {
    return this.catalogue.find(use)?.field;
  }

  private bind(use: string, inCondition: boolean): FieldReader<EventView> {
    const bracket = use.indexOf('[');
    const found = this.catalogue.find(bracket === -1 ? use : use.slice(0, bracket));
    if (found === null) throw new Error(`no field ${use}`);
    const argument = bracket === -1 ? found.argument : argumentOf(use.slice(bracket + 1, -1));
    const special = inCondition ? (found.field.inCondition?.bind(argument) ?? null) : null;
    const reader = special ?? found.field.bind(argument);
    if (typeof reader === 'string') throw new Error(reader);
    return reader;
  }

  private read(reader: FieldReader<EventView>, event: Happening): Value {
    let value: Value = null;
    feed(this.state, event.key, event.values ?? {}, event.options ?? {}, (view) => {
      const seen = reader(view);
      value = seen instanceof Uint8Array ? Buffer.from(seen).toString('latin1') : seen;
    });
    return value;
  }

  /** One more process; then `state.seeded()`, once for all. */
  add(tid: number, pid: number, ptid: number, comm: string, argv: readonly string[], change: (thread: ThreadInfo) => void): void {
    const thread = new ThreadInfo(tid, pid);
    thread.ptid = ptid;
    thread.comm = comm;
    thread.exe = argv[0];
    thread.args = argv.slice(1);
    thread.vtid = tid;
    thread.vpid = pid;
    thread.uid = 0;
    thread.gid = 0;
    change(thread);
    this.state.seedThread(thread);
  }
}
