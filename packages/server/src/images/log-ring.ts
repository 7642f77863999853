/** The last lines of something that talks for long, at most 64 KiB. */
const limitCharacters = 64 * 1024;

export class LogRing {
  #lines: string[] = [];
  #characters = 0;

  add(line: string): void {
    const kept = line.slice(0, limitCharacters - 1);
    this.#lines.push(kept);
    this.#characters += kept.length + 1;
    while (this.#characters > limitCharacters) this.#characters -= (this.#lines.shift()?.length ?? 0) + 1;
  }

  text(): string {
    return this.#lines.map((line) => `${line}\n`).join("");
  }
}
