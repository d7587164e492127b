// SPDX-License-Identifier: Apache-2.0
/** Reads every recorded field through the catalogue and collects where it is not what real Falco's JSON had. */
import type { EventView } from '../../src/events/event-view.js';
import { EVENTS } from '../../src/events/table.js';
import { argumentOf } from '../../src/fields/catalogue.js';
import { emptyContext, syscallCatalogue } from '../../src/fields/catalogues.js';
import type { FieldDef, FieldReader } from '../../src/lang/catalogue.js';
import type { Value } from '../../src/lang/value.js';
import { ContainerTable } from '../../src/state/containers.js';
import { State } from '../../src/state/state.js';
import { UserTable } from '../../src/state/users.js';
import { expectedFields, type Recording, replayInto } from './corpus.js';

export type Differences = Map<string, string[]>;

/**
 * Where real Falco's replay says something wrong or nothing, each with the reason; `src/README.md` lists them, too.
 * A rule sees the values that differ from it and says whether that is why.
 */
interface Exemption {
  readonly fields: RegExp;
  readonly why: string;
  readonly applies: (got: unknown, want: unknown, event: EventView, state: State) => boolean;
}

function hasDataBytes(event: EventView): boolean {
  const index = EVENTS[event.type].params.findIndex((param) => param.name === 'data' && param.type === 'BYTEBUF');
  return index !== -1 && event.has(index);
}

const started = (boot: bigint, want: unknown): number => Number(boot) + Number(want ?? 0);

const EXEMPTIONS: readonly Exemption[] = [
  {
    fields: /^evt\.deltatime|^thread\.(tot)?exectime$|^thread\.cpu/,
    why: 'it reads the field twice for one event, and the second time says that no time has passed',
    applies: (_, want) => want === 0,
  },
  {
    fields: /^proc\.ppid\.duration$/,
    why: "it says the number of the process's descriptors when the parent's start is not known",
    applies: (got) => got === null,
  },
  {
    fields: /^(proc\.pidns_init_start_ts|container\.start_ts)$/,
    why: 'it forgets when that machine was started, so that its times begin there instead of in 1970',
    applies: (got, want, _, state) => Number(got) === started(state.bootTs, want),
  },
  {
    fields: /^container\.duration$/,
    why: 'as above',
    applies: (got, want, event, state) =>
      want === null ? Number(got) === Number(event.timestamp() - state.bootTs) : Math.abs(Number(got) + Number(state.bootTs) - Number(want)) < 1024,
  },
  {
    fields: /^evt\.buffer$/,
    why: 'it takes the length of a buffer before for texts that are none, and shows what was left in memory behind them',
    applies: (got, want, event) => !hasDataBytes(event) && (String(want).startsWith(String(got)) || String(got).startsWith(String(want))),
  },
  {
    fields: /^fdlist\.sips$/,
    why: 'it prints the first four bytes of an IPv6 address as an IPv4 address',
    applies: (got) => String(got).includes('::'),
  },
  {
    fields: /^fd\.is_server$/,
    why: 'it looks at the addresses of a socket that has none yet',
    applies: (got, want, event) => got === false && want === true && event.fd !== null && event.fd.destIp === null,
  },
  {
    fields: /^fs\.path\.name$/,
    why: 'it does not take a directory that was opened without O_DIRECTORY for one',
    applies: (got, want) => String(want).startsWith('<UNKNOWN>') && String(got).endsWith(String(want).slice('<UNKNOWN>'.length)),
  },
  {
    fields: /^user\.shell$/,
    why: 'it looks for the users of a recorded container on the machine that replays',
    applies: (_, want, event) => want === '<NA>' && event.thread?.containerId !== '',
  },
  {
    fields: /^evt\.(args|info|arg\[0\])$/,
    why: 'as above',
    applies: (got, want, event) =>
      event.thread?.containerId !== '' && String(got).replace(/(^|\()(root|guest)(\)|$)/g, '$1<NA>$3').replaceAll('(root)', '(<NA>)') === String(want).replaceAll('(root)', '(<NA>)'),
  },
  {
    fields: /^evt\.reltime/,
    why: 'before the first event that is no list of processes it counts from 1970',
    applies: (got, _, event) => got === 0 && EVENTS[event.type].kind === 'meta',
  },
  {
    fields: /^proc\.exe_ino\.ctime_duration/,
    why: 'in captures of old it shows memory that was never set',
    applies: (got) => got === null,
  },
];

const needed = new Map<Exemption, Set<string>>();

/** Over all recordings so far: the fields that needed an exemption, and the exemptions that no field needed. */
export function exemptions(): { readonly fields: readonly string[]; readonly unneeded: readonly string[] } {
  return {
    fields: [...needed.values()].flatMap((names) => [...names]),
    unneeded: EXEMPTIONS.filter((rule) => !needed.has(rule)).map((rule) => `${rule.fields.source}: ${rule.why}`),
  };
}

function exempt(name: string, got: unknown, want: unknown, event: EventView, state: State): boolean {
  for (const rule of EXEMPTIONS) {
    if (!rule.fields.test(name) || !rule.applies(got, want, event, state)) continue;
    const names = needed.get(rule) ?? new Set();
    needed.set(rule, names.add(name));
    return true;
  }
  return false;
}

interface Bound {
  readonly name: string;
  readonly field: FieldDef<EventView>;
  readonly read: FieldReader<EventView>;
}

function bind(catalogue: ReturnType<typeof syscallCatalogue>, use: string): Bound | null {
  const bracket = use.indexOf('[');
  const found = catalogue.find(bracket === -1 ? use : use.slice(0, bracket));
  if (found === null) return null;
  const argument = bracket === -1 ? found.argument : argumentOf(use.slice(bracket + 1, -1));
  const read = found.field.bind(argument);
  return typeof read === 'string' ? null : { name: use, field: found.field, read: found.field.json ?? read };
}

/** As the JSON output has it. */
function asJson(field: FieldDef<EventView>, value: Value): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((item) => asJson(field, item));
  if (typeof value === 'bigint') return field.format === 'HEX' ? value.toString(16).toUpperCase() : Number(value);
  if (typeof value === 'number' && field.format === 'HEX') return value.toString(16).toUpperCase();
  return value;
}

function same(name: string, got: unknown, want: unknown): boolean {
  if (got === want) return true;
  // The order of a hash table.
  if (name === 'fd.types' && Array.isArray(got) && Array.isArray(want)) {
    return JSON.stringify([...got].sort()) === JSON.stringify([...want].sort());
  }
  return JSON.stringify(got) === JSON.stringify(want);
}

export async function fieldDifferences(recording: Recording): Promise<{ compared: number; differences: Differences }> {
  const expected = await expectedFields(recording);
  const differences: Differences = new Map();
  const users = new UserTable();
  const containers = new ContainerTable();
  const state = new State({ users, containers });
  const context = { ...emptyContext(), threads: state.threads, users, containers, interfaces: state.interfaces };
  const catalogue = syscallCatalogue(context);
  const names = new Set<string>();
  for (const fields of expected.values()) for (const name in fields) names.add(name);
  const bound: Bound[] = [];
  for (const name of names) {
    const field = bind(catalogue, name);
    if (field === null) differences.set(name, ['no such field']);
    else bound.push(field);
  }
  let compared = 0;
  await replayInto(state, recording.capture, (view) => {
    const fields = expected.get(view.num);
    if (fields === undefined) return;
    for (const { name, field, read } of bound) {
      if (!(name in fields)) continue;
      compared++;
      const got = asJson(field, read(view));
      const want = fields[name];
      if (same(name, got, want) || exempt(name, got, want, view, state)) continue;
      const list = differences.get(name) ?? [];
      list.push(`#${view.num} ${EVENTS[view.type].key}: ${JSON.stringify(got)} is not ${JSON.stringify(want)}`);
      differences.set(name, list);
    }
  });
  return { compared, differences };
}

const SHOWN = 4;

export function describeDifferences(differences: Differences): string {
  return [...differences]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([name, list]) => `${name} (${list.length}):\n    ${list.slice(0, SHOWN).join('\n    ')}`)
    .join('\n');
}
