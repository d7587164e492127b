// SPDX-License-Identifier: Apache-2.0
/** API groups of Kubernetes' own resources, which a policy must name and rules do not. Older groups are there too. */

const BY_GROUP: Readonly<Record<string, string>> = {
  '': 'bindings componentstatuses configmaps endpoints events limitranges namespaces nodes persistentvolumeclaims persistentvolumes pods podtemplates replicationcontrollers resourcequotas secrets serviceaccounts services',
  'admissionregistration.k8s.io':
    'mutatingadmissionpolicies mutatingadmissionpolicybindings mutatingwebhookconfigurations validatingadmissionpolicies validatingadmissionpolicybindings validatingwebhookconfigurations',
  'apiextensions.k8s.io': 'customresourcedefinitions',
  'apiregistration.k8s.io': 'apiservices',
  apps: 'controllerrevisions daemonsets deployments replicasets statefulsets',
  'authentication.k8s.io': 'selfsubjectreviews tokenreviews',
  'authorization.k8s.io': 'localsubjectaccessreviews selfsubjectaccessreviews selfsubjectrulesreviews subjectaccessreviews',
  autoscaling: 'horizontalpodautoscalers',
  batch: 'cronjobs jobs',
  'certificates.k8s.io': 'certificatesigningrequests clustertrustbundles podcertificaterequests',
  'coordination.k8s.io': 'leases leasecandidates',
  'discovery.k8s.io': 'endpointslices',
  'events.k8s.io': 'events',
  extensions: 'daemonsets deployments ingresses networkpolicies podsecuritypolicies replicasets',
  'flowcontrol.apiserver.k8s.io': 'flowschemas prioritylevelconfigurations',
  'networking.k8s.io': 'ingressclasses ingresses ipaddresses networkpolicies servicecidrs',
  'node.k8s.io': 'runtimeclasses',
  policy: 'poddisruptionbudgets podsecuritypolicies',
  'rbac.authorization.k8s.io': 'clusterrolebindings clusterroles rolebindings roles',
  'resource.k8s.io': 'deviceclasses resourceclaims resourceclaimtemplates resourceslices',
  'scheduling.k8s.io': 'priorityclasses',
  'storage.k8s.io': 'csidrivers csinodes csistoragecapacities storageclasses volumeattachments volumeattributesclasses',
};

const GROUPS = new Map<string, string[]>();
for (const [group, resources] of Object.entries(BY_GROUP)) {
  for (const resource of resources.split(' ')) GROUPS.set(resource, [...(GROUPS.get(resource) ?? []), group]);
}

/** Subresources that only some resources of the core group have. */
const CORE_SUBRESOURCES: ReadonlyMap<string, readonly string[]> = new Map([
  ['attach', ['pods']],
  ['binding', ['pods']],
  ['ephemeralcontainers', ['pods']],
  ['eviction', ['pods']],
  ['exec', ['pods']],
  ['log', ['pods']],
  ['portforward', ['pods']],
  ['proxy', ['nodes', 'pods', 'services']],
  ['resize', ['pods']],
  ['token', ['serviceaccounts']],
]);

/** Groups that have a resource of this name; empty: it is none of Kubernetes' own. */
export const groupsOf = (resource: string): readonly string[] => GROUPS.get(resource) ?? [];

/** The resources that have a subresource of this name; null: many may. */
export const resourcesWith = (subresource: string): readonly string[] | null => CORE_SUBRESOURCES.get(subresource) ?? null;

export const KNOWN_RESOURCES: readonly string[] = [...GROUPS.keys()];
