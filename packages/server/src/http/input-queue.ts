/** Input of an exec on its way in: written chunk by chunk, taken by one long call that starts with the first of them. */
import { AlcoveError, type ErrorCode } from "@alcove/contract";

export interface InputQueue {
  /** Fulfils when the chunk before this one was taken. Input after the exec's end is let go. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends the input: the exec reads to its end. */
  close(): Promise<void>;
  /** Leaves the input open, for the next client that attaches. */
  abandon(): void;
}

type Deliver = (chunks: AsyncIterable<Uint8Array>, options: { readonly close: boolean }) => Promise<void>;

export function createInputQueue(deliver: Deliver): InputQueue {
  let channel: ReturnType<typeof createHandOver> | undefined;
  let delivery: Promise<void> | undefined;
  return {
    async write(chunk) {
      if (delivery === undefined) {
        channel = createHandOver();
        delivery = ignoringEnded(deliver(channel.chunks, { close: false })).finally(channel.end);
      }
      await Promise.race([channel?.put(chunk), delivery]);
    },
    async close() {
      channel?.end();
      await delivery;
      await ignoringEnded(deliver(nothing(), { close: true }));
    },
    abandon() {
      channel?.end();
      delivery?.catch(() => undefined);
    },
  };
}

/** A process may end, or close its input, without reading all that is written to it; that is no error of the one who writes. */
async function ignoringEnded(delivery: Promise<void>): Promise<void> {
  try {
    await delivery;
  } catch (error) {
    if (!(error instanceof AlcoveError && unread.has(error.code))) throw error;
  }
}

const unread: ReadonlySet<ErrorCode> = new Set(["ExecEnded", "ExecNotFound", "StdinClosed"]);

/** One chunk at a time from hand to hand: `put` waits until the one before is taken. */
function createHandOver() {
  const slot: Uint8Array[] = [];
  let isEnded = false;
  const waiters = { taker: noop, giver: noop };
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = slot.shift();
      if (chunk !== undefined) {
        waiters.giver();
        yield chunk;
      } else if (isEnded) return;
      else await new Promise<void>((resolve) => (waiters.taker = resolve));
    }
  }
  return {
    chunks: chunks(),
    async put(chunk: Uint8Array) {
      while (slot.length > 0 && !isEnded) await new Promise<void>((resolve) => (waiters.giver = resolve));
      if (isEnded) return;
      slot.push(chunk);
      waiters.taker();
    },
    end() {
      isEnded = true;
      waiters.taker();
      waiters.giver();
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function noop(): void {}
