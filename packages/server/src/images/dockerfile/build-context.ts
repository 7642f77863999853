/** A build's context as a client sends it: spooled, bounded, and its Dockerfile read. What else is in it is for the machine that builds. */
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { type ReceiveOptions, spool } from "../archive/receive.js";
import { indexTar, refuseUnlessTar } from "../archive/tar-index.js";
import { openPlainWorkplace } from "../workplace.js";
import { maximumDockerfileBytes, type ReadDockerfile, readDockerfile } from "./dockerfile.js";

export interface DockerfileRequest {
  /** The Dockerfile's path in the context. */
  readonly dockerfile: string;
  readonly buildArgs: Readonly<Record<string, string>>;
  /** The stage to build; the last one when left out. */
  readonly target?: string;
}

/** Its disposal removes the bytes. */
export interface BuildContext extends AsyncDisposable, ReadDockerfile, Omit<DockerfileRequest, "dockerfile"> {
  /** The whole of it, a tar that is not compressed. */
  open(): AsyncIterable<Uint8Array>;
}

/** A context has to fit onto the machine's disk, beside what is made of it. */
const maximumContextBytes = 8 * 2 ** 30;

export async function receiveContext(
  content: AsyncIterable<Uint8Array>,
  { dockerfile, buildArgs, target }: DockerfileRequest,
  options: Omit<ReceiveOptions, "format">,
): Promise<BuildContext> {
  const place = await openPlainWorkplace(options.directory);
  try {
    const path = join(place.directory, "context.tar");
    await spool(content, { path, place, maximumBytes: maximumContextBytes, what: "build's context" }, options);
    await refuseUnlessTar(path);
    const read = readDockerfile(await textIn(path, dockerfile), buildArgs);
    return {
      ...read,
      ...{ buildArgs, ...(target !== undefined && { target }) },
      open: () => createReadStream(path, { highWaterMark: 1_048_576 }),
      [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
    };
  } catch (error) {
    await place[Symbol.asyncDispose]();
    throw error;
  }
}

async function textIn(path: string, dockerfile: string): Promise<string> {
  const part = dockerfile.split("/").includes("..") ? undefined : (await indexTar(path))(dockerfile);
  if (part === undefined) throw missing(dockerfile);
  if (part.size > maximumDockerfileBytes) throw tooLong(dockerfile, part.size);
  await using file = await open(path, "r");
  const { buffer } = await file.read(Buffer.alloc(part.size), 0, part.size, part.offset);
  return buffer.toString("utf8");
}

function missing(dockerfile: string): AlcoveError {
  return new AlcoveError("InvalidRequest", `The context has no file ${JSON.stringify(dockerfile.slice(0, 200))}.`, {
    ...{ field: "dockerfile", value: dockerfile.slice(0, 200) },
    hint: "Name the Dockerfile by its path inside the context; .dockerignore may have left it out.",
  });
}

function tooLong(dockerfile: string, bytes: number): AlcoveError {
  const sentence = `${dockerfile.slice(0, 200)} has ${bytes} bytes; a Dockerfile has at most ${maximumDockerfileBytes}.`;
  return new AlcoveError("InvalidRequest", sentence, {
    field: "dockerfile",
    hint: "Put long scripts into files of the context.",
  });
}
