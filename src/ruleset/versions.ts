// SPDX-License-Identifier: Apache-2.0
/** Versions that rules files may require. */

export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** The rule language and field set that this program implements, in the ecosystem's numbering. */
export const ENGINE_VERSION: Version = { major: 0, minor: 63, patch: 0 };

/** What `required_plugin_versions` may ask for: our sources and fields stand in for these plugins. */
export const BUILT_IN_PLUGINS: ReadonlyMap<string, Version> = new Map([
  ['k8saudit', { major: 0, minor: 18, patch: 0 }],
  ['json', { major: 0, minor: 7, patch: 0 }],
  ['container', { major: 0, minor: 7, patch: 0 }],
]);

/** `x.y.z`, anything behind it ignored; null when it is no version. */
export function parseVersion(text: string): Version | null {
  const m = /^\s*\+?(\d+)\.\s*\+?(\d+)\.\s*\+?(\d+)/.exec(text);
  return m === null ? null : { major: Number(m[1]), minor: Number(m[2]), patch: Number(m[3]) };
}

export function formatVersion(v: Version): string {
  return `${v.major}.${v.minor}.${v.patch}`;
}

export function compareVersions(a: Version, b: Version): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/** Whether `have` does what was written for `wanted`: the same major number, and not older. */
export function isCompatible(have: Version, wanted: Version): boolean {
  return have.major === wanted.major && compareVersions(have, wanted) >= 0;
}
