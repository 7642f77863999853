/**
 * What programs have switched on in the terminal that shows them, so that it can be switched off where they cannot do it
 * themselves any more: the second screen, the mouse, a hidden cursor. Private modes, as xterm counts them.
 */

const cursor = 25;
/** Those that a terminal has by default. */
const defaults: ReadonlySet<number> = new Set([7, cursor]);
const escapeKey = "\u001b";
const privateMode = new RegExp(`${escapeKey}\\[\\?([\\d;]{1,24})([hl])`, "g");
/** Beginnings of sequences are kept from chunk to chunk. */
const longestSequence = 32;
/** No terminal knows one above; whoever makes them up must not fill our memory. */
const highestMode = 9_999;

export class ScreenModes {
  readonly #changed = new Set<number>();
  #rest = "";

  see(bytes: Uint8Array): void {
    const text = this.#rest + Buffer.from(bytes).toString("latin1");
    for (const [, modes = "", end] of text.matchAll(privateMode)) {
      for (const mode of modes.split(";").map(Number)) this.#set(mode, end === "h");
    }
    const begun = text.lastIndexOf(escapeKey);
    this.#rest = begun < 0 || text.length - begun > longestSequence ? "" : text.slice(begun);
  }

  /** What sets them back. */
  undoing(): string {
    const undone = [...this.#changed].map((mode) => `${escapeKey}[?${mode}${defaults.has(mode) ? "h" : "l"}`);
    return `${undone.join("")}${escapeKey}[0m`;
  }

  #set(mode: number, isOn: boolean): void {
    if (mode > highestMode) return;
    if (isOn === defaults.has(mode)) this.#changed.delete(mode);
    else this.#changed.add(mode);
  }
}
