// SPDX-License-Identifier: Apache-2.0
/** Commands by name, which come first on the command line: `falco-ts check …`. Falco has options only, so that none can clash. */

/** @returns the exit code */
export type Subcommand = (args: readonly string[]) => Promise<number> | number;

export const SUBCOMMANDS: ReadonlyMap<string, { readonly about: string; readonly load: () => Promise<Subcommand> }> = new Map([
  ['check', { about: 'check rules files for errors, and for rules that can never fire', load: async () => (await import('./check.js')).check }],
  ['test', { about: 'run rules against events written in YAML, captures and audit logs', load: async () => (await import('./test.js')).test }],
  ['explain', { about: 'explain why a rule matches an event or does not, why an alert was raised, and what silences it', load: async () => (await import('./explain.js')).explainEvent }],
  ['k8s-audit', { about: 'set up Kubernetes audit events (init), or find out what is missing (doctor)', load: async () => (await import('./k8s-audit.js')).k8sAudit }],
]);
