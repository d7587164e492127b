// SPDX-License-Identifier: Apache-2.0
/** An audit log that grows: read on from where the last run stopped, across rotation by rename or by truncation. */
import { type FileHandle, open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { StartError } from '../source.js';
import type { AuditIntake, Batch } from './intake.js';

export interface FollowOptions {
  readonly path: string;
  /** Where the position is kept; null: it is not, and reading starts at the file's end, as the plugin's does. */
  readonly positionFile: string | null;
  readonly warn: (message: string) => void;
}

/** A file, whatever its name is now, and how much of it has been dealt with. */
interface Position {
  readonly device: number;
  readonly inode: number;
  readonly offset: number;
}

const CHUNK = 64 * 1024;
const POLL_MS = 100;
const SAVE_MS = 1000;

export class FollowedAuditFile {
  readonly #buffer = Buffer.allocUnsafe(CHUNK);
  #stopped = false;
  #wake: () => void = () => {};
  #done: Promise<void> = Promise.resolve();

  #file: FileHandle | null = null;
  #device = 0;
  #inode = 0;
  #offset = 0;
  /** Where in the file the present batch began. */
  #batchStart = 0;
  #batch: Batch;
  #savedAt = 0;
  #saved = '';

  constructor(
    private readonly intake: AuditIntake,
    private readonly options: FollowOptions,
  ) {
    this.#batch = this.#newBatch();
  }

  async start(end: (error?: Error) => void): Promise<void> {
    const { path, positionFile } = this.options;
    const folder = await stat(dirname(path)).catch(() => null);
    if (folder === null || !folder.isDirectory()) {
      throw new StartError('K8S_AUDIT_FILE', `k8saudit: open_params: there is no folder ${dirname(path)} to follow ${path} in`);
    }
    const position = positionFile === null ? null : await this.#load(positionFile);
    const stale = position === null ? null : await this.#locate(position);
    if (stale !== null) await this.#open(stale, (position as Position).offset);
    else await this.#open(path, position === null ? 'end' : 0);
    this.#done = this.#run().catch((error: Error) => end(error));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#wake();
    await this.#done;
    await this.#save();
    await this.#file?.close();
    this.#file = null;
  }

  #newBatch(): Batch {
    return this.intake.batch({ retried: false, lines: true });
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (await this.#readOn()) continue;
      if (await this.#rotated()) continue;
      await this.#save();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, POLL_MS);
      });
    }
  }

  /** Reads one chunk; false at the end of what there is. */
  async #readOn(): Promise<boolean> {
    const file = this.#file;
    if (file === null) return false;
    const { bytesRead } = await file.read(this.#buffer, 0, CHUNK, this.#offset);
    if (bytesRead === 0) return false;
    this.#offset += bytesRead;
    this.#batch.push(this.#buffer.subarray(0, bytesRead));
    await this.intake.outlet.room();
    if (Date.now() - this.#savedAt > SAVE_MS) await this.#save();
    return true;
  }

  /** Has another file taken the name, or was this one emptied? Then reads that from its beginning. */
  async #rotated(): Promise<boolean> {
    const { path } = this.options;
    const now = await stat(path).catch(() => null);
    if (now === null) return false;
    if (this.#file !== null && now.ino === this.#inode && now.dev === this.#device) {
      if (now.size >= this.#offset) return false;
      this.#finishBatch();
      this.#offset = 0;
      this.#batchStart = 0;
      return true;
    }
    // The last lines may have been written between the last read and the rename.
    while (await this.#readOn());
    this.#finishBatch();
    await this.#open((await this.#rotatedLater()) ?? path, 0);
    return this.#file !== null;
  }

  /**
   * The first of the files that were rotated away after the one at hand, if there are any: rotation may be faster than the
   * rules, or have gone on while nobody read. Known by their names, as an apiserver (audit-2026-11-23T08-04-40.686.log) and
   * logrotate (audit.log.1, audit.log-20261123) give them, and by the time of their last lines.
   */
  async #rotatedLater(): Promise<string | null> {
    if (this.#file === null) return null;
    const { path, warn } = this.options;
    const { mtimeNs } = await this.#file.stat({ bigint: true });
    const [name, extension] = [basename(path), extname(path)];
    const stem = name.slice(0, name.length - extension.length);
    let first: { readonly path: string; readonly mtimeNs: bigint } | null = null;
    for (const other of await readdir(dirname(path))) {
      const plain = other.replace(/\.(gz|bz2|xz|zst)$/, '');
      const date = plain.startsWith(`${stem}-`) && plain.endsWith(extension) ? plain.slice(stem.length + 1, plain.length - extension.length) : '';
      const suffix = plain.startsWith(name) ? plain.slice(name.length) : '';
      if (!/^\d[\dT:.-]*$/.test(date) && !/^[.-]\d[\dT:.-]*$/.test(suffix)) continue;
      const info = await stat(join(dirname(path), other), { bigint: true }).catch(() => null);
      if (info === null || !info.isFile() || info.mtimeNs <= mtimeNs) continue;
      if (plain !== other) warn(`k8saudit: ${join(dirname(path), other)}: was rotated and compressed before it was read; its events are missed`);
      else if (first === null || info.mtimeNs < first.mtimeNs) first = { path: join(dirname(path), other), mtimeNs: info.mtimeNs };
    }
    return first === null ? null : first.path;
  }

  #finishBatch(): void {
    this.#batch.end();
    const refused = Object.entries(this.#batch.report.refused).map(([reason, count]) => `${count} ${reason}`);
    if (refused.length > 0) this.options.warn(`k8saudit: ${this.options.path}: refused: ${refused.join(', ')}`);
    this.#batch = this.#newBatch();
  }

  async #open(path: string, from: number | 'end'): Promise<void> {
    await this.#file?.close();
    this.#file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw new StartError('K8S_AUDIT_FILE', `k8saudit: open_params: ${error.message}`, 'Give a file that can be read.');
    });
    if (this.#file === null) return;
    const { dev, ino, size } = await this.#file.stat();
    this.#device = dev;
    this.#inode = ino;
    this.#offset = from === 'end' ? size : Math.min(from, size);
    this.#batchStart = this.#offset;
  }

  /** The name that the file of a position has now, or null when it is gone. */
  async #locate(position: Position): Promise<string | null> {
    const folder = dirname(this.options.path);
    for (const name of await readdir(folder)) {
      const info = await stat(join(folder, name)).catch(() => null);
      if (info?.ino === position.inode && info.dev === position.device && info.size >= position.offset) return join(folder, name);
    }
    this.options.warn(`k8saudit: ${this.options.path}: the file that was being read is gone; reading starts at the beginning of the current one`);
    return null;
  }

  async #load(positionFile: string): Promise<Position | null> {
    const text = await readFile(positionFile, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw new StartError('K8S_AUDIT_FILE', `k8saudit: positionFile: ${error.message}`);
    });
    if (text === null) return null;
    try {
      const { device, inode, offset } = JSON.parse(text) as Record<string, unknown>;
      if (typeof device === 'number' && typeof inode === 'number' && typeof offset === 'number') return { device, inode, offset };
    } catch {
      // Said below.
    }
    this.options.warn(`k8saudit: ${positionFile} contains no position; reading starts at the end of ${this.options.path}`);
    return null;
  }

  async #save(): Promise<void> {
    const { positionFile, warn } = this.options;
    this.#savedAt = Date.now();
    if (positionFile === null || this.#file === null) return;
    const offset = this.#batchStart + this.#batch.settled;
    // What has not been evaluated is read again after a crash.
    await this.intake.outlet.settled();
    const text = `${JSON.stringify({ device: this.#device, inode: this.#inode, offset })}\n`;
    if (text === this.#saved) return;
    try {
      await writeFile(`${positionFile}.new`, text);
      await rename(`${positionFile}.new`, positionFile);
      this.#saved = text;
    } catch (error) {
      warn(`k8saudit: the position cannot be saved: ${(error as Error).message}`);
    }
  }
}
