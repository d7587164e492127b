// SPDX-License-Identifier: Apache-2.0
/** The built program while it reloads and restarts: an apiserver's client sees no event lost and none alerted twice. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort, Program } from '../cli/program.js';
import { auditEvent, eventList, post } from '../sources/k8s-audit/post.js';

const folder = mkdtempSync(join(tmpdir(), 'falco-ts-reload-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const rules = join(folder, 'rules.yaml');
const rule = (text: string): string =>
  `- rule: R\n  desc: d\n  condition: ka.verb = create\n  output: ${text} id=%ka.auditid;\n  priority: INFO\n  source: k8s_audit\n`;

function configured(port: number, initConfig = '{}'): string {
  const path = join(folder, 'falco.yaml');
  const plugin = `{name: k8saudit, library_path: libk8saudit.so, open_params: "http://127.0.0.1:${port}/k8s-audit", init_config: ${initConfig}}`;
  writeFileSync(path, `engine: {kind: nodriver}\nrules_files: [${rules}]\nstdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\nwatch_config_files: false\noutputs_queue: {capacity: 0}\nplugins: [${plugin}]\nload_plugins: [k8saudit]\n`);
  return path;
}

const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Five attempts with the same body, as an apiserver makes them, but sooner. */
async function send(port: number, body: string, log: string[]): Promise<boolean> {
  for (const pause of [0, 300, 1000, 3000, 8000]) {
    await wait(pause);
    try {
      const { status, headers } = await post(port, body);
      log.push(String(status));
      if (status >= 200 && status <= 206) return true;
      if (headers['retry-after'] !== undefined) await wait(Number(headers['retry-after']) * 50);
    } catch {
      log.push('no answer');
    }
  }
  return false;
}

/** Posts batches of 400, four at once, until told to stop; answers the IDs of what was sent. */
function apiserver(port: number, log: string[]): { stop(): Promise<readonly string[]> } {
  const ids: string[] = [];
  let stopped = false;
  let taken = true;
  const worker = async (): Promise<void> => {
    while (!stopped) {
      const batch = Array.from({ length: 400 }, () => `event-${ids.push('') - 1}`);
      for (const id of batch) ids[Number(id.slice(6))] = id;
      const body = eventList(...batch.map((id) => auditEvent(id, { verb: 'create', requestObject: { data: 'x'.repeat(300) } })));
      taken = (await send(port, body, log)) && taken;
      await wait(20);
    }
  };
  const done = Promise.all([worker(), worker(), worker(), worker()]);
  return {
    stop: async () => {
      stopped = true;
      await done;
      expect(taken).toBe(true);
      return ids;
    },
  };
}

const alerted = (text: string): readonly string[] => [...text.matchAll(/ id=(event-\d+);/g)].map((m) => m[1]);

function expectOnce(text: string, ids: readonly string[]): void {
  const found = alerted(text);
  expect(found.length).toBe(ids.length);
  expect(new Set(found)).toEqual(new Set(ids));
}

describe('an apiserver’s client and the running program', () => {
  it('loses and doubles nothing while rules are reloaded by SIGHUP', async () => {
    const port = await freePort();
    writeFileSync(rules, rule('first'));
    const program = new Program(['-c', configured(port), '--enable-source', 'k8s_audit']);
    const log: string[] = [];
    await program.until(({ stderr }) => stderr.includes("Opening 'k8s_audit' source"));
    const client = apiserver(port, log);
    await program.until(({ stdout }) => alerted(stdout).length > 2000);
    for (const name of ['second', 'third', 'fourth']) {
      writeFileSync(rules, rule(name));
      program.signal('SIGHUP');
      await program.until(({ stdout }) => stdout.includes(`${name} id=`));
    }
    const ids = await client.stop();
    const { stdout } = await program.stop();
    expectOnce(stdout, ids);
    expect(log.filter((status) => status !== '200')).not.toContain('400');
  }, 60_000);

  it('loses and doubles nothing over a restart', async () => {
    const port = await freePort();
    writeFileSync(rules, rule('first'));
    const config = configured(port);
    const before = new Program(['-c', config, '--enable-source', 'k8s_audit']);
    const log: string[] = [];
    await before.until(({ stderr }) => stderr.includes("Opening 'k8s_audit' source"));
    const client = apiserver(port, log);
    await before.until(({ stdout }) => alerted(stdout).length > 2000);
    const first = await before.stop();
    const after = new Program(['-c', config, '--enable-source', 'k8s_audit']);
    await after.until(({ stdout }) => alerted(stdout).length > 2000);
    const ids = await client.stop();
    const second = await after.stop();
    // A body that was being received is finished before the end, and its answer sent: nothing is doubled either.
    expectOnce(first.stdout + second.stdout, ids);
  }, 60_000);

  it('loses and doubles nothing while it is sent more at once than it takes', async () => {
    const port = await freePort();
    writeFileSync(rules, rule('first'));
    const program = new Program(['-c', configured(port, '{webhookMaxConcurrentBodies: 1}'), '--enable-source', 'k8s_audit']);
    const log: string[] = [];
    await program.until(({ stderr }) => stderr.includes("Opening 'k8s_audit' source"));
    const client = apiserver(port, log);
    await program.until(({ stdout }) => alerted(stdout).length > 4000 && log.includes('429'), 30_000);
    const ids = await client.stop();
    const { stdout, stderr } = await program.stop();
    expectOnce(stdout, ids);
    expect(stderr).toMatch(/k8s_audit: .*overloaded \d+/);
  }, 90_000);
});
