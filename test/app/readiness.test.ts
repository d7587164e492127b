// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { Readiness, type WatchedSource } from '../../src/app/readiness.js';

function source(name: string, more: Partial<WatchedSource> = {}): WatchedSource {
  return { name, neverQuiet: name === 'syscall', running: true, stats: { produced: 0, delivered: 0, losses: {} }, ...more };
}
const stats = (produced: number, lost = 0) => ({ produced, delivered: produced - lost, losses: { ringFull: lost } });

describe('/readyz', () => {
  it('is not ready before every source is open, and not after one has ended', () => {
    let sources = [source('syscall', { stats: null }), source('k8s_audit')];
    const readiness = new Readiness(() => sources, () => 0.1);
    expect(readiness.view(0)).toMatchObject({ ready: false, sources: { syscall: { state: 'not open' }, k8s_audit: { state: 'running' } } });
    sources = [source('syscall'), source('k8s_audit')];
    expect(readiness.view(0).ready).toBe(true);
    sources = [source('syscall'), source('k8s_audit', { running: false })];
    expect(readiness.view(0)).toMatchObject({ ready: false, sources: { k8s_audit: { state: 'ended' } } });
  });

  it('is not ready when no system call has arrived for half a minute; audit events may be rare', () => {
    let made = 5;
    const readiness = new Readiness(() => [source('syscall', { stats: stats(made) }), source('k8s_audit', { stats: stats(0) })], () => 0.1);
    for (let second = 0; second <= 40; second++) readiness.sample(second * 1000);
    expect(readiness.view(40_000)).toMatchObject({ ready: false, sources: { syscall: { state: 'no events' }, k8s_audit: { state: 'running' } } });
    made = 6;
    expect(readiness.view(40_500).ready).toBe(true);
  });

  it('is not ready while more is lost than may be, and is again when that is over', () => {
    let now = stats(0);
    const readiness = new Readiness(() => [source('syscall', { stats: now })], () => 0.1);
    readiness.sample(0);
    now = stats(1000, 150);
    expect(readiness.view(1000)).toEqual({ ready: false, sources: { syscall: { ready: false, state: 'losing events', events: 1000, lost: 150 } } });
    for (let second = 1; second <= 60; second++) {
      now = stats(1000 + second * 100, 150);
      readiness.sample(second * 1000);
    }
    expect(readiness.view(60_000)).toEqual({ ready: true, sources: { syscall: { ready: true, state: 'running', events: 3000, lost: 0 } } });
  });
});
