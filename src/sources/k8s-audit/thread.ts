// SPDX-License-Identifier: Apache-2.0
/**
 * The thread that takes audit events in: connections, TLS, decompression, cutting bodies into events and checking these.
 * However much arrives, and from whomever, it costs the thread that watches system calls only the rules.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { StartError } from '../source.js';
import { K8S_AUDIT_DEFAULTS } from './config.js';
import { AuditFileInput } from './file-input.js';
import { FollowedAuditFile } from './follow.js';
import { AuditIntake } from './intake.js';
import type { FromIntake, IntakeData, Slab, ToIntake } from './messages.js';
import { SlabOutlet } from './slabs.js';
import { Credentials } from './tls.js';
import { AuditWebhook } from './webhook.js';

const port = parentPort;
if (port === null) throw new Error('this is no program but a thread of one');
const tell = (message: FromIntake, transfer: ArrayBuffer[] = []): void => port.postMessage(message, transfer);
const warn = (message: string): void => tell({ kind: 'warning', message });
const end = (error?: Error): void => tell({ kind: 'ended', ...(error !== undefined && { error: error.message }) });

const { place, config, counters } = workerData as IntakeData;
const maxEventSize = config.maxEventSize ?? K8S_AUDIT_DEFAULTS.maxEventSize;
const outlet = new SlabOutlet((slab: Slab, count) => tell({ kind: 'events', slab, count }, [slab.bytes, slab.records]));
const intake = new AuditIntake({ maxEventSize, counters: new Float64Array(counters) }, outlet);
const credentials = new Credentials(
  {
    certificate: config.sslCertificate ?? K8S_AUDIT_DEFAULTS.sslCertificate,
    clientAuthority: config.sslClientCA ?? null,
    bearerToken: config.bearerTokenFile ?? null,
  },
  place.kind === 'webhook' && place.tls,
  warn,
);
const input = createInput();

port.on('message', (message: ToIntake) => {
  if (message.kind === 'evaluated') outlet.evaluated(message.slab);
  else void stop();
});

try {
  if (input instanceof AuditWebhook) await credentials.start();
  await input.start(end);
  tell({ kind: 'ready', port: input instanceof AuditWebhook ? input.port : 0 });
} catch (error) {
  const { code, hint } = error instanceof StartError ? error : { code: 'K8S_AUDIT', hint: undefined };
  tell({ kind: 'failed', code, message: (error as Error).message, ...(hint !== undefined && { hint }) });
}

function createInput(): AuditWebhook | FollowedAuditFile | AuditFileInput {
  if (place.kind === 'webhook') {
    return new AuditWebhook(intake, {
      place,
      maxEventSize,
      maxBodySize: config.webhookMaxBatchSize ?? K8S_AUDIT_DEFAULTS.webhookMaxBatchSize,
      maxConcurrentBodies: config.webhookMaxConcurrentBodies ?? K8S_AUDIT_DEFAULTS.webhookMaxConcurrentBodies,
      credentials,
      warn,
    });
  }
  if (place.follow) return new FollowedAuditFile(intake, { path: place.path, positionFile: config.positionFile ?? null, warn });
  return new AuditFileInput(intake, { place, warn });
}

async function stop(): Promise<void> {
  await input.stop();
  await credentials.stop();
  await outlet.settled();
  tell({ kind: 'stopped' });
}
