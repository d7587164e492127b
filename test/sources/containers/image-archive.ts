// SPDX-License-Identifier: Apache-2.0
/** An image as `docker save` writes it, from one layer: what containerd imports. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ImageOptions {
  readonly name: string;
  /** A tar file. */
  readonly layer: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
}

/** Writes it below `dir`. Returns its path. */
export function writeImageArchive(dir: string, { name, layer, labels = {}, entrypoint = [] }: ImageOptions): string {
  const parts = join(dir, `archive-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`);
  mkdirSync(parts);
  copyFileSync(layer, join(parts, 'layer.tar'));
  const diffId = `sha256:${createHash('sha256').update(readFileSync(layer)).digest('hex')}`;
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Labels: labels, Entrypoint: entrypoint, Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created_by: 'falco-ts tests' }],
  };
  writeFileSync(join(parts, 'config.json'), JSON.stringify(config));
  writeFileSync(join(parts, 'manifest.json'), JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]));
  const archive = `${parts}.tar`;
  execFileSync('tar', ['-C', parts, '-cf', archive, 'manifest.json', 'config.json', 'layer.tar']);
  return archive;
}
