// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

describe('docker/Dockerfile', () => {
  const text = readFileSync(join(PROJECT, 'docker/Dockerfile'), 'utf8');
  const stages = text.split(/^FROM /m).slice(1);

  it('leaves the compilers in the first stage', () => {
    expect(stages).toHaveLength(2);
    expect(stages[0]).toMatch(/clang/);
    expect(stages[1]).not.toMatch(/clang|g\+\+|-dev\b|npm/);
  });

  it('installs what the set-up asks for, and copies what is in the project or is built', () => {
    const setup = readFileSync(join(PROJECT, 'src/setup/system.mjs'), 'utf8');
    for (const [, name] of setup.matchAll(/package: '([^']+)'/g)) expect(stages[0]).toContain(name);
    for (const [, path] of text.matchAll(/^COPY --from=build \/src\/(\S+)/gm)) expect(existsSync(join(PROJECT, path)), path).toBe(true);
  });
});

describe('docker/daemonset.yaml', () => {
  const documents = parseAllDocuments(readFileSync(join(PROJECT, 'docker/daemonset.yaml'), 'utf8'));

  it('is YAML without an error, of the kinds that a cluster needs', () => {
    expect(documents.flatMap((document) => document.errors)).toEqual([]);
    expect(documents.map((document) => document.get('kind'))).toEqual(['Namespace', 'ConfigMap', 'DaemonSet']);
  });

  it('mounts only volumes that it has, and selects its own pods', () => {
    const { spec } = documents[2].toJS() as {
      spec: {
        selector: { matchLabels: object };
        template: { metadata: { labels: object }; spec: { volumes: { name: string }[]; containers: { volumeMounts: { name: string }[] }[] } };
      };
    };
    expect(spec.template.metadata.labels).toEqual(spec.selector.matchLabels);
    const volumes = spec.template.spec.volumes.map((volume) => volume.name).sort();
    expect(spec.template.spec.containers.flatMap((container) => container.volumeMounts.map((mount) => mount.name)).sort()).toEqual(volumes);
  });
});
