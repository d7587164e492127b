// SPDX-License-Identifier: Apache-2.0

/**
 * `registry:5000/team/app:1.2@sha256:…` → repository `registry:5000/team/app`, tag `1.2`. A colon before the last slash
 * belongs to a port.
 */
export function splitImageName(image: string): { readonly repository: string; readonly tag: string } {
  const at = image.indexOf('@');
  const name = at === -1 ? image : image.slice(0, at);
  const colon = name.lastIndexOf(':');
  if (colon === -1 || colon < name.lastIndexOf('/')) return { repository: name, tag: '' };
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}
