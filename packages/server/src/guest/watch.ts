/** Following what changes in a directory of the guest, over as many sessions of the channel as it takes. */
import type { Readable } from "node:stream";
import type { FileEvent } from "@alcove/contract";
import type { AgentLink } from "./call.js";
import { type Download, download } from "./download.js";
import { ChannelLost, callerError, ProtocolBreak } from "./fault.js";
import { parseJson } from "./json.js";
import { EventAnswer } from "./shapes.js";

/** Two paths, each byte of which may be written as six. */
const maxLineBytes = 64 * 1024;
const lineFeed = 10;
/** Sessions lost without an event in between before following gives up. */
const maxIdleLosses = 5;

export async function watch(
  link: AgentLink,
  call: Pick<Download, "path" | "errors">,
  signal: AbortSignal,
): Promise<AsyncIterable<FileEvent>> {
  return events(link, call, await download(link, call, signal), signal);
}

type Opened = Awaited<ReturnType<typeof download>>;

async function* events(
  link: AgentLink,
  call: Pick<Download, "path" | "errors">,
  first: Opened,
  signal: AbortSignal,
): AsyncGenerator<FileEvent> {
  let { content, session } = first;
  for (let losses = 0; ; losses++) {
    try {
      for await (const event of eventsOf(content)) {
        losses = 0;
        yield event;
      }
      return;
    } catch (error) {
      if (error instanceof ProtocolBreak) session.end(error);
      if (!isLost(error) || signal.aborted || losses >= maxIdleLosses) throw callerError(error, signal);
    }
    ({ content, session } = await download(link, call, signal));
    yield { type: "overflow" };
  }
}

/** The session ended under it; what it was told by then is not known to be all. */
function isLost(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof ChannelLost;
}

async function* eventsOf(content: Readable): AsyncGenerator<FileEvent> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of content as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(lineFeed); end >= 0; end = rest.indexOf(lineFeed)) {
      yield parseJson(rest.subarray(0, end), EventAnswer, "an event of a file");
      rest = rest.subarray(end + 1);
    }
    if (rest.length > maxLineBytes) throw new ProtocolBreak(`it sent an event of more than ${maxLineBytes} bytes`);
  }
}
