// SPDX-License-Identifier: Apache-2.0
/** A certificate authority of one's own, and the two certificates that it has signed: the webhook's and the API servers'. Made by the `openssl` command. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartError } from '../sources/source.js';

export interface Certificates {
  /** PEM: whom either side trusts, and nobody else. */
  readonly authority: string;
  /** PEM with certificate and key, for the webhook. */
  readonly server: string;
  /** PEM, for the API servers that post. */
  readonly client: ClientIdentity;
}

export interface ClientIdentity {
  readonly certificate: string;
  readonly key: string;
}

/**
 * Certificates for these host names and addresses, valid for `days`. The authority's key is thrown away: nothing else can
 * be signed with it, and neither certificate serves for the other's purpose. @throws StartError
 */
export function makeCertificates(hosts: readonly string[], days: number): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'falco-ts-'));
  const at = (name: string): string => join(folder, name);
  const names = hosts.map((host) => `${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}`).join(',');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  try {
    writeFileSync(at('ca.cnf'), '[req]\ndistinguished_name=dn\nx509_extensions=ca\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n');
    const use = (purpose: string): string => `basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=${purpose}\n`;
    writeFileSync(at('use.cnf'), `[server]\n${use('serverAuth')}subjectAltName=${names}\n[client]\n${use('clientAuth')}`);
    openssl('req', '-x509', ...key, '-config', at('ca.cnf'), '-subj', '/CN=falco-ts k8s-audit authority', '-days', String(days), '-keyout', at('ca.key'), '-out', at('ca.crt'));
    for (const [who, name] of [['server', 'falco-ts k8s-audit'], ['client', 'kube-apiserver']]) {
      openssl('req', '-new', ...key, '-config', at('ca.cnf'), '-subj', `/CN=${name}`, '-keyout', at(`${who}.key`), '-out', at(`${who}.csr`));
      openssl('x509', '-req', '-in', at(`${who}.csr`), '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-CAserial', at('ca.srl'), '-days', String(days), '-extfile', at('use.cnf'), '-extensions', who, '-out', at(`${who}.crt`));
    }
    const read = (name: string): string => readFileSync(at(name), 'utf8');
    return { authority: read('ca.crt'), server: read('server.crt') + read('server.key'), client: { certificate: read('client.crt'), key: read('client.key') } };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function openssl(...args: readonly string[]): void {
  try {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'], timeout: 60_000 });
  } catch (error) {
    const { code, stderr } = error as NodeJS.ErrnoException & { readonly stderr?: Buffer };
    if (code === 'ENOENT') {
      throw new StartError('OPENSSL', 'certificates need the openssl command, which is not there', 'install openssl, or leave certificates out with --http and use your own');
    }
    throw new StartError('OPENSSL', `openssl ${args[0]} failed: ${stderr?.toString().trim() || (error as Error).message}`, undefined, { cause: error });
  }
}
