// SPDX-License-Identifier: Apache-2.0
/** What must not leave the program by its outputs, its log or its support dump, seen from outside. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Batch } from '../cli/batch.js';

const PASSWORD = 'correct-horse-battery';
const BASE64 = Buffer.from(PASSWORD).toString('base64');

let dir: string;
const batch = new Batch();
const path = (name: string) => join(dir, name);
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'falco-ts-privacy-'));
  writeFileSync(path('rules.yaml'),
    `- rule: Weak secret\n  desc: The rule sees what the alert must not show\n  condition: ka.verb = create and jevt.value[/requestObject/data/password] = ${BASE64}\n` +
    '  output: "weak %ka.target.name %jevt.value[/requestObject/data/password] %jevt.value[/requestObject/data] %json.obj"\n  priority: WARNING\n  source: k8s_audit\n');
  writeFileSync(path('audit.log'), `${JSON.stringify({
    kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'RequestResponse', auditID: 'one', stage: 'ResponseComplete', verb: 'create', requestURI: '/x',
    user: { username: 'somebody' }, stageTimestamp: '2026-11-23T12:00:00.000000Z', objectRef: { resource: 'secrets', namespace: 'default', name: 'db' },
    requestObject: { kind: 'Secret', metadata: { name: 'db' }, data: { password: BASE64 } },
  })}\n`);
  writeFileSync(path('falco.yaml'),
    `stdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\njson_output: true\nplugins: [{name: k8saudit, library_path: x, open_params: ${path('audit.log')}, init_config: {webhookToken: hidden-in-config}}]\n`);
});
afterAll(() => {
  batch.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe('the data of Kubernetes Secrets', () => {
  const run = (...options: string[]) =>
    batch.run(['-c', path('falco.yaml'), '-r', path('rules.yaml'), '--enable-source', 'k8s_audit', ...options.flatMap((option) => ['-o', option])]);

  it('does not leave by any field of an alert, though rules match on it', async () => {
    const { stdout, stderr } = await run();
    const alert = JSON.parse(stdout) as { rule: string; output: string; output_fields: Record<string, unknown> };
    expect(alert.rule).toBe('Weak secret');
    expect(alert.output).toContain('weak db <redacted> {"password":"<redacted>"}');
    expect(alert.output_fields).toMatchObject({ 'ka.target.name': 'db', 'jevt.value[/requestObject/data/password]': '<redacted>' });
    expect(stdout + stderr).not.toContain(BASE64);
  });

  it('is shown with redact_secrets: false', async () => {
    expect((await run('redact_secrets=false')).stdout).toContain(`weak db ${BASE64}`);
  });
});

describe('names, passwords and tokens', () => {
  it('of the configuration, the environment and the command line are not in the support dump', async () => {
    const { code, stdout } = await batch.run(
      ['-c', path('falco.yaml'), '-r', path('rules.yaml'), '--support', '-o', `http_output.url=https://me:${PASSWORD}@hooks.example/services/T0/B0/key`, '-o', 'priority=debug', '-c', path('falco.yaml')],
    );
    expect(code).toBe(0);
    const { config } = JSON.parse(stdout) as { config: { http_output: { url: string } } };
    expect(config.http_output.url).not.toContain('hooks.example/services');
    for (const secret of [PASSWORD, 'services/T0/B0', 'hidden-in-config']) expect(stdout).not.toContain(secret);
  });

  it('of variables stand there by the name of the variable', async () => {
    writeFileSync(path('env.yaml'), `stdout_output: {enabled: true}\nrules_files: [${path('rules.yaml')}]\nlog_syslog: false\nplugins: [{name: k8saudit, open_params: "https://x/\${HOOK_KEY}"}]\n`);
    const { stdout } = await batch.run(['-c', path('env.yaml'), '--support'], { HOOK_KEY: 'xoxb-secret-key' });
    expect(stdout).toContain('https://x/$');
    expect(stdout).not.toContain('xoxb-secret-key');
  });

  it('are not in the lines that show a mistake, nor in errors', async () => {
    writeFileSync(path('wrong.yaml'), `http_output: {url: "https://me:${PASSWORD}@hooks.example/", keep_alive: maybe}\nstdout_output: {enabled: true}\nlog_stderr: true\nlog_syslog: false\n`);
    const shown = await batch.run(['-c', path('wrong.yaml'), '-r', path('rules.yaml'), '--dry-run']);
    expect(shown.stderr).toMatch(/'http_output\.keep_alive' must be a boolean[\s\S]*https:\/\/\*\*\*@hooks\.example/);
    const failed = await batch.run(['-c', path('falco.yaml'), '-r', path('rules.yaml'), '--enable-source', 'k8s_audit', '-o', 'http_output.enabled=true', '-o', `http_output.url=ftp://me:${PASSWORD}@x/`]);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('ftp://***@x/') as string });
    expect(shown.stderr + failed.stderr).not.toContain(PASSWORD);
  });
});
