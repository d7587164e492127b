// SPDX-License-Identifier: Apache-2.0
/** Every field of every event of the corpus against what Falco printed for it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type AuditEvent, parseAuditEvent } from '../../src/events/audit-event.js';
import { AUDIT_SOURCE, auditCatalogue } from '../../src/fields/audit-catalogue.js';
import { argumentOf } from '../../src/fields/catalogue.js';
import type { FieldReader } from '../../src/lang/catalogue.js';

const corpus = resolve(import.meta.dirname, '../../../shared/corpus/k8s-audit');
const reference = resolve(import.meta.dirname, '../../../shared/reference/fields.json');
const catalogue = auditCatalogue({ hostname: 'vm', clock: { firstEvent: 0n } });

type Printed = Readonly<Record<string, unknown>>;

const readers = new Map<string, FieldReader<AuditEvent>>();
function readField(event: AuditEvent, text: string): unknown {
  let reader = readers.get(text);
  if (reader === undefined) {
    const bracket = text.indexOf('[');
    const found = catalogue.find(bracket === -1 ? text : text.slice(0, bracket));
    if (found === null) throw new Error(`no field ${text}`);
    const bound = found.field.bind(bracket === -1 ? null : argumentOf(text.slice(bracket + 1, -1)));
    if (typeof bound === 'string') throw new Error(bound);
    reader = bound;
    readers.set(text, reader);
  }
  return reader(event);
}

/** Where we differ on purpose; each has a test of its own in `ka.test.ts`. */
const DIFFERENT =
  /^ka\.(sourceips|req\.binding\.subject\.has_name|req\.service\.ports\[|.*image\.repository|.*eff_run_as_|.*host_port)/;
/** Printed as numbers in JSON whatever the text; the template's work, not the field's. */
const RENDERED = /^evt\.(time|datetime)/;

function differences(event: AuditEvent, printed: Printed): string[] {
  const wrong: string[] = [];
  for (const [name, want] of Object.entries(printed)) {
    if (DIFFERENT.test(name) || RENDERED.test(name)) continue;
    const got = readField(event, name);
    const plain = typeof got === 'bigint' ? Number(got) : got;
    if (JSON.stringify(plain) !== JSON.stringify(want)) wrong.push(`${name}: ${JSON.stringify(plain)} for ${JSON.stringify(want)}`);
  }
  return wrong;
}

function eventOf(text: string, num: number): AuditEvent {
  const event = parseAuditEvent(text);
  if (typeof event === 'string') throw new Error(event);
  event.num = num;
  return event;
}

const lines = (bytes: Buffer): string[] => bytes.toString().split('\n').filter((line) => line !== '');
const printedOf = (line: string): Printed => (JSON.parse(line) as { output_fields: Printed }).output_fields;

describe('the list of audit fields', () => {
  it.skipIf(!existsSync(reference))('is Falco’s, with its types, lists and arguments', () => {
    interface Listed {
      readonly name: string;
      readonly type: string;
      readonly is_list: boolean;
      readonly argument: { readonly required: boolean; readonly type: readonly string[] } | null;
    }
    const { fieldclasses } = JSON.parse(readFileSync(reference, 'utf8')) as {
      fieldclasses: readonly { readonly event_sources: readonly string[]; readonly fields: readonly Listed[] }[];
    };
    const theirs = fieldclasses
      .filter((one) => one.event_sources.includes(AUDIT_SOURCE))
      .flatMap((one) => one.fields)
      .map((f) => `${f.name} ${f.type} ${f.is_list} ${f.argument?.required ?? ''} ${f.argument?.type.join() ?? ''}`);
    const ours = catalogue.classes
      .flatMap((one) => one.fields)
      .filter((f) => f.unlisted !== true)
      .map((f) => {
        const kinds = [f.argument?.index === true ? 'INDEX' : '', f.argument?.key === true ? 'KEY' : ''].filter(Boolean);
        return `${f.name} ${f.type} ${f.list ?? false} ${f.argument?.required ?? ''} ${kinds.join()}`;
      });
    expect(ours.toSorted()).toEqual(theirs.toSorted());
  });
});

describe.skipIf(!existsSync(corpus))('fields of the corpus', () => {
  it('of 2,154 events from a real apiserver are what Falco printed', () => {
    const bodies = lines(gunzipSync(readFileSync(`${corpus}/main/webhook-bodies.jsonl.gz`)));
    const printed = lines(gunzipSync(readFileSync(`${corpus}/main/fields.jsonl.gz`))).map(printedOf);
    const items = bodies.flatMap((body) => (JSON.parse(body) as { items: unknown[] }).items);
    expect(items.length).toBe(printed.length);
    const wrong = items.flatMap((item, n) => differences(eventOf(JSON.stringify(item), n + 1), printed[n]));
    // The bodies were re-serialised here, so escapes such as < are lost; the webhook tests compare the raw text.
    expect(wrong.filter((text) => !text.includes('\\\\u00'))).toEqual([]);
  });

  const samples = existsSync(corpus) ? readdirSync(`${corpus}/samples`).filter((name) => name.endsWith('.json')) : [];
  const withFields = samples.filter((name) => existsSync(`${corpus}/samples/${name.replace(/json$/, 'fields.jsonl')}`));
  it.each(withFields)('of the sample %s are what Falco printed', (name) => {
    const printed = lines(readFileSync(`${corpus}/samples/${name.replace(/json$/, 'fields.jsonl')}`)).map(printedOf);
    const events = lines(readFileSync(`${corpus}/samples/${name}`)).flatMap((line) => {
      const parsed = JSON.parse(line) as { kind: string; items?: unknown[] };
      return parsed.items === undefined ? [line] : parsed.items.map((item) => JSON.stringify(item));
    });
    expect(events.length).toBe(printed.length);
    expect(events.flatMap((text, n) => differences(eventOf(text, n + 1), printed[n]))).toEqual([]);
  });

  interface Edge {
    readonly case: string;
    readonly input: string;
    readonly output_fields: readonly Printed[];
  }
  const edges = existsSync(corpus)
    ? lines(gunzipSync(readFileSync(`${corpus}/edge.jsonl.gz`))).map((line) => JSON.parse(line) as Edge)
    : [];
  /** Not an event at all, seen by the webhook's tests; or a difference of ours, tested in `ka.test.ts`. */
  const elsewhere = new Set(['nan', 'nul-esc', 'lone-surrogate', 'dup-keys', 'stageTimestamp-year1', 'uri-bad-query']);
  it.each(edges.filter((e) => e.output_fields.length === 1 && !elsewhere.has(e.case) && !e.input.includes(';y=1')).map((e) => [e.case, e] as const))(
    'of the odd input %s are what Falco printed',
    (_name, edge) => {
      const whole = Buffer.from(edge.input, 'latin1').toString();
      const { items } = JSON.parse(whole) as { items?: readonly unknown[] };
      const text = items === undefined ? whole : JSON.stringify(items[0]);
      expect(differences(eventOf(text, 1), edge.output_fields[0])).toEqual([]);
    },
  );
});
