/** When what a policy asks for is tried again after it has failed: after a minute, and ever less often, but every hour. */
export function retryDelayMs(attempts: number): number {
  return Math.min(60_000 * 2 ** Math.max(0, attempts - 1), 3_600_000);
}
