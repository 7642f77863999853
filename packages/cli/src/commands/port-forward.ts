import { AlcoveError } from "@alcove/contract";
import type { Sandbox } from "alcove";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { explained } from "../failure.js";
import { addOutputOptions } from "../output/output.js";
import { type ForwardSpec, forwardSpecs } from "../ports/forward-spec.js";
import type { Forwarder } from "../ports/forwarder.js";
import { printable, printableQuoted } from "../printable.js";

interface Options {
  readonly address: string;
}

export function addPortForward(program: Command, cli: Cli): void {
  const command = program
    .command("port-forward")
    .summary("reach TCP in a sandbox by ports of this machine")
    .description(
      "Listen on ports of this machine, and carry each connection to a port of a sandbox, whether that is open to others or not; until Ctrl-C, or until the sandbox is gone. A sandbox that sleeps is woken by a connection. What it listens on is printed once it does.",
    )
    .argument("<id>", "the sandbox's id, or the beginning of it")
    .argument(
      "<ports...>",
      "[LOCAL:]REMOTE; the local one is the same if left out, and any that is free as 0",
      forwardSpecs,
    )
    .option(
      "--address <address>",
      "of this machine, to listen on; whoever reaches it reaches the sandbox",
      "127.0.0.1",
    );
  addOutputOptions(command, { quiet: false }).action((id: string, specs: ForwardSpec[], options: Options) =>
    forward(cli, id, specs, options),
  );
  examples(command, [
    ["alcove port-forward 3f2a 5432", "psql -h 127.0.0.1"],
    ["alcove port-forward 3f2a 8080:80 0:5432", "several, one on any free port"],
  ]);
}

async function forward(cli: Cli, id: string, specs: readonly ForwardSpec[], { address }: Options): Promise<void> {
  const sandbox = await cli.sandbox(id);
  await sandbox.info({ signal: cli.signal });
  const over = new AbortController();
  const signal = AbortSignal.any([cli.signal, over.signal]);
  const open: { readonly spec: ForwardSpec; readonly forwarder: Forwarder }[] = [];
  try {
    for (const spec of specs) {
      const onFailure = (failure: unknown) => (isFinal(failure) ? over.abort(failure) : tell(cli, spec, failure));
      open.push({ spec, forwarder: await listen(sandbox, spec, { address, onFailure }) });
    }
    for (const { spec, forwarder } of open) print(cli, spec, forwarder);
    await gone(sandbox, signal);
  } finally {
    for (const { forwarder } of open) forwarder.close();
  }
}

async function listen(
  sandbox: Sandbox,
  { localPort, remotePort }: ForwardSpec,
  options: Options & { readonly onFailure: (failure: unknown) => void },
): Promise<Forwarder> {
  const { openForwarder } = await import("../ports/forwarder.js");
  const connect = (signal: AbortSignal) => sandbox.ports.connect(remotePort, { signal });
  return openForwarder({ ...options, localPort, remotePort, connect });
}

/** Nothing that comes later will fare better. */
function isFinal(failure: unknown): boolean {
  return failure instanceof AlcoveError && [401, 403, 404].includes(failure.status);
}

function tell({ terminal }: Cli, { remotePort }: ForwardSpec, failure: unknown): void {
  const words = failure instanceof Error ? failure.message : String(failure);
  terminal.say(
    `${terminal.paint.yellow("warning:")} a connection to port ${remotePort} is closed: ${printable(words)}`,
  );
}

function print({ terminal, output }: Cli, { remotePort }: ForwardSpec, { address, port }: Forwarder): void {
  const host = address.includes(":") ? `[${address}]` : address;
  const line = printableQuoted(JSON.stringify({ address, port, remotePort }));
  if (output.format === "table") terminal.print(`${host}:${port} leads to port ${remotePort}`);
  // An item of a YAML list may be written as JSON.
  else terminal.print(output.format === "yaml" ? `- ${line}` : line);
}

/** Rejects when the sandbox is, or when the signal aborts. */
async function gone(sandbox: Sandbox, signal: AbortSignal): Promise<never> {
  for await (const { desiredState } of sandbox.watch({ signal })) if (desiredState === "Deleted") break;
  signal.throwIfAborted();
  throw explained(`The sandbox ${sandbox.id} is deleted.`, "`alcove list` shows those that there are.");
}
