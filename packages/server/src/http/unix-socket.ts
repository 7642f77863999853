/** A UNIX socket that only its owner can open. */
import { once } from "node:events";
import { unlink } from "node:fs/promises";
import { createConnection, type Server } from "node:net";

/** Below what every kernel takes (104 bytes or more, with the zero at the end); machines' sockets keep to the same. */
const tooLongBytes = 100;

/** Listens with mode 0600. The file of a listener that is dead is replaced; a living one is an error. */
export async function listenOnSocket(server: Server, socketPath: string): Promise<void> {
  const length = Buffer.byteLength(socketPath);
  if (length >= tooLongBytes) {
    throw new Error(
      `The socket path ${socketPath} has ${length} bytes; fewer than ${tooLongBytes} work. Choose a shorter runtime directory`,
    );
  }
  try {
    await listen(server, socketPath);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    if (await isAlive(socketPath)) throw new Error(`Another daemon listens on ${socketPath}`, { cause: error });
    await unlink(socketPath);
    await listen(server, socketPath);
  }
}

/** The socket has its mode from its first moment on: bind happens inside `listen`, under this umask. */
async function listen(server: Server, socketPath: string): Promise<void> {
  const umask = process.umask(0o177);
  try {
    server.listen(socketPath);
  } finally {
    process.umask(umask);
  }
  await once(server, "listening");
}

async function isAlive(socketPath: string): Promise<boolean> {
  const socket = createConnection(socketPath);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
