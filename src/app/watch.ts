// SPDX-License-Identifier: Apache-2.0
import type { FSWatcher } from 'chokidar';

/** Changes come in bursts: editors write twice, a ConfigMap swaps several links. */
const QUIET_MS = 300;

/** Says once that something has changed among files and directories, after it has been quiet for a moment. */
export class FileWatch {
  private watcher: FSWatcher | null = null;
  private followed = '';
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly changed: () => void) {}

  /** Watches these paths instead of those before. */
  async follow(paths: readonly string[]): Promise<void> {
    const key = [...new Set(paths)].sort().join('\n');
    if (key === this.followed) return;
    await this.watcher?.close();
    this.watcher = null;
    this.followed = key;
    if (key === '') return;
    const { watch } = await import('chokidar');
    const watcher = watch(key.split('\n'), { ignoreInitial: true, depth: 0, persistent: false });
    this.watcher = watcher;
    watcher.on('all', () => this.note());
    await new Promise<void>((resolve) => watcher.once('ready', resolve));
  }

  async stop(): Promise<void> {
    if (this.timer !== null) clearTimeout(this.timer);
    await this.watcher?.close();
    this.watcher = null;
  }

  private note(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(this.changed, QUIET_MS);
  }
}
