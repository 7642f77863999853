/** Bytes as they come: iterate over them once, or take them as text, lines or a whole. Not reading holds the source back. */
export class ByteStream implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this.#source[Symbol.asyncIterator]();
  }

  /** Pieces of UTF-8 text; bytes that are not become U+FFFD. */
  async *texts(): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    for await (const chunk of this) {
      const text = decoder.decode(chunk, { stream: true });
      if (text !== "") yield text;
    }
    const rest = decoder.decode();
    if (rest !== "") yield rest;
  }

  /** Lines without their ends; the last one with or without an end. */
  async *lines(): AsyncGenerator<string> {
    let rest = "";
    for await (const text of this.texts()) {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
    if (rest !== "") yield rest;
  }

  /** All of it, as text. */
  async text(): Promise<string> {
    let whole = "";
    for await (const text of this.texts()) whole += text;
    return whole;
  }

  /** All of it. */
  async bytes(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this) chunks.push(chunk);
    return joined(chunks);
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
