// SPDX-License-Identifier: Apache-2.0
/**
 * The npm package on machines that have Node and nothing else. CI tries the oldest and the newest Node;
 * `npm run test:package` tries all, and the oldest and the newest Debian too.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CleanRoot } from './clean-root.js';
import { Watched } from './watch.js';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const MINUTE = 60_000;
const root = process.getuid?.() === 0;
const all = process.env.FALCO_TS_MATRIX === 'all';

/** Clean machines and the Node versions tried on each. glibc 2.31 of Debian 11 is the oldest that the addon is made for. */
const MACHINES: ReadonlyArray<{ readonly debian?: string; readonly nodes: readonly number[] }> = all
  ? [{ nodes: [20, 22, 24, 26] }, { debian: 'bullseye', nodes: [20, 26] }, { debian: 'trixie', nodes: [20, 26] }]
  : [{ nodes: [20, 26] }];

const npm = (args: readonly string[], cwd: string): string =>
  execFileSync('npm', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 1 << 26 });

/** The registry has Node's programs as packages. */
function fetchNode(major: number, dir: string): string {
  npm(['install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', dir, `node-linux-${process.arch}@${major}`], dir);
  return join(dir, `node_modules/node-linux-${process.arch}/bin/node`);
}

describe.skipIf(!root && !process.env.CI)('what npm pack makes', () => {
  let dir: string;
  let tarball: string;

  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'falco-ts-package-'));
    npm(['pack', '--pack-destination', dir], PROJECT);
    tarball = readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? '';
  }, 15 * MINUTE);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('has the addon and the BPF programs for x64 and arm64, and no script that runs at installation', () => {
    const files = execFileSync('tar', ['-tzf', join(dir, tarball)], { encoding: 'utf8' }).split('\n');
    for (const arch of ['x64', 'arm64']) {
      for (const file of ['falco_ts.node', 'bpf/probe.tp_btf.bpf.o', 'bpf/probe.raw_tp.bpf.o', 'bpf/probe.tracepoint.bpf.o', 'LICENSES.txt']) expect(files).toContain(`package/prebuilds/linux-${arch}/${file}`);
    }
    expect(files.filter((file) => /binding\.gyp$|\.ts$|\/test\//.test(file))).toEqual([]);
    const { scripts } = JSON.parse(execFileSync('tar', ['-xzOf', join(dir, tarball), 'package/package.json'], { encoding: 'utf8' })) as { scripts: object };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });

  for (const { debian, nodes } of MACHINES) {
    describe(debian === undefined ? 'on a fresh machine' : `on a fresh Debian ${debian}`, () => {
      let machine: CleanRoot;
      beforeAll(() => {
        machine = new CleanRoot(debian === undefined ? {} : { debian });
        cpSync(join(dir, tarball), join(machine.path, 'root', tarball));
      }, 5 * MINUTE);
      afterAll(() => machine?.remove(), MINUTE);

      it('there is no compiler and no libbpf', async () => {
        const { text } = await machine.run("command -v gcc cc clang make python3; find / -xdev -name 'libbpf*' -o -xdev -name 'libelf*'");
        expect(text).toBe('');
      });

      for (const node of nodes) {
        it(`Node ${node} installs it, and it reports what happens on the machine`, { timeout: 5 * MINUTE }, async () => {
          cpSync(fetchNode(node, dir), join(machine.path, 'usr/local/bin/node'));
          const install = await machine.run(`node -p process.versions.node && npm install -g --no-audit --no-fund /root/falco-ts-*.tgz`);
          expect(install, install.text).toMatchObject({ code: 0, text: expect.stringMatching(new RegExp(`^${node}\\.`)) });

          const monitor = new Watched(machine.spawn('cd / && falco-ts -o webserver.enabled=false --disable-source k8s_audit'));
          try {
            await monitor.until(/Opening 'syscall' source/, MINUTE);
            const alert = await monitor.until(/^.*dropped-by-package-test.*$/m, MINUTE, () => machine.spawn('echo x > /usr/bin/dropped-by-package-test'));
            expect(alert[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{9}: \w+ /);
          } finally {
            await monitor.interrupt();
          }
        });
      }
    });
  }
});
