// SPDX-License-Identifier: Apache-2.0
/** What a user sees of the set-up: one line per step, alive while it runs. Writes to stderr: stdout carries the alerts. */

const BEAT_MS = 15_000;

export function createProgress(out = process.stderr) {
  const tty = out.isTTY === true;
  let shown = false;

  const erase = () => {
    if (tty && shown) out.write('\r\x1b[K');
    shown = false;
  };

  return {
    say(text) {
      erase();
      out.write(`${text}\n`);
    },

    /** Runs `work(onLine)`; a terminal shows the last line of its output, anything else a sign of life every 15 s. */
    async during(title, work) {
      const start = Date.now();
      const seconds = () => `${Math.max(1, Math.round((Date.now() - start) / 1000))} s`;
      this.say(title);
      let last = '';
      let drawn = 0;
      const onLine = (line) => {
        last = line.trim();
        if (!tty || Date.now() - drawn < 100) return;
        drawn = Date.now();
        erase();
        out.write(`      ${seconds()}  ${last.slice(0, Math.max(20, (out.columns ?? 80) - 16))}`);
        shown = true;
      };
      const beat = tty ? undefined : setInterval(() => out.write(`      … ${seconds()}: ${last.slice(0, 100)}\n`), BEAT_MS);
      try {
        await work(onLine);
        this.say(`      done in ${seconds()}`);
      } finally {
        clearInterval(beat);
        erase();
      }
    },
  };
}
