// SPDX-License-Identifier: Apache-2.0
/** Certificates of a test, made by openssl: an authority, and keys that it has signed for 127.0.0.1 and localhost. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface Certificate {
  /** Paths of PEM files. */
  readonly crt: string;
  readonly key: string;
  readonly read: () => { readonly cert: string; readonly key: string };
}

function files(dir: string, name: string): Certificate {
  const [crt, key] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
  return { crt, key, read: () => ({ cert: readFileSync(crt, 'utf8'), key: readFileSync(key, 'utf8') }) };
}

const openssl = (dir: string, ...args: readonly string[]): void => void execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });

export function authority(dir: string, name = 'ca'): Certificate {
  openssl(dir, 'req', '-x509', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=test ${name}`, '-days', '2');
  return files(dir, name);
}

/** A certificate with the common name `name`, for this machine's loopback or for `names` (as in subjectAltName). */
export function certificate(dir: string, by: Certificate, name: string, names = 'IP:127.0.0.1,DNS:localhost'): Certificate {
  writeFileSync(join(dir, 'ext'), `subjectAltName=${names}\n`);
  openssl(dir, 'req', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
  openssl(dir, 'x509', '-req', '-in', `${name}.csr`, '-CA', by.crt, '-CAkey', by.key, '-CAcreateserial', '-out', `${name}.crt`, '-days', '2', '-extfile', 'ext');
  return files(dir, name);
}
