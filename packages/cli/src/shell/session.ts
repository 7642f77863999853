/** A terminal of a sandbox in ours, until its program ends or it is left. */
import type { Interruption, TerminalEvents, TerminalHandle } from "alcove";
import type { Cli } from "../cli.js";
import { exitCodes } from "../exit-codes.js";
import { type RawTerminal, takeTerminal } from "./raw-terminal.js";
import { typeInto } from "./typing.js";

export interface Session {
  /** Opens or attaches to a terminal that is told of with these. */
  readonly begin: (events: TerminalEvents, size: { rows: number; columns: number }) => Promise<TerminalHandle>;
  /** What was shown before is shown again: whatever fills the screen has to draw it anew. */
  readonly isAttached: boolean;
  /** How to come back. */
  readonly wayBack: (id: string) => string;
}

/** Answers with the exit code. */
export async function runSession(cli: Cli, { begin, isAttached, wayBack }: Session): Promise<number> {
  let left: "escape" | "signal" | undefined;
  const own = takeTerminal();
  let handle: TerminalHandle | undefined;
  try {
    handle = await begin(
      eventsOf(own, () => handle),
      own.size(),
    );
    const opened = handle;
    const leave = (how: "escape" | "signal") => {
      left ??= how;
      opened.detach();
    };
    using _signals = cli.takeSignals(() => leave("signal"));
    own.onResize((size) => void opened.resize(size).catch(() => undefined));
    if (isAttached) await opened.resize(own.size()).then(() => opened.redraw());
    typeInto(opened, own.keys, () => leave("escape")).catch(() => leave("signal"));
    for await (const bytes of opened.output) await own.show(bytes);
    return (await opened.wait()).exitCode;
  } catch (failure) {
    if (left === undefined) throw failure;
  } finally {
    own[Symbol.dispose]();
    handle?.detach();
  }
  cli.terminal.say(`\nThe terminal goes on without you: ${wayBack(handle?.id ?? "")}`);
  return left === "escape" ? exitCodes.ok : exitCodes.interrupted;
}

function eventsOf(own: RawTerminal, handle: () => TerminalHandle | undefined): TerminalEvents {
  let wasLost = false;
  const redraw = () =>
    void handle()
      ?.redraw()
      .catch(() => undefined);
  return {
    onInterruption({ stoppedAt, resumedAt }: Interruption) {
      own.tell(`the sandbox slept from ${clock(stoppedAt)} to ${clock(resumedAt)}`);
      redraw();
    },
    onConnection(isConnected) {
      if (!isConnected) own.tell("the connection is lost; trying again, ~. leaves");
      else if (wasLost) {
        own.tell("connected again");
        redraw();
      }
      wasLost = !isConnected;
    },
    onSkipped(bytes) {
      if (handle() === undefined) return;
      own.tell(`${Math.ceil(bytes / 1_024)} KiB were skipped`);
      redraw();
    },
    onRefusal: (error) => own.tell(`not typed: ${error.message}`),
  };
}

function clock(time: string): string {
  return new Date(time).toLocaleTimeString("en-GB");
}
