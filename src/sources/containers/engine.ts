// SPDX-License-Identifier: Apache-2.0
/** A container runtime that can be asked over its own socket. */
import type { ContainerInfo } from '../../state/containers.js';

export interface ContainerEngine {
  /** As the configuration names it: `docker`. */
  readonly name: string;
  /** Path of its socket, with HOST_ROOT in front. */
  readonly socket: string;
  /** Whose it is, who may have it say anything: believed only about containers of this user. Absent: the machine's. */
  readonly user?: number | undefined;
  /** By full or short id. Null: it has no such container, or is not running. Rejects when it gives no proper answer in time. */
  inspect(id: string): Promise<ContainerInfo | null>;
  /** Full ids of the containers that run. Empty when the runtime does not. Rejects as {@link inspect} does. */
  running(): Promise<readonly string[]>;
  /**
   * Tells of containers as they are made and started, by what the runtime has said of them until then, until the runtime
   * ends or {@link close} is called.
   */
  follow(told: Told): Promise<void>;
  close(): Promise<void>;
}

/** `specified`: mounts, privileges and namespaces are among it; otherwise only name, image and labels. */
export type Told = (info: ContainerInfo, specified: boolean) => void;

export interface EngineOptions {
  /** Labels with longer values, in bytes, are left out. */
  readonly labelMaxLen: number;
  readonly hooks: readonly Hook[];
}

/** When a runtime tells of a container: made (before its first process), and started (with its address). */
export const HOOKS = ['create', 'start'] as const;
export type Hook = (typeof HOOKS)[number];
