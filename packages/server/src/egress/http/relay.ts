import type { Duplex } from "node:stream";
import { pump } from "./pump.js";

/** Two streams joined, what each has to the other, ends included. Fulfils when both are over, or one broke off and the other was made to. */
export async function relay(
  program: Duplex,
  server: Duplex,
  count: { countSent(bytes: number): void; countReceived(bytes: number): void },
): Promise<void> {
  const sent = pump(program, server, (bytes) => count.countSent(bytes)).then(() => server.end());
  const received = pump(server, program, (bytes) => count.countReceived(bytes)).then(() => program.end());
  try {
    await Promise.all([sent, received]);
  } catch (error) {
    server.destroy();
    program.destroy(error as Error);
    await Promise.allSettled([sent, received]);
  }
}
