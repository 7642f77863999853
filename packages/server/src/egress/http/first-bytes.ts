import type { Duplex } from "node:stream";

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/**
 * Which HTTP a stream's first bytes begin; they are left on it. Undefined where it ends, or nothing that could tell comes in time: a connection
 * that was opened just in case.
 */
export function protocolOfFirstBytes(stream: Duplex, timeoutMs: number): Promise<"http/1" | "h2" | undefined> {
  return new Promise((resolve) => {
    let seen = Buffer.alloc(0);
    const settle = (protocol: "http/1" | "h2" | undefined) => {
      clearTimeout(timer);
      stream.off("readable", look).off("end", onOver).off("close", onOver);
      if (seen.length > 0 && !stream.destroyed) stream.unshift(seen);
      resolve(protocol);
    };
    const onOver = () => settle(seen.length > 0 ? "http/1" : undefined);
    const look = () => {
      for (let chunk: Buffer | null = stream.read(); chunk !== null; chunk = stream.read()) {
        seen = Buffer.concat([seen, chunk]);
        const common = seen.subarray(0, preface.length);
        if (!preface.subarray(0, common.length).equals(common)) return settle("http/1");
        if (common.length === preface.length) return settle("h2");
      }
    };
    const timer = setTimeout(onOver, timeoutMs);
    stream.on("readable", look).on("end", onOver).on("close", onOver);
    look();
  });
}
