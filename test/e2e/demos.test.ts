// SPDX-License-Identifier: Apache-2.0
/** The demos for a second terminal: each is run as the README says, against the program with its own configuration. */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { canWatch, PROJECT } from './live-monitor.js';
import { Watched } from './watch.js';

const execute = promisify(execFile);
const TEXT_URL = 'http://127.0.0.1:19765/k8s-audit';
const JSON_URL = 'http://127.0.0.1:19766/k8s-audit';

/** The bundled configuration, with listeners that a monitor of this machine does not have. */
function monitor(url: string, ...args: readonly string[]): Watched {
  const own = ['-o', 'webserver.enabled=false', '-o', `plugins[0].open_params=${url}`];
  return new Watched(spawn(process.execPath, [join(PROJECT, 'dist/cli/main.js'), ...own, ...args], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] }));
}

async function demo(name: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await execute(join(PROJECT, 'rules/demo', name), args);
  return stdout;
}

/** What the escape's alerts must name, by rule. */
const ESCAPE = ['File system mounted in container', 'Kernel setting that runs programs changed', 'Namespace entered from container'];

describe.skipIf(!canWatch)('demos', () => {
  let text: Watched;
  let json: Watched;

  beforeAll(async () => {
    text = monitor(TEXT_URL);
    json = monitor(JSON_URL, '-o', 'json_output=true');
    for (const one of [text, json]) await one.until(/Opening 'k8s_audit' source/, 120_000);
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }, 180_000);
  afterAll(async () => {
    await text?.interrupt();
    await json?.interrupt();
  }, 30_000);

  const parsed = (pattern: RegExp) => {
    const line = json.text.split('\n').find((one) => one.startsWith('{') && pattern.test(one));
    return line === undefined ? undefined : JSON.parse(line);
  };

  it('write-binary-dir.sh: the file dropped among the programs, as text and as JSON', async () => {
    expect(await demo('write-binary-dir.sh')).toContain('Writing /usr/local/bin/falco-ts-demo');
    const [line] = await text.until(/^.*File in a binary directory opened for writing.*falco-ts-demo.*$/m, 20_000);
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{9}: Error File in a binary directory opened for writing \| file=\/usr\/local\/bin\/falco-ts-demo user=root .* process=write-binary-di /);
    await json.until(/"File written in binary directory"/, 20_000);
    expect(parsed(/falco-ts-demo/)).toMatchObject({
      rule: 'File written in binary directory',
      priority: 'Error',
      source: 'syscall',
      output_fields: { 'fd.name': '/usr/local/bin/falco-ts-demo', 'user.name': 'root', 'container.id': 'host' },
    });
  });

  it('container-escape.sh: the mount, the kernel setting and the namespace, all with the container that did it', async () => {
    const said = await demo('container-escape.sh');
    const id = /In container ([0-9a-f]{12})/.exec(said)?.[1];
    expect(said).toContain('out: now in the root directory of the host');
    for (const output of ['File system mounted in a container', 'Kernel setting that runs programs opened for writing', 'Namespace entered from a container']) {
      await text.until(new RegExp(`${output}.*container_id=${id}`), 20_000);
    }
    for (const rule of ESCAPE) {
      await json.until(new RegExp(`"rule":"${rule}".*${id}|${id}.*"rule":"${rule}"`), 20_000);
      expect(parsed(new RegExp(`"rule":"${rule}".*${id}|${id}.*"rule":"${rule}"`))).toMatchObject({ rule, source: 'syscall', output_fields: { 'container.id': id } });
    }
  });

  it('audit-event.sh: the password in the ConfigMap, as text and as JSON', async () => {
    await demo('audit-event.sh', TEXT_URL);
    const [line] = await text.until(/^.*K8s configmap with private credential.*$/m, 20_000);
    expect(line).toMatch(/Warning K8s configmap with private credential \(user=demo verb=create name=database configmap=database config=.*password/);
    await demo('audit-event.sh', JSON_URL);
    await json.until(/With Private Credentials/, 20_000);
    expect(parsed(/With Private Credentials/)).toMatchObject({ priority: 'Warning', source: 'k8s_audit', output_fields: { 'ka.user.name': 'demo', 'ka.verb': 'create' } });
  });
});
