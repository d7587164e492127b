// SPDX-License-Identifier: Apache-2.0
/**
 * What evaluating the rules costs, by ways of doing it: one fused function per event type (what runs), closures by event
 * type, and a walk of the trees of all rules. Upstream's three syscall rules files, on the events of the captures in
 * ../shared with the field values that real Falco saw, so that what is measured is the rules and not the reading of fields.
 *
 *   npm run build:ts && node test/bench/engine-bench.mjs [rounds]
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { testOf } from '../../dist/engine/check-code.js';
import { compile } from '../../dist/engine/compile.js';
import { createEngine } from '../../dist/engine/engine.js';
import { foldAll } from '../../dist/engine/event-types.js';
import { readerOf } from '../../dist/engine/operand.js';
import { Planner } from '../../dist/engine/plan.js';
import { eachOf, everyElement, hasCandidates, pair, someElement, someOf } from '../../dist/engine/runtime.js';
import { syscallCatalogue } from '../../dist/fields/catalogues.js';
import { kindOf } from '../../dist/lang/kinds.js';
import { loadRuleset } from '../../dist/ruleset/load.js';

const rounds = Number(process.argv[2] ?? 5);
const shared = join(import.meta.dirname, '../../../shared');
if (!existsSync(shared)) {
  console.log('skipped: ../shared is not there');
  process.exit(0);
}

/** The real catalogue's names and types over events that are arrays of values. */
const real = syscallCatalogue({});
const slots = new Map();
const slotOf = (key) => {
  if (!slots.has(key)) slots.set(key, slots.size);
  return slots.get(key);
};
const reader = (key) => {
  const slot = slotOf(key);
  return (event) => event.values[slot];
};
const bare = (field) => {
  const { json, inCondition, ...rest } = field;
  return { ...rest, bind: (argument) => reader(argument === null || argument.text === '' ? field.name : `${field.name}[${argument.text}]`) };
};
const catalogue = {
  ...real,
  find: (name) => {
    const found = real.find(name);
    if (found === null) return null;
    return found.argument === null ? { ...found, field: bare(found.field) } : { field: { ...bare(found.field), bind: () => reader(name) }, argument: found.argument };
  },
};

const files = ['falco_rules', 'falco-incubating_rules', 'falco-sandbox_rules'].map((name) => {
  const path = join(shared, 'reference/rules', `${name}.yaml`);
  return { name: path, text: readFileSync(path, 'utf8') };
});
const loaded = loadRuleset(files, { catalogues: [catalogue], selection: [{ enable: { rule: '*' } }] });
if (loaded.value === null) throw new Error(loaded.diagnostics.map((d) => d.message).join('\n'));
const rules = loaded.value.rules.filter((rule) => rule.source === 'syscall');
const indexed = rules.map((rule, index) => ({ index, condition: rule.condition }));

const start = performance.now();
const compiled = compile(indexed, catalogue);
const functions = new Set(compiled.byType);
functions.delete(null);
console.log(`${rules.length} rules compiled in ${(performance.now() - start).toFixed(0)} ms: ${functions.size} functions, ${compiled.text.length} characters, ${compiled.fields.size} fields`);

function typed(field, value) {
  if (value === null || value === undefined) return null;
  if (field.list) return Array.isArray(value) ? value : String(value).replace(/^\(|\)$/g, '').split(',');
  switch (kindOf(field.type)) {
    case 'bool': return value === true || value === 'true';
    case 'integer': case 'double': return Number(value);
    case 'bytes': return new Uint8Array(Buffer.from(String(value)));
    default: return String(value);
  }
}

const events = [];
for (const capture of ['containers', 'host-files', 'host-python']) {
  const path = join(shared, 'corpus/syscalls', capture, 'fields.jsonl.gz');
  if (!existsSync(path)) continue;
  for (const line of gunzipSync(readFileSync(path)).toString('utf8').split('\n')) {
    if (line === '') continue;
    const fields = JSON.parse(line);
    const types = real.eventTypes.get(fields['evt.type']);
    if (types === undefined) continue;
    const values = new Array(slots.size).fill(null);
    for (const [key, slot] of slots) {
      if (!(key in fields)) continue;
      const found = real.find(key.replace(/\[.*$/, ''));
      // A fresh copy of each text, as decoding an event makes it: not one that is interned with the constants.
      const value = typed(found.field, fields[key]);
      values[slot] = typeof value === 'string' ? Buffer.from(value).toString() : value;
    }
    // An odd number is the exit event, which is what rules see.
    events.push({ type: types.find((type) => type % 2 === 1) ?? types[0], num: 1, timestamp: () => 0n, values });
  }
}

/** A node to a function, without an index, sharing or generated code. */
function closure(node) {
  switch (node.kind) {
    case 'constant': return () => node.value;
    case 'not': {
      const child = closure(node.child);
      return (event) => !child(event);
    }
    case 'and': {
      const children = node.children.map(closure);
      return (event) => {
        for (let i = 0; i < children.length; i++) if (!children[i](event)) return false;
        return true;
      };
    }
    case 'or': {
      const children = node.children.map(closure);
      return (event) => {
        for (let i = 0; i < children.length; i++) if (children[i](event)) return true;
        return false;
      };
    }
    default: return checkOf(node);
  }
}

const prepared = new Map();
function checkOf(node) {
  let check = prepared.get(node);
  if (check === undefined) {
    check = prepareCheck(node);
    prepared.set(node, check);
  }
  return check;
}

function prepareCheck(node) {
  const read = readerOf(node.left);
  const { operator } = node;
  if (operator === null) return (event) => hasCandidates(read(event));
  if (node.right !== null) {
    const right = readerOf(node.right);
    const between = operator.between(kindOf(node.left.type));
    return (event) => pair(read(event), right(event), between);
  }
  const test = testOf(node, operator);
  const over = node.left.list ? (operator.name === 'in' ? everyElement : someElement) : operator.name === '!=' && node.left.candidates === 'all' ? eachOf : someOf;
  return (event) => over(read(event), test);
}

function walk(node, event) {
  switch (node.kind) {
    case 'constant': return node.value;
    case 'not': return !walk(node.child, event);
    case 'and': return node.children.every((child) => walk(child, event));
    case 'or': return node.children.some((child) => walk(child, event));
    default: return checkOf(node)(event);
  }
}

const planner = new Planner(catalogue);
const roots = indexed.map((rule) => planner.plan(rule.condition));
const byType = new Array(real.eventTypeCount).fill(null);
for (const group of foldAll(planner, roots, catalogue)) {
  const left = group.roots.flatMap((root, index) => (root === planner.false ? [] : [{ index, test: closure(root) }]));
  for (const type of group.types) byType[type] = left;
}

let found = 0;
const engine = createEngine(rules.map((rule) => ({ ...rule, enabled: true })), [catalogue], { matching: 'all', onMatch: () => { found++; } });
const ways = {
  fused: (event) => engine.process(0, event),
  closures: (event) => {
    const left = byType[event.type];
    for (let i = 0; i < left.length; i++) if (left[i].test(event)) found++;
  },
  'tree walk': (event) => {
    for (let i = 0; i < roots.length; i++) if (walk(roots[i], event)) found++;
  },
};

/**
 * A few hundred events, in their proportions: they stay in the processor's caches, as an event does that has just been
 * decoded. With all of them at once it is fetching their values from memory that is measured.
 */
const some = (list) => list.filter((_, i) => i % Math.ceil(list.length / 400) === 0);
const samples = [['all events', some(events)], ['rules look at', some(events.filter((event) => compiled.byType[event.type] !== null))]];
console.log(`${events.length} events; samples of ${samples.map(([what, sample]) => `${sample.length} (${what})`).join(' and ')}; best of ${rounds} rounds`);
const best = {};
for (const [name, way] of Object.entries(ways)) {
  for (const [what, sample] of samples) {
    const repeats = name === 'fused' ? 200 : 20;
    let least = Number.POSITIVE_INFINITY;
    for (let round = 0; round < rounds; round++) {
      found = 0;
      // Time on the processor: what else the machine does does not count.
      const begin = process.cpuUsage();
      for (let repeat = 0; repeat < repeats; repeat++) for (let i = 0; i < sample.length; i++) way(sample[i]);
      const { user, system } = process.cpuUsage(begin);
      least = Math.min(least, (1000 * (user + system)) / sample.length / repeats);
    }
    best[`${name} ${what}`] = least;
    console.log(`${name.padEnd(10)} ${what.padEnd(14)} ${least.toFixed(1).padStart(8)} ns/event, ${found / repeats} matches`);
  }
}
for (const [what] of samples) {
  console.log(`${what}: fused is ${(best[`closures ${what}`] / best[`fused ${what}`]).toFixed(1)}x closures, ${(best[`tree walk ${what}`] / best[`fused ${what}`]).toFixed(1)}x the tree walk`);
}
