// SPDX-License-Identifier: Apache-2.0
/** What Kubernetes adds to a container, as labels that the `k8s.*` fields read. */
export interface Pod {
  readonly sandboxId: string;
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
}

/** `labels` with the pod's in front of what they say themselves; what is empty is left out. */
export function withPod(labels: ReadonlyMap<string, string>, pod: Pod): ReadonlyMap<string, string> {
  const all = new Map(labels);
  const add = (key: string, value: string) => {
    if (value !== '') all.set(key, value);
  };
  add('io.kubernetes.sandbox.id', pod.sandboxId);
  add('io.kubernetes.pod.uid', pod.uid);
  add('io.kubernetes.pod.name', pod.name);
  add('io.kubernetes.pod.namespace', pod.namespace);
  return all;
}
