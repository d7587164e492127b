// SPDX-License-Identifier: Apache-2.0
/** Certificates and keys that settings name: read at the start, so that a wrong path is found before the first alert. And what is wrong with them, later. */
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

/** Refusals that OpenSSL passes on: they are about our certificate, or about having none. */
const ABOUT_OUR_CERTIFICATE = /alert (bad certificate|certificate required|unknown ca|certificate expired|certificate revoked|handshake failure)/;

/** Words for a connection's error: where it is about certificates, with the setting that decides. One line, without OpenSSL's source lines. */
export function connectionTrouble(message: string, section: string): string {
  const reason = /:SSL routines:[^:]*:([^:\n]+)/.exec(message)?.[1];
  if (reason !== undefined) return ABOUT_OUR_CERTIFICATE.test(reason) ? `the receiver does not accept our certificate (${reason}; ${section}.client_cert)` : `TLS: ${reason}`;
  if (/^(self-signed certificate|unable to (verify|get)\b.*(certificate|issuer))/.test(message)) return `${message}: the receiver's certificate is not by an authority that is trusted (${section}.ca_cert)`;
  return message;
}
