// SPDX-License-Identifier: Apache-2.0
/** Which HTTP proxy the environment asks for, by the rules of libcurl, which users of Falco know. */
import { BlockList, isIP, isIPv4 } from 'node:net';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * `http_proxy` (in lower case only: CGI servers set the other from a client's header), `https_proxy` or `HTTPS_PROXY`, else
 * `all_proxy` or `ALL_PROXY`; null where `no_proxy` or `NO_PROXY` names the host, or none is set.
 */
export function proxyFor(url: URL, env: Env): string | null {
  const own = url.protocol === 'http:' ? env.http_proxy : (env.https_proxy ?? env.HTTPS_PROXY);
  const proxy = own ?? env.all_proxy ?? env.ALL_PROXY ?? '';
  if (proxy === '' || isExempt(url.hostname, env.no_proxy ?? env.NO_PROXY ?? '')) return null;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

/** `*`, names with all names below them, addresses and networks (`10.0.0.0/8`), separated by commas or blanks. */
function isExempt(host: string, list: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '').toLowerCase();
  return list.split(/[\s,]+/).some((entry) => {
    if (entry === '*') return true;
    const wanted = entry.replace(/^\[(.*)\]$/, '$1').replace(/^\.|\.$/g, '').toLowerCase();
    if (wanted === '') return false;
    if (isIP(name) !== 0) return name === wanted || inNetwork(name, wanted);
    return name === wanted || name.endsWith(`.${wanted}`);
  });
}

function inNetwork(address: string, network: string): boolean {
  const match = /^(.+)\/(\d+)$/.exec(network);
  if (match === null || isIP(match[1]) !== isIP(address) || Number(match[2]) > (isIPv4(address) ? 32 : 128)) return false;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(match[1], Number(match[2]), family);
  return list.check(address, family);
}
