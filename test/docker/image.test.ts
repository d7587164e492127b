// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

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
