/** Nanoseconds since 1970, as exact as the host tells. */
export function unixNanos(): bigint {
  const fine = performance.timeOrigin + performance.now();
  const coarse = Date.now();
  /** The fine clock does not follow when the host's clock is set. */
  const milliseconds = Math.abs(fine - coarse) < 2 ? fine : coarse + 0.5;
  return BigInt(Math.round(milliseconds * 1_000)) * 1_000n;
}
