// SPDX-License-Identifier: Apache-2.0
/** The image as the Dockerfile says, built by Podman on bases made here: the Debian and Node images come from no registry. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CleanRoot } from '../e2e/clean-root.js';
import type { Runtime } from '../sources/containers/runtimes.js';
import { all, type Manifest, pod, PROJECT } from './tools.js';

export const IMAGE = 'localhost/falco-ts:test';

/** Debian with Node and npm, for the build stage. */
function importBuilder(podman: Runtime): void {
  const root = new CleanRoot();
  try {
    importFolder(podman, root.path, 'docker.io/library/node:20-bookworm');
  } finally {
    root.remove();
  }
}

/** What the last stage's base has, from the same Debian packages: the C and C++ libraries, and no program at all. */
function importBare(podman: Runtime): void {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-bare-'));
  try {
    const packages = ['libc6', 'libgcc-s1', 'libstdc++6'];
    if (spawnSync('apt-get', ['download', '-q', ...packages], { cwd: dir, stdio: 'ignore' }).status !== 0) {
      execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
      execFileSync('apt-get', ['download', '-q', ...packages], { cwd: dir, stdio: 'ignore' });
    }
    const root = join(dir, 'root');
    for (const name of readdirSync(dir)) execFileSync('dpkg-deb', ['-x', join(dir, name), root]);
    for (const name of ['etc', 'tmp', 'var', 'proc', 'sys', 'dev']) mkdirSync(join(root, name), { recursive: true });
    writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n');
    importFolder(podman, root, 'gcr.io/distroless/cc-debian12');
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function importFolder(podman: Runtime, folder: string, name: string): void {
  const tar = join(mkdtempSync(join(tmpdir(), 'falco-ts-base-')), 'base.tar');
  try {
    execFileSync('tar', ['-C', folder, '-cf', tar, '.']);
    podman.command('import', '-q', tar, name);
  } finally {
    rmSync(dirname(tar), { recursive: true });
  }
}

/**
 * Builds both stages of docker/Dockerfile. The context has what git knows or would take. From `scratch` that is all, as after a
 * clone, and the first stage installs compilers and builds; else what this project's build has made already is there too: that
 * a clean machine makes the same is the matter of clean-root.test.ts and package.test.ts.
 */
export function buildImage(podman: Runtime, { scratch = false } = {}): void {
  importBuilder(podman);
  importBare(podman);
  const context = mkdtempSync(join(tmpdir(), 'falco-ts-context-'));
  try {
    if (!scratch) execFileSync(process.execPath, ['src/setup/prebuild/prebuild.mjs', process.arch], { cwd: PROJECT, stdio: ['ignore', 'ignore', 'pipe'] });
    const list = execFileSync('git', ['-C', PROJECT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
    for (const file of list.split('\0')) if (file !== '' && (scratch || file !== '.dockerignore') && existsSync(join(PROJECT, file))) cpSync(join(PROJECT, file), join(context, file), { preserveTimestamps: true });
    for (const made of scratch ? [] : ['node_modules', 'dist', 'build', 'prebuilds']) execFileSync('cp', ['-a', join(PROJECT, made), join(context, made)]);
    podman.command(
      'build', '--pull=never', '--network=host', '--layers=false', '--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096',
      '-t', IMAGE, '-f', join(context, 'docker/Dockerfile'), context,
    );
  } finally {
    rmSync(context, { recursive: true });
  }
}

/**
 * The options of `podman run` that mean what a manifest's pod says: mounts, environment, security context, arguments. Files of
 * ConfigMaps are written below `dir`; folders of the host are the host's, but for the state, which is below `dir` too.
 */
export function runOptions(manifests: readonly Manifest[], dir: string): { readonly options: readonly string[]; readonly args: readonly string[] } {
  const { spec } = pod(manifests);
  const [container] = spec.containers;
  const context = { ...spec.securityContext, ...container.securityContext };
  const options: string[] = [];
  for (const { name, mountPath, readOnly } of container.volumeMounts) {
    const volume = spec.volumes.find((one) => one.name === name);
    let source = volume?.hostPath?.path;
    if (source === undefined || mountPath.startsWith('/var/lib/')) {
      source = join(dir, name);
      mkdirSync(source, { recursive: true });
      const wanted = volume?.configMap === undefined ? `Secret ${volume?.secret?.secretName}` : `ConfigMap ${volume.configMap.name}`;
      const kept = all(manifests, 'ConfigMap', 'Secret').find(({ kind, metadata }) => `${kind} ${metadata.name}` === wanted);
      for (const [file, text] of Object.entries(kept?.data ?? {})) writeFileSync(join(source, file), kept?.kind === 'Secret' ? Buffer.from(text, 'base64') : text);
    }
    options.push('-v', `${source}:${mountPath}:rbind${readOnly === true ? ',ro' : ''}`);
  }
  for (const { name, value } of container.env ?? []) options.push('-e', `${name}=${value ?? 'node-of-the-test'}`);
  if (context.privileged === true) options.push('--privileged');
  for (const name of context.capabilities?.drop ?? []) options.push(`--cap-drop=${name}`);
  for (const name of context.capabilities?.add ?? []) options.push(`--cap-add=${name}`);
  if (context.allowPrivilegeEscalation === false) options.push('--security-opt', 'no-new-privileges');
  if (context.seccompProfile?.type === 'Unconfined') options.push('--security-opt', 'seccomp=unconfined');
  if (context.appArmorProfile?.type === 'Unconfined' && existsSync('/sys/kernel/security/apparmor')) options.push('--security-opt', 'apparmor=unconfined');
  if (context.readOnlyRootFilesystem === true) options.push('--read-only', '--read-only-tmpfs=false');
  if (context.runAsUser !== undefined) options.push('--user', `${context.runAsUser}:${context.runAsGroup}`);
  if (spec.hostPID === true) options.push('--pid=host');
  return { options, args: container.args };
}
