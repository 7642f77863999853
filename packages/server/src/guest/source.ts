/** What is sent to a guest, and whose fault it is when that fails: whoever serves the content is not to be taken for the guest. */

/** Does the work with the content; where the content itself failed, that is what it fails with. */
export async function withSource<T>(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  work: (content: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  let failure: { readonly error: unknown } | undefined;
  async function* content() {
    try {
      yield* source;
    } catch (error) {
      failure = { error };
      throw error;
    }
  }
  try {
    return await work(content());
  } catch (error) {
    // A caller who gave up may have broken its source too.
    throw failure === undefined || signal.aborted ? error : failure.error;
  }
}
