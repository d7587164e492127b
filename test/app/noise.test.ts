// SPDX-License-Identifier: Apache-2.0
/** `throttle` and `deduplicate`: what leaves, what is held back, and that both are counted. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Alert } from '../../src/alert/alert.js';
import { TokenBucket } from '../../src/alert/token-bucket.js';
import { Noise, type NoiseOptions } from '../../src/app/noise.js';
import { RuleStats } from '../../src/app/rule-stats.js';
import type { Rule } from '../../src/ruleset/ruleset.js';
import { parseRate } from '../../src/util/duration.js';
import { Batch } from '../cli/batch.js';

const OFF: NoiseOptions = { throttle: '', deduplication: { window: '', ignore_fields: ['proc.pid'], max_entries: 3 } };
const rule = (name: string, own: Partial<Rule> = {}) =>
  ({ name, source: 'syscall', priority: 'Warning', tags: [], throttle: null, deduplicate: null, ...own }) as unknown as Rule;

function bench(options: Partial<NoiseOptions>, rules: readonly Rule[]) {
  const stats = new RuleStats();
  const sent: string[] = [];
  const noise = new Noise(({ message }) => sent.push(message));
  const counters = new Map(rules.map((one) => [one, stats.counter(one)]));
  noise.configure({ ...OFF, ...options }, counters);
  const alert = (of: Rule, ms: number, fields: Record<string, string | number> = {}): Alert => ({
    time: BigInt(ms) * 1_000_000n, rule: of.name, priority: 'Warning', source: 'syscall', hostname: 'h', tags: [],
    message: `${of.name} ${Object.values(fields).join(' ')}`.trim(), fields: new Map(Object.entries(fields)),
  });
  return {
    noise, sent, counters,
    at(ms: number, of: Rule, fields: Record<string, string | number> = {}) {
      const limits = noise.of(of);
      const one = alert(of, ms, fields);
      if (limits === null) sent.push(one.message);
      else if (noise.admits(limits, one.time)) noise.offer(limits, one);
    },
  };
}

describe('a token bucket', () => {
  it.each([['10/1m', { count: 10, perMs: 60_000 }], ['1/500ms', { count: 1, perMs: 500 }], ['0/1m', null], ['5', null], ['5/x', null], ['x/1m', null]])('%s', (text, rate) => {
    expect(parseRate(text)).toEqual(rate);
  });

  it('lets its number through at once, then as many in each period, whatever order they come in', () => {
    const bucket = new TokenBucket({ count: 2, perMs: 1000 });
    expect([0, 0, 0, 400, 500, 499, 600, 1000, 5000, 5000, 5000].map((now) => bucket.take(now))).toEqual([true, true, false, false, true, false, false, true, true, true, false]);
  });
});

describe('throttle', () => {
  it('is off by default, and per rule', () => {
    const [free, tight] = [rule('Free'), rule('Tight', { throttle: { count: 1, perMs: 1000 } })];
    const { at, sent, counters } = bench({}, [free, tight]);
    for (const ms of [0, 1, 2]) {
      at(ms, free);
      at(ms, tight);
    }
    expect(sent).toEqual(['Free', 'Tight', 'Free', 'Free']);
    expect(counters.get(tight)).toMatchObject({ throttled: 2, duplicates: 0 });
  });

  it('the next alert says how many were held back; a rule can be exempt from what holds for all', () => {
    const [usual, exempt] = [rule('Usual'), rule('Exempt', { throttle: 'off' })];
    const { at, sent } = bench({ throttle: '1/1s' }, [usual, exempt]);
    for (const ms of [0, 1, 2, 1500]) at(ms, usual);
    at(1501, exempt);
    at(1502, exempt);
    expect(sent).toEqual(['Usual', 'Usual (2 more of this rule were held back before)', 'Exempt', 'Exempt']);
  });

  it('goes on over a reload that leaves the rate as it is', () => {
    const before = rule('R', { throttle: { count: 1, perMs: 1000 } });
    const { at, noise, sent, counters } = bench({}, [before]);
    at(0, before);
    const after = rule('R', { throttle: { count: 1, perMs: 1000 } });
    noise.configure(OFF, new Map([[after, [...counters.values()][0]]]));
    at(1, after);
    expect(sent).toEqual(['R']);
  });
});

describe('deduplication', () => {
  it('like alerts leave as one, and at the end of the window as another that says how many and when', async () => {
    const r = rule('R');
    const { at, noise, sent, counters } = bench({ deduplication: { ...OFF.deduplication, window: '1m' } }, [r]);
    at(0, r, { 'proc.name': 'a', 'proc.pid': 1 });
    at(10, r, { 'proc.name': 'a', 'proc.pid': 2 });
    at(20, r, { 'proc.name': 'b', 'proc.pid': 3 });
    at(1500, r, { 'proc.name': 'a', 'proc.pid': 4 });
    expect(sent).toEqual(['R a 1', 'R b 3']);
    noise.expire(Date.now() + 120_000);
    expect(sent.slice(2)).toEqual(['R a 4 (2 more like this, first seen 1970-01-01T00:00:00.000000000Z, last seen 1970-01-01T00:00:01.500000000Z)']);
    expect(counters.get(r)).toMatchObject({ duplicates: 2 });
    at(70_000, r, { 'proc.name': 'a', 'proc.pid': 5 });
    expect(sent.at(-1)).toBe('R a 5');
  });

  it('in a replay, windows end by the time of the events', () => {
    const r = rule('R', { deduplicate: 1000 });
    const { at, sent } = bench({}, [r]);
    for (const ms of [0, 500, 999, 1000]) at(ms, r);
    expect(sent.map((line) => line.replace(/,.*/, ''))).toEqual(['R', 'R (2 more like this', 'R']);
  });

  it('remembers so many, the oldest gives way and is not lost', () => {
    const r = rule('R', { deduplicate: 60_000 });
    const { at, sent } = bench({}, [r]);
    for (const name of ['a', 'a', 'b', 'c', 'd']) at(0, r, { 'proc.name': name });
    expect(sent.map((line) => line.replace(/,.*/, ''))).toEqual(['R a', 'R b', 'R c', 'R a (1 more like this', 'R d']);
  });

  it('a reload that turns it off, and the end, send what is held', async () => {
    const r = rule('R', { deduplicate: 60_000 });
    const { at, noise, sent, counters } = bench({}, [r]);
    at(0, r);
    at(1, r);
    noise.configure(OFF, new Map([[rule('R'), [...counters.values()][0]]]));
    expect(sent).toHaveLength(2);
    const again = bench({}, [r]);
    again.at(0, r);
    again.at(1, r);
    await again.noise.stop();
    expect(again.sent).toHaveLength(2);
  });

  it('what repeats costs no tokens', () => {
    const r = rule('R', { deduplicate: 60_000, throttle: { count: 2, perMs: 60_000 } });
    const { at, sent, counters } = bench({}, [r]);
    for (const name of ['a', 'a', 'a', 'b', 'c']) at(0, r, { 'proc.name': name });
    expect(sent).toEqual(['R a', 'R b']);
    expect(counters.get(r)).toMatchObject({ duplicates: 2, throttled: 1 });
  });
});

describe('a run', () => {
  let dir: string;
  const batch = new Batch();
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-noise-'));
    const event = (id: number, verb: string) => JSON.stringify({
      kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'Metadata', auditID: `id-${id}`, stage: 'ResponseComplete', verb, requestURI: '/x',
      user: { username: 'somebody' }, stageTimestamp: `2026-11-23T12:00:0${id}.000000Z`, objectRef: { resource: 'pods' },
    });
    writeFileSync(join(dir, 'audit.log'), ['create', 'create', 'create', 'get', 'get', 'get'].map((verb, i) => `${event(i, verb)}\n`).join(''));
    const one = (name: string, verb: string, more: string) =>
      `- rule: ${name}\n  desc: d\n  condition: ka.verb = ${verb}\n  output: "${name} %ka.auditid %ka.user.name"\n  priority: WARNING\n  source: k8s_audit\n${more}`;
    writeFileSync(join(dir, 'rules.yaml'), `${one('Created', 'create', '  throttle: 2/1h\n')}${one('Read', 'get', '')}- rule: Read\n  deduplicate: 1m\n  override: {deduplicate: replace}\n`);
    writeFileSync(join(dir, 'wrong.yaml'), one('Created', 'create', '  throttle: often\n'));
    writeFileSync(join(dir, 'falco.yaml'), `stdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\njson_output: true\nplugins: [{name: k8saudit, library_path: x, open_params: ${join(dir, 'audit.log')}}]\n`);
  });
  afterAll(() => {
    batch.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  it('with rules that say so: alerts, fields for machines, and the closing counts', async () => {
    const { code, stdout, stderr } = await batch.run(['-c', join(dir, 'falco.yaml'), '-r', join(dir, 'rules.yaml'), '--enable-source', 'k8s_audit']);
    expect(code, stderr).toBe(0);
    const alerts = stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as { rule: string; time: string; output_fields: Record<string, unknown> });
    expect(alerts.map(({ rule: name, time }) => [name, time.slice(17, 19)])).toEqual([['Created', '00'], ['Created', '01'], ['Read', '03'], ['Read', '05']]);
    expect(alerts[3].output_fields).toMatchObject({ 'duplicates.count': 2, 'duplicates.first_seen': '2026-11-23T12:00:03.000000000Z', 'duplicates.last_seen': '2026-11-23T12:00:05.000000000Z', 'ka.auditid': 'id-5' });
    expect(stderr).toContain('   Created: 3\n   Read: 3\nAlerts held back by rule name:\n   Created: 1 throttled, 0 duplicates\n   Read: 0 throttled, 2 duplicates\n');
  });

  it('a rate that is none is an error with its place', async () => {
    const { code, stderr } = await batch.run(['-c', join(dir, 'falco.yaml'), '-r', join(dir, 'wrong.yaml'), '--dry-run']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/wrong\.yaml:7:13: error LOAD_ERR_YAML_VALIDATE: 'often' is no value for 'throttle'/);
    expect((await batch.run(['-c', join(dir, 'falco.yaml'), '-r', join(dir, 'rules.yaml'), '--dry-run', '-o', 'throttle=5'])).stderr).toMatch(/CONFIG_THROTTLE: throttle '5' is not a rate/);
  });
});
