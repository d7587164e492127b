// SPDX-License-Identifier: Apache-2.0
/** No command: monitor until a signal, `-M` or the end of all sources; or, with `--dry-run`, only load everything. */
import { Monitor } from '../app/monitor.js';
import { requireOutput } from '../app/outputs.js';
import { logStart, prepare, prepareConfig } from '../app/prepare.js';
import type { ConfigurableLog } from '../util/log.js';
import type { CliOptions } from './options.js';
import { requestOf } from './request.js';

export async function run(options: CliOptions, log: ConfigurableLog): Promise<number> {
  const request = requestOf(options);
  const loaded = prepareConfig(request, log);
  logStart(loaded, log.log);
  if (options.print !== null) log.log.warning('The -p/--print option is deprecated. Use -o append_output... instead.');
  const prepared = prepare(request, loaded, log.log);
  requireOutput(loaded.config);
  const monitor = new Monitor(request, prepared, log);
  if (options.dryRun) {
    log.log.info('Dry run: configuration and rules are valid, no events are processed');
    return 0;
  }
  const release = handleSignals(monitor, log);
  let timer: NodeJS.Timeout | undefined;
  void monitor.whenStarted.then(() => {
    if (options.seconds > 0) timer = setTimeout(() => monitor.stop(), options.seconds * 1000).unref();
  });
  // Sources and servers may all be idle or unreferenced; the run ends when the monitor says so.
  const alive = setInterval(() => undefined, 1 << 30);
  try {
    await monitor.run();
  } finally {
    clearInterval(alive);
    clearTimeout(timer);
    release();
  }
  return 0;
}

function handleSignals(monitor: Monitor, { log }: ConfigurableLog): () => void {
  let ending = false;
  const end = (signal: NodeJS.Signals) => {
    if (ending) {
      log.warning(`${signal} received again, not waiting for outputs`);
      process.exit(1);
    }
    ending = true;
    log.info(`${signal} received, exiting...`);
    monitor.stop();
  };
  const handlers: readonly (readonly [NodeJS.Signals, (signal: NodeJS.Signals) => void])[] = [
    ['SIGINT', end],
    ['SIGTERM', end],
    ['SIGHUP', () => void monitor.reload('SIGHUP received')],
    ['SIGUSR1', () => {
      log.info('SIGUSR1 received, reopening outputs...');
      monitor.reopenOutputs();
    }],
  ];
  for (const [signal, handler] of handlers) process.on(signal, handler);
  // A mistake of ours must not take queued alerts with it.
  const broken = (error: unknown) => {
    log.critical(`Internal error: ${error instanceof Error ? error.stack : String(error)}`);
    monitor.fail(error instanceof Error ? error : new Error(String(error)));
  };
  process.on('uncaughtException', broken);
  return () => {
    process.off('uncaughtException', broken);
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
