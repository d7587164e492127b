// SPDX-License-Identifier: Apache-2.0
/** Where audit events come from, as the k8saudit plugin's `open_params` say it. */
import { StartError } from '../source.js';

export interface WebhookPlace {
  readonly kind: 'webhook';
  readonly tls: boolean;
  /** Empty: all interfaces. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

export interface FilePlace {
  readonly kind: 'file';
  /** A file, or a folder of files, oldest first; `-` is standard input. */
  readonly path: string;
  /** Go on reading what is appended, across rotation. */
  readonly follow: boolean;
}

export type Place = WebhookPlace | FilePlace;

export const DEFAULT_OPEN_PARAMS = 'http://127.0.0.1:9765/k8s-audit';

const DEFAULT_PORT = 9765;
const URL_SHAPE = /^(https?):\/\/(\[[0-9a-fA-F:.%]+\]|[^:/?#[\]\s]*)(?::(\d*))?(\/[^?#]*)?(?:[?#].*)?$/i;

/** `http://:9765/k8s-audit`, `https://host:port/path`, `file:///followed.log`, or a file's path. */
export function parseOpenParams(text: string): Place {
  const params = text.trim();
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):\/\//.exec(params)?.[1].toLowerCase();
  switch (scheme) {
    case undefined:
      if (params === '') throw refused(text, 'it is empty');
      return { kind: 'file', path: params, follow: false };
    case 'file': {
      const path = params.slice('file://'.length);
      if (!path.startsWith('/')) throw refused(text, 'the path of a followed file must be absolute: file:///var/log/audit.log');
      try {
        return { kind: 'file', path: decodeURIComponent(path), follow: true };
      } catch {
        throw refused(text, 'what follows a percent sign is not UTF-8 in hexadecimal digits; a percent sign in a path is written %25');
      }
    }
    case 'http':
    case 'https': {
      const m = URL_SHAPE.exec(params);
      if (m === null) throw refused(text, 'it is no URL');
      const port = m[3] === undefined || m[3] === '' ? DEFAULT_PORT : Number(m[3]);
      if (port > 65535) throw refused(text, 'there is no such port');
      return { kind: 'webhook', tls: scheme === 'https', host: m[2].replace(/^\[|\]$/g, ''), port, path: m[4] ?? '/' };
    }
    default:
      throw refused(text, `the scheme ${scheme} is not one of http, https, file`);
  }
}

function refused(text: string, why: string): StartError {
  return new StartError(
    'K8S_AUDIT_OPEN_PARAMS',
    `k8saudit: open_params "${text}" cannot be used: ${why}`,
    'Give http://<host>:<port>/<path>, https://<host>:<port>/<path>, file://<path to follow>, or the path of a file.',
  );
}

/** As users write it. */
export function placeText(place: Place): string {
  if (place.kind === 'file') return place.follow ? `file://${place.path}` : place.path;
  const host = place.host.includes(':') ? `[${place.host}]` : place.host;
  return `${place.tls ? 'https' : 'http'}://${host}:${place.port}${place.path}`;
}
