// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';

/** By both ends of its peer: a request over TLS knows another object than the listener, with the same peer. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/**
 * Bounds a listener's connections. Whoever opens more and more of them, and sends nothing that is wanted, closes their own
 * oldest ones and keeps nobody else out.
 */
export class ConnectionBound {
  /** Connections that have not brought anything useful, oldest first. */
  private readonly idle = new Map<string, Socket>();
  private open = 0;

  /**
   * @param most connections open at a time, as long as there are useless ones among them
   * @param closed told of each that has to give way
   */
  constructor(
    private readonly most: number,
    private readonly closed: () => void = () => undefined,
  ) {}

  /** A connection has come. */
  add(socket: Socket): void {
    const peer = peerOf(socket);
    this.open++;
    if (this.open > this.most) this.closeOldest();
    this.idle.set(peer, socket);
    socket.once('close', () => {
      this.open--;
      if (this.idle.get(peer) === socket) this.idle.delete(peer);
    });
  }

  /** It has brought something useful: from now on it is left open. */
  keep(socket: Socket): void {
    this.idle.delete(peerOf(socket));
  }

  private closeOldest(): void {
    for (const [peer, socket] of this.idle) {
      this.idle.delete(peer);
      socket.destroy();
      this.closed();
      return;
    }
  }
}
