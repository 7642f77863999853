import type { Duplex, Readable, Writable } from "node:stream";

/**
 * Passes on what `from` has, as fast as `to` takes it, and fulfils at its end; `to` is left open. Rejects when either of them breaks off: a
 * body that is not whole is never taken for one that is.
 */
export function pump(from: Readable, to: Writable, count: (bytes: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const onData = (chunk: Uint8Array) => {
      count(chunk.length);
      if (!to.destroyed && !to.write(chunk)) from.pause();
    };
    const onDrain = () => from.resume();
    const onEnd = () => settle(isCut(from) ? new Error("the sender broke off") : undefined);
    const onError = (error: Error) => settle(error);
    const onFromGone = () => settle(new Error("the sender broke off"));
    const onToGone = () => settle(new Error("nobody takes it any more"));
    const settle = (error: Error | undefined) => {
      from
        .off("data", onData)
        .off("end", onEnd)
        .off("error", onError)
        .off("aborted", onFromGone)
        .off("close", onFromGone);
      to.off("drain", onDrain).off("error", onError).off("close", onToGone);
      // Errors that follow the first are nobody's; a stream without a listener would throw them.
      from.on("error", () => {});
      to.on("error", () => {});
      if (error === undefined) resolve();
      else reject(error);
    };
    from.on("end", onEnd).on("error", onError).on("aborted", onFromGone).on("close", onFromGone);
    to.on("drain", onDrain).on("error", onError).on("close", onToGone);
    if (from.readableEnded) onEnd();
    else if (from.destroyed) onFromGone();
    else if (to.destroyed) onToGone();
    else from.on("data", onData);
  });
}

/** The same by way of what changes it, each as fast as the next takes it. */
export async function pumpThrough(
  from: Readable,
  { through, to }: { readonly through: readonly Duplex[]; readonly to: Writable },
  count: (bytes: number) => void,
): Promise<void> {
  const [first] = through;
  if (first === undefined) return await pump(from, to, count);
  let bytes = 0;
  const destroyAll = () => {
    for (const each of through) each.destroy();
  };
  const rest = Promise.all(through.map((each, at) => pumpOn(each, through[at + 1], to)));
  rest.catch(destroyAll);
  try {
    await pump(from, first, (more) => {
      bytes += more;
      count(more);
    });
    // Nothing at all is no coding's beginning, and decoders say so.
    if (bytes === 0) return;
    first.end();
    await rest;
  } finally {
    destroyAll();
  }
}

async function pumpOn(from: Readable, next: Duplex | undefined, to: Writable): Promise<void> {
  await pump(from, next ?? to, () => {});
  next?.end();
}

/** Node has bodies end that were cut off, of HTTP/2 when a reset or the end of the connection came in place of the rest. */
function isCut(from: Readable): boolean {
  if ("rstCode" in from && typeof from.rstCode === "number") return from.rstCode !== 0;
  return "complete" in from && from.complete === false;
}
