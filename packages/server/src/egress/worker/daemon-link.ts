/** What the gateway's process asks of the daemon: each question waits for its answer, for a time. */
import type { FromWorker } from "../messages.js";

const answerTimeoutMs = 10_000;

type Question = Extract<FromWorker, { readonly request: number; readonly sandboxId: string }>;

export class DaemonLink {
  readonly #send: (message: FromWorker) => void;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #last = 0;

  constructor(send: (message: FromWorker) => void) {
    this.#send = send;
  }

  /** Rejects where there is no answer in time. */
  ask<T>(question: (request: number) => Question): Promise<T> {
    const request = ++this.#last;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(request);
        reject(new Error("the daemon did not answer the gateway in time"));
      }, answerTimeoutMs);
      this.#waiting.set(request, (answer) => {
        clearTimeout(timer);
        resolve(answer as T);
      });
      this.#send(question(request));
    });
  }

  answered(request: number, answer: unknown): void {
    this.#waiting.get(request)?.(answer);
    this.#waiting.delete(request);
  }
}
