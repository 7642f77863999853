/**
 * Undoes what failed work left, and answers the error to throw: the work's. What the undoing met rides along as its cause,
 * where it has none yet, so that the log has both.
 */
export async function undone(error: unknown, undo: () => Promise<unknown>): Promise<unknown> {
  try {
    await undo();
  } catch (cause) {
    if (error instanceof Error) error.cause ??= new Error("What it left could not be removed", { cause });
  }
  return error;
}
