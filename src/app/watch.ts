// SPDX-License-Identifier: Apache-2.0
import { type FSWatcher, readdirSync, realpathSync, statSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';

/** Changes come in bursts: editors write twice, a ConfigMap swaps several links. */
const QUIET_MS = 300;

/**
 * Says that something has changed among files and directories, once it has been quiet for a moment. It is the directories
 * that are watched, which shows atomic renames and swapped links too; whether what they show concerns us is told by what
 * the paths lead to before and after.
 */
export class FileWatch {
  private watchers: FSWatcher[] = [];
  private paths: readonly string[] = [];
  private seen = '';
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly changed: () => void) {}

  /** Watches these paths instead of those before. */
  follow(paths: readonly string[]): void {
    this.close();
    this.paths = [...new Set(paths)];
    this.seen = this.fingerprint();
    const directories = new Set(this.paths.flatMap((path) => [dirname(path), ...(isDirectory(path) ? [path] : [])]));
    for (const directory of directories) {
      try {
        const watcher = watch(directory, { persistent: false }, () => this.note());
        // A directory that goes away ends its watch; its parent's, or the next reload, finds what takes its place.
        watcher.on('error', () => watcher.close());
        this.watchers.push(watcher);
      } catch {
        // It is not there: nothing in it is being used either.
      }
    }
  }

  stop(): void {
    this.close();
    this.paths = [];
  }

  private close(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const watcher of this.watchers.splice(0)) watcher.close();
  }

  private note(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const now = this.fingerprint();
      if (now === this.seen) return;
      this.seen = now;
      this.changed();
    }, QUIET_MS);
  }

  private fingerprint(): string {
    return this.paths.flatMap((path) => [path, ...entriesOf(path)]).map(identity).join('\n');
  }
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Whole paths; none of what is no directory, or cannot be read (any more). */
function entriesOf(path: string): string[] {
  try {
    return readdirSync(path).map((name) => join(path, name));
  } catch {
    return [];
  }
}

/** What a path leads to now. A directory is told by its entries, not by its own time. */
function identity(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return isDirectory(path) ? `${path} ${realpathSync(path)}` : `${path} ${realpathSync(path)} ${ino} ${size} ${mtimeMs}`;
  } catch {
    return `${path} -`;
  }
}
