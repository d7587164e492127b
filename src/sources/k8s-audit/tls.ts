// SPDX-License-Identifier: Apache-2.0
/** What a client must show, and what this side shows: read from files, and read again when they change. */
import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { FSWatcher } from 'chokidar';
import { StartError } from '../source.js';

export interface CredentialFiles {
  /** PEM with the certificate, its chain and its key, for https. */
  readonly certificate: string | null;
  /** PEM with the authorities whose client certificates are taken; null: none is asked for. */
  readonly clientAuthority: string | null;
  /** A file with the token that requests must carry as `Authorization: Bearer`; null: none is asked for. */
  readonly bearerToken: string | null;
}

export class Credentials {
  #watcher: FSWatcher | null = null;
  #token: Buffer | null = null;
  #apply: (context: SecureContextOptions) => void = () => {};

  constructor(
    private readonly files: CredentialFiles,
    private readonly tls: boolean,
    private readonly warn: (message: string) => void,
  ) {}

  /** Reads everything once and watches it from then on. */
  async start(): Promise<void> {
    if (!this.tls && this.files.clientAuthority !== null) {
      throw new StartError('K8S_AUDIT_TLS', 'k8saudit: sslClientCA needs https: over plain http nobody shows a certificate, and anybody would be let in', 'Write https:// in open_params, or take sslClientCA out of init_config.');
    }
    await this.#loadToken();
    const paths = [this.files.bearerToken, this.tls ? this.files.certificate : null, this.tls ? this.files.clientAuthority : null];
    const watched = paths.filter((path) => path !== null);
    if (watched.length === 0) return;
    // Loaded here: without files to watch there is no need for it.
    const { watch } = await import('chokidar');
    this.#watcher = watch(watched, { ignoreInitial: true, awaitWriteFinish: { stabilityThreshold: 200, pollInterval: 50 } });
    this.#watcher.on('all', () => void this.#reload());
  }

  async stop(): Promise<void> {
    await this.#watcher?.close();
  }

  /** Options for the listener. Throws when a file cannot be read or is no certificate. */
  async load(): Promise<TlsOptions> {
    const context = await this.#context();
    return { ...context, requestCert: this.files.clientAuthority !== null, rejectUnauthorized: true };
  }

  /** `apply` is handed the new certificates whenever the files have changed and are right. */
  onChange(apply: (context: SecureContextOptions) => void): void {
    this.#apply = apply;
  }

  /** Does the Authorization header carry the token? */
  allows(header: string | undefined): boolean {
    if (this.#token === null) return true;
    const given = /^Bearer +(\S+)$/i.exec(header ?? '')?.[1];
    return given !== undefined && timingSafeEqual(digest(given), this.#token);
  }

  async #reload(): Promise<void> {
    try {
      await this.#loadToken();
      if (this.tls) this.#apply(await this.#context());
    } catch (error) {
      this.warn(`k8saudit: the changed credentials are not used, the previous ones stay in force: ${(error as Error).message}`);
    }
  }

  async #loadToken(): Promise<void> {
    const { bearerToken } = this.files;
    if (bearerToken === null) return;
    const token = (await read(bearerToken, 'bearerTokenFile')).toString().trim();
    if (token === '') throw new StartError('K8S_AUDIT_TOKEN', `k8saudit: ${bearerToken} (bearerTokenFile) is empty`);
    this.#token = digest(token);
  }

  async #context(): Promise<SecureContextOptions> {
    const { certificate, clientAuthority } = this.files;
    if (certificate === null) throw new StartError('K8S_AUDIT_TLS', 'k8saudit: https needs sslCertificate in init_config');
    const pem = await read(certificate, 'sslCertificate');
    const ca = clientAuthority === null ? null : authorities(await read(clientAuthority, 'sslClientCA'), clientAuthority);
    const context: SecureContextOptions = { cert: pem, key: pem, minVersion: 'TLSv1.2', ...(ca !== null && { ca }) };
    try {
      createSecureContext(context);
    } catch (error) {
      throw new StartError(
        'K8S_AUDIT_TLS',
        `k8saudit: ${certificate} (sslCertificate) cannot be used: ${(error as Error).message}`,
        'It must be one PEM file that holds the certificate (chain) and its private key.',
        { cause: error },
      );
    }
    return context;
  }
}

/** A file without a certificate would let nobody in, and one that breaks off would let some in: neither was meant. */
function authorities(pem: Buffer, path: string): Buffer {
  const wrong = (why: string, cause?: unknown): StartError =>
    new StartError('K8S_AUDIT_TLS', `k8saudit: ${path} (sslClientCA) ${why}`, 'It must hold the certificates of the authorities, in PEM.', { cause });
  const found = pem.toString('latin1').match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*(?:-----END (?:TRUSTED |X509 )?CERTIFICATE-----)?/g) ?? [];
  if (found.length === 0) throw wrong('holds no certificate');
  for (const one of found) {
    try {
      new X509Certificate(one);
    } catch (error) {
      throw wrong(`cannot be used: ${(error as Error).message}`, error);
    }
  }
  return pem;
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

async function read(path: string, option: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const message = `k8saudit: ${option} cannot be read: ${(error as Error).message}`;
    throw new StartError('K8S_AUDIT_FILE', message, `Correct ${option} in the plugin's init_config.`, { cause: error });
  }
}
