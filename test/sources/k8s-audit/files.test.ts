// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../src/events/audit-event.js';
import { type K8sAuditConfig, K8sAuditSource } from '../../../src/sources/k8s-audit.js';
import { auditEvent, copyOf, eventList } from './post.js';

const corpus = resolve(import.meta.dirname, '../../../../shared/corpus/k8s-audit');

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-audit-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const line = (id: string, members: object = {}): string => `${JSON.stringify(auditEvent(id, members))}\n`;

interface Result {
  readonly ids: unknown[];
  readonly events: readonly AuditEvent[];
  readonly source: K8sAuditSource;
  readonly warnings: readonly string[];
  readonly error: Error | undefined;
}

/** Reads a file to its end. */
async function readAll(openParams: string, config: K8sAuditConfig = {}): Promise<Result> {
  const events: AuditEvent[] = [];
  const warnings: string[] = [];
  const source = new K8sAuditSource({ openParams, config, warn: (message) => warnings.push(message) });
  const error = await new Promise<Error | undefined>((done, fail) => {
    source.start((event) => events.push(copyOf(event)), done).catch(fail);
  });
  await source.stop();
  return { ids: events.map((event) => event.object.auditID), events, source, warnings, error };
}

describe('a file of audit events', () => {
  it('is read to its end, then the source says so', async () => {
    writeFileSync(join(dir, 'a.log'), line('a') + line('b') + eventList(auditEvent('c'), auditEvent('d')));
    const { ids, error, source } = await readAll(join(dir, 'a.log'));
    expect([ids, error]).toEqual([['a', 'b', 'c', 'd'], undefined]);
    expect(source.stats().delivered).toBe(4);
  });

  it('may hold lines of any length, and needs no last newline', async () => {
    const long = eventList(...Array.from({ length: 3000 }, (_, n) => auditEvent(`e${n}`, { x: 'y'.repeat(1000) })));
    writeFileSync(join(dir, 'a.log'), `${long}${line('z').trim()}`);
    const { ids } = await readAll(join(dir, 'a.log'));
    expect([ids.length, ids.at(-1)]).toEqual([3001, 'z']);
  });

  it('with broken lines gives all others, and says how many it refused', async () => {
    const text = `${line('a')}{"kind":"Event","auditID":"cut\n${line('b')}not JSON at all\n\n${line('c', { stageTimestamp: 'never' })}${line('d')}{"kind":`;
    writeFileSync(join(dir, 'a.log'), text);
    const { ids, warnings, source } = await readAll(join(dir, 'a.log'));
    expect(ids).toEqual(['a', 'b', 'd']);
    expect(source.stats().losses).toMatchObject({ event_malformed: 2, event_no_time: 1, body_truncated: 1 });
    expect(warnings).toEqual([expect.stringContaining('3 events taken, refused: 2 event_malformed, 1 event_no_time, 1 body_truncated')]);
  });

  it('that is sent twice on purpose alerts twice', async () => {
    writeFileSync(join(dir, 'a.log'), line('a') + line('a'));
    expect((await readAll(join(dir, 'a.log'))).ids).toEqual(['a', 'a']);
  });

  it('may be a folder of files, read oldest first', async () => {
    const folder = join(dir, 'logs');
    mkdirSync(folder);
    for (const [name, age] of [['x', 10], ['y', 30], ['z', 20]] as const) {
      writeFileSync(join(folder, name), line(name).trim());
      utimesSync(join(folder, name), Date.now() / 1000 - age, Date.now() / 1000 - age);
    }
    expect((await readAll(folder)).ids).toEqual(['y', 'z', 'x']);
  });

  it('that is not there is fatal at the start', async () => {
    await expect(readAll(join(dir, 'none'))).rejects.toMatchObject({ code: 'K8S_AUDIT_FILE', message: expect.stringContaining('ENOENT') });
  });

  it.skipIf(!existsSync(corpus))('is the log back end of a real apiserver: 2,166 events', async () => {
    const path = join(dir, 'audit.log');
    writeFileSync(path, gunzipSync(readFileSync(`${corpus}/main/audit.log.gz`)));
    const { events, source } = await readAll(path);
    expect(events.length).toBe(2166);
    expect(Object.values(source.stats().losses).reduce((a, b) => a + b)).toBe(0);
  });
});

describe('standard input', () => {
  it('is read when open_params is -', async () => {
    const script = join(dir, 'read.ts');
    const source = resolve(import.meta.dirname, '../../../dist/sources/k8s-audit.js');
    if (!existsSync(source)) return expect(existsSync(source), 'the build in dist/').toBe(true);
    writeFileSync(
      script.replace('.ts', '.mjs'),
      `import { K8sAuditSource } from ${JSON.stringify(source)};
       const s = new K8sAuditSource({ openParams: '-' });
       await s.start((e) => console.log(e.num, e.object.auditID), () => console.log('end'));`,
    );
    const child = spawn(process.execPath, [script.replace('.ts', '.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk.toString();
    });
    child.stdin.write(line('a'));
    child.stdin.end(line('b'));
    await new Promise((done) => child.on('close', done));
    expect(out).toBe('1 a\n2 b\nend\n');
  });
});

describe('a followed file', () => {
  let source: K8sAuditSource | null = null;
  let ids: unknown[] = [];
  let warnings: string[] = [];

  async function follow(config: K8sAuditConfig = {}): Promise<void> {
    ids = [];
    warnings = [];
    source = new K8sAuditSource({ openParams: `file://${join(dir, 'audit.log')}`, config, warn: (message) => warnings.push(message) });
    await source.start((event) => ids.push(event.object.auditID), () => {});
  }
  afterEach(async () => {
    await source?.stop();
    source = null;
  });
  const log = (): string => join(dir, 'audit.log');
  const seen = (want: unknown[]): Promise<void> => expect.poll(() => ids, { timeout: 3000, interval: 20 }).toEqual(want) as unknown as Promise<void>;

  it('gives what is appended after the start, also in pieces', async () => {
    writeFileSync(log(), line('old'));
    await follow();
    appendFileSync(log(), line('a'));
    await seen(['a']);
    const text = line('b');
    appendFileSync(log(), text.slice(0, 50));
    await new Promise((done) => setTimeout(done, 250));
    appendFileSync(log(), text.slice(50) + line('c'));
    await seen(['a', 'b', 'c']);
  });

  it('is waited for when it is not there yet', async () => {
    await follow();
    writeFileSync(log(), line('a'));
    await seen(['a']);
  });

  it('survives rotation by rename, losing and doubling nothing', async () => {
    writeFileSync(log(), '');
    await follow();
    appendFileSync(log(), line('a'));
    await seen(['a']);
    appendFileSync(log(), line('b'));
    renameSync(log(), join(dir, 'audit-1.log'));
    appendFileSync(join(dir, 'audit-1.log'), line('c'));
    writeFileSync(log(), line('d'));
    await seen(['a', 'b', 'c', 'd']);
    appendFileSync(log(), line('e'));
    await seen(['a', 'b', 'c', 'd', 'e']);
  });

  it('survives rotation by truncation', async () => {
    writeFileSync(log(), line('old'));
    await follow();
    appendFileSync(log(), line('a'));
    await seen(['a']);
    truncateSync(log());
    await new Promise((done) => setTimeout(done, 250));
    appendFileSync(log(), line('b'));
    await seen(['a', 'b']);
  });

  it('goes on at its position after a restart, in the middle of a line and after a rotation too', async () => {
    const config = { positionFile: join(dir, 'position') };
    writeFileSync(log(), line('old'));
    await follow(config);
    const text = line('b');
    appendFileSync(log(), line('a') + text.slice(0, 40));
    await seen(['a']);
    await source?.stop();
    appendFileSync(log(), text.slice(40) + line('c'));
    await follow(config);
    await seen(['b', 'c']);
    await source?.stop();
    appendFileSync(log(), line('d'));
    renameSync(log(), join(dir, 'audit-1.log'));
    writeFileSync(log(), line('e'));
    await follow(config);
    await seen(['d', 'e']);
    expect(warnings).toEqual([]);
  });

  it.each([
    ['an apiserver', (n: number): string => `audit-2026-11-23T08-04-4${n}.686.log`],
    ['logrotate', (n: number): string => `audit.log.${3 - n}`],
  ])('that %s rotated more than once while nobody read is read on through all its files, in order', async (_name, rotated) => {
    const config = { positionFile: join(dir, 'position') };
    const rotate = async (n: number): Promise<void> => {
      renameSync(log(), join(dir, rotated(n)));
      // The clock of files may stand still for a few milliseconds.
      await new Promise((done) => setTimeout(done, 30));
      writeFileSync(log(), '');
    };
    // Rotated away long ago, and something else that is no part of it.
    writeFileSync(join(dir, rotated(0)), line('ancient'));
    writeFileSync(log(), '');
    await follow(config);
    appendFileSync(log(), line('a'));
    await seen(['a']);
    await source?.stop();
    appendFileSync(log(), line('b'));
    await rotate(1);
    writeFileSync(join(dir, 'audit-other.log'), line('x'));
    appendFileSync(log(), line('c'));
    await rotate(2);
    appendFileSync(log(), line('d'));
    await rotate(3);
    appendFileSync(log(), line('e'));
    await follow(config);
    await seen(['b', 'c', 'd', 'e']);
    expect(warnings).toEqual([]);
  });

  it('whose next file was packed before it was read says so', async () => {
    const config = { positionFile: join(dir, 'position') };
    writeFileSync(log(), '');
    await follow(config);
    appendFileSync(log(), line('a'));
    await seen(['a']);
    await source?.stop();
    renameSync(log(), join(dir, 'audit.log.2'));
    await new Promise((done) => setTimeout(done, 30));
    writeFileSync(join(dir, 'audit.log.1.gz'), gzipSync(line('b')));
    writeFileSync(log(), line('c'));
    await follow(config);
    await seen(['c']);
    expect(warnings.join()).toMatch(/audit\.log\.1\.gz: was rotated and compressed before it was read/);
  });

  it('whose last file is gone is read from its beginning, with a warning', async () => {
    const config = { positionFile: join(dir, 'position') };
    writeFileSync(log(), line('old'));
    await follow(config);
    appendFileSync(log(), line('a'));
    await seen(['a']);
    await source?.stop();
    writeFileSync(join(dir, 'position'), '{"device":1,"inode":1,"offset":5}');
    await follow(config);
    await seen(['old', 'a']);
    expect(warnings[0]).toContain('is gone');
  });

  it('in a folder that is not there is fatal at the start', async () => {
    const nowhere = new K8sAuditSource({ openParams: 'file:///nowhere/at/all.log' });
    await expect(nowhere.start(() => {}, () => {})).rejects.toMatchObject({ code: 'K8S_AUDIT_FILE' });
  });
});
