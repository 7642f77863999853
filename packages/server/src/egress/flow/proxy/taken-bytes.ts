/** Takes from a socket what a proxy says before the server speaks, and nothing of what comes behind it. */
import type { Socket } from "node:net";
import { ProxyRefusal } from "./proxy-refusal.js";

/** `lengthOf` says of the bytes so far how many are wanted, or undefined where more have to come. @throws ProxyRefusal where the proxy ends, or says more than `maximum` bytes */
export async function takeBytes(
  socket: Socket,
  lengthOf: (bytes: Buffer) => number | undefined,
  maximum: number,
): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) {
      await moreOf(socket);
      continue;
    }
    bytes = Buffer.concat([bytes, chunk]);
    const length = lengthOf(bytes.subarray(0, maximum));
    if (length !== undefined && length <= bytes.length && length <= maximum) {
      if (bytes.length > length) socket.unshift(bytes.subarray(length));
      return bytes.subarray(0, length);
    }
    if (bytes.length >= maximum) throw new ProxyRefusal("its answer was too long");
  }
}

function moreOf(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      socket.off("readable", settle).off("end", settle).off("close", settle);
      if (socket.readableEnded || socket.destroyed) reject(new ProxyRefusal("it hung up"));
      else resolve();
    };
    if (socket.readableEnded || socket.destroyed) settle();
    else socket.on("readable", settle).on("end", settle).on("close", settle);
  });
}
