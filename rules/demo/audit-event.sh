#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Demo: somebody puts a password into a ConfigMap. This posts the audit event that a Kubernetes API server would send.
# With `npm start` in one terminal, run this in another one. Needs curl and no cluster.
set -eu
url=${1:-http://127.0.0.1:9765/k8s-audit}
command -v curl >/dev/null || { echo 'This demo needs curl: apt-get install curl' >&2; exit 1; }

echo "Posting an audit event to $url: the user demo creates the ConfigMap database with a password ..."
curl --silent --show-error --fail-with-body -H 'Content-Type: application/json' --data @- "$url" <<EVENT
{
  "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "stage": "ResponseComplete",
  "auditID": "$(cat /proc/sys/kernel/random/uuid)",
  "requestURI": "/api/v1/namespaces/default/configmaps", "verb": "create",
  "user": { "username": "demo", "groups": ["system:authenticated"] },
  "sourceIPs": ["192.0.2.7"], "userAgent": "kubectl/v1.31.0",
  "objectRef": { "resource": "configmaps", "namespace": "default", "name": "database", "apiVersion": "v1" },
  "responseStatus": { "code": 201 },
  "requestObject": {
    "kind": "ConfigMap", "apiVersion": "v1", "metadata": { "name": "database", "namespace": "default" },
    "data": { "connection": "user=app password=correct-horse" }
  },
  "requestReceivedTimestamp": "$(date -u +%Y-%m-%dT%H:%M:%S.000000Z)",
  "stageTimestamp": "$(date -u +%Y-%m-%dT%H:%M:%S.000000Z)"
}
EVENT
echo
echo "The monitor says: K8s configmap with private credential ..."
