/** Terminals: recorded execs, which a client may leave and find again. Whoever attaches, types or resizes wakes the sandbox. */
import { randomUUID } from "node:crypto";
import { AlcoveError, type StartTerminal } from "@alcove/contract";
import type { ExecSpec, GuestExecs } from "../../guest/guest.js";
import type { ControlContext } from "../context.js";
import type { ExecMessage } from "../execs/exec-control.js";
import { followOverStops } from "../execs/exec-following.js";
import { processOptions } from "../execs/exec-spec.js";
import { messages } from "../execs/exec-view.js";
import { streamRecorded } from "../execs/recorded-exec.js";
import type { RunningSandbox } from "../sandboxes/machines.js";
import type { Reach } from "../sandboxes/reach.js";
import type { TerminalControl } from "./terminal-control.js";

const defaultRows = 24;
const defaultColumns = 80;
const defaultShell = ["/bin/sh", "-c", 'exec "$(command -v bash || command -v sh)"'];

export function terminalControl(context: ControlContext, reach: Reach): TerminalControl {
  return {
    async *open(ref, body, signal) {
      const sandbox = await reach.awake(ref, signal);
      yield* streamRecorded(context, sandbox, terminalSpec(sandbox, body), signal);
    },
    async *attach({ execId, ...ref }, offset, signal) {
      const sandbox = await reach.awake(ref, signal);
      const goOn = (execs: GuestExecs, at: number) => execs.attach(execId, at, signal);
      const followed = { execId, offset, begin: (execs: GuestExecs) => goOn(execs, offset), goOn };
      yield* ofTerminal(messages(ref.id, followOverStops(context, sandbox, followed, signal)));
    },
    async type({ execId, ...ref }, text, signal) {
      const { execs } = (await reach.awake(ref, signal)).machine.guest;
      await execs.writeStdin(execId, once(text), { close: false }, signal);
    },
    async resize({ execId, ...ref }, size, signal) {
      await (await reach.awake(ref, signal)).machine.guest.execs.resize(execId, size, signal);
    },
  };
}

function terminalSpec(sandbox: RunningSandbox, body: StartTerminal): ExecSpec {
  const { id = randomUUID(), command, args = [], height = defaultRows, width = defaultColumns } = body;
  const argv = command === undefined ? defaultShell : [command, ...args];
  return { ...processOptions(sandbox, body), id, argv, stdin: true, terminal: { rows: height, columns: width } };
}

async function* ofTerminal(messages: AsyncIterable<ExecMessage>): AsyncGenerator<ExecMessage> {
  for await (const message of messages) {
    if (message.type === "started" && message.exec.terminal === undefined) {
      throw new AlcoveError("InvalidRequest", `The exec ${message.exec.id} has no terminal.`, {
        field: "execId",
        hint: "Attach to it as to an exec: execs/{id}/stream, or `alcove attach`.",
      });
    }
    yield message;
  }
}

async function* once(text: Uint8Array): AsyncGenerator<Uint8Array> {
  yield text;
}
