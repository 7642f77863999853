/** Logs: what the program that was started with a sandbox, or any other exec, wrote, line by line. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { ExecId, Flag, wholeNumber } from "./names.js";
import { SandboxParams } from "./sandboxes.js";

/** A line of a log as JSON, or word of output that is lost, or of a time in which nothing could be written. */
export const LogEntry = z
  .union([
    z.object({
      /** When it was read from the program, within some 10 ms, by the sandbox's clock. */
      time: z.iso.datetime().optional(),
      stream: z.enum(["stdout", "stderr"]),
      /** Without its end; bytes that are no UTF-8 become U+FFFD. */
      line: z.string(),
      /** Its end is not there: it is longer than 16 KiB, or not finished. */
      isPartial: z.literal(true).optional(),
    }),
    z.object({
      /** So many bytes were written faster than they were read here, and are not kept any more. */
      lostBytes: z.number().int(),
    }),
    /** The sandbox stood still here: it was suspended, and went on. */
    z.object({ stoppedAt: z.iso.datetime(), resumedAt: z.iso.datetime() }),
  ])
  .meta({ id: "LogEntry" });
export type LogEntry = z.infer<typeof LogEntry>;

export const streamLogs = endpoint({
  id: "streamLogs",
  method: "GET",
  path: "/v1/groups/:group/sandboxes/:id/logstream",
  access: "user",
  summary: "Read, or follow, what a sandbox's program wrote",
  description:
    "The last lines of the program that was started with the sandbox (or of another exec), running or ended; its newest 1 MiB is kept. `text` is the bytes, line by line, as they came from both streams; `json` is a LogEntry a line (application/x-ndjson), with an empty line every 15 s. With `follow` it goes on until the program ends, over stops of its sandbox, of which it says when they were; of one that is stopped it waits until it runs. It wakes nothing, and the program never waits for whoever follows.",
  params: SandboxParams,
  query: z.strictObject({
    /** How many lines from before; default 100, with `since` all that are kept. */
    tailLines: wholeNumber(0, 300).exactOptional(),
    /** None that were read from the program before. */
    since: z.iso.datetime({ offset: true }).exactOptional(),
    /** Default text. */
    logFormat: z.enum(["text", "json"]).exactOptional(),
    follow: Flag.exactOptional(),
    /** Default: the exec of the entrypoint. */
    execId: ExecId.exactOptional(),
  }),
  body: "none",
  result: "bytes",
  resultTypes: ["text/plain", "application/x-ndjson"],
  errors: ["SandboxNotFound", "SandboxNotRunning", "ExecNotFound", "GuestUnresponsive"],
});
