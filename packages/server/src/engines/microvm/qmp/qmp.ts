/**
 * QEMU's control channel: JSON lines over a UNIX socket. QEMU is taken to be escaped one day, so what it says is parsed
 * within bounds, and one that breaks them is hung up on.
 *
 * The kernel answers "connection refused" or "no such file" until QEMU listens; `connectSocket` (socket.ts) waits for it.
 */
import type { Socket } from "node:net";
import { z } from "zod";
import { withDeadline } from "../../../lib/deadline.js";
import { inSpan } from "../../../lib/tracing.js";

/** Its longest honest answer is a console of 64 KiB, as base64. */
const longestLineBytes = 512 * 1024;
const answerTimeoutMs = 10_000;

const QmpEvent = z.object({ event: z.string().max(100), data: z.record(z.string(), z.unknown()).default({}) });
const QmpAnswer = z.union([
  z.object({ return: z.unknown(), id: z.number() }),
  z.object({ error: z.object({ class: z.string(), desc: z.string() }), id: z.number().optional() }),
]);

export interface QmpEvent extends z.infer<typeof QmpEvent> {}

export class QmpError extends Error {
  override readonly name = "QmpError";
}

interface Waiting {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class Qmp {
  /** Fulfils when the connection has ended, whoever ended it. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  #unread = "";
  #nextId = 1;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.setEncoding("utf8");
    socket.on("data", this.#read);
    socket.on("error", () => undefined);
    socket.once("close", () => this.#abandon("QEMU's control channel is closed"));
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Asks QEMU for its ordinary mode; nothing else is answered before. */
  async negotiate(signal: AbortSignal): Promise<void> {
    await this.execute("qmp_capabilities", {}, signal);
  }

  execute(command: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown> {
    return inSpan(`QMP ${command}`, { kind: "client" }, () => this.#ask(command, args, signal));
  }

  async #ask(command: string, args: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<unknown> {
    using deadline = withDeadline(signal, answerTimeoutMs);
    deadline.signal.throwIfAborted();
    if (this.#socket.destroyed) throw new QmpError(`${command}: QEMU's control channel is closed`);
    const id = this.#nextId++;
    const answer = this.#answerTo(id, command, deadline.signal);
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    return await answer;
  }

  async #answerTo(id: number, command: string, signal: AbortSignal): Promise<unknown> {
    let abort: (() => void) | undefined;
    try {
      return await new Promise((resolve, reject) => {
        abort = () => reject(signal.reason);
        signal.addEventListener("abort", abort, { once: true });
        this.#waiting.set(id, { command, resolve, reject });
      });
    } finally {
      this.#waiting.delete(id);
      if (abort !== undefined) signal.removeEventListener("abort", abort);
    }
  }

  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hangs up; QEMU goes on. */
  close(): void {
    this.#socket.destroy();
  }

  /** Only what came now is looked through: bytes that come one by one must not be read again with each. */
  readonly #read = (text: string): void => {
    if (text.includes("\n")) this.#readLines(text);
    else this.#unread += text;
    if (this.#unread.length > longestLineBytes) this.#hangUp("a line without an end");
  };

  #readLines(text: string): void {
    const lines = (this.#unread + text).split("\n");
    this.#unread = lines.pop() ?? "";
    for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    const message = parse(line);
    if (message === undefined) {
      this.#hangUp("something that is not JSON");
      return;
    }
    const event = QmpEvent.safeParse(message);
    if (event.success) {
      for (const listener of this.#listeners) listener(event.data);
      return;
    }
    const answer = QmpAnswer.safeParse(message);
    if (answer.success) this.#settle(answer.data);
  }

  #settle(answer: z.infer<typeof QmpAnswer>): void {
    const waiting = answer.id === undefined ? undefined : this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    if ("error" in answer) waiting.reject(new QmpError(`${waiting.command}: ${answer.error.desc.slice(0, 500)}`));
    else waiting.resolve(answer.return);
  }

  #hangUp(what: string): void {
    this.#abandon(`QEMU's control channel sent ${what}`);
    this.#socket.destroy();
  }

  #abandon(why: string): void {
    for (const { command, reject } of this.#waiting.values()) reject(new QmpError(`${command}: ${why}`));
    this.#waiting.clear();
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
