// SPDX-License-Identifier: Apache-2.0
/** Certificates and keys that settings name: read at the start, so that a wrong path is found before the first alert. */
import { readFileSync } from 'node:fs';
import { StartError } from '../sources/source.js';

/** Which section of the configuration an output belongs to. */
export interface Section {
  readonly section: string;
  /** Of a wrong setting. */
  readonly code: string;
}

/** Paths; empty: none. */
export interface TlsPaths {
  readonly caCert: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

/** The text of a file that the setting `key` names. @throws StartError */
export function settingFile({ section, code }: Section, key: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new StartError(code, `${section}.${key}: ${(error as Error).message}`, undefined, { cause: error });
  }
}

/** As node:tls wants them; what is not named is left out. @throws StartError */
export function tlsFiles(of: Section, { caCert, clientCert, clientKey }: TlsPaths): { readonly ca?: string; readonly cert?: string; readonly key?: string } {
  return {
    ...(caCert !== '' && { ca: settingFile(of, 'ca_cert', caCert) }),
    ...(clientCert !== '' && { cert: settingFile(of, 'client_cert', clientCert), key: settingFile(of, 'client_key', clientKey) }),
  };
}
