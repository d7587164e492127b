// SPDX-License-Identifier: Apache-2.0
/** A source that exists for tests: a field of every type, events that are bags of values. */
import type { FieldDef, SourceCatalogue } from '../../src/lang/catalogue.js';
import type { FieldType, Scalar, Value } from '../../src/lang/value.js';

export interface BagEvent {
  readonly type: number;
  readonly num: number;
  timestamp(): bigint;
  readonly values: Readonly<Record<string, Value>>;
}

export function bag(values: Readonly<Record<string, Value>>, type = 1): BagEvent {
  return { type, num: 1, timestamp: () => 0n, values };
}

/** Event types 0 to 5; 5 goes by three names, and 4 by none. */
export const EVENT_TYPES: ReadonlyMap<string, readonly number[]> = new Map([
  ['open', [0, 1]], ['close', [2]], ['connect', [3]], ['setns', [5]], ['kexec_load', [5]], ['ptrace', [5]],
]);
export const EVENT_TYPE_COUNT = 6;
export const NAMES_BY_TYPE: readonly (readonly string[])[] = [['open'], ['open'], ['close'], ['connect'], ['odd'], ['setns', 'kexec_load', 'ptrace']];

interface FieldSpec {
  readonly name: string;
  readonly type: FieldType;
  readonly list?: boolean;
}

const scalars: readonly FieldType[] = [
  'CHARBUF', 'FSPATH', 'FSRELPATH', 'BYTEBUF', 'BOOL', 'DOUBLE', 'IPADDR', 'IPNET', 'PORT',
  'INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64', 'FD', 'PID', 'ERRNO', 'SIGTYPE', 'SYSCALLID', 'MODE',
  'ABSTIME', 'RELTIME', 'FLAGS8', 'FLAGS16', 'FLAGS32', 'ENUMFLAGS8', 'ENUMFLAGS16', 'ENUMFLAGS32',
];
const lists: readonly FieldType[] = ['CHARBUF', 'UINT64', 'RELTIME', 'ABSTIME', 'BOOL', 'IPADDR', 'IPNET'];

/** Two of each scalar type, so that they can be compared: `t.charbuf` and `u.charbuf`; lists are `l.` and `m.`. */
export const FIELD_SPECS: readonly FieldSpec[] = [
  ...scalars.flatMap((type) => ['t', 'u'].map((prefix) => ({ name: `${prefix}.${type.toLowerCase()}`, type }))),
  ...lists.flatMap((type) => ['l', 'm'].map((prefix) => ({ name: `${prefix}.${type.toLowerCase()}`, type, list: true }))),
];

export interface Candidates {
  readonly name: string;
  readonly type: FieldType;
  readonly notEqual: 'one' | 'all';
}

export const CANDIDATE_FIELDS: readonly Candidates[] = [
  { name: 'any.name', type: 'CHARBUF', notEqual: 'one' },
  { name: 'any.pid', type: 'PID', notEqual: 'one' },
  { name: 'any.ip', type: 'IPADDR', notEqual: 'all' },
  { name: 'any.net', type: 'IPNET', notEqual: 'all' },
  { name: 'any.port', type: 'PORT', notEqual: 'all' },
];

export interface SyntheticOptions {
  /** Called at each read. */
  readonly onRead?: (name: string) => void;
}

export function syntheticCatalogue(options: SyntheticOptions = {}): SourceCatalogue<BagEvent> {
  const value = (name: string) => (event: BagEvent): Value => {
    options.onRead?.(name);
    return event.values[name] ?? null;
  };
  const fields: FieldDef<BagEvent>[] = [
    ...FIELD_SPECS.map((spec) => ({ ...spec, desc: '', bind: () => value(spec.name) })),
    ...CANDIDATE_FIELDS.map(({ name, type, notEqual }): FieldDef<BagEvent> => ({
      name, type, desc: '', constantsOnly: true, noTransformer: true,
      argument: { required: false, index: true, key: false },
      bind: (argument) => value(argument === null ? `${name} printed` : `${name}[${argument.text}]`),
      inCondition: { notEqual, bind: (argument) => (argument === null ? value(name) : null) },
    })),
    { name: 'evt.type', type: 'CHARBUF', desc: '', bind: () => (event) => event.values['evt.type'] ?? (NAMES_BY_TYPE[event.type]?.[0] as Scalar) },
    { name: 'arg.index', type: 'CHARBUF', desc: '', argument: { required: true, index: true, key: false }, bind: (a) => value(`arg.index[${a?.text}]`) },
    { name: 'arg.key', type: 'CHARBUF', desc: '', argument: { required: false, index: true, key: true }, bind: (a) => (a?.text === 'bad' ? 'bad is no key' : value(`arg.key[${a?.text ?? ''}]`)) },
    { name: 'only.printed', type: 'CHARBUF', desc: '', printOnly: true, bind: () => value('only.printed') },
    { name: 'only.filtered', type: 'CHARBUF', desc: '', filterOnly: true, bind: () => value('only.filtered') },
    { name: 'around.time', type: 'UINT64', desc: '', equalsMeansAtMost: true, constantsOnly: true, bind: () => value('around.time') },
    { name: 'old.one', type: 'CHARBUF', desc: '', deprecated: true, bind: () => value('old.one') },
    { name: 'odd.socket', type: 'SOCKADDR', desc: '', bind: () => value('odd.socket') },
  ];
  const byName = new Map(fields.map((field) => [field.name, field]));
  return {
    source: 'synthetic',
    classes: [{ name: 'all', desc: '', fields }],
    find: (name) => {
      const field = byName.get(name);
      return field === undefined ? null : { field, argument: null };
    },
    eventTypes: EVENT_TYPES,
    eventTypeCount: EVENT_TYPE_COUNT,
  };
}
