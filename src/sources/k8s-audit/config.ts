// SPDX-License-Identifier: Apache-2.0
/** The k8saudit plugin's `init_config`, with its names and defaults, and what is ours beside it. */
import { StartError } from '../source.js';

export interface K8sAuditConfig {
  /** PEM with certificate and key, for https. */
  readonly sslCertificate?: string;
  /** Bytes of one event. */
  readonly maxEventSize?: number;
  /** Bytes of one posted body. */
  readonly webhookMaxBatchSize?: number;
  /** The plugin's own; means nothing here. */
  readonly useAsync?: boolean;
  /** Ours: PEM with the authorities whose client certificates are asked for. */
  readonly sslClientCA?: string;
  /** Ours: a file with the token that posts must carry. */
  readonly bearerTokenFile?: string;
  /** Ours: bodies received at once. */
  readonly webhookMaxConcurrentBodies?: number;
  /** Ours: where a followed file's position is kept over restarts; without it, reading starts at the file's end. */
  readonly positionFile?: string;
}

type Kind = 'text' | 'size' | 'flag';

const KEYS: Readonly<Record<keyof K8sAuditConfig, Kind>> = {
  sslCertificate: 'text',
  maxEventSize: 'size',
  webhookMaxBatchSize: 'size',
  useAsync: 'flag',
  sslClientCA: 'text',
  bearerTokenFile: 'text',
  webhookMaxConcurrentBodies: 'size',
  positionFile: 'text',
};

export const K8S_AUDIT_DEFAULTS = {
  sslCertificate: '/etc/falco/falco.pem',
  maxEventSize: 262_144,
  webhookMaxBatchSize: 12 * 1024 * 1024,
  webhookMaxConcurrentBodies: 64,
} as const;

const WANTED: Readonly<Record<Kind, string>> = { text: 'a string', size: 'an integer above 0', flag: 'true or false' };

/** Throws a `StartError` that names every key that is wrong; unknown keys are only warned of, as plugins ignore them. */
export function checkConfig(config: object, warn: (message: string) => void): K8sAuditConfig {
  const wrong: string[] = [];
  for (const [key, value] of Object.entries(config)) {
    const kind = Object.hasOwn(KEYS, key) ? KEYS[key as keyof K8sAuditConfig] : undefined;
    if (kind === undefined) warn(`k8saudit: init_config: there is no option ${key}; it is ignored`);
    else if (!fits(kind, value)) wrong.push(`${key} must be ${WANTED[kind]}, not ${JSON.stringify(value)}`);
  }
  if (wrong.length > 0) {
    throw new StartError('K8S_AUDIT_CONFIG', `k8saudit: init_config: ${wrong.join('; ')}`, 'Correct them in the configuration file.');
  }
  return config;
}

function fits(kind: Kind, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string' && value !== '';
    case 'size':
      return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
    case 'flag':
      return typeof value === 'boolean';
    default: {
      const never: never = kind;
      return never;
    }
  }
}
