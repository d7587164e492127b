// SPDX-License-Identifier: Apache-2.0
/**
 * Derives from the one table: the C headers below `native/` for the BPF programs and the addon, and `src/events/ids.ts`.
 * Run with `npm run generate`; a test fails when what is committed differs.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FLAG_SETS } from './flags.js';
import { lossCategory, programsSource, syscallsSource } from './generate-programs.js';
import { PARAM_TYPES } from './param-types.js';
import { SYSCALLS } from './syscalls.js';
import { EVENTS } from './table.js';

/** Fingerprint of everything that both sides must agree on. */
export function schemaHash(): string {
  return createHash('sha256').update(JSON.stringify([PARAM_TYPES, EVENTS, SYSCALLS, FLAG_SETS])).digest('hex').slice(0, 16);
}

const BANNER = '// SPDX-License-Identifier: Apache-2.0\n// Generated from src/events/table.ts by `npm run generate`. Do not edit.\n';

function idsSource(): string {
  const rows = EVENTS.filter((e) => e.kind !== 'none').map((e) => `  ${e.key} = ${e.type},`);
  return (
    `${BANNER}/** Event types by their wire names. */\nexport const enum Ev {\n${rows.join('\n')}\n}\n\n` +
    `export const SCHEMA_HASH = '${schemaHash()}';\n`
  );
}

function headerSource(): string {
  const out = ['/* SPDX-License-Identifier: MIT OR GPL-2.0-only */'];
  out.push('/* Generated from src/events/table.ts by `npm run generate`. Do not edit. */', '#pragma once', '');
  out.push(`#define FT_SCHEMA_HASH "${schemaHash()}"`, '');
  for (const e of EVENTS) {
    if (e.kind === 'none') continue;
    out.push(`#define EV_${e.key} ${e.type}`, `#define EV_${e.key}_PARAMS ${e.params.length}`);
    if (e.kind === 'syscall' || e.kind === 'tracepoint') out.push(`#define EV_${e.key}_LOSS LOSS_${lossCategory(e)}`);
  }
  out.push(`#define EV_COUNT ${EVENTS.length}`, '');
  for (const [set, values] of Object.entries(FLAG_SETS)) {
    out.push(`/* ${set} */`);
    for (const [name, value] of values) out.push(`#define F_${set}_${name.replace(/\W/g, '_')} 0x${value.toString(16)}u`);
  }
  out.push('');
  for (const s of SYSCALLS) out.push(`#define SC_${s.name} ${s.code}`);
  return `${out.join('\n')}\n`;
}

/** Paths relative to the repository and their contents. */
export function generated(): ReadonlyMap<string, string> {
  return new Map([
    ['native/bpf/generated/events.h', headerSource()],
    ['native/bpf/generated/programs.h', programsSource()],
    ['native/addon/generated/syscalls.h', syscallsSource(schemaHash())],
    ['src/events/ids.ts', idsSource()],
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = new URL('../../', import.meta.url);
  for (const side of ['bpf', 'addon']) mkdirSync(new URL(`native/${side}/generated/`, root), { recursive: true });
  for (const [path, text] of generated()) writeFileSync(new URL(path, root), text);
}
