// SPDX-License-Identifier: Apache-2.0
/** The invariants of src/README.md that the import graph can show. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generated } from '../src/events/generate.js';

const root = resolve(import.meta.dirname, '..');
const src = join(root, 'src');

function files(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? files(path) : path.endsWith('.ts') ? [path] : [];
  });
}

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const imports: Import[] = files(src).flatMap((path) =>
  [...readFileSync(path, 'utf8').matchAll(/^(import|export)\s+(type\s)?[^;]*?from\s+'([^']+)'/gm)].map((m) => ({
    from: relative(src, path),
    to: m[3].startsWith('.') ? relative(src, resolve(dirname(path), m[3])).replace(/\.js$/, '.ts') : m[3],
    typeOnly: m[2] !== undefined,
  })),
);

const layer = (path: string) => path.split('/')[0];
const shown = (list: readonly Import[]) => list.map((i) => `${i.from} -> ${i.to}`);

describe('the layers of the source tree', () => {
  it('finds the imports it judges', () => {
    expect(imports.length).toBeGreaterThan(50);
  });

  it('lang knows no event, state, field, source or engine: it is handed a catalogue', () => {
    const allowed = new Set(['events/param-types.ts']);
    const wrong = imports.filter(
      (i) =>
        layer(i.from) === 'lang' &&
        !allowed.has(i.to) &&
        ['events', 'state', 'fields', 'sources', 'engine', 'ruleset', 'app', 'cli', 'outputs', 'alert'].includes(layer(i.to)),
    );
    expect(shown(wrong)).toEqual([]);
  });

  it('state, engine, fields, lang, ruleset and alert do no input or output', () => {
    const io = /^(node:)?(fs|net|http|https|http2|child_process|dgram|tls|worker_threads)(\/|$)|^(fastify|undici|chokidar|sonic-boom)$/;
    const wrong = imports.filter(
      (i) => ['state', 'engine', 'fields', 'lang', 'ruleset', 'alert'].includes(layer(i.from)) && io.test(i.to),
    );
    expect(shown(wrong)).toEqual([]);
  });

  it('only sources/native-binding.ts loads the addon', () => {
    const wrong = files(src)
      .filter((path) => !path.endsWith('sources/native-binding.ts') && !path.includes('/setup/'))
      .filter((path) => /falco_ts\.node|process\.dlopen|createRequire/.test(readFileSync(path, 'utf8')))
      .map((path) => relative(src, path));
    expect(wrong).toEqual([]);
  });

  it('servers, clients and watchers are imported where they start: nobody else waits for them', () => {
    const wrong = imports.filter((i) => /^(fastify|undici|prom-client|chokidar|@connectrpc\/connect-node)$/.test(i.to) && !i.typeOnly);
    expect(shown(wrong)).toEqual([]);
  });

  it('util imports nothing above it', () => {
    const wrong = imports.filter((i) => layer(i.from) === 'util' && i.to.endsWith('.ts') && layer(i.to) !== 'util');
    expect(shown(wrong)).toEqual([]);
  });

  it('nothing below imports app or cli', () => {
    const wrong = imports.filter(
      (i) => ['app', 'cli'].includes(layer(i.to)) && !['app', 'cli'].includes(layer(i.from)),
    );
    expect(shown(wrong)).toEqual([]);
  });
});

describe('what the table of events generates', () => {
  for (const [path, text] of generated()) {
    it(`${path} is what the table says (npm run generate)`, () => {
      expect(readFileSync(join(root, path), 'utf8')).toBe(text);
    });
  }
});
