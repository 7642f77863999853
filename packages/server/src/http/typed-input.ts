/** What is typed on its way in: one call after the other, each with all that was typed during the one before. */
import { withResolvers } from "../lib/with-resolvers.js";

/** What may wait for the call that is under way. */
const maximumWaitingBytes = 65_536;

export interface TypedInput {
  /** Fulfils when little enough waits for more to be taken. */
  put(text: Uint8Array): Promise<void>;
  /** Rejects with what a call failed with; nothing is delivered after it. */
  readonly failed: Promise<never>;
}

export function createTypedInput(deliver: (text: Uint8Array) => Promise<void>): TypedInput {
  const failing = withResolvers<never>();
  failing.promise.catch(() => undefined);
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let delivering: Promise<void> | undefined;
  const deliverAll = async () => {
    while (waiting.length > 0) {
      const text = Buffer.concat(waiting);
      [waiting, waitingBytes] = [[], 0];
      await deliver(text);
    }
    delivering = undefined;
  };
  return {
    failed: failing.promise,
    async put(text) {
      waiting.push(text);
      waitingBytes += text.length;
      delivering ??= deliverAll().catch(failing.reject);
      if (waitingBytes > maximumWaitingBytes) await delivering;
    },
  };
}
