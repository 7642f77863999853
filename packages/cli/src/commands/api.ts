import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import type { Cli } from "../cli.js";
import { examples } from "../examples.js";
import { Exit, exitCodes, UsageError } from "../exit-codes.js";

const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const errorStatus = 400;

interface Options {
  readonly data?: string;
  readonly header?: readonly string[];
  readonly include?: true;
}

export function addApi(program: Command, cli: Cli): void {
  const command = program
    .command("api")
    .summary("call the HTTP API")
    .description(
      "Send a request to the daemon and print the answer's body as it comes. Exits with 1 when the answer is an error.",
    )
    .argument("<method>", methods.join(", "))
    .argument("<path>", "path and query, such as /v1/groups/default/sandboxes")
    .option("-d, --data <body>", "the body; @FILE reads a file, - standard input")
    .option("-H, --header <name:value>", "a header; repeat for more", (text, before: string[] = []) => [
      ...before,
      text,
    ])
    .option("-i, --include", "print status and headers first")
    .action((method: string, path: string, options: Options) => request(cli, method.toUpperCase(), path, options));
  examples(command, [
    ["alcove api GET /v1/health", ""],
    [`alcove api POST /v1/groups/default/sandboxes -d '{"sourcesRef":{"diskImage":{"name":"debian"}}}'`, ""],
    [
      "alcove api POST '/v1/groups/default/sandboxes/ID/files?path=/root/x' -H content-type:application/octet-stream -d @x",
      "",
    ],
    ["alcove api GET /openapi.json", "every endpoint"],
  ]);
}

async function request(cli: Cli, method: string, path: string, options: Options): Promise<void> {
  if (!methods.includes(method))
    throw new UsageError(`The method ${method} is none of ${methods.join(", ")}.`, "alcove help api");
  if (!/^\/[\x21-\x7e]*$/.test(path))
    throw new UsageError(
      `The path ${JSON.stringify(path)} does not begin with /, or holds what must be %-encoded.`,
      "alcove help api",
    );
  const body = options.data === undefined ? undefined : await bodyOf(options.data);
  const headers = {
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...headersOf(options.header),
  };
  const { status, ...response } = await (await cli.alcove()).send({ method, path, headers, body, signal: cli.signal });
  if (options.include === true) {
    const lines = Object.entries(response.headers).map(([name, value]) => `${name}: ${value}`);
    cli.terminal.print(`HTTP/1.1 ${status}\n${lines.join("\n")}\n\n`);
  }
  await pipeline(response.body, process.stdout, { end: false });
  if (process.stdout.isTTY) process.stdout.write("\n");
  if (status >= errorStatus) throw new Exit(exitCodes.error);
}

async function bodyOf(data: string): Promise<Uint8Array> {
  if (data === "-") return buffer(process.stdin);
  return data.startsWith("@") ? readFile(data.slice(1)) : Buffer.from(data);
}

function headersOf(texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf(":");
      if (at <= 0)
        throw new UsageError(`The header ${JSON.stringify(text)} is not name:value.`, "-H content-type:text/plain");
      const [name, value] = [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
      if (/[^\x21-\x7e]/.test(name) || /[^\x20-\x7e]/.test(value))
        throw new UsageError(`The header ${JSON.stringify(text)} holds more than printable ASCII.`, "alcove help api");
      return [name, value];
    }),
  );
}
