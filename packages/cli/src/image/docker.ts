/** Asks the Docker engine of this machine for an image: the client reads it, so that no server hands out its host's images. */
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { explained } from "../failure.js";

const defaultSocket = "/var/run/docker.sock";
const maximumAnswerBytes = 64 * 1_024;

/** What `docker save` would write. */
export async function dockerArchive(name: string, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const socketPath = socketOf(process.env.DOCKER_HOST);
  const outgoing = request({ socketPath, path: `/images/${encodeURIComponent(name)}/get`, signal });
  outgoing.end();
  const [answer] = (await once(outgoing, "response").catch((cause: Error) => {
    throw explained(
      `The Docker engine at ${socketPath} does not answer: ${cause.message}.`,
      "Start it, or name its socket with DOCKER_HOST=unix:///PATH.",
    );
  })) as [IncomingMessage];
  if (answer.statusCode === 200) return answer;
  throw explained(
    `The Docker engine does not give ${name}: ${await reason(answer)}.`,
    "`docker image ls` shows what it has.",
  );
}

function socketOf(host: string | undefined): string {
  if (!host) return defaultSocket;
  if (host.startsWith("unix://")) return host.slice("unix://".length);
  throw explained(
    `DOCKER_HOST is ${host}; only engines at a UNIX socket are asked.`,
    "Use `docker save NAME | alcove image import NAME -`.",
  );
}

async function reason(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) {
    text += chunk;
    if (text.length > maximumAnswerBytes) break;
  }
  try {
    return String((JSON.parse(text) as { message?: unknown }).message);
  } catch {
    return `status ${answer.statusCode}`;
  }
}
