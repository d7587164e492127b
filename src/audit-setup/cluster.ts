// SPDX-License-Identifier: Apache-2.0
/** What an apiserver is told so that it posts its audit events here, for the usual ways to run one. */
import type { Certificates } from './certificates.js';

export const CLUSTERS = ['kubeadm', 'kind', 'k3s', 'bare'] as const;
export type Cluster = (typeof CLUSTERS)[number];

export const POLICY_FILE = 'audit-policy.yaml';
export const KUBECONFIG_FILE = 'audit-webhook.yaml';
export const SERVER_FILE = 'webhook-server.pem';
export const CLIENT_CA_FILE = 'webhook-client-ca.pem';

/** Below the folder that is written: what goes to the apiserver. The webhook's own key does not. */
export const APISERVER_FOLDER = 'apiserver';

/** Where the files are on the apiserver's machine. */
const FOLDER = '/etc/kubernetes/falco-audit';
const K3S_FOLDER = '/var/lib/rancher/k3s/server/falco-audit';

/** The kubeconfig that says where the webhook is, whom to trust there, and what to show. Null: over plain HTTP. */
export function kubeconfig(url: string, certificates: Certificates | null): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const cluster = { server: url, ...(certificates !== null && { 'certificate-authority-data': base64(certificates.authority) }) };
  const user = certificates === null ? {} : { 'client-certificate-data': base64(certificates.client.certificate), 'client-key-data': base64(certificates.client.key) };
  const lines = (map: object): readonly string[] => Object.entries(map).map(([key, value]) => `      ${key}: ${JSON.stringify(value)}`);
  return [
    'apiVersion: v1', 'kind: Config',
    'clusters:', '  - name: falco-ts', '    cluster:', ...lines(cluster),
    'users:', '  - name: apiserver', ...(certificates === null ? ['    user: {}'] : ['    user:', ...lines(user)]),
    'contexts:', '  - name: falco-ts', '    context: {cluster: falco-ts, user: apiserver}',
    'current-context: falco-ts', '',
  ].join('\n');
}

const flags = (folder: string): readonly (readonly [string, string])[] => [
  ['audit-policy-file', `${folder}/${POLICY_FILE}`],
  ['audit-webhook-config-file', `${folder}/${KUBECONFIG_FILE}`],
  // Without these the first batch may be half a minute late.
  ['audit-webhook-batch-max-wait', '5s'],
];

const mount = (folder: string, indent: string): readonly string[] => [
  `${indent}- name: falco-audit`,
  `${indent}  hostPath: ${folder}`,
  `${indent}  mountPath: ${folder}`,
  `${indent}  readOnly: true`,
  `${indent}  pathType: DirectoryOrCreate`,
];

/** What to do on the apiserver's side, line by line. `folder`: where the apiserver's files have been written. */
export function clusterSteps(cluster: Cluster, folder: string): readonly string[] {
  const copy = (to: string): string => `Copy ${POLICY_FILE} and ${KUBECONFIG_FILE} to ${to} on each machine that runs an apiserver.`;
  switch (cluster) {
    case 'kubeadm':
      return [
        copy(FOLDER),
        'Add to the ClusterConfiguration (kubectl -n kube-system edit configmap kubeadm-config), then run on each of them',
        'kubeadm init phase control-plane apiserver --config <that ClusterConfiguration>:',
        '  apiServer:',
        '    extraArgs:',
        ...flags(FOLDER).flatMap(([name, value]) => [`      - name: ${name}`, `        value: ${value}`]),
        '    extraVolumes:',
        ...mount(FOLDER, '      '),
        '(Before kubeadm.k8s.io/v1beta4, extraArgs is a map: name: value.)',
      ];
    case 'kind':
      return [
        'Create the cluster with this configuration (kind create cluster --config <file>):',
        '  kind: Cluster',
        '  apiVersion: kind.x-k8s.io/v1alpha4',
        '  nodes:',
        '    - role: control-plane',
        '      extraMounts:',
        `        - hostPath: ${folder}`,
        `          containerPath: ${FOLDER}`,
        '          readOnly: true',
        '      kubeadmConfigPatches:',
        '        - |',
        '          kind: ClusterConfiguration',
        '          apiServer:',
        '            extraArgs:',
        ...flags(FOLDER).map(([name, value]) => `              ${name}: ${value}`),
        '            extraVolumes:',
        ...mount(FOLDER, '              '),
      ];
    case 'k3s':
      return [
        copy(K3S_FOLDER),
        'Add to /etc/rancher/k3s/config.yaml on each server, and restart k3s:',
        '  kube-apiserver-arg:',
        ...flags(K3S_FOLDER).map(([name, value]) => `    - ${name}=${value}`),
      ];
    case 'bare':
      return [copy(FOLDER), 'Start kube-apiserver with:', ...flags(FOLDER).map(([name, value]) => `  --${name}=${value}`)];
    default:
      return cluster satisfies never;
  }
}

/** What the monitor's configuration needs. `files`: the webhook's certificate and the authority of its clients; null: plain HTTP. */
export function pluginLines(address: string, files: { readonly server: string; readonly clientAuthority: string } | null): readonly string[] {
  return [
    'plugins:',
    '  - name: k8saudit',
    '    library_path: libk8saudit.so',
    ...(files === null ? ['    init_config: {}'] : ['    init_config:', `      sslCertificate: ${files.server}`, `      sslClientCA: ${files.clientAuthority}`]),
    `    open_params: ${files === null ? 'http' : 'https'}://${address}/k8s-audit`,
    '  - name: json',
    '    library_path: libjson.so',
    'load_plugins: [k8saudit, json]',
  ];
}
