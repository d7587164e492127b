// SPDX-License-Identifier: Apache-2.0
/** What must be among the lines that smoke-guest.sh prints. */

/** @type {Readonly<Record<string, RegExp>>} */
export const EXPECTED = {
  open: /SMOKE open name=\/tmp\/smoke-dir\/made flags=O_TRUNC\|O_CREAT\|O_WRONLY\S* comm=(bash|smoke\.sh) user=root container=host/,
  exec: /SMOKE exec args=0 parent=(bash|smoke\.sh) env=yes exe=\/tmp\/smoke-dir\/program/,
  'failed exec': /SMOKE failed exec file=\/tmp\/smoke-dir\/none res=ENOENT/,
  child: /SMOKE child pid=\d+ parent=\d+ comm=\S+/,
  exit: /SMOKE exit exe=\/tmp\/smoke-dir\/program/,
  connect: /SMOKE connect .*res=ECONNREFUSED/,
  rename: /SMOKE rename to=\S*smoke-dir\/renamed/,
  unlink: /SMOKE unlink file=\/tmp\/smoke-dir\/renamed/,
  mount: /SMOKE mount on=\/tmp\/smoke-dir\/mounted type=tmpfs/,
  ids: /SMOKE ids user=65534/,
  // The first rule that matches wins: a default one.
  chmod: /Set-user-id bit put on a file .*file=\/tmp\/smoke-dir\/program mode=\S*S_ISUID/,
  'demo: binary directory': /Error File in a binary directory opened for writing .*falco-ts-demo/,
};

/** These too, where the demo of an escape can be run. */
export const ESCAPE = {
  'demo: mount': /File system mounted in a container .*container_id=[0-9a-f]{12}/,
  'demo: kernel setting': /Kernel setting that runs programs opened for writing .*container_id=[0-9a-f]{12}/,
  'demo: namespace': /Namespace entered from a container .*container_id=[0-9a-f]{12}/,
};

/** Names of what was not seen. */
export function unseen(text, expected) {
  const alerts = text.split('\n').filter((line) => line.startsWith('ALERT ')).join('\n');
  return Object.entries(expected).filter(([, pattern]) => !pattern.test(alerts)).map(([name]) => name);
}
