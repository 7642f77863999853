/** Connections to programs for Node's client of HTTP: kept for the next request to the same port, for a moment. */
import { Agent, type ClientRequest } from "node:http";
import type { Duplex } from "node:stream";
import type { Lines } from "./lines.js";
import type { OpenPort } from "./routes.js";

const keptMs = 4_000;
const keptAtMost = 32;
const connectMs = 150_000;

type Connecting = Pick<Lines, "connect">;
type PortOfSandbox = Pick<OpenPort, "sandboxId" | "port">;

/** Of one port. */
export class ProgramConnections extends Agent {
  readonly #lines: Connecting;
  readonly #port: PortOfSandbox;

  constructor(lines: Connecting, port: PortOfSandbox) {
    super({ keepAlive: true, maxFreeSockets: keptAtMost });
    this.#lines = lines;
    this.#port = port;
  }

  override createConnection(_options: object, callback?: (error: Error | null, stream: Duplex) => void): undefined {
    const { sandboxId, port } = this.#port;
    this.#lines.connect(sandboxId, port, AbortSignal.timeout(connectMs)).then(
      (connection) => callback?.(null, connection),
      (error: Error) => callback?.(error, undefined as never),
    );
    return undefined;
  }

  /** What is kept is no socket of the system's. */
  override keepSocketAlive(connection: Duplex): boolean {
    const timer = setTimeout(() => connection.destroy(), keptMs);
    const stop = () => {
      clearTimeout(timer);
      connection.off("taken", stop).off("close", stop);
    };
    connection.on("taken", stop).on("close", stop);
    return true;
  }

  override reuseSocket(connection: Duplex, request: ClientRequest): void {
    connection.emit("taken");
    super.reuseSocket(Object.assign(connection, { ref: () => {} }), request);
  }
}

/** Of every port that somebody came to. */
export class Connections {
  readonly #lines: Connecting;
  readonly #byPort = new Map<string, ProgramConnections>();

  constructor(lines: Connecting) {
    this.#lines = lines;
  }

  to(place: PortOfSandbox): ProgramConnections {
    const name = nameOf(place);
    const connections = this.#byPort.get(name) ?? new ProgramConnections(this.#lines, place);
    this.#byPort.set(name, connections);
    return connections;
  }

  closePort(place: PortOfSandbox): void {
    this.#byPort.get(nameOf(place))?.destroy();
    this.#byPort.delete(nameOf(place));
  }
}

function nameOf({ sandboxId, port }: PortOfSandbox): string {
  return `${port}-${sandboxId}`;
}
