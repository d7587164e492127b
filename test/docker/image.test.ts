// SPDX-License-Identifier: Apache-2.0
/**
 * The image, built as the Dockerfile says and run as the manifests say: by Podman, with the mounts, the security context and
 * the files that kustomize renders, against processes in other containers and on the host. `npm run test:package` builds it from
 * a clone with nothing in it; CI begins with what is built already.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { canRunRuntimes, installRuntimes, type Runtime, startPodman } from '../sources/containers/runtimes.js';
import { buildImage, IMAGE, runOptions } from './image.js';
import { hasTools, kustomize, PROJECT } from './tools.js';

const MINUTE = 60_000;
const PAGE = readFileSync(join(PROJECT, 'docker/README.md'), 'utf8');
const NODE = '/usr/lib/falco-ts/bin/node';
const LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024'];

interface Alert {
  readonly rule: string;
  readonly hostname: string;
  readonly output_fields: Readonly<Record<string, string>>;
}

interface Kubeconfig {
  readonly users: readonly { readonly user: Readonly<Record<'client-certificate-data' | 'client-key-data', string>> }[];
  readonly clusters: readonly { readonly cluster: Readonly<Record<'certificate-authority-data', string>> }[];
}

describe.skipIf(!canRunRuntimes || !hasTools)('the image', () => {
  let podman: Runtime;
  let dir: string;
  beforeAll(async () => {
    installRuntimes();
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-image-'));
    podman = await startPodman();
    buildImage(podman, { scratch: process.env.FALCO_TS_MATRIX === 'all' });
  }, 20 * MINUTE);
  afterAll(async () => {
    await podman?.stop();
    rmSync(dir, { recursive: true, force: true });
  }, MINUTE);

  const node = (script: string, ...options: readonly string[]): string =>
    podman.command('run', '--rm', '--network', 'none', ...LIMITS, ...options, '--entrypoint', NODE, IMAGE, '-p', script).trim();

  it('has the program, Node and the C library: no shell, no compiler, no npm; and is small', { timeout: 2 * MINUTE }, () => {
    const programs = node("['/bin', '/usr/bin', '/sbin', '/usr/sbin', '/usr/local/bin'].flatMap((d) => { try { return fs.readdirSync(d); } catch { return []; } }).join(' ')");
    expect(programs).toBe('falco-ts');
    const [size, own] = [podman.command('image', 'inspect', '-f', '{{.Size}}', IMAGE), node('fs.statSync(process.execPath).size')].map((bytes) => Number(bytes) / 1e6);
    console.log(`the image has ${size.toFixed(0)} MB, Node ${own.toFixed(0)} of them`);
    expect(size).toBeLessThan(160);
    // Node's builds differ by some megabytes; all the rest is ours.
    const said = /(\d+) MB, of which Node is (\d+)/.exec(PAGE)?.slice(1).map(Number) ?? [];
    expect(Math.abs(said[0] - said[1] - (size - own))).toBeLessThan(3);
  });

  it('loads the addon and the rules where they lie', { timeout: 2 * MINUTE }, () => {
    expect(podman.command('run', '--rm', '--network', 'none', ...LIMITS, '--read-only', IMAGE, '--dry-run')).toBe('');
    expect(podman.command('run', '--rm', '--network', 'none', ...LIMITS, IMAGE, '-L')).toContain('File written in binary directory');
  });

  /** What a container that runs falco-ts prints, and the end of it. */
  function watching(id: string) {
    // Of its standard output, which has the alerts; the log goes to standard error.
    const logs = (): string => podman.command('logs', id);
    const alert = async (matches: (one: Alert) => boolean, withinMs = 20_000): Promise<Alert> => {
      for (const end = Date.now() + withinMs; ; await new Promise((resolve) => setTimeout(resolve, 200))) {
        const found = logs().split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Alert).find(matches);
        if (found !== undefined) return found;
        if (Date.now() > end) throw new Error(`no such alert among:\n${logs().slice(-4000)}`);
      }
    };
    return { id, alert, logs, stop: () => podman.command('rm', '-f', '-t', '5', id) };
  }

  /** Starts what a manifest says, and waits until it is ready by its own probe. */
  async function start(overlay: string, more: Readonly<Record<string, string>> = {}) {
    const { options, args } = runOptions(kustomize(overlay, more), join(dir, overlay));
    const id = podman.command('run', '-d', '--network', 'none', ...LIMITS, ...options, IMAGE, ...args).trim();
    const probe = "fetch('http://127.0.0.1:8765/readyz').then((a) => process.exit(a.status === 200 ? 0 : 1), () => process.exit(1))";
    for (const end = Date.now() + MINUTE; ; await new Promise((resolve) => setTimeout(resolve, 300))) {
      try {
        podman.command('exec', id, NODE, '-e', probe);
        return watching(id);
      } catch (error) {
        if (Date.now() > end || !podman.command('ps', '-q', '--no-trunc').includes(id)) throw new Error(`${overlay} does not get ready:\n${podman.command('logs', id)}`, { cause: error });
      }
    }
  }

  it('by the docker run of docker/README.md it watches its host and the containers there', { timeout: 2 * MINUTE }, async () => {
    const [, options] = /^docker run (.*) falco-ts:\S+ -o json_output=true$/m.exec(PAGE) ?? [];
    const running = watching(podman.command('run', '-d', ...LIMITS, ...(options ?? '').split(' '), '--network', 'none', IMAGE, '-o', 'json_output=true').trim());
    try {
      const other = podman.run(['-d'], 'sh', '-c', 'while true; do echo x > /bin/dropped; sleep 1; done').trim();
      const { output_fields: fields } = await running.alert((one) => one.rule === 'File written in binary directory' && one.output_fields['container.id'] === other.slice(0, 12), MINUTE);
      expect(fields).toMatchObject({ 'fd.name': '/bin/dropped', 'user.name': 'root' });
      podman.command('rm', '-f', '-t', '0', other);
    } finally {
      running.stop();
    }
  });

  describe.each(['privileged', 'least-privilege'])('as the DaemonSet of overlay %s', (overlay) => {
    let running: Awaited<ReturnType<typeof start>>;
    beforeAll(async () => {
      running = await start(overlay);
    }, 2 * MINUTE);
    afterAll(() => {
      running?.stop();
    });

    it('sees what a process in another container does, and which container it is', { timeout: 3 * MINUTE }, async () => {
      const other = podman.run(['-d'], 'sh', '-c', 'sleep 1; echo x > /bin/dropped; cat /bin/dropped; sleep 30').trim();
      const { hostname, output_fields: fields } = await running.alert((one) => one.rule === 'File written in binary directory' && one.output_fields['container.id'] === other.slice(0, 12));
      expect(fields['fd.name']).toBe('/bin/dropped');
      // By the host's /proc and /etc, from inside a container.
      expect(fields).toMatchObject({ 'user.name': 'root' });
      expect(hostname).toBe('node-of-the-test');
    });

    it('knows a process that was there before it', { timeout: 3 * MINUTE }, async () => {
      const other = podman.run(['-d'], 'sh', '-c', 'while true; do echo x > /bin/again; sleep 1; done').trim();
      const second = await start(overlay);
      try {
        const { output_fields: fields } = await second.alert((one) => one.output_fields['container.id'] === other.slice(0, 12));
        expect(fields['proc.cmdline']).toContain('while true');
      } finally {
        second.stop();
        podman.command('rm', '-f', '-t', '0', other);
      }
    });

    it.each([
      ['write-binary-dir.sh', 'File written in binary directory', 'host'],
      ['container-escape.sh', 'Namespace entered from container', null],
    ])('rules/demo/%s on its host is seen', { timeout: 2 * MINUTE }, async (name, rule, container) => {
      const { stdout } = await promisify(execFile)(join(PROJECT, 'rules/demo', name));
      const id = container ?? /In container ([0-9a-f]{12})/.exec(stdout)?.[1];
      await running.alert((one) => one.rule === rule && one.output_fields['container.id'] === id);
    });
  });

  it('for audit events it runs as nobody, with no capability, on a read-only root', { timeout: 2 * MINUTE }, async () => {
    const out = join(dir, 'init');
    await promisify(execFile)(process.execPath, [join(PROJECT, 'dist/cli/main.js'), 'k8s-audit', 'init', '--dir', out, '--host', '127.0.0.1', join(PROJECT, 'rules/k8s_audit_rules.yaml')]);
    const running = await start('audit', Object.fromEntries(['webhook-server.pem', 'webhook-client-ca.pem'].map((name) => [`overlays/audit/${name}`, readFileSync(join(out, name), 'utf8')])));
    try {
      expect(podman.command('exec', running.id, NODE, '-p', 'process.getuid()').trim()).toBe('65532');
      const event = {
        kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: 'RequestResponse', stage: 'ResponseComplete', auditID: 'a', requestURI: '/api/v1/namespaces/default/configmaps', verb: 'create',
        user: { username: 'demo' }, objectRef: { resource: 'configmaps', namespace: 'default', name: 'database', apiVersion: 'v1' }, responseStatus: { code: 201 },
        requestObject: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'database' }, data: { connection: 'password=x' } },
        requestReceivedTimestamp: '2026-11-23T12:00:00.000000Z', stageTimestamp: '2026-11-23T12:00:00.000000Z',
      };
      const { users, clusters } = parse(readFileSync(join(out, 'apiserver/audit-webhook.yaml'), 'utf8')) as Kubeconfig;
      const { 'client-certificate-data': certificate, 'client-key-data': key } = users[0].user;
      const post = (shows: string): string => `const from = (text) => Buffer.from(text, 'base64');
        require('https').request('https://127.0.0.1:9765/k8s-audit', { method: 'POST', ca: from(process.env.AUTHORITY), ${shows} headers: { 'content-type': 'application/json' } }, (a) => process.exit(a.statusCode === 200 ? 0 : 1))
          .on('error', (e) => { console.error(e.code); process.exit(3); }).end(${JSON.stringify(JSON.stringify(event))})`;
      const send = (shows: string): string => podman.command('exec', '-e', `AUTHORITY=${clusters[0].cluster['certificate-authority-data']}`, '-e', `CERTIFICATE=${certificate}`, '-e', `KEY=${key}`, running.id, NODE, '-e', post(shows));
      expect(() => send('')).toThrow(/ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED|ECONNRESET|EPIPE/);
      send('cert: from(process.env.CERTIFICATE), key: from(process.env.KEY),');
      await running.alert((one) => /Private Credentials/.test(one.rule));
    } finally {
      running.stop();
    }
  });
});
