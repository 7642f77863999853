/** The one place that waits for time: between attempts, twice as long each time, 50 ms to 2 s, or as the server asked. */
export function backOff(attempt: number, signal: AbortSignal | undefined, askedMs = 0): Promise<void> {
  const waitMs = Math.max(askedMs, Math.min(2_000, 25 * 2 ** attempt));
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, waitMs);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
