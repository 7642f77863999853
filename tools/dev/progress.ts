/** Lines that say what happens and how long it took. A step that takes longer than a second is announced before it ends. */

const isTerminal = process.stdout.isTTY === true;
const announceAfterMs = 1_000;
const redrawEveryMs = 250;

export interface StepProgress {
  /** What the step does just now; shown behind its name while it lasts. */
  readonly say: (detail: string) => void;
}

/** Runs the work under a name. The name should read well in "Building the agent 2.1 s". */
export async function step<Result>(name: string, work: (progress: StepProgress) => Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  const line = new StepLine(name, startedAt);
  try {
    const result = await work(line);
    line.finish("✓");
    return result;
  } catch (error) {
    line.finish("✗");
    throw error;
  }
}

export function seconds(milliseconds: number): string {
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}

class StepLine implements StepProgress {
  readonly #name: string;
  readonly #startedAt: number;
  readonly #timer: NodeJS.Timeout;
  #detail = "";
  #saidLine = "";

  constructor(name: string, startedAt: number) {
    this.#name = name;
    this.#startedAt = startedAt;
    this.#timer = setInterval(() => this.#redraw(), isTerminal ? redrawEveryMs : announceAfterMs);
  }

  readonly say = (detail: string): void => {
    this.#detail = detail;
  };

  finish(mark: string): void {
    clearInterval(this.#timer);
    const took = seconds(performance.now() - this.#startedAt);
    process.stdout.write(`${isTerminal ? "\r\u001b[K" : ""}${mark} ${this.#name} ${took}\n`);
  }

  #redraw(): void {
    if (isTerminal) {
      const text = `${this.#text()} ${seconds(performance.now() - this.#startedAt)}`;
      process.stdout.write(`\r\u001b[K${text.slice(0, (process.stdout.columns ?? 80) - 1)}`);
    } else if (this.#text() !== this.#saidLine) {
      this.#saidLine = this.#text();
      process.stdout.write(`${this.#saidLine}\n`);
    }
  }

  #text(): string {
    return `… ${this.#name}${this.#detail === "" ? "" : `: ${this.#detail}`}`;
  }
}
