/** Calls about execs. */
import { AlcoveError } from "@alcove/contract";
import { type AgentLink, callAgent } from "./call.js";
import { follow, startErrors } from "./follow.js";
import type { GuestExecs } from "./guest.js";
import { ExecsAnswer, Nothing, StatusAnswer, WrittenAnswer } from "./shapes.js";
import { upload } from "./upload.js";

/** A status holds its argv, which may be long. */
const maxStatusBytes = 4 * 1024 * 1024;
const maxListBytes = 16 * 1024 * 1024;

export function execCalls(link: AgentLink): GuestExecs {
  return {
    start: (spec, signal) =>
      callAgent(
        link,
        {
          method: "POST",
          path: "/execs",
          body: { ...spec, attach: false },
          answer: StatusAnswer,
          errors: startErrors,
          maximumBytes: maxStatusBytes,
        },
        signal,
      ),
    run: (spec, signal) => follow(link, { id: spec.id, offset: 0, spec }, signal),
    attach: (id, offset, signal) => follow(link, { id, offset }, signal),
    log: (id, offset, signal) => follow(link, { id, offset, isLog: true }, signal),
    async list(signal) {
      const call = { method: "GET", path: "/execs", answer: ExecsAnswer, isRepeatable: true } as const;
      return (await callAgent(link, { ...call, maximumBytes: maxListBytes }, signal)).execs;
    },
    get: (id, waitMs, signal) =>
      callAgent(
        link,
        {
          method: "GET",
          path: `${pathOf(id)}?waitMs=${waitMs}`,
          answer: StatusAnswer,
          errors: ["ExecNotFound"],
          maximumBytes: maxStatusBytes,
          deadlineMs: waitMs + 10_000,
          isRepeatable: true,
        },
        signal,
      ),
    async writeStdin(id, input, { close }, signal) {
      const path = `${pathOf(id)}/stdin?close=${close}`;
      const errors = ["ExecNotFound", "StdinClosed", "ExecEnded"] as const;
      const call = { method: "POST", path, content: input, answer: WrittenAnswer, errors } as const;
      return (await upload(link, call, signal)).bytesWritten;
    },
    async signal(id, name, signal) {
      const call = { method: "POST", path: `${pathOf(id)}/signal`, body: { signal: name }, answer: Nothing } as const;
      await callAgent(link, { ...call, errors: ["InvalidRequest", "ExecNotFound", "ExecEnded"] }, signal);
    },
    async resize(id, size, signal) {
      const call = { method: "PUT", path: `${pathOf(id)}/terminal`, body: size, answer: Nothing } as const;
      await callAgent(
        link,
        { ...call, errors: ["InvalidRequest", "ExecNotFound", "ExecEnded"], isRepeatable: true },
        signal,
      );
    },
    delete: (id, { force }, signal) => deleteExec(link, id, force, signal),
  };
}

/** One that is gone is as good as deleted. */
async function deleteExec(link: AgentLink, id: string, force: boolean, signal: AbortSignal): Promise<void> {
  const call = { method: "DELETE", path: `${pathOf(id)}?force=${force}`, answer: Nothing, isRepeatable: true } as const;
  try {
    await callAgent(link, { ...call, errors: ["ExecNotFound"] }, signal);
  } catch (error) {
    if (!(error instanceof AlcoveError) || error.code !== "ExecNotFound") throw error;
  }
}

function pathOf(id: string): string {
  return `/execs/${encodeURIComponent(id)}`;
}
