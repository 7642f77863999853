/** A signal that aborts with its parent or after a time, whichever is first, and lets go of both when it is disposed of. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** True when it was the time, not the parent, that ended it. */
  readonly expired: boolean;
}

/**
 * `using deadline = withDeadline(parent, 2_000)`. Unlike AbortSignal.any and AbortSignal.timeout it keeps no timer and no listener
 * on a long-lived parent past its scope.
 */
export function withDeadline(parent: AbortSignal, timeoutMs: number): Deadline {
  const controller = new AbortController();
  let expired = false;
  const follow = () => controller.abort(parent.reason);
  const timer = setTimeout(() => {
    expired = true;
    controller.abort(new DOMException(`nothing within ${timeoutMs} ms`, "TimeoutError"));
  }, timeoutMs);
  if (parent.aborted) follow();
  else parent.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    [Symbol.dispose]() {
      clearTimeout(timer);
      parent.removeEventListener("abort", follow);
    },
  };
}
